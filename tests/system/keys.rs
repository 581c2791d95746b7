//! Keys, and the folder that holds them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::process::{Xcher, xcher};

/// Two public keys.
pub(crate) const ONE: &str = "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub(crate) const TWO: &str = "AgECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Builds an `xcher peers` command whose data directory is this folder.
pub(crate) fn peers(folder: &Path, args: &[&str]) -> Xcher {
    xcher(["peers"]).args(args).env("XCHER_DATA_DIR", folder)
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

pub(crate) fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
