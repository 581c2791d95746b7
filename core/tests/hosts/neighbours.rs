//! What a host behind the same NAT, or a relay, can make a host dial (section 5.7).

use std::net::{IpAddr, SocketAddr};

use xcher_core::addr::AddrError;
use xcher_core::peer::{ConnId, Error, Event, Input, Notice, Path, PathPolicy};

use crate::near::{config, net_with};
use crate::net::{Fate, NAT, Net, ip};

fn notices(net: &Net, host: usize) -> Vec<Notice> {
    let notice = |event: &Event| match event {
        Event::Notice { notice, .. } => Some(notice.clone()),
        _ => None,
    };
    net.hosts[host].events.iter().filter_map(notice).collect()
}

/// Calls B from outside the simulated hosts: X_INITs as a hostile relay, or a neighbour, sends them.
struct Victim {
    net: Net,
}

impl Victim {
    fn new() -> Self {
        let mut net = net_with(&config(PathPolicy::default()));
        // Dials neither succeed nor fail: the test decides.
        net.fate = |_, _, _| Fate::Lost;
        net.dials.clear();
        Self { net }
    }

    /// A call at a public address, and then an inner one.
    fn call(&mut self, nick: &str, near: &str) {
        self.net.relay_says(1, &format!("X_FROM {nick}\nX_INIT b 11.0.0.2 40000\n"));
        self.near(nick, near);
    }

    fn near(&mut self, nick: &str, at: &str) {
        let ticket = "AAAAAAAAAAAAAAAAAAAAAA==";
        let lines = format!("X_FROM {nick}\nX_NEAR\nX_TICKET {ticket}\nX_INIT b {at}\n");
        self.net.relay_says(1, &lines);
    }

    /// The inner addresses that were dialled.
    fn dialled(&self) -> Vec<SocketAddr> {
        let public = |to: &SocketAddr| to.ip() == IpAddr::from(NAT);
        self.net.dials.iter().map(|(_, to)| *to).filter(|to| !public(to)).collect()
    }

    fn near_dial(&self) -> (ConnId, SocketAddr) {
        let mut dials = self.net.dials.iter().rev();
        *dials.find(|(_, to)| to.ip().to_string().starts_with("10.")).unwrap()
    }

    /// Connects the host to the inner address that it dialled last.
    fn connect(&mut self) -> ConnId {
        let (conn, to) = self.near_dial();
        let local = SocketAddr::new(ip(1), 5);
        self.net.give(1, Input::Connected { conn, local, remote: to });
        self.net.run();
        conn
    }

    fn hears(&mut self, conn: ConnId, bytes: &'static [u8]) {
        self.net.begin(1, |peer, now, actions| {
            peer.handle(Input::Received { conn, bytes }, now, actions);
        });
        self.net.run();
    }
}

#[test]
fn callee_dials_its_own_private_block_only() {
    let mut victim = Victim::new();
    for (number, at) in [
        "127.0.0.1 40000",
        "169.254.169.254 40000",
        "172.17.0.2 40000",
        "192.168.1.2 40000",
        "100.64.0.1 40000",
        "8.8.8.8 40000",
        "::1 40000",
        "fd00::1 40000",
        "fe80::1 40000",
        "0.0.0.0 40000",
        "255.255.255.255 40000",
        "10.0.0.9 1023",
    ]
    .into_iter()
    .enumerate()
    {
        victim.call(&format!("c{number}"), at);
    }
    assert_eq!(victim.dialled(), []);
    let refused = notices(&victim.net, 1);
    assert_eq!(refused.len(), 12, "{refused:?}");
    victim.call("kim", "10.0.0.9 40000");
    assert_eq!(victim.dialled(), ["10.0.0.9:40000".parse().unwrap()]);
}

#[test]
fn callee_dials_a_near_address_only_as_part_of_a_call() {
    let mut victim = Victim::new();
    victim.near("kim", "10.0.0.9 40000");
    assert_eq!(victim.dialled(), [], "no call");
    victim.net.relay_says(1, "X_FROM kim\nX_INIT b 11.0.0.2 40000\n");
    victim.near("eve", "10.0.0.9 40000");
    assert_eq!(victim.dialled(), [], "another host's");
    // Without X_NEAR, a private address is refused as ever.
    victim.net.relay_says(1, "X_FROM kim\nX_INIT b 10.0.0.9 40000\n");
    assert_eq!(victim.dialled(), []);
    let error = AddrError::PrivateAddress([10, 0, 0, 9].into());
    assert_eq!(victim.net.errors(1), [Error::Policy(error)]);
}

