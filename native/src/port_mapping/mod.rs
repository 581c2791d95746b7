//! Ports that the router of this host's network forwards to it: PCP (RFC 6887) and NAT-PMP (RFC 6886).
//!
//! A caller behind NAT names the address at which the relay sees it and a port of its own, where nobody gets
//! through. A few ports are therefore mapped: the router is asked to forward the same port of its external
//! address to this host. That is of use only if the external address is the one that this host names; behind
//! a second NAT it is not, and the mappings are given back.
//!
//! Only the router of the default route is asked, and only for ports that this process holds. Mappings are
//! renewed as long as the host runs and deleted at its end; those of a host that crashed expire.

mod gateway;
mod leases;
mod pool;
mod report;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

pub(crate) use pool::Pool;
pub use report::PortMappingReport;

use gateway::Gateway;
use leases::Leases;
use pool::ReservedPort;

/// The mapped ports of a host. They are given back when this is dropped.
pub(crate) struct PortMapping {
    named: watch::Sender<Option<IpAddr>>,
    pool: Arc<Pool>,
    task: JoinHandle<()>,
}

impl PortMapping {
    /// Starts a task that maps ports once the host is online. Must be called within a tokio runtime.
    pub(crate) fn start(reports: mpsc::UnboundedSender<PortMappingReport>) -> Self {
        let (named, changes) = watch::channel(None);
        let pool = Arc::new(Pool::new());
        let task = tokio::spawn(keep_ports_mapped(changes, Arc::clone(&pool), reports));
        Self { named, pool, task }
    }

    /// Tells it the address that this host names in its calls.
    pub(crate) fn is_online_as(&self, named: Option<IpAddr>) {
        self.named.send_if_modified(|before| {
            let is_new = *before != named || self.pool.is_off();
            if is_new {
                *before = named;
                self.pool.open();
            }
            is_new
        });
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Deletes the mappings.
    pub(crate) async fn stop(self) {
        drop(self.named);
        // It does not panic, and if it did, the mappings would expire.
        let _ = self.task.await;
    }
}

/// Asks the router to forward a port to this host, and gives it back at once. Returns the router's external
/// address. Nothing listens at the port.
///
/// # Errors
///
/// Why the router does not forward ports.
pub async fn try_router() -> Result<IpAddr, String> {
    let gateway = Gateway::of_default_route().await?;
    let reserved = ReservedPort::any(gateway.own).map_err(|error| error.to_string())?;
    let lease = gateway.map(reserved.port).await?;
    let external = lease.external;
    // If this fails, the mapping expires.
    let _ = lease.delete().await;
    Ok(external.into())
}

/// Reason for ports not to be mapped any more, or at all.
enum Ended {
    /// The host ended, or is online under another address.
    Superseded,
    /// The host names an address of its own.
    NotNeeded,
    Failed(PortMappingReport),
}

/// Maps ports whenever the host is online under another address, until the host ends.
async fn keep_ports_mapped(
    mut named: watch::Receiver<Option<IpAddr>>,
    pool: Arc<Pool>,
    reports: mpsc::UnboundedSender<PortMappingReport>,
) {
    let mut last = None;
    // Fails once the host has ended.
    while named.has_changed().is_ok() {
        let address = *named.borrow_and_update();
        let ended = match address {
            Some(IpAddr::V4(address)) => map(address, &mut named, &pool, &reports).await,
            // No address is translated between IPv6 hosts.
            _ => Ended::NotNeeded,
        };
        match ended {
            Ended::Superseded => continue,
            Ended::NotNeeded => pool.close(),
            // The host may come online again and again with the same result.
            Ended::Failed(report) if Some(&report) == last.as_ref() => {}
            Ended::Failed(report) => {
                last = Some(report.clone());
                // Fails if the host has ended.
                let _ = reports.send(report);
            }
        }
        if named.changed().await.is_err() {
            return;
        }
    }
}

/// Keeps ports mapped while the host names this address.
async fn map(
    address: Ipv4Addr,
    named: &mut watch::Receiver<Option<IpAddr>>,
    pool: &Arc<Pool>,
    reports: &mpsc::UnboundedSender<PortMappingReport>,
) -> Ended {
    // There is no NAT, or the relay is on this machine or behind a VPN.
    if is_own(address).await {
        return Ended::NotNeeded;
    }
    let gateway = match Gateway::of_default_route().await {
        Ok(gateway) => gateway,
        Err(why) => {
            pool.close();
            return Ended::Failed(PortMappingReport::Failed { why });
        }
    };
    let mut leases = Leases::new(gateway, Arc::clone(pool));
    let ended = tokio::select! {
        report = leases.keep(address, reports) => Ended::Failed(report),
        _ = named.changed() => Ended::Superseded,
    };
    // No listener is to get a port that is not forwarded any more.
    match ended {
        Ended::Superseded => pool.open(),
        _ => pool.close(),
    }
    leases.delete().await;
    ended
}

/// Returns true for an address of this machine.
async fn is_own(address: Ipv4Addr) -> bool {
    UdpSocket::bind((address, 0)).await.is_ok()
}
