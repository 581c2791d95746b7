//! The file of a month's counts. Processes share it, each under a lock while it adds its own.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xcher_core::tunnel::{Month, QuotaAccount, QuotaRecord};

use super::quotas::unix_now;
use crate::keys::KeysError;
use crate::keys::folder;
use crate::keys::lock::lock;
use crate::keys::private_file::{Bounds, read, replace};

const FILE: &str = "quotas.json";
const LOCK: &str = ".quotas.lock";
/// The format that this program writes.
const VERSION: u32 = 1;
/// Room for 65,536 addresses and 100,000 users with long names.
const BOUNDS: Bounds = Bounds { mode: 0o600, bytes: 32 << 20, limit: "32 MiB" };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    version: u32,
    /// `YYYY-MM`, UTC.
    month: String,
    /// Bytes, as everywhere below.
    total: u64,
    #[serde(default)]
    users: BTreeMap<String, u64>,
    #[serde(default)]
    addresses: BTreeMap<IpAddr, u64>,
}

/// The file, locked.
pub(super) struct QuotaFile {
    path: PathBuf,
    _lock: fs::File,
}

impl QuotaFile {
    /// Waits until no other process has the file. Creates the folder if it is missing.
    pub(super) fn open(folder: &Path) -> Result<Self, KeysError> {
        folder::create(folder)?;
        let lock = lock(&folder.join(LOCK))?;
        Ok(Self { path: folder.join(FILE), _lock: lock })
    }

    /// Returns the record; none if there is no file. A file that is damaged is kept under another name, of which
    /// the second result tells.
    pub(super) fn read(&self) -> Result<(Option<QuotaRecord>, Option<String>), KeysError> {
        let why = match read_record(&self.path) {
            Ok(record) => return Ok((record, None)),
            Err(Unreadable::System(error)) => return Err(error),
            Err(Unreadable::Damaged(why)) => why,
        };
        let kept = |time| {
            let mut kept = self.path.clone().into_os_string();
            kept.push(format!(".damaged-{time}"));
            PathBuf::from(kept)
        };
        // Two within a second are both kept. Whoever has the lock is alone here.
        let kept = (unix_now()..).map(kept).find(|kept| fs::symlink_metadata(kept).is_err());
        let kept = kept.unwrap_or_default();
        fs::rename(&self.path, &kept).map_err(KeysError::system("move away", &self.path))?;
        let said = format!("{:?} is damaged ({why}); it is kept as {kept:?}", self.path);
        Ok((None, Some(said)))
    }

    /// Replaces the record, completely or not at all.
    pub(super) fn write(&self, record: &QuotaRecord) -> Result<(), KeysError> {
        let QuotaRecord { month, total, users, addresses } = record.clone();
        let format = Format { version: VERSION, month: month.to_string(), total, users, addresses };
        let text = serde_json::to_vec(&format)
            .map_err(|error| KeysError::system("write", &self.path)(error.into()))?;
        replace(&self.path, &text)
    }
}

/// Why there is no record.
enum Unreadable {
    System(KeysError),
    Damaged(String),
}

/// Returns what is wrong with the file in this folder, if there is one, without changing anything.
pub(crate) fn read_quota_file(folder: &Path) -> Result<(), String> {
    let path = folder.join(FILE);
    read_record(&path).map(|_| ()).map_err(|error| match error {
        Unreadable::System(error) => error.to_string(),
        Unreadable::Damaged(why) => format!("{path:?} is damaged: {why}"),
    })
}

fn read_record(path: &Path) -> Result<Option<QuotaRecord>, Unreadable> {
    let bytes = match read(path, &BOUNDS) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(error @ (KeysError::Unsafe { .. } | KeysError::TooLarge { .. })) => {
            return Err(Unreadable::Damaged(error.to_string()));
        }
        Err(error) => return Err(Unreadable::System(error)),
    };
    parse(&bytes).map(Some).map_err(Unreadable::Damaged)
}

