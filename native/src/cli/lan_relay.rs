//! A relay of this host's own, through which the local network reaches it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use xcher_core::{Nick, RelayLimits};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::Common;
use crate::cli::ui::output::Output;
use crate::descriptors;
use crate::lan::Announcement;
use crate::relay::{Relay, RelayConfig};
use crate::relay_address::RelayAddress;

/// Time for a relay on this machine to accept a connection.
const HERE_TIMEOUT: Duration = Duration::from_millis(500);
/// The most connections to such a relay.
const MAX_CONNECTIONS: usize = 256;

/// A running relay, and this host's announcement.
pub(crate) struct LanRelay {
    port: u16,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    announcement: Option<Announcement>,
}

impl LanRelay {
    /// Starts one, if this host can be found in the local network and no other relay is to be used: `None` if a
    /// relay is named, or one listens at the default address of this machine.
    pub(crate) async fn start(common: &Common) -> Result<Option<Self>, CliError> {
        if !common.uses_lan() {
            return Ok(None);
        }
        if has_relay_here(common).await {
            Output::new(common).note(format_args!(
                "using the relay on this machine, {}; to be found in the local network instead, add \
                 --relay lan",
                common.relay
            ));
            return Ok(None);
        }
        descriptors::raise_limit();
        let listener = listen().await.map_err(unavailable)?;
        let port = listener.local_addr().map_err(unavailable)?.port();
        let limits = RelayLimits { connections: MAX_CONNECTIONS, ..RelayLimits::default() };
        // In one network no NAT is between hosts.
        let config = RelayConfig { limits, ..RelayConfig::default() };
        let relay = Relay::new(config).map_err(CliError::local)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            // The sender is dropped at the end, too.
            let ended = relay.run(listener, async { drop(stopped.await) }).await;
            if let Err(error) = ended {
                tracing::error!(%error, "the relay for the local network has stopped");
            }
        });
        Ok(Some(Self { port, stop, task, announcement: None }))
    }

    /// Returns the options with which a host of this process uses the relay.
    pub(crate) fn options(&self, common: &Common) -> Common {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        common.at(RelayAddress::in_lan(address))
    }

    /// Announces the first of `nicks` that no other host of the network has, and returns it.
    pub(crate) async fn announce(&mut self, nicks: Vec<Nick>) -> Result<Nick, CliError> {
        let mut taken = None;
        for nick in nicks {
            match Announcement::new(&nick, self.port, false).await.map_err(unavailable)? {
                Ok(announcement) => {
                    self.announcement = Some(announcement);
                    return Ok(nick);
                }
                Err(_) => taken = Some(nick),
            }
        }
        let nick = taken.map(|nick| format!("the nick {nick}")).unwrap_or_default();
        let text = format!("{nick} is taken in the local network; choose another with --nick");
        Err(CliError::new(ExitCode::Incomplete, text))
    }

    /// Announces a nick that no other host is likely to have: the number of a code.
    pub(crate) async fn announce_random(&mut self, nick: &Nick) -> Result<(), CliError> {
        let announced = Announcement::new(nick, self.port, true).await.map_err(unavailable)?;
        self.announcement = announced.ok();
        Ok(())
    }

    /// Withdraws the announcement and stops the relay.
    pub(crate) async fn end(self) {
        if let Some(announcement) = self.announcement {
            announcement.end().await;
        }
        drop(self.stop);
        // The relay stops within a second.
        let _ = self.task.await;
    }
}

/// Returns true if no relay is named, and something listens at the default address, which is on this machine.
pub(crate) async fn has_relay_here(common: &Common) -> bool {
    let (None, Some(relay)) = (&common.named_relay, common.relay.tcp()) else { return false };
    let connect = TcpStream::connect(relay);
    matches!(tokio::time::timeout(HERE_TIMEOUT, connect).await, Ok(Ok(_)))
}

/// Listens on all addresses: those of IPv6, which include those of IPv4, where the system has IPv6.
async fn listen() -> std::io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await,
    }
}

fn unavailable(error: std::io::Error) -> CliError {
    let text = format!(
        "cannot use the local network: {error}; start a relay with `xcher relay`, or name one with \
         --relay"
    );
    CliError::new(ExitCode::Unreachable, text)
}
