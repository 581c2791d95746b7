//! Hosts on one local network without a relay, a router or the internet.

use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::namespaces::{ip, within};
use super::process::Xcher;

/// A network namespace for each host, connected by a switch; deleted on drop.
pub(crate) struct LocalNetwork {
    id: String,
    hosts: u8,
}

/// Number of networks that this process has created.
static CREATED: AtomicU32 = AtomicU32::new(0);

impl LocalNetwork {
    /// Creates one with hosts numbered from 1; `None` if this user is not permitted to.
    pub(crate) fn new(hosts: u8) -> Option<Self> {
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let network = Self { id: format!("{}-{number}", std::process::id()), hosts };
        let switch = network.name(0);
        let mut lines = vec![
            format!("netns add {switch}"),
            format!("-n {switch} link add bridge type bridge mcast_snooping 0"),
            format!("-n {switch} link set bridge up"),
            format!("-n {switch} link set lo up"),
        ];
        for host in 1..=hosts {
            let (name, address) = (network.name(host), network.address(host));
            lines.extend([
                format!("netns add {name}"),
                format!("-n {switch} link add v{host} type veth peer name v0 netns {name}"),
                format!("-n {switch} link set v{host} master bridge up"),
                format!("-n {name} addr add {address}/24 dev v0"),
                format!("-n {name} link set lo up"),
                format!("-n {name} link set v0 up"),
                // Multicast needs a route.
                format!("-n {name} route add default dev v0"),
            ]);
        }
        lines.iter().all(|line| ip(line)).then_some(network)
    }

    fn name(&self, host: u8) -> String {
        format!("xcher-lan-{}-{host}", self.id)
    }

    /// Returns a host's address.
    pub(crate) fn address(&self, host: u8) -> IpAddr {
        [10, 254, 0, host].into()
    }

    /// Builds a command that runs on a host, with the local network in use.
    pub(crate) fn xcher(&self, host: u8, args: &[&str]) -> Xcher {
        let binary = Path::new(env!("CARGO_BIN_EXE_xcher"));
        let command = Xcher::other("ip").args(["netns", "exec", &self.name(host)]);
        command.args([binary]).args(args).without("XCHER_RELAY").without("XCHER_NO_LAN")
    }

    /// Runs `work` on a thread of this process that is on a host, as are the threads it starts.
    pub(crate) fn on<T: Send>(&self, host: u8, work: impl FnOnce() -> T + Send) -> T {
        within(&self.name(host), work)
    }
}

impl Drop for LocalNetwork {
    fn drop(&mut self) {
        for host in 0..=self.hosts {
            ip(&format!("netns del {}", self.name(host)));
        }
    }
}
