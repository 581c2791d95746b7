//! The front's certificate, read again when its files change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};
use tracing::{info, warn};

/// How long the files are not looked at again.
const LOOK: Duration = Duration::from_secs(1);

/// A certificate chain and its key, as two files have them.
#[derive(Debug)]
pub(super) struct Certificate {
    files: Files,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Files {
    chain: PathBuf,
    key: PathBuf,
}

/// When the files were written, and how long they are.
type Stamps = [Option<(SystemTime, u64)>; 2];

#[derive(Debug)]
struct Known {
    pair: Arc<CertifiedKey>,
    stamps: Stamps,
    looked: Instant,
    /// The pair that [`Certificate::read_again`] was last asked about.
    told: Arc<CertifiedKey>,
}

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    ///
    /// The file, and what was expected of it.
    pub(super) fn load(chain: &Path, key: &Path) -> Result<Self, String> {
        let files = Files { chain: chain.to_owned(), key: key.to_owned() };
        // Before they are read: a change meanwhile is seen at the next look.
        let stamps = files.stamps();
        let pair = Arc::new(files.read()?);
        let told = Arc::clone(&pair);
        let known = Mutex::new(Known { pair, stamps, looked: Instant::now(), told });
        Ok(Self { files, known })
    }
}

impl Certificate {
    /// Whether it is for this host.
    pub(super) fn is_for(&self, host: &str) -> bool {
        let pair = self.current();
        let Some(Ok(parsed)) = pair.cert.first().map(ParsedCertificate::try_from) else {
            return false;
        };
        ServerName::try_from(host).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
    }

    /// Reads both files, whether they look changed or not. Returns whether the certificate is another
    /// than when this was last called.
    ///
    /// # Errors
    ///
    /// The file, and what was expected of it. The pair stays as it was.
    pub(super) fn read_again(&self) -> Result<bool, String> {
        let (stamps, pair) = (self.files.stamps(), Arc::new(self.files.read()?));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_another = pair.cert != known.told.cert;
        let told = Arc::clone(&pair);
        *known = Known { pair, stamps, looked: Instant::now(), told };
        Ok(is_another)
    }

    /// The pair as it is now; as it was, where the files are no pair. They may be half replaced.
    fn current(&self) -> Arc<CertifiedKey> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.looked.elapsed() >= LOOK {
            known.looked = Instant::now();
            let stamps = self.files.stamps();
            if stamps != known.stamps {
                known.stamps = stamps;
                match self.files.read() {
                    Ok(pair) => {
                        known.pair = Arc::new(pair);
                        info!("the certificate was replaced");
                    }
                    Err(error) => warn!(%error, "the certificate stays as it was"),
                }
            }
        }
        Arc::clone(&known.pair)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl Files {
    fn stamps(&self) -> Stamps {
        [&self.chain, &self.key].map(|file| {
            let file = fs::metadata(file).ok()?;
            Some((file.modified().ok()?, file.len()))
        })
    }

    fn read(&self) -> Result<CertifiedKey, String> {
        let (chain_at, key_at) = (self.chain.display(), self.key.display());
        let chain = CertificateDer::pem_slice_iter(&read(&self.chain)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| format!("{chain_at}: expected certificates in PEM, got {error}"))?;
        if chain.is_empty() {
            return Err(format!("{chain_at}: expected a certificate in PEM, got none"));
        }
        let key =
            PrivateKeyDer::from_pem_slice(&read(&self.key)?).map_err(|error| match error {
                PemError::NoItemsFound => {
                    format!("{key_at}: expected a private key in PEM, not encrypted, got none")
                }
                error => format!("{key_at}: expected a private key in PEM, got {error}"),
            })?;
        let fits = CertifiedKey::from_der(chain, key, &ring::default_provider());
        fits.map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                format!("{key_at}: expected the key of {chain_at}, got another's")
            }
            Error::InvalidCertificate(why) => {
                format!("{chain_at}: expected a server's certificate, got one that is none: {why}")
            }
            error => {
                format!("{key_at}: expected an RSA, ECDSA or Ed25519 key, got another: {error}")
            }
        })
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}
