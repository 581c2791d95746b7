//! The secret keys that prove the identity of this host, and of a relay that it runs.

use std::path::Path;

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

use super::error::KeysError;
use super::{folder, private_file};

/// The length of a secret key in bytes (X25519).
pub const SECRET_LEN: usize = 32;

/// The owner of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// A host.
    Host,
    /// A relay. A machine that runs both has two keys, so that neither can impersonate the other.
    Relay,
}

impl KeyOwner {
    /// Returns the file's name in the folder of keys.
    fn file(self) -> &'static str {
        match self {
            Self::Host => "identity",
            Self::Relay => "relay_identity",
        }
    }

    fn first_line(self) -> &'static str {
        match self {
            Self::Host => {
                "# The secret key of this host for XCHER. Anyone with it can impersonate this host: keep it \
                 secret."
            }
            Self::Relay => {
                "# The secret key of this XCHER relay. Anyone with it can impersonate this relay: keep it \
                 secret."
            }
        }
    }
}

const BOUNDS: private_file::Bounds =
    private_file::Bounds { mode: 0o600, bytes: 4096, limit: "4096 bytes" };

/// Returns true if there is such a key in `folder`, valid or not.
#[cfg(feature = "cli")]
pub(crate) fn exists(folder: &Path, owner: KeyOwner) -> bool {
    folder.join(owner.file()).symlink_metadata().is_ok()
}

/// Loads the secret key in `folder`. At first use, creates the folder (mode 0700) and the key (0600).
/// Processes that start at the same time get the same key. Blocks on the disk.
///
/// # Errors
///
/// [`KeysError`] if the folder or the file cannot be used as it is. It is not changed.
pub fn load_or_create(
    folder: &Path,
    owner: KeyOwner,
) -> Result<Zeroizing<[u8; SECRET_LEN]>, KeysError> {
    folder::create(folder)?;
    let path = folder.join(owner.file());
    if let Some(secret) = load(&path)? {
        return Ok(secret);
    }
    let mut secret = Zeroizing::new([0; SECRET_LEN]);
    getrandom::fill(secret.as_mut_slice()).map_err(|source| KeysError::NoRandomness { source })?;
    let mut encoded = Zeroizing::new([0; 44]);
    // The array is as long as the text of 32 bytes.
    let line = Base64::encode(secret.as_slice(), encoded.as_mut_slice()).unwrap_or_default();
    let text = Zeroizing::new([owner.first_line(), "\n", line, "\n"].concat());
    if private_file::create(&path, text.as_bytes())? {
        return Ok(secret);
    }
    // Another process was faster, and its key counts.
    let missing = || KeysError::system("open", &path)(std::io::ErrorKind::NotFound.into());
    load(&path)?.ok_or_else(missing)
}

/// True if the folder has a file for a host's key.
pub fn has_identity(folder: &Path) -> bool {
    folder.join(KeyOwner::Host.file()).symlink_metadata().is_ok()
}

fn load(path: &Path) -> Result<Option<Zeroizing<[u8; SECRET_LEN]>>, KeysError> {
    let Some(bytes) = private_file::read(path, &BOUNDS)? else { return Ok(None) };
    let secret = std::str::from_utf8(&bytes).ok().and_then(parse);
    secret.map(Some).ok_or_else(|| KeysError::BadIdentity { path: path.into() })
}

/// Decodes the only line that is neither empty nor a comment.
fn parse(text: &str) -> Option<Zeroizing<[u8; SECRET_LEN]>> {
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    let mut secret = Zeroizing::new([0; SECRET_LEN]);
    let decoded = Base64::decode(line, secret.as_mut_slice()).ok()?.len();
    (decoded == SECRET_LEN).then_some(secret)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn accepts_one_line_of_base64_and_nothing_else() {
        let line = STANDARD.encode([7; SECRET_LEN]);
        for good in [
            line.clone(),
            format!("{line}\n"),
            format!("{line}\r\n"),
            format!("# a comment\n\n{line}\n"),
        ] {
            assert_eq!(parse(&good).as_deref(), Some(&[7; SECRET_LEN]), "{good:?}");
        }
        let half = &line[..20];
        for bad in [
            "",
            "\n",
            "# only a comment\n",
            half,
            &format!("{line}\n{line}\n"),
            &format!(" {line}"),
            &format!("{line}#"),
            &line.replace('=', ""),
            &STANDARD.encode([7; 31]),
            &STANDARD.encode([7; 33]),
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn keeps_a_key_once_created() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a/b");
        let secret = load_or_create(&place, KeyOwner::Host).unwrap();
        assert_ne!(*secret, [0; SECRET_LEN]);
        assert_eq!(load_or_create(&place, KeyOwner::Host).unwrap(), secret);
        let other = load_or_create(&folder.path().join("c"), KeyOwner::Host).unwrap();
        assert_ne!(other, secret);
        let files: Vec<_> = std::fs::read_dir(&place).unwrap().collect();
        assert_eq!(files.len(), 1, "{files:?}");
    }

    #[test]
    fn threads_that_start_at_once_get_the_same_key() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let start = std::sync::Barrier::new(8);
            let keys: Vec<_> = std::thread::scope(|scope| {
                let make = || {
                    start.wait();
                    *load_or_create(&folder.path().join("new"), KeyOwner::Host).unwrap()
                };
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        }
    }
}