/// A neighbour behind the same carrier-grade NAT cannot scan the callee's network.
#[test]
fn near_dials_are_limited_to_eight_a_minute() {
    let mut victim = Victim::new();
    for number in 0..30 {
        victim.call(&format!("c{number}"), &format!("10.0.1.{number} 40000"));
    }
    assert_eq!(victim.dialled().len(), 8);
    let too_many = Error::Policy(AddrError::TooManyDials);
    let refused = notices(&victim.net, 1).into_iter();
    let refused = refused
        .filter(|notice| matches!(notice, Notice::NearRefused { error, .. } if *error == too_many));
    assert_eq!(refused.count(), 22);
}

#[test]
fn nothing_is_said_to_a_host_that_does_not_greet() {
    for says in [&b"SSH-2.0-x\r\n"[..], b"X_CHK //xcher/2\n", b"X_NEAR ", b"X_NEARER\n", b"\n"] {
        let mut victim = Victim::new();
        victim.call("kim", "10.0.0.9 40000");
        let conn = victim.connect();
        victim.net.wait(4);
        assert_eq!(victim.net.hosts[1].written, b"");
        victim.hears(conn, says);
        assert_eq!(victim.net.hosts[1].written, b"", "{says:?}");
        assert!(victim.net.closed_outsiders.contains(&conn), "{says:?}");
    }
    // A host there that hangs up.
    let mut victim = Victim::new();
    victim.call("kim", "10.0.0.9 40000");
    let conn = victim.connect();
    victim.net.give(1, Input::Closed { conn, why: None });
    victim.net.run();
    assert_eq!(victim.net.hosts[1].written, b"");
    // One that greets, in pieces.
    let mut victim = Victim::new();
    victim.call("kim", "10.0.0.9 40000");
    let conn = victim.connect();
    victim.hears(conn, b"X_NE");
    assert_eq!(victim.net.hosts[1].written, b"");
    victim.hears(conn, b"AR\nX_CHK //xcher/2\n");
    let written = String::from_utf8_lossy(&victim.net.hosts[1].written).into_owned();
    assert!(written.starts_with("X_TICKET AAAAAAAAAAAAAAAAAAAAAA==\nX_CHK //xcher/2 YES\n"));
}

/// A caller could find out which ports are open in the callee's network if that changed when it is dialled
/// elsewhere.
#[test]
fn times_of_other_dials_do_not_show_what_is_in_the_callees_network() {
    let times = |fate, near: fn(&mut Victim)| {
        let mut victim = Victim { net: net_with(&config(PathPolicy::Auto)) };
        victim.net.fate = fate;
        victim.net.dials.clear();
        victim.call("kim", "10.0.0.9 40000");
        near(&mut victim);
        let mut times = Vec::new();
        let mut known = victim.net.dials.len();
        for at in (0..6000).step_by(50) {
            if [2000, 5000].contains(&at) {
                victim.net.relay_says(1, "X_FROM kim\nX_INIT b 11.0.0.1 40001\n");
            }
            for (_, to) in &victim.net.dials[known..] {
                times.push((at, *to));
            }
            known = victim.net.dials.len();
            victim.net.wait_ms(50);
        }
        times
    };
    let lost: fn(usize, SocketAddr, Path) -> Fate = |_, _, _| Fate::Lost;
    let refused: fn(usize, SocketAddr, Path) -> Fate = |_, to, _| match to.ip().to_string().as_str()
    {
        "10.0.0.9" => Fate::Lost,
        _ => Fate::Refused,
    };
    for (fate, dials) in [(lost, 5), (refused, 4)] {
        let silent = times(fate, |_| {});
        assert_eq!(silent.len(), dials, "{silent:?}");
        let refused = times(fate, |victim| {
            let (conn, _) = victim.near_dial();
            victim.net.give(1, Input::ConnectFailed { conn, why: "refused".into() });
            victim.net.run();
        });
        let open = times(fate, |victim| {
            let conn = victim.connect();
            victim.hears(conn, b"SSH-2.0-x\r\n");
        });
        let open_and_silent = times(fate, |victim| _ = victim.connect());
        assert_eq!([&refused, &open, &open_and_silent], [&silent; 3]);
    }
}

/// A silent host at the near address does not keep the call from another path.
#[test]
fn silent_host_at_the_near_address_does_not_end_the_call() {
    let mut victim = Victim::new();
    victim.call("kim", "10.0.0.9 40000");
    let conn = victim.connect();
    let (public, _) = victim.net.dials[0];
    let (local, remote) = (SocketAddr::new(ip(1), 5), SocketAddr::new(NAT.into(), 40000));
    victim.net.give(1, Input::Connected { conn: public, local, remote });
    victim.net.run();
    assert!(victim.net.closed_outsiders.contains(&conn));
    victim.hears(public, b"X_CHK //xcher/2\n");
    assert!(victim.net.hosts[1].written.starts_with(b"X_CHK //xcher/2 YES\n"));
}
