//! The listener for operators: a TCP port, or a Unix socket that its user and root alone can use.

use std::io;
use std::net::{IpAddr, SocketAddr};
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use super::AdminAddress;
use crate::net::accept::Acceptor;

/// An open port or socket.
pub(crate) enum AdminListener {
    /// A TCP port.
    Tcp(Acceptor, SocketAddr),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(UnixListener, SocketFile),
}

/// A connection's bytes.
pub(super) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connection for S {}

impl AdminListener {
    /// Listens.
    ///
    /// # Errors
    ///
    /// If the address is in use or cannot be used. The file of a Unix socket at which nobody listens is
    /// replaced; any other file is left alone.
    pub(crate) async fn bind(at: &AdminAddress) -> io::Result<Self> {
        match at {
            AdminAddress::Tcp(at) => {
                let listener = TcpListener::bind(at).await?;
                let at = listener.local_addr()?;
                Ok(Self::Tcp(Acceptor::reporting(listener, &Arc::default()), at))
            }
            #[cfg(unix)]
            AdminAddress::Unix(path) => {
                let listener = bind_unix(path).await?;
                let file = SocketFile::new(path.clone())?;
                Ok(Self::Unix(listener, file))
            }
            #[cfg(not(unix))]
            AdminAddress::Unix(_) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
            }
        }
    }

    /// Returns the address that it listens on.
    pub(crate) fn address(&self) -> AdminAddress {
        match self {
            Self::Tcp(_, at) => AdminAddress::Tcp(*at),
            #[cfg(unix)]
            Self::Unix(_, file) => AdminAddress::Unix(file.path.clone()),
        }
    }

    /// Accepts the next connection, with its address if it has one. Cancel safe.
    pub(super) async fn accept(&mut self) -> io::Result<(Box<dyn Connection>, Option<IpAddr>)> {
        match self {
            Self::Tcp(acceptor, _) => {
                let (socket, from) = acceptor.accept().await?;
                Ok((Box::new(socket), Some(from.ip().to_canonical())))
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => loop {
                match listener.accept().await {
                    // Between its creation and its mode the file may have been open to others.
                    Ok((socket, _)) if is_permitted(&socket) => {
                        return Ok((Box::new(socket), None));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(%error, "cannot accept an operator's connection");
                        tokio::time::sleep(RETRY_DELAY).await;
                    }
                }
            },
        }
    }
}

/// Time without another attempt after the system could not accept a connection.
#[cfg(unix)]
const RETRY_DELAY: std::time::Duration = std::time::Duration::from_millis(200);

#[cfg(unix)]
async fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    use std::fs;
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let is_socket = fs::symlink_metadata(path)?.file_type().is_socket();
            let answer = tokio::net::UnixStream::connect(path).await;
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
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Returns true for a program of this user or of root.
#[cfg(unix)]
fn is_permitted(socket: &tokio::net::UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    socket.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

/// The file of a Unix socket, which is removed on drop unless another process has replaced it.
#[cfg(unix)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

#[cfg(unix)]
impl SocketFile {
    fn new(path: PathBuf) -> io::Result<Self> {
        let identity = Self::identity(&path)?;
        Ok(Self { path, identity })
    }

    fn identity(path: &Path) -> io::Result<(u64, u64)> {
        use std::os::unix::fs::MetadataExt as _;
        let file = std::fs::symlink_metadata(path)?;
        Ok((file.dev(), file.ino()))
    }
}

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        if Self::identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // Fails only if someone else removed it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn a_socket_is_private_and_removed_and_a_dead_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let at = AdminAddress::Unix(path.clone());
        let first = AdminListener::bind(&at).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let in_use = AdminListener::bind(&at).await.map(|_| ()).unwrap_err();
        assert_eq!(in_use.kind(), io::ErrorKind::AddrInUse, "a live one is not replaced");
        drop(first);
        assert!(!path.exists());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let second = AdminListener::bind(&at).await.unwrap();
        // A process that follows replaced the file: it stays.
        fs::remove_file(&path).unwrap();
        let _third = AdminListener::bind(&at).await.unwrap();
        drop(second);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_not_a_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "mine").unwrap();
        assert!(AdminListener::bind(&AdminAddress::Unix(path.clone())).await.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
