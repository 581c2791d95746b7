//! Unix sockets at which a server listens, and their files.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// Listens at `path`, whose file gets this mode. The file of a socket at which nobody listens is replaced; any other
/// file is left alone.
///
/// # Errors
///
/// If the path is in use or cannot be used.
pub(crate) async fn bind(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let is_socket = fs::symlink_metadata(path)?.file_type().is_socket();
            let answer = UnixStream::connect(path).await;
            let is_dead =
                answer.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
            if !(is_socket && is_dead) {
                return Err(error);
            }
            fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        bound => bound?,
    };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    let file = SocketFile::new(path.to_owned())?;
    Ok((listener, file))
}

/// The file of a Unix socket, which is removed on drop unless another process has replaced it.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    fn new(path: PathBuf) -> io::Result<Self> {
        let identity = Self::identity(&path)?;
        Ok(Self { path, identity })
    }

    fn identity(path: &Path) -> io::Result<(u64, u64)> {
        let file = fs::symlink_metadata(path)?;
        Ok((file.dev(), file.ino()))
    }

    /// Returns its path.
    #[cfg(feature = "cli")]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if Self::identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // Fails only if someone else removed it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn a_socket_has_its_mode_and_is_removed_and_a_dead_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.sock");
        let first = bind(&path, 0o660).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        let in_use = bind(&path, 0o660).await.unwrap_err();
        assert_eq!(in_use.kind(), io::ErrorKind::AddrInUse, "a live one is not replaced");
        drop(first);
        assert!(!path.exists());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let second = bind(&path, 0o600).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // A process that follows replaced the file: it stays.
        fs::remove_file(&path).unwrap();
        let _third = bind(&path, 0o600).await.unwrap();
        drop(second);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_not_a_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "mine").unwrap();
        assert!(bind(&path, 0o660).await.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
