//! Announces a host in the local network.

use std::io;
use std::time::Duration;

use if_addrs::Interface;
use mdns_sd::{DaemonEvent, Receiver, ServiceDaemon, ServiceInfo};
use tokio::time::{Instant, timeout, timeout_at};
use xcher_core::Nick;

use super::{MAX_NICK_LEN, SERVICE};

/// Time for other hosts to object to a name: up to 250 ms before the first of three probes 250 ms apart (RFC
/// 6762, section 8.1), and some more for the answer.
const PROBE_TIME: Duration = Duration::from_millis(1300);
/// The same for a busy machine, where an interface is still probing.
const MAX_PROBE_TIME: Duration = Duration::from_secs(4);
/// Time for the goodbye packets (RFC 6762, section 10.1).
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(300);

/// A host that the local network can find. It is withdrawn by [`end`](Self::end); dropping it leaves the name
/// to expire.
pub struct Announcement {
    daemon: ServiceDaemon,
    full_name: String,
}

/// Another host of the network has the name.
#[derive(Debug)]
pub struct NameTaken;

impl Announcement {
    /// Announces the relay at `port` of this host under `nick`. Waits until no other host has objected to the
    /// name, unless it is `random`: one that no other host is likely to have.
    ///
    /// # Errors
    ///
    /// The inner one if another host has the name; the outer one if the nick is longer than
    /// [`MAX_NICK_LEN`], or multicast is unavailable.
    pub async fn new(nick: &Nick, port: u16, random: bool) -> io::Result<Result<Self, NameTaken>> {
        if nick.as_str().len() > MAX_NICK_LEN {
            return Err(io::Error::other(format!(
                "a nick has at most {MAX_NICK_LEN} bytes in the local network; choose a shorter one"
            )));
        }
        // A name of its own: the machine's is the business of the system's responder, and would reveal it.
        let host = format!("xcher-{:016x}.local.", fastrand::u64(..));
        let service = ServiceInfo::new(SERVICE, nick.as_str(), &host, (), port, &[("v", "1")][..]);
        let mut service = service.map_err(io::Error::other)?.enable_addr_auto();
        service.set_requires_probe(!random);
        let daemon = ServiceDaemon::new().map_err(io::Error::other)?;
        let events = daemon.monitor().map_err(io::Error::other)?;
        let full_name = service.get_fullname().to_owned();
        let announcement = Self { daemon, full_name };
        announcement.daemon.register(service).map_err(io::Error::other)?;
        if random {
            return Ok(Ok(announcement));
        }
        match probed(&events).await? {
            Ok(()) => {
                tokio::spawn(warn_of_conflict(events, nick.clone()));
                Ok(Ok(announcement))
            }
            Err(taken) => {
                announcement.end().await;
                Ok(Err(taken))
            }
        }
    }

    /// Tells the network that the host is gone.
    pub async fn end(self) {
        let goodbye = async {
            if let Ok(done) = self.daemon.unregister(&self.full_name) {
                let _ = done.recv_async().await;
            }
            if let Ok(done) = self.daemon.shutdown() {
                let _ = done.recv_async().await;
            }
        };
        let _ = timeout(GOODBYE_TIMEOUT, goodbye).await;
    }
}

/// Waits until no other host has objected to the name. Each interface probes on its own, and loopback proves
/// nothing unless there is no other.
async fn probed(events: &Receiver<DaemonEvent>) -> io::Result<Result<(), NameTaken>> {
    let interfaces = if_addrs::get_if_addrs()?;
    let only_loopback = interfaces.iter().all(Interface::is_loopback);
    let is_loopback = |name: &str| {
        interfaces.iter().any(|interface| interface.name == name && interface.is_loopback())
    };
    let begun = Instant::now();
    let mut is_announced = false;
    loop {
        let time = if is_announced { PROBE_TIME } else { MAX_PROBE_TIME };
        match timeout_at(begun + time, events.recv_async()).await {
            Err(_) => return Ok(Ok(())),
            Ok(Ok(DaemonEvent::Announce(_, at))) => {
                let interface = at.rsplit_once(':').map_or("", |(_, name)| name);
                is_announced |= only_loopback || !is_loopback(interface);
            }
            Ok(Ok(DaemonEvent::NameChange(_))) => return Ok(Err(NameTaken)),
            Ok(Ok(DaemonEvent::Error(error))) => return Err(io::Error::other(error)),
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Err(io::Error::other("the responder has stopped")),
        }
    }
}

/// Warns if two hosts of the same name meet later, for example because two networks become one.
async fn warn_of_conflict(events: Receiver<DaemonEvent>, nick: Nick) {
    while let Ok(event) = events.recv_async().await {
        if let DaemonEvent::NameChange(change) = event {
            let now = change.new_name;
            tracing::warn!(
                "another host of the local network is called {nick}; this one is now {now}"
            );
        }
    }
}
