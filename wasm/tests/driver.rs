//! The driver and a bridge in memory, in a browser.

#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used)]

mod bridge;

use bridge::Pair;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use xcher_core::peer::{Error, Event, SessionId};
use xcher_core::{FileName, NotStored, Peer, Size, Stat};

wasm_bindgen_test_configure!(run_in_browser);

/// Returns a host that is online; its relay connection is stream 0.
fn online() -> Pair {
    let mut pair = Pair::new("carol");
    pair.host.command(Peer::start);
    assert_eq!(pair.world.connects.get(), 1);
    pair.host.opened(1);
    pair.turn();
    assert_eq!(pair.received(0), "X_RELAY\nX_NICK carol\n");
    pair.write(0, b"X_NICK carol YES\n");
    assert_eq!(pair.received(0), "X_CAPS from move ticket decline\nX_ADDR\n");
    pair.write(0, b"X_ADDR 192.0.2.7\n");
    assert!(matches!(&pair.events()[..], [Event::Online { nick }] if nick.as_str() == "carol"));
    pair
}

/// Returns a session with bob over stream 2; stream 1 was its listener.
fn in_session() -> (Pair, SessionId) {
    let mut pair = online();
    let session = pair.call_bob();
    pair.turn();
    assert_eq!(pair.received(1), "X_LISTEN\n");
    pair.write(1, b"X_LISTEN 198.51.100.1 40000\n");
    assert_eq!(pair.received(0), "X_INIT bob 198.51.100.1 40000\n");
    let control = pair.open("X_ACCEPT 40000 203.0.113.9 5000\n");
    assert_eq!(control, 2);
    assert!(matches!(&pair.events()[..], [Event::Opened { incoming: false, .. }]));
    (pair, session)
}

/// Requests a file of this size. Returns the stream over which it is received.
fn receiving(pair: &mut Pair, session: SessionId, size: u64) -> usize {
    let name = FileName::new("a b").unwrap();
    let files = vec![(name, Size::Exact(size), Stat::default())];
    let transfers =
        pair.host.command(|peer, now, actions| peer.get_all(session, files, now, actions));
    let transfer = transfers.unwrap()[0];
    pair.turn();
    let listener = pair.lines.len() - 1;
    assert_eq!(pair.received(listener), "X_LISTEN\n");
    pair.write(listener, b"X_LISTEN 198.51.100.1 40001\n");
    assert_eq!(pair.received(2), format!("X_REQUEST a b {size} 40001\n"));
    let data = pair.open("X_ACCEPT 40001 203.0.113.9 5001\n");
    assert!(pair.lines[listener].ended, "the listener closes after one connection");
    let events = pair.events();
    assert!(matches!(&events[..], [Event::Started { transfer: its, .. }] if *its == transfer));
    data
}

#[wasm_bindgen_test]
fn lists_and_fetches() {
    let (mut pair, session) = in_session();
    pair.host.command(|peer, now, actions| peer.list(session, now, actions)).unwrap();
    pair.turn();
    assert_eq!(pair.received(2), "X_FILELIST\n");
    pair.write(2, b"X_FILELIST a b 6\nX_FILELIST c 700mb\nX_FILELIST EOF EOF\n");
    assert!(matches!(
        &pair.events()[..],
        [Event::Entry { .. }, Event::Entry { .. }, Event::ListEnd { entries: 2, .. }]
    ));
    let data = receiving(&mut pair, session, 6);
    pair.write(data, b"abcdef");
    pair.close(data);
    assert_eq!(*pair.world.received.borrow(), b"abcdef");
    assert!(pair.events().is_empty(), "the file is complete, and not stored");
    let complete = pair.world.complete.borrow_mut().pop().unwrap();
    pair.host.stored(complete);
    assert!(matches!(&pair.events()[..], [Event::Finished { bytes: 6, .. }]));
    pair.host.not_stored(complete, NotStored::Space, "the file is stored already");
    assert!(pair.events().is_empty());
}

