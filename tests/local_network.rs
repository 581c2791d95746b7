//! Hosts of one local network find each other without a relay.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod system;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use mdns_sd::{ServiceDaemon, ServiceInfo};
use rustix::process::Signal;
use socket2::{Domain, Socket, Type};
use system::local_network::LocalNetwork;
use system::not_tested;
use system::patience::Patience;
use system::process::Process;
use system::tree;
use tempfile::{TempDir, tempdir};

const SERVICE: &str = "_xcher._tcp.local.";

macro_rules! network {
    ($hosts:expr) => {
        match LocalNetwork::new($hosts) {
            Some(network) => network,
            None => return not_tested("this system does not allow network namespaces"),
        }
    };
}

fn files() -> TempDir {
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("s/a", "first"), ("s/b/c", "second")]);
    folder
}

fn code_of(sender: &Process) -> String {
    sender.until("a code", |lines| lines.out.first().cloned())
}

/// A responder that follows no rule: it announces `nick` at these addresses, whoever else does.
fn announce(
    network: &LocalNetwork,
    host: u8,
    nick: &str,
    ips: &[IpAddr],
    port: u16,
) -> ServiceDaemon {
    network.on(host, || {
        let name = format!("liar-{host}-{port}.local.");
        let mut service = ServiceInfo::new(SERVICE, nick, &name, ips, port, None).unwrap();
        service.set_requires_probe(false);
        let daemon = ServiceDaemon::new().unwrap();
        daemon.register(service).unwrap();
        daemon
    })
}

#[test]
fn a_code_leads_to_its_sender_with_nothing_started_before() {
    let network = network!(2);
    let from = files();
    let sender = network.xcher(1, &["send", "s"]).dir(from.path()).start();
    let code = code_of(&sender);
    sender.err("in the local network: ");
    let out = tempdir().unwrap();
    let get = network.xcher(2, &["get", &code, "--yes"]).dir(out.path()).run().code(0);
    let place = "is connected directly, in the same network; ";
    get.session_line(&[&network.address(1).to_string(), place, "authenticated by the code"]);
    sender.wait().code(0).error(&["the peer has stored everything"]);
    assert_eq!(tree::read(out.path()), tree::read(from.path()));
}

#[test]
fn a_code_leads_to_its_sender_on_the_same_machine_without_any_network() {
    let network = network!(1);
    let from = files();
    // Host 0 is the switch: it has loopback only.
    for host in [1, 0] {
        let sender = network.xcher(host, &["send", "s"]).dir(from.path()).start();
        let out = tempdir().unwrap();
        let get = network.xcher(host, &["get", &code_of(&sender), "--yes"]);
        get.dir(out.path()).run().code(0);
        sender.wait().code(0);
        assert_eq!(tree::read(out.path()), tree::read(from.path()));
    }
}

#[test]
fn hosts_find_each_other_by_nick() {
    let network = network!(3);
    let (from, keys, out) = (files(), tempdir().unwrap(), tempdir().unwrap());
    let share = network.xcher(1, &["share", "s", "--nick", "kim.x"]).dir(from.path()).start();
    share.out("online kim.x");
    let receive = ["receive", "--yes", "--nick", "Åmy", "-o"];
    let receive = network.xcher(2, &receive).args([out.path()]).start();
    receive.out("online Åmy");
    let on_3 = |args: &[&str]| network.xcher(3, args).env("XCHER_DATA_DIR", keys.path());
    on_3(&["who"]).run().code(0).quiet().out_sorted(&["kim.x", "Åmy"]);
    let ls = on_3(&["ls", "KIM.x"]).run().code(0).out(&["5\ts/a", "6\ts/b/c"]);
    ls.session_line(&["seen for the first time"]);
    let get = on_3(&["get", "kim.x", "--all", "-o", "."]).dir(keys.path());
    get.run().code(0).session_line(&["same as before"]);
    on_3(&["check", "kim.x", "s/a"]).run().code(0);
    on_3(&["send", "Åmy", "s"]).dir(from.path()).run().code(0);
    assert_eq!(tree::finished(out.path()), tree::read(from.path()));
    // A name is free again once its host has left.
    share.stop(Signal::INT).code(0);
    on_3(&["ls", "kim.x"])
        .run()
        .code(3)
        .one_error(&["no host in the local network is called kim.x"]);
}

/// The provider has another port, and the network has heard nothing of the end of the one before.
#[test]
fn a_transfer_resumes_when_its_provider_comes_back() {
    let network = network!(2);
    let (from, keys, out) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(from.path(), [("s/film", tree::bytes(3, 12 << 20))]);
    let share = || {
        let share = network.xcher(1, &["share", "s", "--nick", "kim"]).dir(from.path());
        let share = share.env("XCHER_DATA_DIR", keys.path()).start();
        share.out("online kim");
        share
    };
    let first = share();
    let get = ["get", "kim", "--all", "--json", "--limit-receive", "4mb", "--retry", "10m"];
    let get = network.xcher(2, &get).dir(out.path()).start();
    get.event(&[("event", "transfer"), ("state", "progress")]);
    drop(first);
    get.err("lost the connection to kim");
    let _second = share();
    get.wait().code(0);
    assert_eq!(tree::finished(out.path()), tree::read(from.path()));
}

