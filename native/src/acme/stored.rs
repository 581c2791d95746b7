//! The files of an account and of a certificate, in the folder of keys.

use std::path::{Path, PathBuf};

use instant_acme::Key;
use rcgen::KeyPair;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use crate::keys::{KeysError, folder, lock, private_file};

/// The key of the account at the authority.
const ACCOUNT_FILE: &str = "acme_account";
/// The certificate's key and chain, which are replaced together.
const CERTIFICATE_FILE: &str = "acme_certificate";
const LOCK_FILE: &str = "acme_lock";

const ACCOUNT_NOTE: &str = "# The key of the account at a certificate authority. Anyone with it can revoke this server's \
     certificates: keep it secret.\n";
const CERTIFICATE_NOTE: &str = "# The key and the certificate of this server's names. Anyone with the key can impersonate it: keep it secret.\n";
/// Begins the line with the URL of the authority's directory.
const DIRECTORY_LINE: &str = "# From ";

const BOUNDS: private_file::Bounds =
    private_file::Bounds { mode: 0o600, bytes: 1 << 20, limit: "1 MiB" };

/// The folder of the files.
#[derive(Clone, Debug)]
pub(super) struct Files {
    folder: PathBuf,
}

/// The key and the chain of a certificate, both in PEM, and the directory of the authority that issued it.
#[derive(Clone)]
pub(super) struct StoredCertificate {
    pub(super) directory: String,
    pub(super) pem: Zeroizing<String>,
}

/// The key of an account, and its DER.
pub(super) type AccountKey = (Key, PrivateKeyDer<'static>);

impl Files {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Returns the name of the certificate's file, for errors.
    pub(super) fn certificate_at(&self) -> String {
        self.folder.join(CERTIFICATE_FILE).display().to_string()
    }

    /// Loads the key of the account, which is created at first use: an account whose key could not be stored would be
    /// another one at each start, and authorities limit how many there are.
    ///
    /// # Errors
    ///
    /// The file and what is wrong with it. It is not changed.
    pub(super) fn account(&self) -> Result<AccountKey, String> {
        folder::create(&self.folder).map_err(|error| error.to_string())?;
        if let Some(key) = self.read_account()? {
            return Ok(key);
        }
        let pem = KeyPair::generate().map_err(|error| format!("cannot create a key: {error}"))?;
        let pem = Zeroizing::new(ACCOUNT_NOTE.to_owned() + &Zeroizing::new(pem.serialize_pem()));
        // If another process is faster, its key counts.
        private_file::create(&self.folder.join(ACCOUNT_FILE), pem.as_bytes())
            .map_err(|error| error.to_string())?;
        self.read_account()?.ok_or_else(|| format!("{} is gone", self.account_at()))
    }

    /// Checks the key of the account, if there is one.
    ///
    /// # Errors
    ///
    /// The file and what is wrong with it.
    pub(super) fn check_account(&self) -> Result<(), String> {
        folder::check(&self.folder).map_err(|error| error.to_string())?;
        self.read_account().map(drop)
    }

    fn read_account(&self) -> Result<Option<AccountKey>, String> {
        let Some(text) = self.read(ACCOUNT_FILE)? else { return Ok(None) };
        let at = self.account_at();
        let broken = || {
            format!(
                "{at} does not contain a private key in PEM: restore it from a copy, or move it away for a new account"
            )
        };
        let PrivateKeyDer::Pkcs8(der) =
            PrivateKeyDer::from_pem_slice(&text).map_err(|_| broken())?
        else {
            return Err(broken());
        };
        let key = Key::from_pkcs8_der(der.clone_key()).map_err(|_| broken())?;
        Ok(Some((key, PrivateKeyDer::Pkcs8(der))))
    }

    /// Loads the certificate, if there is one.
    ///
    /// # Errors
    ///
    /// The file and what is wrong with it.
    pub(super) fn certificate(&self) -> Result<Option<StoredCertificate>, String> {
        if !folder::check(&self.folder).map_err(|error| error.to_string())? {
            return Ok(None);
        }
        let Some(bytes) = self.read(CERTIFICATE_FILE)? else { return Ok(None) };
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| format!("{}: expected text in PEM", self.certificate_at()))?;
        let directory = text.lines().find_map(|line| line.strip_prefix(DIRECTORY_LINE));
        let directory = directory.unwrap_or_default().to_owned();
        Ok(Some(StoredCertificate { directory, pem: Zeroizing::new(text.to_owned()) }))
    }

    /// Stores a certificate in place of the previous one, if there was one.
    ///
    /// # Errors
    ///
    /// The file and what is wrong. The previous one stays.
    pub(super) fn store(&self, certificate: &StoredCertificate) -> Result<(), String> {
        let StoredCertificate { directory, pem } = certificate;
        let head = format!("{CERTIFICATE_NOTE}{DIRECTORY_LINE}{directory}\n");
        let text = Zeroizing::new(head + pem);
        let store = || {
            folder::create(&self.folder)?;
            let _lock = lock::lock(&self.folder.join(LOCK_FILE))?;
            private_file::replace(&self.folder.join(CERTIFICATE_FILE), text.as_bytes())
        };
        store().map_err(|error: KeysError| error.to_string())
    }

    fn account_at(&self) -> String {
        self.folder.join(ACCOUNT_FILE).display().to_string()
    }

    fn read(&self, file: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        let read = private_file::read(&self.folder.join(file), &BOUNDS);
        read.map_err(|error| error.to_string())
    }
}
