//! A certificate that an authority issues while the server runs, and what proves to the authority that a name is this
//! server's (TLS-ALPN-01, RFC 8737).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::certificate::{self, Pem};

/// The protocol of a connection by which an authority validates a name.
pub(super) const CHALLENGE_PROTOCOL: &[u8] = b"acme-tls/1";

/// The certificate in force, none at first, and the proofs that wait for the authority.
#[derive(Debug, Default)]
pub(crate) struct IssuedCertificate {
    current: ArcSwapOption<CertifiedKey>,
    /// By name.
    proofs: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl IssuedCertificate {
    /// Uses this chain and key from now on.
    pub(crate) fn set(&self, pair: CertifiedKey) {
        self.current.store(Some(Arc::new(pair)));
    }

    /// Shows this to the authority when it validates the name, in place of a certificate.
    ///
    /// # Errors
    ///
    /// If the key cannot be used.
    pub(crate) fn prove(&self, name: &str, proof: Proof) -> Result<(), String> {
        let key = certificate::provider().key_provider.load_private_key(proof.key);
        let key = key.map_err(|error| error.to_string())?;
        // No client could use it as a certificate: its critical extension is unknown to them.
        let pair = CertifiedKey::new(vec![proof.certificate.into()], key);
        self.proofs().insert(name.to_owned(), Arc::new(pair));
        Ok(())
    }

    /// Shows no proof any more.
    pub(crate) fn end_proofs(&self) {
        self.proofs().clear();
    }

    /// True if the certificate in force is for this host name.
    pub(super) fn is_for(&self, host: &str) -> bool {
        self.current.load().as_ref().is_some_and(|pair| certificate::is_for(pair, host))
    }

    fn proofs(&self) -> MutexGuard<'_, HashMap<String, Arc<CertifiedKey>>> {
        self.proofs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A self-signed certificate with the authority's token in it, and its key.
pub(crate) struct Proof {
    /// In DER.
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// Reads a chain and its key, both in PEM, from one text; `at` names it in errors. Checks that the certificate is
/// for all of these host names.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn read_pair(at: &str, pem: &[u8], names: &[String]) -> Result<CertifiedKey, String> {
    let pem = Pem { at, bytes: pem };
    let pair = certificate::read_pair(&pem, &pem)?;
    match names.iter().find(|name| !certificate::is_for(&pair, name)) {
        None => Ok(pair),
        Some(name) => Err(format!("{at}: the certificate is not for {name}")),
    }
}

impl ResolvesServerCert for IssuedCertificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asks_for_proof =
            hello.alpn().is_some_and(|mut names| names.all(|name| name == CHALLENGE_PROTOCOL));
        match asks_for_proof {
            true => self.proofs().get(&hello.server_name()?.to_ascii_lowercase()).cloned(),
            false => self.current.load_full(),
        }
    }
}
