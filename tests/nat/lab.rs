//! A relay and hosts behind NATs, in network namespaces: nothing leaves them.

// Each test file is a crate of its own and uses a part of this module.
#![allow(dead_code)]

mod delays;
mod kinds;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use delays::{Internet, Line};
pub(crate) use kinds::Nat;

use crate::system::authority::Pair;
use crate::system::namespaces::{self, within};
use crate::system::process::{Process, Xcher};

/// The relay's address, which every host reaches.
pub(crate) const RELAY: &str = "11.0.0.1";

/// How long packets take between the relay and the middle of an internet with delays.
const RELAY_DELAY: Duration = Duration::from_millis(1);

/// A relay, NATs and the hosts behind them, deleted on drop.
pub(crate) struct Lab {
    id: String,
    /// The NATs, and the number of hosts behind each.
    nats: Vec<(Nat, u8)>,
    /// Carries packets between the NATs and the relay, if they take time.
    internet: Option<Internet>,
}

/// A host: the number of its NAT, and its own there, both from 0.
pub(crate) type Host = (u8, u8);

/// Number of labs that this process has created.
static CREATED: AtomicU32 = AtomicU32::new(0);

impl Lab {
    /// Creates NATs with so many hosts behind each. Returns why that is not possible here.
    pub(crate) fn new(nats: &[(Nat, u8)]) -> Result<Self, &'static str> {
        Self::create(nats, None)
    }

    /// Likewise, with so long between each NAT and the middle of the internet. A host without a NAT counts as one.
    pub(crate) fn with_delays(
        nats: &[(Nat, u8)],
        delays: &[Duration],
    ) -> Result<Self, &'static str> {
        Self::create(nats, Some(delays))
    }

    fn create(nats: &[(Nat, u8)], delays: Option<&[Duration]>) -> Result<Self, &'static str> {
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{number}", std::process::id());
        let mut lab = Self { id, nats: nats.to_vec(), internet: None };
        if !Command::new("nft")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
        {
            return Err("nft is not installed");
        }
        let connected = lab.connect_insides().and_then(|()| match delays {
            Some(delays) => lab.connect_slowly(delays),
            None => lab.connect_at_once(),
        });
        match connected.and_then(|()| lab.configure()) {
            Some(()) => Ok(lab),
            None => Err("this user may not make networks with NATs"),
        }
    }

    /// Returns each NAT with its number.
    fn nats(&self) -> impl Iterator<Item = (u8, Nat, u8)> {
        (0..).zip(&self.nats).map(|(number, (kind, hosts))| (number, *kind, *hosts))
    }

    /// Creates the namespaces, and the networks behind the NATs.
    fn connect_insides(&self) -> Option<()> {
        ip(&format!("netns add {}", self.relay_name()))?;
        for (number, kind, hosts) in self.nats() {
            if kind.is_public() {
                assert_eq!(hosts, 1, "an address of its own");
                ip(&format!("netns add {}", self.host_name((number, 0))))?;
                continue;
            }
            let nat = self.nat_name(number);
            ip(&format!("netns add {nat}"))?;
            ip(&format!("-n {nat} link add lan type bridge"))?;
            ip(&format!("-n {nat} addr add 192.168.{number}.1/24 dev lan"))?;
            ip(&format!("-n {nat} link set lan up"))?;
            for host in 0..hosts {
                let name = self.host_name((number, host));
                ip(&format!("netns add {name}"))?;
                ip(&format!("-n {nat} link add h{host} type veth peer name eth0 netns {name}"))?;
                ip(&format!("-n {nat} link set h{host} master lan up"))?;
                ip(&format!("-n {name} addr add {}/24 dev eth0", self.address((number, host))))?;
                ip(&format!("-n {name} link set lo up"))?;
                ip(&format!("-n {name} link set eth0 up"))?;
                ip(&format!("-n {name} route add default via 192.168.{number}.1"))?;
            }
        }
        Some(())
    }

    /// Returns the namespace that has a NAT's address.
    fn outside_name(&self, number: u8) -> String {
        if self.nats[usize::from(number)].0.is_public() {
            self.host_name((number, 0))
        } else {
            self.nat_name(number)
        }
    }

    /// Connects the NATs and the relay by a switch.
    fn connect_at_once(&self) -> Option<()> {
        let relay = self.relay_name();
        ip(&format!("-n {relay} link add out type bridge"))?;
        for (number, ..) in self.nats() {
            let outside = self.outside_name(number);
            ip(&format!("-n {relay} link add n{number} type veth peer name wan netns {outside}"))?;
            ip(&format!("-n {relay} link set n{number} master out up"))?;
        }
        Some(())
    }

    /// Connects them by an internet with delays.
    fn connect_slowly(&mut self, delays: &[Duration]) -> Option<()> {
        let mut lines = vec![Line::new(&self.relay_name(), "out", RELAY, RELAY_DELAY)?];
        for ((number, ..), delay) in self.nats().zip(delays) {
            let outside = self.outside_name(number);
            lines.push(Line::new(&outside, "wan", &self.nat_address(number), *delay)?);
        }
        self.internet = Some(Internet::start(lines));
        Some(())
    }

    /// Gives the devices outside their addresses, and the NATs their rules.
    fn configure(&self) -> Option<()> {
        let relay = self.relay_name();
        ip(&format!("-n {relay} addr add {RELAY}/24 dev out"))?;
        for device in ["lo", "out"] {
            ip(&format!("-n {relay} link set {device} up"))?;
        }
        for (number, kind, _) in self.nats() {
            let outside = self.outside_name(number);
            ip(&format!("-n {outside} addr add {}/24 dev wan", self.nat_address(number)))?;
            for device in ["lo", "wan"] {
                ip(&format!("-n {outside} link set {device} up"))?;
            }
            if !kind.is_public() {
                let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
                run(Command::new("ip").args(["netns", "exec", &outside, "sh", "-c", forward]))?;
            }
            filter(&outside, &kind.rules(&self.address((number, 0))))?;
        }
        Some(())
    }

    /// Makes address-restricted NATs forget to whom their hosts have sent something.
    pub(crate) fn forget(&self) {
        for (number, kind, _) in self.nats() {
            if kind == Nat::AddressRestricted {
                self.filter(number, kinds::FORGET).unwrap();
            }
        }
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
        if self.nats[usize::from(nat)].0.is_public() {
            return self.nat_address(nat);
        }
        format!("192.168.{nat}.{}", host + 2)
    }

    /// Starts `xcher relay`; returns it with its address and its bridge's URL.
    pub(crate) fn relay(&self) -> (Process, [String; 2]) {
        let listen = ["relay", "--listen", "0.0.0.0:9247", "--http", "0.0.0.0:9248"];
        let process = self.command(&self.relay_name(), &listen).start();
        process.out("http ");
        (process, [format!("{RELAY}:9247"), format!("http://{RELAY}:9248/")])
    }

    /// Starts `xcher relay` with ports with TLS and without; returns it with the address of the one with TLS.
    pub(crate) fn relay_over_tls(&self, pair: &Pair) -> (Process, String) {
        let listen = ["relay", "--listen", "0.0.0.0:9247,tls://0.0.0.0:9250", "--http", "off"];
        let command = self.command(&self.relay_name(), &listen);
        let command = command.args([Path::new("--tls-cert"), &pair.certificate]);
        let process = command.args([Path::new("--tls-key"), &pair.key]).start();
        process.out("relay tls://");
        (process, format!("tls://{RELAY}"))
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
        self.bytes_at_relay(&format!("n{nat}"))
    }

    /// Returns the bytes that the relay, and so its bridge, has sent and received.
    pub(crate) fn bytes_of_relay(&self) -> u64 {
        self.bytes_at_relay("out")
    }

    fn bytes_at_relay(&self, device: &str) -> u64 {
        let (relay, device) = (self.relay_name(), format!("/sys/class/net/{device}/statistics"));
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
        let hosts = self.nats().flat_map(|(nat, _, hosts)| (0..hosts).map(move |host| (nat, host)));
        let hosts = hosts.map(|host| self.host_name(host));
        let nats = self.nats().map(|(nat, ..)| self.nat_name(nat));
        for name in hosts.chain(nats).chain([self.relay_name()]) {
            let _ = ip(&format!("netns del {name}"));
        }
    }
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
