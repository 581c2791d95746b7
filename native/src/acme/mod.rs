//! The certificate of a server's port from a certificate authority, by ACME (RFC 8555): obtained, stored, and renewed
//! in time.
//!
//! The authority validates each name by connecting to port 443 of it (TLS-ALPN-01, RFC 8737), so that one port is
//! enough. This module says nothing to people: it tells each change of its [`AcmeState`].

mod directory;
mod failure;
mod keeper;
mod order;
mod pace;
mod stored;
mod validity;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};

use crate::host::TlsRoots;
use crate::http::issued_certificate::IssuedCertificate;
use keeper::Keeper;

pub(crate) use failure::Failure;

/// What to obtain, from whom, and where to keep it.
#[derive(Clone, Debug)]
pub(crate) struct AcmeConfig {
    /// The host names that the certificate is for, at least one.
    pub(crate) names: Vec<String>,
    /// The address that the authority may write to.
    pub(crate) email: Option<String>,
    /// The URL of the authority's directory.
    pub(crate) directory: String,
    /// The roots that its certificate is checked against.
    pub(crate) roots: TlsRoots,
    /// The folder of the account's key and of the certificate.
    pub(crate) folder: PathBuf,
}

/// How the certificate is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AcmeState {
    /// The end of the certificate in force, if there is one.
    pub(crate) valid_until: Option<SystemTime>,
    /// What happens.
    pub(crate) step: Step,
}

/// What happens with the certificate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// It is in force.
    Kept,
    /// It was issued just now.
    Issued,
    /// The authority is asked for one.
    Ordering,
    /// An attempt failed. The next one follows in this time.
    Failed(Failure, Duration),
}

/// The certificate of one server.
pub(crate) struct Acme {
    keeper: Keeper,
    state: watch::Sender<AcmeState>,
    asked: Arc<Notify>,
}

/// The owner's view of a certificate that is kept.
pub(crate) struct AcmeStatus {
    /// Follows its state.
    pub(crate) state: watch::Receiver<AcmeState>,
    /// Makes the next attempt follow at once, if the last one has failed.
    pub(crate) asked: Arc<Notify>,
}

impl Acme {
    /// Reads what is stored, and puts the certificate in force if there is one. Changes nothing. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// The file and what is wrong with it.
    pub(crate) fn load(
        config: AcmeConfig,
        certificate: Arc<IssuedCertificate>,
    ) -> Result<Self, String> {
        let keeper = Keeper::load(config, certificate)?;
        let state = AcmeState { valid_until: keeper.valid_until(), step: Step::Kept };
        Ok(Self { keeper, state: watch::Sender::new(state), asked: Arc::default() })
    }

    /// Returns the view of it.
    pub(crate) fn status(&self) -> AcmeStatus {
        AcmeStatus { state: self.state.subscribe(), asked: Arc::clone(&self.asked) }
    }

    /// Obtains and renews the certificate, as long as the future lives.
    pub(crate) async fn keep(self) {
        self.keeper.keep(&self.state, &self.asked).await;
    }
}
