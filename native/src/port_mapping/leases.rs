//! The mappings of a host at its gateway.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::gateway::{Gateway, Lease};
use super::pool::{Pool, ReservedPort};
use super::report::PortMappingReport;

/// The number of mapped ports: one for a caller's control connection, the rest for data connections. A listener
/// needs its port for about one round trip, until the peer has connected, and waits where all are in use. So half
/// of the 16 transfers that a session runs at once (`Limits::transfers`) lose little, and the router, which may
/// take 0.1 s for each mapping and have room for some dozens, has half as much to do.
const POOL_LEN: usize = 9;
/// Ports to try if the router cannot forward the first.
const MAX_TRIES: usize = 3;
/// Time for which the end of a host waits for a router that has not answered yet.
const SILENT_PATIENCE: Duration = Duration::from_millis(250);

/// The mappings, and the ports that they are for.
pub(super) struct Leases {
    gateway: Gateway,
    pool: Arc<Pool>,
    leases: Vec<Lease>,
    /// Requests under way. Nobody aborts them, because the router may carry them out.
    asking: JoinSet<Answer>,
}

enum Answer {
    New(ReservedPort, Result<Lease, String>),
    Renewed(Lease, Result<(), String>),
}

impl Leases {
    pub(super) fn new(gateway: Gateway, pool: Arc<Pool>) -> Self {
        Self { gateway, pool, leases: Vec::new(), asking: JoinSet::new() }
    }

    /// Maps ports and renews them. Returns why no port is mapped any more. Cancel safe.
    pub(super) async fn keep(
        &mut self,
        named: Ipv4Addr,
        reports: &mpsc::UnboundedSender<PortMappingReport>,
    ) -> PortMappingReport {
        let mut tries = 0;
        // The first one shows whether the rest are of use.
        while self.leases.is_empty() {
            tries += 1;
            self.ask_for_ports(1);
            match self.answers(named).await {
                Err(Ended::Failed(_)) if tries < MAX_TRIES => {}
                Err(ended) => return ended.into_report(named),
                Ok(()) if self.leases.is_empty() => return Ended::no_port().into_report(named),
                Ok(()) => {}
            }
        }
        let mut is_new = true;
        loop {
            self.ask_for_ports(POOL_LEN - self.leases.len());
            if let Err(ended @ Ended::OtherAddress(_)) = self.answers(named).await {
                return ended.into_report(named);
            }
            if self.leases.is_empty() {
                return Ended::no_port().into_report(named);
            }
            if std::mem::take(&mut is_new) {
                let ports = self.leases.len();
                let _ = reports.send(PortMappingReport::Mapped { external: named.into(), ports });
            }
            self.until_renewal().await;
            self.give_up_lost();
            for mut lease in self.leases.drain(..) {
                let gateway = self.gateway;
                self.asking.spawn(async move {
                    let result = lease.renew(gateway).await;
                    Answer::Renewed(lease, result)
                });
            }
            match self.answers(named).await {
                Err(ended @ Ended::OtherAddress(_)) => return ended.into_report(named),
                Err(ended) if self.leases.is_empty() => return ended.into_report(named),
                _ => {}
            }
        }
    }

    /// Deletes the mappings, all at once.
    pub(super) async fn delete(mut self) {
        let patience = match self.leases.is_empty() {
            true => SILENT_PATIENCE,
            false => Duration::MAX,
        };
        let collect = async {
            while let Some(answer) = self.asking.join_next().await {
                match answer {
                    Ok(Answer::New(_, Ok(lease)) | Answer::Renewed(lease, _)) => {
                        self.leases.push(lease)
                    }
                    Ok(Answer::New(_, Err(_))) | Err(_) => {}
                }
            }
        };
        let _ = timeout(patience, collect).await;
        let mut deletions: JoinSet<_> = self.leases.into_iter().map(Lease::delete).collect();
        // What could not be deleted expires.
        while deletions.join_next().await.is_some() {}
    }

    fn ask_for_ports(&mut self, number: usize) {
        for _ in 0..number {
            let Ok(reserved) = ReservedPort::any(self.gateway.own) else { return };
            let gateway = self.gateway;
            self.asking.spawn(async move {
                let result = gateway.map(reserved.port).await;
                Answer::New(reserved, result)
            });
        }
    }

    /// Waits for the answers of the router. Fails if one of the requests did.
    async fn answers(&mut self, named: Ipv4Addr) -> Result<(), Ended> {
        let mut failed = Ok(());
        while let Some(answer) = self.asking.join_next().await {
            // Fails only where a request panicked.
            let Ok(answer) = answer else { continue };
            let (lease, result) = match answer {
                Answer::New(reserved, Ok(lease)) => {
                    if lease.external == named {
                        self.pool.add(reserved);
                    }
                    (Some(lease), Ok(()))
                }
                Answer::New(_, Err(why)) => (None, Err(why)),
                Answer::Renewed(lease, Err(why)) => {
                    self.pool.remove(lease.port());
                    // The router may still forward it, or not know it any more.
                    self.asking_no_more(lease);
                    (None, Err(why))
                }
                Answer::Renewed(lease, Ok(())) => (Some(lease), Ok(())),
            };
            if let Some(lease) = lease {
                let external = lease.external;
                self.leases.push(lease);
                if external != named {
                    return Err(Ended::OtherAddress(external));
                }
            }
            if let Err(why) = result {
                failed = Err(Ended::Failed(why));
            }
        }
        failed
    }

    /// Deletes one mapping in the background.
    fn asking_no_more(&self, lease: Lease) {
        tokio::spawn(lease.delete());
    }

    async fn until_renewal(&self) {
        let intervals = self.leases.iter().map(Lease::renewal_interval);
        let interval = intervals.min().unwrap_or(Duration::ZERO);
        tokio::select! {
            () = sleep(interval) => {}
            () = self.pool.lost() => {}
        }
    }

    /// Deletes the mappings of ports that another program has taken meanwhile.
    fn give_up_lost(&mut self) {
        for port in self.pool.take_lost() {
            if let Some(at) = self.leases.iter().position(|lease| lease.port() == port) {
                let lease = self.leases.swap_remove(at);
                self.asking_no_more(lease);
            }
        }
    }
}

/// Reason for the ports not to be of use.
enum Ended {
    OtherAddress(Ipv4Addr),
    Failed(String),
}

impl Ended {
    fn no_port() -> Self {
        Self::Failed("this host has no free port".to_owned())
    }

    fn into_report(self, named: Ipv4Addr) -> PortMappingReport {
        match self {
            Self::OtherAddress(external) => {
                PortMappingReport::OtherAddress { external: external.into(), named: named.into() }
            }
            Self::Failed(why) => PortMappingReport::Failed { why },
        }
    }
}
