//! What strangers say first at the port of a host that waits for whom it called (section 5.5): only who
//! shows the ticket is let in, and whoever else spoke is shown out and not spoken to, however it is split.

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
    /// Whether the right ticket stands before it, whole or a part of it.
    shows: Option<u8>,
    said: Vec<u8>,
}

const LINE: &[u8] = b"X_TICKET BwcHBwcHBwcHBwcHBwcHBw==\n";
const DUE: &str = "X_TICKET b 192.0.2.7 40000 BwcHBwcHBwcHBwcHBwcHBw==\n";
const NOW: Duration = Duration::from_secs(1);

#[derive(Debug, PartialEq)]
enum End {
    LetIn,
    ShownOut,
    Waits,
}

fuzz_target!(|input: Visit| {
    let shown = input.shows.map_or(0, |length| usize::from(length).min(LINE.len()));
    let bytes: Vec<_> = LINE[..shown].iter().chain(&input.said).copied().take(8000).collect();
    let end = visit(&[&bytes]);
    assert_eq!(end, plainly(&bytes), "{:?}", String::from_utf8_lossy(&bytes));
    // Whoever showed it in the first piece is taken with it.
    assert_eq!(end, visit(&split(input.seed, &bytes)));
    assert_eq!(end, visit(&split(0, &bytes)));
});

/// What the rule says.
fn plainly(bytes: &[u8]) -> End {
    const VERB: &[u8] = b"X_TICKET ";
    // Of a ticket the line end comes by then.
    let first = &bytes[..bytes.len().min(VERB.len() + 26)];
    match first.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let line = first[..end].strip_suffix(b"\r").unwrap_or(&first[..end]);
            if line == &LINE[..LINE.len() - 1] { End::LetIn } else { End::ShownOut }
        }
        None if first.len() == VERB.len() + 26 => End::ShownOut,
        None if first.starts_with(VERB) || VERB.starts_with(first) => End::Waits,
        None => End::ShownOut,
    }
}

/// A host that called b, whose ticket is due at 192.0.2.7 40000; what comes of a visit.
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
    let do_ = |peer: &mut Peer, input: Input<'_>| {
        let mut actions = Vec::new();
        peer.handle(input, NOW, &mut actions);
        actions
    };
    do_(&mut peer, Input::Connected { conn: relay, local: at, remote });
    for line in ["X_NICK a YES\n", "X_CAPS from ticket\n", "X_ADDR 192.0.2.7\n"] {
        do_(&mut peer, Input::Received { conn: relay, bytes: line.as_bytes() });
    }
    let mut actions = Vec::new();
    peer.open(Nick::parse("b").expect("valid"), NOW, &mut actions).expect("online");
    let listener: Option<ListenerId> = actions.iter().find_map(|action| match action {
        Action::Listen { listener, .. } => Some(*listener),
        _ => None,
    });
    let listener = listener.expect("a door");
    do_(&mut peer, Input::Listening { listener, allocated_at: None, port: 40_000 });
    do_(&mut peer, Input::Received { conn: relay, bytes: DUE.as_bytes() });
    let conn: ConnId = peer.new_conn();
    let mut end = End::Waits;
    let mut see = |actions: Vec<Action>| {
        for action in actions {
            match action {
                // Nobody else is waited for.
                Action::StopListening { .. } => end = End::LetIn,
                Action::Write { conn: to, .. } if to == conn => assert_eq!(end, End::LetIn),
                Action::Close { conn: to } if to == conn && end == End::Waits => {
                    end = End::ShownOut;
                }
                _ => {}
            }
        }
    };
    see(do_(&mut peer, Input::Accepted { listener, conn, local: at, remote: from }));
    for piece in pieces {
        see(do_(&mut peer, Input::Received { conn, bytes: piece }));
    }
    end
}