/// The relay stops: the next connection needs another tunnel, and the session stays in its own.
#[wasm_bindgen_test]
fn a_session_stays_in_its_tunnel_when_the_host_moves() {
    let (mut pair, session) = in_session();
    // Until the peer has spoken, another may come for the same call, which the host stays for.
    pair.write(2, b"X_CHK none\n");
    assert_eq!(pair.received(2), "X_CHK none NO\n");
    pair.write(0, b"X_CAPS from move ticket\nX_MOVE 30\n");
    assert_eq!(pair.world.connects.get(), 2);
    // It cannot be opened yet: the host stays online, and tries again.
    pair.host.lost(2, "refused");
    assert!(pair.host.peer().nick().is_some());
    pair.world.now.set(pair.world.now.get() + 1000);
    pair.host.turn();
    assert_eq!(pair.world.connects.get(), 3);
    pair.host.opened(3);
    pair.play(3);
    assert_eq!(pair.received(0), "X_RELAY\nX_NICK carol\n");
    pair.write(0, b"X_NICK carol YES\n");
    assert_eq!(pair.received(0), "X_CAPS from move ticket decline\nX_ADDR\n");
    pair.write(0, b"X_CAPS from move ticket\nX_ADDR 192.0.2.7\n");
    pair.events();

    pair.play(1);
    assert_eq!(pair.received(0), "X_END\n");
    pair.close(0);
    // The next data connection of the session has its listener in the old tunnel.
    let data = receiving(&mut pair, session, 6);
    pair.write(data, b"abcdef");
    pair.close(data);
    assert_eq!(*pair.world.received.borrow(), b"abcdef");
    pair.host.command(|peer, now, actions| peer.end(session, now, actions)).unwrap();
    pair.turn();
    assert!(!pair.world.closed.borrow().contains(&3));
    pair.world.now.set(pair.world.now.get() + 1001);
    pair.host.turn();
    assert_eq!(*pair.world.closed.borrow(), [2, 1], "the old tunnel carries nothing");
    // Calls use the new one.
    pair.play(3);
    pair.call_bob();
    pair.turn();
    assert_eq!(pair.received(1), "X_LISTEN\n");
}

#[wasm_bindgen_test]
fn a_file_that_cannot_be_stored_fails_complete_or_not() {
    let (mut pair, session) = in_session();
    for complete in [true, false] {
        let data = receiving(&mut pair, session, 6);
        pair.write(data, if complete { b"abcdef" } else { b"abc" });
        let transfer = match complete {
            true => {
                pair.close(data);
                pair.world.complete.borrow_mut().pop().unwrap()
            }
            false => pair.world.last_received.get().unwrap(),
        };
        pair.host.not_stored(transfer, NotStored::Space, "full");
        pair.turn();
        let events = pair.events();
        assert!(
            matches!(
                &events[..],
                [Event::Failed { error: Error::NotStored { reason: NotStored::Space, .. }, .. }]
            ),
            "{events:?}"
        );
        assert!(pair.lines[data].ended);
    }
}

#[wasm_bindgen_test]
fn a_file_with_a_byte_too_many_or_too_few_fails() {
    let (mut pair, session) = in_session();
    let data = receiving(&mut pair, session, 3);
    pair.write(data, b"abcdef");
    let events = pair.events();
    assert!(matches!(&events[..], [Event::Failed { error: Error::Excess { expected: 3 }, .. }]));
    assert!(pair.lines[data].ended);
    let data = receiving(&mut pair, session, 3);
    pair.write(data, b"ab");
    pair.close(data);
    let events = pair.events();
    assert!(matches!(&events[..], [Event::Failed { error: Error::Incomplete { got: 2, .. }, .. }]));
}

#[wasm_bindgen_test]
fn a_reader_that_does_not_read_stops_the_sender() {
    let (mut pair, session) = in_session();
    let size = 64 << 20;
    let data = receiving(&mut pair, session, size);
    let written = pair.write_some(data, &vec![7; size as usize]);
    assert!(written < 2 << 20, "{written} bytes were accepted");
    pair.reset(data);
    assert!(pair.world.received.borrow().len() <= written);
}

#[wasm_bindgen_test]
fn a_lost_tunnel_ends_sessions_and_transfers_and_is_opened_again() {
    let (mut pair, session) = in_session();
    let data = receiving(&mut pair, session, 10);
    pair.write(data, b"abc");
    pair.host.lost(1, "gone");
    let events = pair.events();
    let offline = |event: &Event| matches!(event, Event::Offline { retry: Some(_), .. });
    assert!(events.iter().any(offline), "{events:?}");
    assert!(events.iter().any(|event| {
        matches!(event, Event::Failed { error: Error::Incomplete { got: 3, .. }, .. })
    }));
    let ended = |event: &Event| matches!(event, Event::Ended { error: Some(Error::Closed(_)), .. });
    assert!(events.iter().any(ended), "{events:?}");
    pair.world.now.set(1000);
    pair.host.turn();
    assert_eq!(pair.world.connects.get(), 2);
}

