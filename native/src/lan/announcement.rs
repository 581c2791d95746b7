//! Announces a host in the local network.

use std::io;
use std::time::Duration;

use mdns_sd::{DaemonEvent, Receiver, ServiceDaemon, ServiceInfo};
use tokio::time::timeout;
use xcher_core::Nick;

use super::{MAX_NICK_LEN, SERVICE};

/// Time for other hosts to object to a name: up to 250 ms before the first of three probes 250 ms apart (RFC
/// 6762, section 8.1), and some more for the answer. Each interface probes on its own, so that the first
/// announcement proves nothing.
const PROBE_TIME: Duration = Duration::from_millis(1300);
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
        match timeout(PROBE_TIME, conflict(&events)).await {
            Err(_) => {
                tokio::spawn(warn_of_conflict(events, nick.clone()));
                Ok(Ok(announcement))
            }
            Ok(Ok(())) => {
                announcement.end().await;
                Ok(Err(NameTaken))
            }
            Ok(Err(error)) => Err(error),
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

/// Waits until another host turns out to have the name.
async fn conflict(events: &Receiver<DaemonEvent>) -> io::Result<()> {
    while let Ok(event) = events.recv_async().await {
        match event {
            DaemonEvent::NameChange(_) => return Ok(()),
            DaemonEvent::Error(error) => return Err(io::Error::other(error)),
            _ => {}
        }
    }
    Err(io::Error::other("the responder has stopped"))
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
