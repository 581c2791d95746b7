//! Any first bytes of a connection to a caller's port (section 5.5): with every split, only a
//! connection that shows the ticket is accepted, and any other that sent something is closed
//! without an answer.

#![no_main]

use std::net::SocketAddr;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::peer::{Action, Config, ConnId, Input, ListenerId};
use xcher_core::{Nick, Peer};
use xcher_core_fuzz::split;

#[derive(Arbitrary, Debug)]
struct Visit {
    seed: u8,
    /// This many bytes of the right ticket come first.
    shows: Option<u8>,
    bytes: Vec<u8>,
}

const LINE: &[u8] = b"X_TICKET BwcHBwcHBwcHBwcHBwcHBw==\n";
const DUE: &str = "X_TICKET b 192.0.2.7 40000 BwcHBwcHBwcHBwcHBwcHBw==\n";
const NOW: Duration = Duration::from_secs(1);

#[derive(Debug, PartialEq)]
enum End {
    Accepted,
    Closed,
    Waiting,
}

fuzz_target!(|input: Visit| {
    let shown = input.shows.map_or(0, |length| usize::from(length).min(LINE.len()));
    let bytes: Vec<_> = LINE[..shown].iter().chain(&input.bytes).copied().take(8000).collect();
    let end = visit(&[&bytes]);
    assert_eq!(end, decide_simply(&bytes), "{:?}", String::from_utf8_lossy(&bytes));
    assert_eq!(end, visit(&split(input.seed, &bytes)));
    assert_eq!(end, visit(&split(0, &bytes)));
});

/// Applies the rule to the complete bytes.
fn decide_simply(bytes: &[u8]) -> End {
    const VERB: &[u8] = b"X_TICKET ";
    // The line of a ticket ends within this length.
    let first = &bytes[..bytes.len().min(VERB.len() + 26)];
    match first.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let line = first[..end].strip_suffix(b"\r").unwrap_or(&first[..end]);
            if line == &LINE[..LINE.len() - 1] { End::Accepted } else { End::Closed }
        }
        None if first.len() == VERB.len() + 26 => End::Closed,
        None if first.starts_with(VERB) || VERB.starts_with(first) => End::Waiting,
        None => End::Closed,
    }
}

/// Connects to a host that called b, with a ticket due at 192.0.2.7 40000, and returns what becomes of it.
fn visit(pieces: &[&[u8]]) -> End {
    let nicks = vec![Nick::parse("a").expect("valid")];
    let advertise = Some([192, 0, 2, 7].into());
    let mut peer = Peer::new(Config { nicks, advertise, ..Config::default() });
    let (at, from) = (SocketAddr::from(([192, 0, 2, 7], 40_000)), ([192, 0, 2, 8], 5000).into());
    let mut actions = Vec::new();
    peer.start(NOW, &mut actions);
    let relay = actions.iter().find_map(|action| match action {
        Action::DialRelay { conn } => Some(*conn),
        _ => None,
    });
    let relay = relay.expect("a dial");
    let remote = ([192, 0, 2, 1], 9247).into();
    let step = |peer: &mut Peer, input: Input<'_>| {
        let mut actions = Vec::new();
        peer.handle(input, NOW, &mut actions);
        actions
    };
    step(&mut peer, Input::Connected { conn: relay, local: at, remote });
    for line in ["X_NICK a YES\n", "X_CAPS from ticket\n", "X_ADDR 192.0.2.7\n"] {
        step(&mut peer, Input::Received { conn: relay, bytes: line.as_bytes() });
    }
    let mut actions = Vec::new();
    peer.open(Nick::parse("b").expect("valid"), NOW, &mut actions).expect("online");
    let listener: Option<ListenerId> = actions.iter().find_map(|action| match action {
        Action::Listen { listener, .. } => Some(*listener),
        _ => None,
    });
    let listener = listener.expect("a listener");
    step(&mut peer, Input::Listening { listener, allocated_at: None, port: 40_000 });
    step(&mut peer, Input::Received { conn: relay, bytes: DUE.as_bytes() });
    let conn: ConnId = peer.new_conn();
    let mut end = End::Waiting;
    let mut check = |actions: Vec<Action>| {
        for action in actions {
            match action {
                // No other connection is awaited.
                Action::StopListening { .. } => end = End::Accepted,
                Action::Write { conn: to, .. } if to == conn => assert_eq!(end, End::Accepted),
                Action::Close { conn: to } if to == conn && end == End::Waiting => {
                    end = End::Closed;
                }
                _ => {}
            }
        }
    };
    check(step(&mut peer, Input::Accepted { listener, conn, local: at, remote: from }));
    for piece in pieces {
        check(step(&mut peer, Input::Received { conn, bytes: piece }));
    }
    end
}
