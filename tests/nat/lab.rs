//! A relay and hosts behind NATs, in network namespaces: nothing leaves them.

// Each test file is a crate of its own and uses a part of this module.
#![allow(dead_code)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::system::namespaces::{self, within};
use crate::system::process::{Process, Xcher};

/// The relay's address, which every host reaches.
pub(crate) const RELAY: &str = "11.0.0.1";

/// How a NAT treats what comes from outside, and which port it gives to a connection from inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nat {
    /// Lets every host in, to its first host.
    FullCone,
    /// Lets a host in that one inside has sent something to, from any port.
    AddressRestricted,
    /// Lets answers in, and drops everything else without a word.
    PortRestricted,
    /// Lets answers in, and refuses everything else.
    Refusing,
    /// Lets answers in, and gives each connection another port.
    Symmetric,
}

/// A relay, NATs and the hosts behind them, deleted on drop.
pub(crate) struct Lab {
    id: String,
    /// The number of hosts behind each NAT.
    hosts: Vec<u8>,
}

/// A host: the number of its NAT, and its own there, both from 0.
pub(crate) type Host = (u8, u8);

/// Number of labs that this process has created.
static CREATED: AtomicU32 = AtomicU32::new(0);

impl Lab {
    /// Creates NATs with so many hosts behind each. Returns why that is not possible here.
    pub(crate) fn new(nats: &[(Nat, u8)]) -> Result<Self, &'static str> {
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let hosts = nats.iter().map(|(_, hosts)| *hosts).collect();
        let lab = Self { id: format!("{}-{number}", std::process::id()), hosts };
        if !Command::new("nft")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
        {
            return Err("nft is not installed");
        }
        match lab.connect(nats) {
            Some(()) => Ok(lab),
            None => Err("this user may not make networks with NATs"),
        }
    }

    fn connect(&self, nats: &[(Nat, u8)]) -> Option<()> {
        let relay = self.relay_name();
        ip(&format!("netns add {relay}"))?;
        ip(&format!("-n {relay} link set lo up"))?;
        ip(&format!("-n {relay} link add out type bridge"))?;
        ip(&format!("-n {relay} addr add {RELAY}/24 dev out"))?;
        ip(&format!("-n {relay} link set out up"))?;
        for (number, (kind, hosts)) in (0..).zip(nats) {
            let nat = self.nat_name(number);
            ip(&format!("netns add {nat}"))?;
            ip(&format!("-n {relay} link add n{number} type veth peer name wan netns {nat}"))?;
            ip(&format!("-n {relay} link set n{number} master out up"))?;
            ip(&format!("-n {nat} addr add {}/24 dev wan", self.nat_address(number)))?;
            ip(&format!("-n {nat} link add lan type bridge"))?;
            ip(&format!("-n {nat} addr add 192.168.{number}.1/24 dev lan"))?;
            for device in ["lo", "wan", "lan"] {
                ip(&format!("-n {nat} link set {device} up"))?;
            }
            for host in 0..*hosts {
                let name = self.host_name((number, host));
                ip(&format!("netns add {name}"))?;
                ip(&format!("-n {nat} link add h{host} type veth peer name eth0 netns {name}"))?;
                ip(&format!("-n {nat} link set h{host} master lan up"))?;
                ip(&format!("-n {name} addr add {}/24 dev eth0", self.address((number, host))))?;
                ip(&format!("-n {name} link set lo up"))?;
                ip(&format!("-n {name} link set eth0 up"))?;
                ip(&format!("-n {name} route add default via 192.168.{number}.1"))?;
            }
            let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
            run(Command::new("ip").args(["netns", "exec", &nat, "sh", "-c", forward]))?;
            filter(&nat, &rules(*kind, &self.address((number, 0))))?;
        }
        Some(())
    }

    fn relay_name(&self) -> String {
        format!("xcher-nat-{}-r", self.id)
    }

    pub(crate) fn nat_name(&self, number: u8) -> String {
        format!("xcher-nat-{}-{number}", self.id)
    }

    /// Loads rules into a NAT.
    pub(crate) fn filter(&self, nat: u8, rules: &str) -> Option<()> {
        filter(&self.nat_name(nat), rules)
    }

    /// Returns the rules of a table of a NAT.
    pub(crate) fn rules(&self, nat: u8, table: &str) -> String {
        let list = ["netns", "exec", &self.nat_name(nat), "nft", "list", "table", "inet", table];
        let output = Command::new("ip").args(list).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn host_name(&self, (nat, host): Host) -> String {
        format!("xcher-nat-{}-{nat}-{host}", self.id)
    }

    /// Returns the address of a NAT, which is that of its hosts as the relay sees them.
    pub(crate) fn nat_address(&self, number: u8) -> String {
        format!("11.0.0.{}", number + 2)
    }

    /// Returns a host's own address.
    pub(crate) fn address(&self, (nat, host): Host) -> String {
        format!("192.168.{nat}.{}", host + 2)
    }

    /// Starts `xcher relay`; returns it with its address and its bridge's URL.
    pub(crate) fn relay(&self) -> (Process, [String; 2]) {
        let listen = ["relay", "--listen", "0.0.0.0:9247", "--http", "0.0.0.0:9248"];
        let process = self.command(&self.relay_name(), &listen).start();
        process.out("http ");
        (process, [format!("{RELAY}:9247"), format!("http://{RELAY}:9248/")])
    }

    /// Builds a command that runs on a host.
    pub(crate) fn xcher(&self, host: Host, args: &[&str]) -> Xcher {
        self.command(&self.host_name(host), args)
    }

    fn command(&self, name: &str, args: &[&str]) -> Xcher {
        let binary = Path::new(env!("CARGO_BIN_EXE_xcher"));
        Xcher::other("ip").args(["netns", "exec", name]).args([binary]).args(args)
    }

    /// Runs `test` in a thread whose sockets, and those of the threads that it starts, are a host's.
    pub(crate) fn on<T: Send>(&self, host: Host, test: impl FnOnce() -> T + Send) -> T {
        within(&self.host_name(host), test)
    }

    /// Likewise of a NAT.
    pub(crate) fn on_nat<T: Send>(&self, nat: u8, test: impl FnOnce() -> T + Send) -> T {
        within(&self.nat_name(nat), test)
    }

    /// Returns the bytes that have left the NAT's hosts for the relay, and so its bridge, or came from there.
    pub(crate) fn bytes_outside(&self, nat: u8) -> u64 {
        let (relay, device) = (self.relay_name(), format!("/sys/class/net/n{nat}/statistics"));
        let count = |direction: &str| {
            let file = format!("{device}/{direction}_bytes");
            let read = ["netns", "exec", &relay, "cat", &file];
            let output = Command::new("ip").args(read).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().parse::<u64>().unwrap()
        };
        count("rx") + count("tx")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Those that were not created yet cannot be deleted.
        let hosts = (0..)
            .zip(&self.hosts)
            .flat_map(|(nat, hosts)| (0..*hosts).map(move |host| (nat, host)));
        let hosts = hosts.map(|host| self.host_name(host));
        let nats = (0..self.hosts.len() as u8).map(|nat| self.nat_name(nat));
        for name in hosts.chain(nats).chain([self.relay_name()]) {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

/// Returns the rules of a NAT.
fn rules(kind: Nat, first_host: &str) -> String {
    let (translate, inbound) = match kind {
        Nat::FullCone => ("masquerade", format!("iifname wan dnat to {first_host}")),
        Nat::AddressRestricted => {
            ("masquerade", format!("iifname wan ip saddr @known dnat to {first_host}"))
        }
        Nat::PortRestricted | Nat::Refusing => ("masquerade", String::new()),
        Nat::Symmetric => ("masquerade fully-random", String::new()),
    };
    let refuse = match kind {
        Nat::Refusing => "reject with tcp reset",
        _ => "drop",
    };
    let forward = match kind {
        Nat::FullCone | Nat::AddressRestricted => "oifname wan add @known { ip daddr }".to_owned(),
        // A port that the router forwards lets everyone in.
        _ => format!("iifname wan ct state new ct status ! dnat meta l4proto tcp {refuse}"),
    };
    // What hosts inside send to the NAT's own address is refused, or lost, in the same way.
    format!(
        "table ip nat_of_lab {{
            set known {{ type ipv4_addr; flags dynamic,timeout; timeout 60s; }}
            chain in {{ type nat hook prerouting priority -100; {inbound}
            }}
            chain out {{ type nat hook postrouting priority 100; oifname wan {translate}
            }}
            chain through {{ type filter hook forward priority 0; {forward}
            }}
            chain own {{ type filter hook input priority 0; meta l4proto tcp {refuse}
            }}
        }}"
    )
}

/// Loads rules into a namespace.
fn filter(name: &str, rules: &str) -> Option<()> {
    let mut command = Command::new("ip");
    let command = command.args(["netns", "exec", name, "nft", "-f", "-"]);
    let mut nft = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    nft.stdin.take()?.write_all(rules.as_bytes()).ok()?;
    nft.wait().ok()?.success().then_some(())
}

fn ip(line: &str) -> Option<()> {
    namespaces::ip(line).then_some(())
}

fn run(command: &mut Command) -> Option<()> {
    let command = command.stdin(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success()).then_some(())
}
