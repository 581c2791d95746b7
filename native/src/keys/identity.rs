//! The secret keys that this host, and a relay that it runs, prove to be themselves with.

use std::path::Path;

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

use super::error::KeysError;
use super::{folder, private_file};

/// Bytes of a secret key (X25519).
pub const SECRET: usize = 32;

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A host's.
    Host,
    /// A relay's: whoever runs both on one machine has two, so that neither can pass for the other.
    Relay,
}

impl Whose {
    /// The file in the folder of the keys.
    fn file(self) -> &'static str {
        match self {
            Self::Host => "identity",
            Self::Relay => "relay_identity",
        }
    }

    fn first_line(self) -> &'static str {
        match self {
            Self::Host => {
                "# The secret key of this host for XCHER. Whoever has it can pass for it: keep it to \
                 yourself."
            }
            Self::Relay => {
                "# The secret key of this XCHER relay. Whoever has it can pass for it: keep it to \
                 yourself."
            }
        }
    }
}

const BOUNDS: private_file::Bounds =
    private_file::Bounds { mode: 0o600, bytes: 4096, limit: "4096 bytes" };

/// The secret key in `folder`; at first use the folder (mode 0700) and the key (0600) are made.
/// Processes that start at the same time end up with the same key. Blocks on the disk.
///
/// # Errors
///
/// [`KeysError`]: where the folder or the file cannot be used as it is. It stays as it is.
pub fn load_or_create(folder: &Path, whose: Whose) -> Result<Zeroizing<[u8; SECRET]>, KeysError> {
    folder::make(folder)?;
    let path = folder.join(whose.file());
    if let Some(secret) = load(&path)? {
        return Ok(secret);
    }
    let mut secret = Zeroizing::new([0; SECRET]);
    getrandom::fill(secret.as_mut_slice()).map_err(|source| KeysError::NoRandomness { source })?;
    let mut encoded = Zeroizing::new([0; 44]);
    // The array is as long as the text of 32 bytes.
    let line = Base64::encode(secret.as_slice(), encoded.as_mut_slice()).unwrap_or_default();
    let text = Zeroizing::new([whose.first_line(), "\n", line, "\n"].concat());
    if private_file::create(&path, text.as_bytes())? {
        return Ok(secret);
    }
    // Another process was faster, and its key is the one.
    let gone = || KeysError::system("open", &path)(std::io::ErrorKind::NotFound.into());
    load(&path)?.ok_or_else(gone)
}

/// Whether there is a host's key in the folder, as far as can be seen.
pub fn has_identity(folder: &Path) -> bool {
    folder.join(Whose::Host.file()).symlink_metadata().is_ok()
}

fn load(path: &Path) -> Result<Option<Zeroizing<[u8; SECRET]>>, KeysError> {
    let Some(bytes) = private_file::read(path, &BOUNDS)? else { return Ok(None) };
    let secret = std::str::from_utf8(&bytes).ok().and_then(parse);
    secret.map(Some).ok_or_else(|| KeysError::BadIdentity { path: path.into() })
}

/// The one line that is neither empty nor a comment.
fn parse(text: &str) -> Option<Zeroizing<[u8; SECRET]>> {
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    let mut secret = Zeroizing::new([0; SECRET]);
    let decoded = Base64::decode(line, secret.as_mut_slice()).ok()?.len();
    (decoded == SECRET).then_some(secret)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn one_line_of_base64_is_a_key_and_nothing_else_is() {
        let line = STANDARD.encode([7; SECRET]);
        for good in [
            line.clone(),
            format!("{line}\n"),
            format!("{line}\r\n"),
            format!("# a comment\n\n{line}\n"),
        ] {
            assert_eq!(parse(&good).as_deref(), Some(&[7; SECRET]), "{good:?}");
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
    fn a_key_once_made_stays() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a/b");
        let secret = load_or_create(&place, Whose::Host).unwrap();
        assert_ne!(*secret, [0; SECRET]);
        assert_eq!(load_or_create(&place, Whose::Host).unwrap(), secret);
        let other = load_or_create(&folder.path().join("c"), Whose::Host).unwrap();
        assert_ne!(other, secret);
        let files: Vec<_> = std::fs::read_dir(&place).unwrap().collect();
        assert_eq!(files.len(), 1, "{files:?}");
    }

    #[test]
    fn threads_that_start_at_once_have_the_same_key() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let start = std::sync::Barrier::new(8);
            let keys: Vec<_> = std::thread::scope(|scope| {
                let make = || {
                    start.wait();
                    *load_or_create(&folder.path().join("new"), Whose::Host).unwrap()
                };
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        }
    }
}
