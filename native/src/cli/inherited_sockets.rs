//! Listening sockets that the service manager opened before it started this process (sd_listen_fds(3)). They stay
//! open while a new process takes the place of this one, and their ports may be below 1024.

use tokio::net::TcpListener;

use crate::cli::exit::CliError;

#[cfg(all(unix, not(target_vendor = "apple")))]
use unix::SOCKETS;

/// The most sockets to accept; a server has one for each of its ports.
#[cfg(all(unix, not(target_vendor = "apple")))]
const MAX_SOCKETS: usize = 64;

/// Reads from the environment which sockets there are. To be called before this process has threads.
pub(crate) fn receive() {
    #[cfg(all(unix, not(target_vendor = "apple")))]
    SOCKETS.get_or_init(unix::Sockets::from_env);
}

/// Returns the socket for the port that `option` sets, if there is one: the one that is named as the option, else
/// the first without such a name.
pub(crate) fn take(option: &str) -> Result<Option<TcpListener>, CliError> {
    #[cfg(all(unix, not(target_vendor = "apple")))]
    return SOCKETS.get().map_or(Ok(None), |sockets| sockets.take(option));
    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    {
        let _ = option;
        Ok(None)
    }
}

#[cfg(all(unix, not(target_vendor = "apple")))]
mod unix {
    use std::io;
    use std::sync::{Mutex, OnceLock, PoisonError};

    use listenfd::ListenFd;
    use rustix::net::sockopt::socket_acceptconn;
    use tokio::net::TcpListener;

    use super::MAX_SOCKETS;
    use crate::cli::exit::CliError;

    /// The sockets of this process.
    pub(super) static SOCKETS: OnceLock<Sockets> = OnceLock::new();

    /// Names of sockets that belong to one option.
    const NAMES: [&str; 2] = ["listen", "http"];

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

        pub(super) fn take(&self, option: &str) -> Result<Option<TcpListener>, CliError> {
            let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let own = option.trim_start_matches('-');
            let named = left.names.iter().position(|(_, name)| name == own);
            let unnamed = |(_, name): &(usize, String)| !NAMES.contains(&name.as_str());
            let Some(at) = named.or_else(|| left.names.iter().position(unnamed)) else {
                return Ok(None);
            };
            let (index, _) = left.names.remove(at);
            let listener = left.sockets.take_tcp_listener(index).and_then(|socket| {
                let Some(socket) = socket else { return Ok(None) };
                if !socket_acceptconn(&socket)? {
                    return Err(io::Error::other("it does not listen"));
                }
                socket.set_nonblocking(true)?;
                TcpListener::from_std(socket).map(Some)
            });
            listener.map_err(|error| {
                CliError::local(io::Error::other(format!(
                    "the service manager gave no socket for {option}: {error}; give it a TCP socket \
                     (ListenStream=) that listens (Accept=no)"
                )))
            })
        }
    }
}
