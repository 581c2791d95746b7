//! The certificate of a bridge's port that an authority issues: obtained beside the server, and shown to its operator.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::interval;

use crate::acme::{Acme, AcmeState, AcmeStatus, Failure, Step};
use crate::admin::Readiness;
use crate::cli::exit::CliError;
use crate::cli::options::{BridgeArgs, Common};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::http::Tls;
use crate::http::issued_certificate::IssuedCertificate;

/// The name of the reason of a server that has no valid certificate.
const READINESS: &str = "acme";
/// Time between two looks at the clock: a certificate can expire.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// A certificate before its server is started.
pub(crate) struct AcmeFront {
    acme: Acme,
    /// The names that it is for, as shown.
    names: String,
    directory: String,
}

impl AcmeFront {
    /// Returns TLS for the bridge's port, if it has TLS: with the certificate from files, or from an authority.
    pub(crate) fn tls(
        common: &Common,
        args: &BridgeArgs,
    ) -> Result<(Option<Tls>, Option<Self>), CliError> {
        let Some(config) = args.acme.config(common)? else { return Ok((args.tls()?, None)) };
        if args.tls_cert.is_some() || args.tls_key.is_some() {
            return Err(CliError::usage(
                "--tls-cert and --acme-domain each provide the certificate; use one of them",
            ));
        }
        let certificate = Arc::<IssuedCertificate>::default();
        let tls = Tls::issued(Arc::clone(&certificate)).map_err(CliError::local)?;
        let (names, directory) = (config.names.join(", "), config.directory.clone());
        let acme = Acme::load(config, certificate).map_err(CliError::usage)?;
        Ok((Some(tls), Some(Self { acme, names, directory })))
    }

    /// Keeps the certificate as long as the runtime runs. Notifying what this returns makes an attempt follow at once
    /// after one that has failed.
    pub(crate) fn start(self, common: &Common, readiness: Readiness) -> Arc<Notify> {
        let Self { acme, names, directory } = self;
        let status = acme.status();
        let asked = Arc::clone(&status.asked);
        let output = Output::new(common);
        let shown = Shown { output, names, directory, cause: None, until: None };
        // Before the server says that it is ready.
        shown.set_readiness(&status.state.borrow(), &readiness);
        tokio::spawn(shown.follow(status, readiness));
        tokio::spawn(acme.keep());
        asked
    }
}

/// What the operator was shown of a certificate.
struct Shown {
    output: Output,
    names: String,
    directory: String,
    /// The cause of the last failure that was said, until something succeeds.
    cause: Option<String>,
    /// The end of the certificate that was said.
    until: Option<SystemTime>,
}

impl Shown {
    async fn follow(mut self, mut status: AcmeStatus, readiness: Readiness) {
        let mut looks = interval(LOOK_INTERVAL);
        self.show(&status.state.borrow_and_update().clone());
        loop {
            tokio::select! {
                changed = status.state.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.show(&status.state.borrow_and_update().clone());
                }
                _ = looks.tick() => {}
            }
            self.set_readiness(&status.state.borrow(), &readiness);
        }
    }

    fn set_readiness(&self, state: &AcmeState, readiness: &Readiness) {
        if is_valid(state) {
            return readiness.clear(READINESS);
        }
        let names = &self.names;
        let why = match (&state.step, state.valid_until) {
            (Step::Failed(failure, _), None) => format!("no certificate yet: {}", failure.text),
            (_, None) => format!("no certificate for {names} yet"),
            (Step::Failed(failure, _), Some(_)) => {
                format!("the certificate has expired: {}", failure.text)
            }
            (_, Some(_)) => format!("the certificate for {names} has expired"),
        };
        readiness.set(READINESS, why);
    }

    /// Says what is new: attempts fail again and again.
    fn show(&mut self, state: &AcmeState) {
        let text = match (&state.step, state.valid_until) {
            (Step::Failed(failure, wait), until) => {
                if self.cause.replace(failure.cause.clone()).as_ref() == Some(&failure.cause) {
                    return;
                }
                failed(failure, *wait, until)
            }
            (Step::Ordering, _) if self.cause.is_some() => return,
            (Step::Ordering, _) => format!("asking {}", self.directory),
            (Step::Kept | Step::Issued, until) => {
                let had_failed = self.cause.take().is_some();
                let until = until.filter(|_| had_failed || self.until != until);
                match (until, &state.step) {
                    (None, _) => return,
                    (Some(until), Step::Issued) => format!("issued, valid until {}", time(until)),
                    (Some(until), _) => format!("valid until {}", time(until)),
                }
            }
        };
        self.until = state.valid_until;
        let text = format!("certificate for {}: {text}", self.names);
        match state.step {
            Step::Failed(..) => self.output.error(format_args!("{text}")),
            _ => self.output.note(format_args!("{text}")),
        }
        // The server goes on even if standard output is closed.
        let _ = self.output.json(&JsonEvent::notice(text));
    }
}

fn is_valid(state: &AcmeState) -> bool {
    state.valid_until.is_some_and(|until| SystemTime::now() < until)
}

fn failed(failure: &Failure, wait: Duration, valid_until: Option<SystemTime>) -> String {
    let wait = humantime::format_duration(Duration::from_secs(wait.as_secs().max(1)));
    let until = match valid_until {
        Some(until) => format!("; the one in force is valid until {}", time(until)),
        None => String::new(),
    };
    format!("{}; next attempt in {wait}, or at SIGHUP{until}", failure.text)
}

fn time(time: SystemTime) -> humantime::Rfc3339Timestamp {
    humantime::format_rfc3339_seconds(time)
}
