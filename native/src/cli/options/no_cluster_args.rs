//! The options of a relay in a cluster, in a program without the feature `cluster`: they are known, and refused.

use std::convert::Infallible;

use clap::Args;

use crate::cli::exit::CliError;

/// What a relay without clusters never has.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) servers: Infallible,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ClusterArgs {
    #[arg(long, env = "XCHER_CLUSTER", hide = true, hide_env_values = true)]
    cluster: Option<Given>,
    #[arg(long, env = "XCHER_CLUSTER_NAME", hide = true)]
    cluster_name: Option<Given>,
    #[arg(long, env = "XCHER_SITE", hide = true)]
    site: Option<Given>,
    #[arg(long, env = "XCHER_CLUSTER_CREDS", hide = true)]
    cluster_creds: Option<Given>,
    #[arg(long, env = "XCHER_CLUSTER_TLS_CA", hide = true)]
    cluster_tls_ca: Option<Given>,
}

/// A value, which may be a password and is not kept.
#[derive(Clone, Debug)]
struct Given;

impl From<&str> for Given {
    fn from(_: &str) -> Self {
        Self
    }
}

impl ClusterArgs {
    /// Refuses a cluster.
    pub(crate) fn cluster(&self) -> Result<Option<Cluster>, CliError> {
        let options = [
            ("--cluster", &self.cluster),
            ("--cluster-name", &self.cluster_name),
            ("--site", &self.site),
            ("--cluster-creds", &self.cluster_creds),
            ("--cluster-tls-ca", &self.cluster_tls_ca),
        ];
        match options.iter().find(|(_, given)| given.is_some()) {
            Some((option, _)) => Err(CliError::usage(format!(
                "{option} needs a program that was built with clusters; `cargo xcher relay` and `cargo install \
                 xcher` build one"
            ))),
            None => Ok(None),
        }
    }
}