#[test]
fn a_nick_belongs_to_one_host_of_the_network() {
    let network = network!(2);
    let from = files();
    let share = |host| {
        let share = network.xcher(host, &["share", "s", "--nick", "kim"]);
        share.dir(from.path()).start()
    };
    let first = share(1);
    first.out("online kim");
    share(2).wait().code(1).one_error(&["the nick kim is taken in the local network", "--nick"]);
    // Without a nick of its own choice, a host takes the next one.
    let unnamed = || {
        let share = network.xcher(2, &["share", "s"]).dir(from.path()).start();
        let nick = share.out("online ");
        (share, nick)
    };
    let ((_one, first), (_other, second)) = (unnamed(), unnamed());
    assert!(second.starts_with(&format!("{first}-")), "{first} {second}");
}

#[test]
fn a_host_at_a_named_relay_is_not_announced() {
    let network = network!(2);
    let from = files();
    let relay = ["relay", "--listen", "10.254.0.1:9300", "--http", "off"];
    let relay = network.xcher(1, &relay).start();
    relay.out("relay ");
    let at = ["--relay", "10.254.0.1:9300"];
    let share =
        network.xcher(1, &["share", "s", "--nick", "kim"]).args(at).dir(from.path()).start();
    share.out("online kim");
    network.xcher(2, &["who"]).run().code(0).out(&[]);
    network.xcher(2, &["who"]).args(at).run().code(0).out(&["kim"]);
    // Nor is one that uses the default relay of its machine, which works as before.
    let relay = network.xcher(2, &["relay", "--http", "off"]).start();
    relay.out("relay ");
    let share = network.xcher(2, &["share", "s", "--nick", "amy"]).dir(from.path()).start();
    share.out("online amy");
    share.err("--relay lan");
    network.xcher(1, &["who"]).run().code(0).out(&[]);
    network.xcher(2, &["ls", "amy"]).run().code(0).out(&["5\ts/a", "6\ts/b/c"]);
    // With one, hosts of the local network are found all the same.
    let lan = ["share", "s", "--nick", "zoe", "--relay", "lan"];
    let lan = network.xcher(1, &lan).dir(from.path()).start();
    lan.out("online zoe");
    network.xcher(2, &["ls", "zoe"]).run().code(0).out(&["5\ts/a", "6\ts/b/c"]);
    network.xcher(2, &["who"]).run().code(0).out_sorted(&["amy", "zoe"]);
    // Without the local network there is the default relay only.
    network.xcher(1, &["who", "--no-lan"]).run().code(3).one_error(&["no relay at 127.0.0.1:9247"]);
}

/// A neighbour announces a host's nick, too. It cannot become that host to one who knows its key, nor learn a
/// code; a first contact that hears both goes no further.
#[test]
fn a_neighbour_that_claims_a_nick_does_not_become_its_host() {
    let network = network!(3);
    let (from, keys) = (files(), tempdir().unwrap());
    let on_3 = |args: &[&str]| network.xcher(3, args).env("XCHER_DATA_DIR", keys.path());
    let share = network.xcher(1, &["share", "s", "--nick", "kim"]).dir(from.path()).start();
    share.out("online kim");
    on_3(&["ls", "kim"]).run().code(0);
    // The liar runs a whole host behind its claim.
    let relay = ["relay", "--listen", "10.254.0.2:9300", "--http", "off"];
    let relay = network.xcher(2, &relay).start();
    relay.out("relay ");
    let liar = ["share", "s", "--nick", "kim", "--relay", "10.254.0.2:9300"];
    let liar = network.xcher(2, &liar).dir(keys.path());
    std::fs::create_dir(keys.path().join("s")).unwrap();
    let liar = liar.start();
    liar.out("online kim");
    let _claim = announce(&network, 2, "kim", &[network.address(2)], 9300);
    // The neighbour may be heard instead of the host, which keeps the host from being called.
    let mut patience = Patience::new();
    loop {
        let known = on_3(&["ls", "kim"]).run();
        if known.code == Some(0) || patience.left().is_none() {
            known.code(0).out(&["5\ts/a", "6\ts/b/c"]);
            break;
        }
        known.code(5).error(&["the key of kim has changed"]);
    }
    // On a busy machine the second answer may come too late.
    patience.renew();
    let stranger = loop {
        let stranger = network.xcher(3, &["ls", "kim"]).run();
        if stranger.code != Some(0) || patience.left().is_none() {
            break stranger.code(4);
        }
    };
    stranger.one_error(&["2 hosts in the local network are called kim", "10.254.0.2:9300", "code"]);
    let sender = network.xcher(1, &["send", "s"]).dir(from.path()).start();
    let code = code_of(&sender);
    let number = code.split('-').next().unwrap().to_owned();
    let _claim = announce(&network, 2, &number, &[network.address(2)], 9300);
    let out = tempdir().unwrap();
    on_3(&["get", &code, "--yes"]).dir(out.path()).run().code(0);
    sender.wait().code(0);
    assert_eq!(tree::finished(out.path()), tree::read(from.path()));
}

