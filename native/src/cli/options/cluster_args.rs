//! The options of a relay in a cluster.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::exit::CliError;
use crate::host::TlsRoots;
pub(crate) use crate::relay::Cluster;
use crate::relay::{ClusterName, Credentials, NatsServers};

#[derive(Clone, Debug, Args)]
pub(crate) struct ClusterArgs {
    /// Share nicks with the relays at these NATS servers: nats://HOST:4222 or tls://HOST:4222, several with commas between
    ///
    /// A user and password, or a token, stand before the host: nats://user:password@HOST. Other users of this machine can
    /// see a command line: XCHER_CLUSTER or the configuration file keeps a password from them. Without NATS the relay
    /// still serves its own hosts.
    #[arg(long, env = "XCHER_CLUSTER", value_name = "URL", hide_env_values = true)]
    pub(crate) cluster: Option<ServersText>,
    /// Share nicks with the relays of this name only
    #[arg(long, env = "XCHER_CLUSTER_NAME", value_name = "NET", default_value = "xcher")]
    #[arg(hide_short_help = true)]
    pub(crate) cluster_name: ClusterName,
    /// Let hosts here call those at other relays of this site at private addresses
    ///
    /// A site is a private network with several relays. Without this option no host at another relay can be called at
    /// a private address.
    #[arg(long, env = "XCHER_SITE", value_name = "NAME", value_parser = site, hide_short_help = true)]
    pub(crate) site: Option<Box<str>>,
    /// Log in at NATS with this credentials file (.creds)
    #[arg(long, env = "XCHER_CLUSTER_CREDS", value_name = "FILE", hide_short_help = true)]
    pub(crate) cluster_creds: Option<PathBuf>,
    /// Use TLS to NATS and trust the CA certificates in this PEM file, instead of the system's
    #[arg(long, env = "XCHER_CLUSTER_TLS_CA", value_name = "FILE", hide_short_help = true)]
    pub(crate) cluster_tls_ca: Option<PathBuf>,
}

/// The value of `--cluster`, which may contain a password: an error of the command line would show it.
#[derive(Clone)]
pub(crate) struct ServersText(String);

impl From<&str> for ServersText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for ServersText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServersText(…)")
    }
}

/// The longest name of a site in bytes.
const MAX_SITE_LEN: usize = 64;
/// The longest file of credentials in bytes.
const MAX_CREDENTIALS_LEN: u64 = 64 << 10;

impl ClusterArgs {
    /// Returns the cluster to join, and reads the files that it needs.
    pub(crate) fn cluster(&self) -> Result<Option<Cluster>, CliError> {
        let Some(ServersText(servers)) = &self.cluster else {
            let alone = [
                ("--site", self.site.is_some()),
                ("--cluster-creds", self.cluster_creds.is_some()),
                ("--cluster-tls-ca", self.cluster_tls_ca.is_some()),
            ];
            return match alone.iter().find(|(_, given)| *given) {
                Some((option, _)) => Err(CliError::usage(format!(
                    "{option} needs a cluster; name its NATS servers with --cluster"
                ))),
                None => Ok(None),
            };
        };
        let servers = servers
            .parse::<NatsServers>()
            .map_err(|why| CliError::usage(format!("--cluster is {why}")))?;
        let credentials = self.cluster_creds.as_deref().map(credentials).transpose()?;
        if let Some(file) = &self.cluster_tls_ca {
            // The client reads it again whenever it connects.
            TlsRoots::only(file).map_err(CliError::usage)?;
        }
        let (name, site) = (self.cluster_name.clone(), self.site.clone());
        let tls_ca = self.cluster_tls_ca.clone();
        Ok(Some(Cluster { servers, name, site, credentials, tls_ca }))
    }
}

fn credentials(file: &Path) -> Result<Credentials, CliError> {
    let at = file.display();
    let mut text = String::new();
    File::open(file)
        .and_then(|file| file.take(MAX_CREDENTIALS_LEN).read_to_string(&mut text))
        .map_err(|error| CliError::usage(format!("cannot read {at}: {error}")))?;
    Credentials::parse(text).map_err(|_| {
        CliError::usage(format!("{at}: no NATS credentials; create them with nsc generate creds"))
    })
}

/// Parses the name of a site.
fn site(text: &str) -> Result<Box<str>, String> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let fits = (1..=MAX_SITE_LEN).contains(&text.len()) && text.bytes().all(is_allowed);
    fits.then(|| text.into())
        .ok_or_else(|| "not a name of 1 to 64 letters, digits, `-` and `_`".to_owned())
}
