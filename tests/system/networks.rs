//! A relay and two hosts on separate networks: both hosts reach the relay, but not each other.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::namespaces::ip;
use super::process::{Process, Xcher};

/// Three network namespaces, deleted on drop.
pub(crate) struct Networks {
    id: String,
}

/// Number of [`Networks`] that this process has created.
static CREATED: AtomicU32 = AtomicU32::new(0);

/// A host on one of the two networks.
#[derive(Clone, Copy)]
pub(crate) enum Host {
    A = 1,
    B = 2,
}

impl Networks {
    /// Creates them; `None` if this user is not permitted to.
    pub(crate) fn new() -> Option<Self> {
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let networks = Self { id: format!("{}-{number}", std::process::id()) };
        let [relay, a, b] = ["r", "1", "2"].map(|name| networks.name(name));
        for name in [&relay, &a, &b] {
            if !ip(&format!("netns add {name}")) {
                return None;
            }
        }
        for (name, host) in [(&a, Host::A), (&b, Host::B)] {
            let (near, far) = (format!("v{}", host as u8), networks.address(host));
            let ours = networks.relay_seen_by(host);
            for line in [
                format!("-n {relay} link add {near} type veth peer name v0 netns {name}"),
                format!("-n {relay} addr add {ours}/24 dev {near}"),
                format!("-n {relay} link set {near} up"),
                format!("-n {name} addr add {far}/24 dev v0"),
                format!("-n {name} link set lo up"),
                format!("-n {name} link set v0 up"),
                format!("-n {name} route add default via {ours}"),
            ] {
                if !ip(&line) {
                    return None;
                }
            }
        }
        // The relay's host does not route between the two networks: packets from one to the other are lost.
        let forward = "/proc/sys/net/ipv4/ip_forward";
        let command = ["netns", "exec", &relay, "sh", "-c", &format!("echo 0 > {forward}")];
        let closed = Command::new("ip").args(command).stderr(Stdio::null()).status();
        (ip(&format!("-n {relay} link set lo up")) && closed.is_ok_and(|status| status.success()))
            .then_some(networks)
    }

    /// Adds IPv6 to the network of A, and default routes through A, so that the system can tell by which of its
    /// addresses others reach the relay. Returns the IPv6 address of the relay.
    pub(crate) fn add_ipv6_and_default_routes(&self) -> Option<String> {
        let [relay, a] = ["r", "1"].map(|name| self.name(name));
        let (ours, theirs) = ("fd00:255::1", "fd00:255::2");
        let lines = [
            format!("-n {relay} addr add {ours}/64 dev v1 nodad"),
            format!("-n {a} addr add {theirs}/64 dev v0 nodad"),
            format!("-n {relay} -6 route add default via {theirs}"),
            format!("-n {relay} route add default via {}", self.address(Host::A)),
        ];
        lines.iter().all(|line| ip(line)).then(|| ours.to_owned())
    }

    fn name(&self, host: &str) -> String {
        format!("xcher-{}-{host}", self.id)
    }

    /// Returns a host's own address.
    pub(crate) fn address(&self, host: Host) -> String {
        format!("10.255.{}.2", host as u8)
    }

    /// Returns the relay's address on a host's network.
    pub(crate) fn relay_seen_by(&self, host: Host) -> String {
        format!("10.255.{}.1", host as u8)
    }

    /// Starts `xcher relay`; returns it with its port and its bridge's.
    pub(crate) fn relay(&self) -> (Process, [u16; 2]) {
        let listen = ["--listen", "0.0.0.0:0", "--http", "0.0.0.0:0"];
        let process = self.command("r", &["relay"]).args(listen).start();
        let port = |start| {
            let text = process.out(start);
            text.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap()
        };
        let ports = [port("relay "), port("http http://")];
        (process, ports)
    }

    /// Builds a command that runs on the relay's host, which both hosts reach.
    pub(crate) fn between(&self, args: &[&str]) -> Xcher {
        self.command("r", args)
    }

    /// Builds a command line of another program, on the relay's host.
    pub(crate) fn program_between(&self, program: &str) -> Xcher {
        Xcher::other("ip").args(["netns", "exec", &self.name("r"), program])
    }

    /// Builds a command that runs on a host.
    pub(crate) fn xcher(&self, host: Host, args: &[&str]) -> Xcher {
        self.command(&(host as u8).to_string(), args)
    }

    fn command(&self, host: &str, args: &[&str]) -> Xcher {
        let binary = Path::new(env!("CARGO_BIN_EXE_xcher"));
        let name = self.name(host);
        Xcher::other("ip").args(["netns", "exec", &name]).args([binary]).args(args)
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for name in ["r", "1", "2"] {
            ip(&format!("netns del {}", self.name(name)));
        }
    }
}