/// Objects to every name of the service that a host of the network wants, until dropped.
struct Objector {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Objector {
    fn start(network: &LocalNetwork, host: u8) -> Self {
        let own = match network.address(host) {
            IpAddr::V4(own) => own,
            IpAddr::V6(_) => panic!("the network has IPv4 addresses"),
        };
        let group = Ipv4Addr::new(224, 0, 0, 251);
        let socket = network.on(host, || {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
            socket.set_reuse_address(true).unwrap();
            socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5353)).into()).unwrap();
            socket.join_multicast_v4(&group, &own).unwrap();
            socket.set_multicast_if_v4(&own).unwrap();
            UdpSocket::from(socket)
        });
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut packet = [0; 9000];
            while !stopped.load(Ordering::Relaxed) {
                let Ok(length) = socket.recv(&mut packet) else { continue };
                if let Some(objection) = objection(&packet[..length]) {
                    socket.send_to(&objection, (group, 5353)).unwrap();
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Objector {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Answers a query for an instance of the service with a record of another host.
fn objection(query: &[u8]) -> Option<Vec<u8>> {
    let is_query = *query.get(2)? & 0x80 == 0;
    let (mut at, mut names) = (12, Vec::new());
    for _ in 0..*query.get(5)? {
        let (name, end) = name(query, at)?;
        names.push(name);
        // Its type and class follow.
        at = end + 4;
    }
    let is_instance = |name: &Vec<u8>| name.windows(7).skip(1).any(|part| part == b"\x06_xcher");
    let name = names.into_iter().find(is_instance).filter(|_| is_query)?;
    let mut answer = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    answer.extend(name);
    // SRV, in the class of the internet, for 120 s: priority, weight, port, host.
    let data = b"\0\0\0\0\x27\x0f\x04liar\x05local\0";
    answer.extend([0, 33, 0x80, 1, 0, 0, 0, 120, 0, data.len() as u8]);
    answer.extend(data);
    Some(answer)
}

/// Returns the name at a position, without compression, and the position after it (RFC 1035, section 4.1.4).
fn name(packet: &[u8], mut at: usize) -> Option<(Vec<u8>, usize)> {
    let (mut name, mut end) = (Vec::new(), None);
    for _ in 0..128 {
        let length = usize::from(*packet.get(at)?);
        if length >= 0xc0 {
            end = end.or(Some(at + 2));
            at = (length - 0xc0) * 256 + usize::from(*packet.get(at + 1)?);
            continue;
        }
        name.extend(packet.get(at..=at + length)?);
        at += 1 + length;
        if length == 0 {
            return Some((name, end.unwrap_or(at)));
        }
    }
    None
}

/// A neighbour that objects to every name keeps hosts from being called by nick, which they say. It does not
/// keep a code from its receiver.
#[test]
fn a_neighbour_that_objects_to_every_name_stops_no_code() {
    let network = network!(3);
    let (from, out) = (files(), tempdir().unwrap());
    let _objector = Objector::start(&network, 2);
    let share = network.xcher(1, &["share", "s"]).dir(from.path()).run().code(1);
    share.one_error(&["is taken in the local network; choose another with --nick"]);
    let sender = network.xcher(1, &["send", "s"]).dir(from.path()).start();
    let get = network.xcher(3, &["get", &code_of(&sender), "--yes"]).dir(out.path()).run().code(0);
    get.session_line(&["authenticated by the code"]);
    sender.wait().code(0);
    assert_eq!(tree::finished(out.path()), tree::read(from.path()));
}

/// Announced addresses make no host connect outside its own networks, to itself over loopback, or to ports that
/// no host uses.
#[test]
fn announced_addresses_of_third_parties_are_not_dialled() {
    let network = network!(2);
    let (ports, listeners): (Vec<_>, Vec<_>) = network.on(2, || {
        let any = |at| {
            let listener = TcpListener::bind(at).unwrap();
            listener.set_nonblocking(true).unwrap();
            (listener.local_addr().unwrap().port(), listener)
        };
        [any("127.0.0.1:0"), any("10.254.0.2:1023")].into_iter().unzip()
    });
    // A route of this host's, but no network of it.
    let elsewhere: IpAddr = [10, 253, 0, 9].into();
    let loopback: IpAddr = [127, 0, 0, 1].into();
    let _claims = [
        announce(&network, 1, "amy", &[loopback], ports[0]),
        announce(&network, 1, "bob", &[network.address(2)], 1023),
        announce(&network, 1, "carol", &[elsewhere], 9247),
        announce(&network, 1, "dave", &[[169, 254, 169, 254].into(), [224, 0, 0, 1].into()], 9247),
    ];
    for nick in ["amy", "bob", "carol", "dave"] {
        let ls = network.xcher(2, &["ls", nick]).run().code(3);
        assert!(ls.took < Duration::from_secs(10), "it waited for an address\n{ls}");
        ls.one_error(&["no host in the local network is called"]);
    }
    for listener in listeners {
        let error = listener.accept().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "it was connected to");
    }
}
