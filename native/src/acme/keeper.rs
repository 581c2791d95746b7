//! Keeps a certificate: uses what is stored, and orders a new one in time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::failure::Failure;
use super::order::Ordering;
use super::pace::wait_after;
use super::stored::{Files, StoredCertificate};
use super::validity::Validity;
use super::{AcmeConfig, AcmeState, Step};
use crate::http::issued_certificate::{IssuedCertificate, read_pair};

/// The longest time between two looks at the clock, which may be set.
const LOOK_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// What is known of the certificate.
pub(super) struct Keeper {
    config: AcmeConfig,
    certificate: Arc<IssuedCertificate>,
    files: Files,
    in_force: Option<InForce>,
    /// A certificate that could not be stored.
    unstored: Option<StoredCertificate>,
    /// The earliest time of the next order.
    not_before: Instant,
    /// Spreads renewals; chosen once.
    jitter: f64,
}

/// The certificate in force.
#[derive(Clone, Copy)]
struct InForce {
    validity: Validity,
    /// False if it is for other names, or of another authority.
    is_wanted: bool,
}

impl Keeper {
    /// Reads what is stored. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// The file and what is wrong with it.
    pub(super) fn load(
        config: AcmeConfig,
        certificate: Arc<IssuedCertificate>,
    ) -> Result<Self, String> {
        let files = Files::new(&config.folder);
        files.check_account()?;
        let stored = files.certificate()?;
        let mut keeper = Self {
            config,
            certificate,
            files,
            in_force: None,
            unstored: None,
            not_before: Instant::now(),
            jitter: fastrand::f64(),
        };
        if let Some(stored) = stored {
            let at = keeper.files.certificate_at();
            let moved = |why| format!("{why}; move the file away for a new certificate");
            keeper.put_in_force(&at, &stored).map_err(moved)?;
        }
        Ok(keeper)
    }

    /// Returns the end of the certificate in force.
    pub(super) fn valid_until(&self) -> Option<SystemTime> {
        self.in_force.map(|it| it.validity.until)
    }

    /// Keeps the certificate for ever. `asked` makes the next attempt follow at once.
    pub(super) async fn keep(mut self, state: &watch::Sender<AcmeState>, asked: &Notify) {
        let mut failures = 0;
        loop {
            if self.unstored.is_none()
                && let Some(wait) = self.wait(SystemTime::now())
            {
                sleep(wait.min(LOOK_INTERVAL)).await;
                continue;
            }
            self.tell(state, Step::Ordering);
            let failure = match self.renew().await {
                Ok(step) => {
                    failures = 0;
                    self.tell(state, step);
                    continue;
                }
                Err(failure) => failure,
            };
            failures += 1;
            let wait = wait_after(&failure, failures, fastrand::f64());
            // A request of before the failure is fulfilled.
            let asked = asked.notified();
            self.tell(state, Step::Failed(failure, wait));
            tokio::select! {
                () = sleep(wait) => {}
                () = asked => {}
            }
        }
    }

    fn tell(&self, state: &watch::Sender<AcmeState>, step: Step) {
        state.send_replace(AcmeState { valid_until: self.valid_until(), step });
    }

    /// Returns the time until the next order, none if it is due.
    fn wait(&self, now: SystemTime) -> Option<Duration> {
        let pause = self.not_before.checked_duration_since(Instant::now()).unwrap_or_default();
        let renewal = self.in_force.filter(|it| it.is_wanted).map(|it| {
            let at = it.validity.renewal(self.jitter);
            at.duration_since(now).unwrap_or_default()
        });
        Some(renewal.unwrap_or_default().max(pause)).filter(|wait| !wait.is_zero())
    }

    /// Stores what is not stored yet; or takes over what another process has stored meanwhile; or orders a certificate.
    async fn renew(&mut self) -> Result<Step, Failure> {
        if let Some(unstored) = self.unstored.take() {
            self.store(unstored).await?;
            return Ok(Step::Kept);
        }
        let files = self.files.clone();
        let read = move || {
            let account = files.account()?;
            Ok((account, files.certificate()?))
        };
        let read = spawn_blocking(read).await;
        let (account, stored) =
            read.map_err(Failure::storage)?.map_err(|why: String| Failure::storage(why))?;
        let at = self.files.certificate_at();
        if let Some(stored) = stored
            && self.put_in_force(&at, &stored).is_ok()
            && self.wait(SystemTime::now()).is_some()
        {
            return Ok(Step::Kept);
        }
        let ordering = Ordering { config: &self.config, account, certificate: &self.certificate };
        let (pem, directory) = (ordering.run().await?, self.config.directory.clone());
        let issued = StoredCertificate { directory, pem };
        let answer = "the authority's answer";
        read_pair(answer, issued.pem.as_bytes(), &self.config.names).map_err(Failure::refused)?;
        self.put_in_force(answer, &issued).map_err(Failure::refused)?;
        let validity = self.in_force.map(|it| it.validity);
        self.not_before = Instant::now() + validity.map(|it| it.pause()).unwrap_or_default();
        self.store(issued).await?;
        match validity.and_then(|validity| validity.contradicts(SystemTime::now())) {
            None => Ok(Step::Issued),
            Some(why) => Err(Failure::storage(why)),
        }
    }

    /// Uses a certificate from now on. One that is for other names, or of another authority, is used until a new one is
    /// there.
    fn put_in_force(&mut self, at: &str, stored: &StoredCertificate) -> Result<(), String> {
        let pem = stored.pem.as_bytes();
        let is_own = stored.directory == self.config.directory;
        let (pair, is_wanted) = match read_pair(at, pem, &self.config.names) {
            Ok(pair) => (pair, is_own),
            Err(_) => (read_pair(at, pem, &[])?, false),
        };
        let first = pair.cert.first().ok_or_else(|| format!("{at}: no certificate"))?;
        let validity = Validity::of(first).map_err(|why| format!("{at}: {why}"))?;
        self.certificate.set(pair);
        self.in_force = Some(InForce { validity, is_wanted });
        Ok(())
    }

    async fn store(&mut self, certificate: StoredCertificate) -> Result<(), Failure> {
        let (files, storing) = (self.files.clone(), certificate.clone());
        let stored = spawn_blocking(move || files.store(&storing)).await;
        let stored = stored.map_err(|error| error.to_string()).flatten();
        stored.map_err(|why| {
            self.unstored = Some(certificate);
            Failure::storage(format!(
                "the certificate is in force until the next restart, because it cannot be stored: {why}"
            ))
        })
    }
}
