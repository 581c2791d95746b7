//! Listening sockets that the service manager opened before it started this process (sd_listen_fds(3)). They stay
//! open while a new process takes the place of this one, and their ports may be below 1024.

use crate::cli::exit::CliError;
use crate::cli::sockets::OpenSocket;

#[cfg(all(unix, not(target_vendor = "apple")))]
use unix::SOCKETS;

/// The most sockets to accept; a server has a few.
#[cfg(all(unix, not(target_vendor = "apple")))]
const MAX_SOCKETS: usize = 64;

/// Reads from the environment which sockets there are. To be called before this process has threads.
pub(crate) fn receive() {
    #[cfg(all(unix, not(target_vendor = "apple")))]
    SOCKETS.get_or_init(unix::Sockets::from_env);
}

/// Returns the sockets that take the place of what `option` sets: those that are named as the option; without any,
/// `or_unnamed`, the first that has no such name.
pub(crate) fn take(option: &str, or_unnamed: bool) -> Result<Vec<OpenSocket>, CliError> {
    #[cfg(all(unix, not(target_vendor = "apple")))]
    return SOCKETS.get().map_or(Ok(Vec::new()), |sockets| sockets.take(option, or_unnamed));
    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    {
        let _ = (option, or_unnamed);
        Ok(Vec::new())
    }
}

#[cfg(all(unix, not(target_vendor = "apple")))]
mod unix {
    use std::io;
    use std::path::PathBuf;
    use std::sync::{Mutex, OnceLock, PoisonError};

    use listenfd::ListenFd;
    use rustix::fd::AsFd;
    use rustix::net::sockopt::socket_acceptconn;
    use tokio::net::{TcpListener, UnixListener};

    use super::MAX_SOCKETS;
    use crate::cli::exit::CliError;
    use crate::cli::sockets::OpenSocket;
    use crate::net::listener::Listener;
    use crate::net::socket_address::SocketAddress;

    /// The sockets of this process.
    pub(super) static SOCKETS: OnceLock<Sockets> = OnceLock::new();

    /// Names of sockets that belong to one option.
    const NAMES: [&str; 3] = ["listen", "listen-tls", "http"];

    pub(super) struct Sockets(Mutex<Left>);

    struct Left {
        sockets: ListenFd,
        /// The names of those not taken yet, by their index.
        names: Vec<(usize, String)>,
    }

    impl Sockets {
        pub(super) fn from_env() -> Self {
            let read = |name| std::env::var(name).unwrap_or_default();
            let count = read("LISTEN_FDS").parse().unwrap_or(0);
            let known = read("LISTEN_FDNAMES");
            let mut known = known.split(':').map(str::to_owned);
            let sockets = match count {
                1..=MAX_SOCKETS => ListenFd::from_env(),
                _ => ListenFd::empty(),
            };
            let names = (0..sockets.len()).map(|at| (at, known.next().unwrap_or_default()));
            let names = names.collect();
            Self(Mutex::new(Left { sockets, names }))
        }

        pub(super) fn take(
            &self,
            option: &str,
            or_unnamed: bool,
        ) -> Result<Vec<OpenSocket>, CliError> {
            let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let own = option.trim_start_matches('-');
            let mut taken: Vec<_> = left.names.extract_if(.., |(_, name)| name == own).collect();
            let is_unnamed = |(_, name): &(usize, String)| !NAMES.contains(&name.as_str());
            if taken.is_empty()
                && or_unnamed
                && let Some(at) = left.names.iter().position(is_unnamed)
            {
                taken.push(left.names.remove(at));
            }
            let open = taken.into_iter().filter_map(|(index, _)| left.open(index).transpose());
            open.collect::<io::Result<_>>().map_err(|error| {
                CliError::local(io::Error::other(format!(
                    "the service manager gave no socket for {option}: {error}; give it a TCP or Unix socket \
                     (ListenStream=) that listens (Accept=no)"
                )))
            })
        }
    }

    impl Left {
        fn open(&mut self, index: usize) -> io::Result<Option<OpenSocket>> {
            // A socket of the other kind stays where it is.
            if let Ok(Some(socket)) = self.sockets.take_unix_listener(index) {
                check(&socket)?;
                socket.set_nonblocking(true)?;
                let path = socket.local_addr()?.as_pathname().map(PathBuf::from);
                let at = SocketAddress::Unix(path.unwrap_or_default());
                let listener = Listener::inherited_unix(UnixListener::from_std(socket)?);
                return Ok(Some(OpenSocket { listener, at }));
            }
            let Some(socket) = self.sockets.take_tcp_listener(index)? else { return Ok(None) };
            check(&socket)?;
            socket.set_nonblocking(true)?;
            let socket = TcpListener::from_std(socket)?;
            let at = SocketAddress::Tcp(socket.local_addr()?);
            Ok(Some(OpenSocket { listener: Listener::inherited_tcp(socket), at }))
        }
    }

    fn check(socket: impl AsFd) -> io::Result<()> {
        match socket_acceptconn(socket)? {
            true => Ok(()),
            false => Err(io::Error::other("it does not listen")),
        }
    }
}
