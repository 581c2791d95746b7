//! The server's certificate, reloaded when its files change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};
use tracing::{info, warn};

/// The least time between two checks of the files.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A certificate chain and its key, from two files.
#[derive(Debug)]
pub(super) struct Certificate(Mutex<Known>);

#[derive(Debug)]
struct Files {
    chain: PathBuf,
    key: PathBuf,
}

/// The files' modification times and lengths.
type Stamps = [Option<(SystemTime, u64)>; 2];

#[derive(Debug)]
struct Known {
    files: Files,
    pair: Arc<CertifiedKey>,
    stamps: Stamps,
    checked_at: Instant,
    /// The pair at the last [`Certificate::reload`].
    reloaded: Arc<CertifiedKey>,
}

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    ///
    /// The file and what is wrong with it.
    pub(super) fn load(chain: &Path, key: &Path) -> Result<Self, String> {
        let files = Files { chain: chain.to_owned(), key: key.to_owned() };
        // Taken before the files are read, so that a change meanwhile is seen at the next check.
        let stamps = files.stamps();
        let pair = Arc::new(files.read()?);
        let reloaded = Arc::clone(&pair);
        let checked_at = Instant::now();
        Ok(Self(Mutex::new(Known { files, pair, stamps, checked_at, reloaded })))
    }

    /// True if it is valid for this host name.
    pub(super) fn is_for(&self, host: &str) -> bool {
        is_for(&self.current(), host)
    }

    /// Reads these files, even if they seem unchanged, and uses them from now on. Returns true if the certificate
    /// differs from the one at the last call.
    ///
    /// # Errors
    ///
    /// The file and what is wrong with it. The previous files and their pair stay in use.
    pub(super) fn reload(&self, chain: &Path, key: &Path) -> Result<bool, String> {
        let files = Files { chain: chain.to_owned(), key: key.to_owned() };
        let (stamps, pair) = (files.stamps(), Arc::new(files.read()?));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = pair.cert != known.reloaded.cert;
        let reloaded = Arc::clone(&pair);
        *known = Known { files, pair, stamps, checked_at: Instant::now(), reloaded };
        Ok(is_new)
    }

    /// Returns the current pair, or the previous one if the files do not match: one may be replaced already.
    fn current(&self) -> Arc<CertifiedKey> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.checked_at.elapsed() >= CHECK_INTERVAL {
            known.checked_at = Instant::now();
            let stamps = known.files.stamps();
            if stamps != known.stamps {
                known.stamps = stamps;
                match known.files.read() {
                    Ok(pair) => {
                        known.pair = Arc::new(pair);
                        info!("certificate replaced");
                    }
                    Err(error) => warn!(%error, "the old certificate stays in force"),
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
        let (chain_at, key_at) = (self.chain.display().to_string(), self.key.display().to_string());
        let (chain, key) = (read(&self.chain)?, read(&self.key)?);
        read_pair(&Pem { at: &chain_at, bytes: &chain }, &Pem { at: &key_at, bytes: &key })
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

/// A text in PEM, and its name in errors.
pub(super) struct Pem<'a> {
    pub(super) at: &'a str,
    pub(super) bytes: &'a [u8],
}

/// Reads a certificate chain and its key.
///
/// # Errors
///
/// The text and what is wrong with it.
pub(super) fn read_pair(chain: &Pem<'_>, key: &Pem<'_>) -> Result<CertifiedKey, String> {
    let (chain_at, key_at) = (chain.at, key.at);
    let chain = CertificateDer::pem_slice_iter(chain.bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("{chain_at}: invalid certificate in PEM: {error}"))?;
    if chain.is_empty() {
        return Err(format!("{chain_at}: no certificate in PEM found"));
    }
    let key = PrivateKeyDer::from_pem_slice(key.bytes).map_err(|error| match error {
        PemError::NoItemsFound => {
            format!("{key_at}: no private key in PEM found (an encrypted one cannot be used)")
        }
        error => format!("{key_at}: invalid private key in PEM: {error}"),
    })?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            format!("{key_at}: not the key of the certificate in {chain_at}")
        }
        Error::InvalidCertificate(why) => {
            format!("{chain_at}: not a server's certificate: {why}")
        }
        error => format!("{key_at}: not an RSA, ECDSA or Ed25519 key: {error}"),
    })
}

/// True if the certificate is for this host name.
pub(super) fn is_for(pair: &CertifiedKey, host: &str) -> bool {
    let Some(Ok(parsed)) = pair.cert.first().map(ParsedCertificate::try_from) else {
        return false;
    };
    ServerName::try_from(host).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
}

/// Returns the cryptography of TLS.
pub(super) fn provider() -> CryptoProvider {
    ring::default_provider()
}