#[wasm_bindgen_test]
fn a_full_web_socket_stops_reading_the_file() {
    let (mut pair, _) = in_session();
    let size = 8 << 20;
    assert!(pair.host.share(FileName::new("x").unwrap(), size, Stat::default()));
    pair.write(2, format!("X_REQUEST x {size} 6000\n").as_bytes());
    let (transfer, length) = pair.world.prefixes.borrow_mut().pop().unwrap();
    assert_eq!(length, 1, "the file is read before the requester is connected to");
    assert!(pair.host.supply(transfer, vec![1]));
    pair.host.prefix_end(transfer, true);
    pair.turn();
    let dial = pair.lines.len() - 1;
    assert_eq!(pair.received(dial), "X_DIAL 203.0.113.9 6000\n");
    pair.write(dial, b"YES\n");
    pair.world.room.set(100_000);
    let reads = || pair.world.reads.borrow_mut().pop();
    let mut read = 0;
    while let Some((transfer, length)) = reads() {
        read += length as u64;
        pair.host.supply(transfer, vec![1; length]);
    }
    assert!(read < 2 << 20, "{read} bytes were read ahead");
    pair.world.room.set(usize::MAX);
    pair.host.turn();
    assert!(pair.world.messages.borrow().iter().all(|length| *length <= 64 << 10));
}

#[wasm_bindgen_test]
fn an_unreadable_file_is_refused_without_a_connection() {
    let (mut pair, _) = in_session();
    let lines = pair.lines.len();
    assert!(pair.host.share(FileName::new("x").unwrap(), 6, Stat::default()));
    pair.write(2, b"X_REQUEST x 6 6000\n");
    let (transfer, _) = pair.world.prefixes.borrow_mut().pop().unwrap();
    pair.host.prefix_end(transfer, false);
    pair.turn();
    assert_eq!(pair.received(2), "X_CHK x NO\n");
    assert_eq!(pair.lines.len(), lines);
}

#[wasm_bindgen_test]
fn a_bridge_that_refuses_or_answers_nonsense_fails_the_call() {
    let mut pair = online();
    for (at, answer) in ["NO no free port\n", "YES\n", "HTTP/1.1 200\n"].iter().enumerate() {
        pair.call_bob();
        pair.turn();
        pair.write(at + 1, answer.as_bytes());
        let events = pair.events();
        assert!(matches!(&events[..], [Event::OpenFailed { .. }]), "{answer}: {events:?}");
    }
    pair.open("X_ACCEPT 1 2 3\n");
    let unexpected = pair.open("X_ACCEPT 40000 203.0.113.9 5000\n");
    assert!(pair.lines[unexpected].ended);
    assert!(pair.events().is_empty());
}

#[wasm_bindgen_test]
fn questions_in_one_chunk_are_answered_one_by_one() {
    let (mut pair, _) = in_session();
    assert!(pair.host.share(FileName::new("x").unwrap(), 1, Stat::default()));
    pair.write(2, "X_CHK x\nX_CHK y\n".repeat(128).as_bytes());
    assert_eq!(pair.received(2), "X_CHK x YES\nX_CHK y NO\n".repeat(128));
}

/// The peer is not late while the reader at this host does not read.
#[wasm_bindgen_test]
fn a_transfer_that_waits_for_its_reader_does_not_time_out() {
    let (mut pair, session) = in_session();
    let size = 64 << 20;
    for _ in 0..2 {
        let data = receiving(&mut pair, session, size);
        pair.write_some(data, &vec![7; size as usize]);
    }
    for seconds in (20..=300).step_by(20) {
        pair.world.now.set(seconds * 1000);
        pair.host.turn();
        pair.turn();
        if let Some(said) = pair.received(0).strip_prefix("X_PING ") {
            pair.write(0, format!("X_PONG {said}").as_bytes());
        }
    }
    let events = pair.events();
    let progress = |event: &&Event| matches!(event, Event::Progress { .. });
    let known = events.iter().filter(progress).count();
    assert!(known <= 2 && known == events.len(), "{events:?}");
}