fn parse(bytes: &[u8]) -> Result<QuotaRecord, String> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let error = |error: serde_json::Error| error.to_string();
    let Versioned { version } = serde_json::from_slice(bytes).map_err(error)?;
    if version != VERSION {
        return Err(format!("expected version {VERSION}, got {version}"));
    }
    let Format { month, total, users, addresses, .. } =
        serde_json::from_slice(bytes).map_err(error)?;
    let month = Month::parse(&month).ok_or("expected a month such as 2026-11, got another text")?;
    // Written by hand, two may be of one client.
    let addresses = addresses.into_iter().fold(BTreeMap::new(), |mut all, (ip, bytes)| {
        if let QuotaAccount::Address(ip) = QuotaAccount::address(ip) {
            let sum: &mut u64 = all.entry(ip).or_default();
            *sum = sum.saturating_add(bytes);
        }
        all
    });
    Ok(QuotaRecord { month, total, users, addresses })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn record() -> QuotaRecord {
        QuotaRecord {
            month: Month::parse("2026-11").unwrap(),
            total: u64::MAX,
            users: [("amy \"\u{e9}\n".to_owned(), 3)].into(),
            addresses: [("192.0.2.1".parse().unwrap(), 1), ("2001:db8::".parse().unwrap(), 2)]
                .into(),
        }
    }

    #[test]
    fn reads_what_it_writes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("new");
        let file = QuotaFile::open(&folder).unwrap();
        assert_eq!(file.read().unwrap(), (None, None));
        file.write(&record()).unwrap();
        assert_eq!(file.read().unwrap(), (Some(record()), None));
        read_quota_file(&folder).unwrap();
    }

    #[test]
    fn damaged_file_is_kept_and_said() {
        let good = {
            let folder = tempfile::tempdir().unwrap();
            QuotaFile::open(folder.path()).unwrap().write(&record()).unwrap();
            fs::read_to_string(folder.path().join(FILE)).unwrap()
        };
        let with = |from: &str, to: &str| {
            assert!(good.contains(from), "{good}");
            good.replace(from, to)
        };
        for bad in [
            String::new(),
            "\0\0\0\0".to_owned(),
            "[]".to_owned(),
            good[..good.len() - 1].to_owned(),
            with("\"version\":1", "\"version\":2"),
            with("2026-11", "2026-13"),
            with("\"total\":", "\"total\":-"),
            with("18446744073709551615", "18446744073709551616"),
            with("\"users\"", "\"user\""),
            with("192.0.2.1", "192.0.2.256"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let file = QuotaFile::open(folder.path()).unwrap();
            file.write(&record()).unwrap();
            fs::write(&file.path, &bad).unwrap();
            read_quota_file(folder.path()).unwrap_err();
            let (none, said) = file.read().unwrap();
            assert_eq!(none, None, "{bad:?}");
            assert!(said.unwrap().contains("is damaged"));
            let kept = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
            let kept = kept.filter(|path| path.to_str().unwrap().contains(".damaged-"));
            assert_eq!(
                kept.map(|path| fs::read_to_string(path).unwrap()).collect::<Vec<_>>(),
                [bad]
            );
            assert_eq!(file.read().unwrap(), (None, None));
            // A second one does not take the place of the first.
            file.write(&record()).unwrap();
            fs::write(&file.path, "again").unwrap();
            file.read().unwrap();
            let all = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
            assert_eq!(all.filter(|path| path.to_str().unwrap().contains(".damaged-")).count(), 2);
        }
    }

    #[cfg(unix)]
    #[test]
    fn link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        fs::write(&target, "mine").unwrap();
        let file = QuotaFile::open(folder.path()).unwrap();
        std::os::unix::fs::symlink(&target, &file.path).unwrap();
        assert!(file.read().unwrap().1.is_some());
        file.write(&record()).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
    }
}
