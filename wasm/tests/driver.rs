//! The driver against a bridge in memory, in a browser.

#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used)]

mod bridge;

use bridge::Pair;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use xcher_core::peer::{Error, Event, SessionId};
use xcher_core::{FileName, Nick, NotStored, Size, Stat};

wasm_bindgen_test_configure!(run_in_browser);

/// A host that is online; its link to the relay is stream 0.
fn online() -> Pair {
    let mut pair = Pair::new("carol");
    pair.host.start();
    assert_eq!(pair.world.connects.get(), 1);
    pair.host.opened();
    pair.turn();
    assert_eq!(pair.came(0), "X_RELAY\nX_NICK carol\n");
    pair.write(0, b"X_NICK carol YES\n");
    assert_eq!(pair.came(0), "X_CAPS from ticket\nX_ADDR\n");
    pair.write(0, b"X_ADDR 192.0.2.7\n");
    assert!(matches!(&pair.told()[..], [Event::Online { nick }] if nick.as_str() == "carol"));
    pair
}

/// A session with bob, over stream 2; stream 1 was its listener.
fn in_session() -> (Pair, SessionId) {
    let mut pair = online();
    let session = pair.host.open(Nick::parse("bob").unwrap()).unwrap();
    pair.turn();
    assert_eq!(pair.came(1), "X_LISTEN\n");
    pair.write(1, b"X_LISTEN 198.51.100.1 40000\n");
    assert_eq!(pair.came(0), "X_INIT bob 198.51.100.1 40000\n");
    let control = pair.open("X_ACCEPT 40000 203.0.113.9 5000\n");
    assert_eq!(control, 2);
    assert!(matches!(&pair.told()[..], [Event::Opened { incoming: false, .. }]));
    (pair, session)
}

/// A file of this size that comes over the stream returned.
fn receiving(pair: &mut Pair, session: SessionId, size: u64) -> usize {
    let name = FileName::new("a b").unwrap();
    let transfer =
        pair.host.get_all(session, vec![(name, Size::Exact(size), Stat::default())]).unwrap()[0];
    pair.turn();
    let listener = pair.lines.len() - 1;
    assert_eq!(pair.came(listener), "X_LISTEN\n");
    pair.write(listener, b"X_LISTEN 198.51.100.1 40001\n");
    assert_eq!(pair.came(2), format!("X_REQUEST a b {size} 40001\n"));
    let data = pair.open("X_ACCEPT 40001 203.0.113.9 5001\n");
    assert!(pair.lines[listener].ended, "one connection, then it listens no more");
    let told = pair.told();
    assert!(matches!(&told[..], [Event::Started { transfer: its, .. }] if *its == transfer));
    data
}

#[wasm_bindgen_test]
fn lists_and_fetches() {
    let (mut pair, session) = in_session();
    pair.host.list(session).unwrap();
    pair.turn();
    assert_eq!(pair.came(2), "X_FILELIST\n");
    pair.write(2, b"X_FILELIST a b 6\nX_FILELIST c 700mb\nX_FILELIST EOF EOF\n");
    assert!(matches!(
        &pair.told()[..],
        [Event::Entry { .. }, Event::Entry { .. }, Event::ListEnd { entries: 2, .. }]
    ));
    let data = receiving(&mut pair, session, 6);
    pair.write(data, b"abcdef");
    pair.close(data);
    assert_eq!(*pair.world.taken.borrow(), b"abcdef");
    assert!(pair.told().is_empty(), "it came, and is not stored");
    let whole = pair.world.whole.borrow_mut().pop().unwrap();
    pair.host.stored(whole);
    assert!(matches!(&pair.told()[..], [Event::Finished { bytes: 6, .. }]));
    pair.host.unstored(whole, NotStored::Space, "it is stored already");
    assert!(pair.told().is_empty());
}

#[wasm_bindgen_test]
fn what_cannot_be_stored_is_not_finished_whether_it_is_whole_or_not() {
    let (mut pair, session) = in_session();
    for whole in [true, false] {
        let data = receiving(&mut pair, session, 6);
        pair.write(data, if whole { b"abcdef" } else { b"abc" });
        let transfer = match whole {
            true => {
                pair.close(data);
                pair.world.whole.borrow_mut().pop().unwrap()
            }
            false => pair.world.last_taken.get().unwrap(),
        };
        pair.host.unstored(transfer, NotStored::Space, "full");
        pair.turn();
        let told = pair.told();
        assert!(
            matches!(
                &told[..],
                [Event::Failed { error: Error::NotStored { reason: NotStored::Space, .. }, .. }]
            ),
            "{told:?}"
        );
        assert!(pair.lines[data].ended);
    }
}

#[wasm_bindgen_test]
fn a_byte_too_many_or_too_few_is_no_success() {
    let (mut pair, session) = in_session();
    let data = receiving(&mut pair, session, 3);
    pair.write(data, b"abcdef");
    let told = pair.told();
    assert!(matches!(&told[..], [Event::Failed { error: Error::Excess { expected: 3 }, .. }]));
    assert!(pair.lines[data].ended);
    let data = receiving(&mut pair, session, 3);
    pair.write(data, b"ab");
    pair.close(data);
    let told = pair.told();
    assert!(matches!(&told[..], [Event::Failed { error: Error::Incomplete { got: 2, .. }, .. }]));
}

#[wasm_bindgen_test]
fn what_nobody_wants_does_not_come() {
    let (mut pair, session) = in_session();
    let size = 64 << 20;
    let data = receiving(&mut pair, session, size);
    let written = pair.write_some(data, &vec![7; size as usize]);
    assert!(written < 2 << 20, "{written} bytes were taken");
    pair.reset(data);
    assert!(pair.world.taken.borrow().len() <= written);
}

#[wasm_bindgen_test]
fn a_tunnel_that_is_lost_takes_all_with_it_and_comes_back() {
    let (mut pair, session) = in_session();
    let data = receiving(&mut pair, session, 10);
    pair.write(data, b"abc");
    pair.host.lost("gone");
    let told = pair.told();
    let offline = |event: &Event| matches!(event, Event::Offline { retry: Some(_), .. });
    assert!(told.iter().any(offline), "{told:?}");
    assert!(told.iter().any(|event| {
        matches!(event, Event::Failed { error: Error::Incomplete { got: 3, .. }, .. })
    }));
    let ended = |event: &Event| matches!(event, Event::Ended { error: Some(Error::Closed(_)), .. });
    assert!(told.iter().any(ended), "{told:?}");
    pair.world.now.set(1000);
    pair.host.turn();
    assert_eq!(pair.world.connects.get(), 2);
}

#[wasm_bindgen_test]
fn a_full_web_socket_holds_a_file_back() {
    let (mut pair, _) = in_session();
    let size = 8 << 20;
    assert!(pair.host.share(FileName::new("x").unwrap(), size, Stat::default()));
    pair.write(2, format!("X_REQUEST x {size} 6000\n").as_bytes());
    let (transfer, length) = pair.world.looks.borrow_mut().pop().unwrap();
    assert_eq!(length, 1, "nobody is connected to before it is seen that the file can be read");
    assert!(pair.host.supply(transfer, vec![1]));
    pair.host.looked(transfer, true);
    pair.turn();
    let dial = pair.lines.len() - 1;
    assert_eq!(pair.came(dial), "X_DIAL 203.0.113.9 6000\n");
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
fn a_file_that_cannot_be_read_is_refused_and_nobody_is_connected_to() {
    let (mut pair, _) = in_session();
    let lines = pair.lines.len();
    assert!(pair.host.share(FileName::new("x").unwrap(), 6, Stat::default()));
    pair.write(2, b"X_REQUEST x 6 6000\n");
    let (transfer, _) = pair.world.looks.borrow_mut().pop().unwrap();
    pair.host.looked(transfer, false);
    pair.turn();
    assert_eq!(pair.came(2), "X_CHK x NO\n");
    assert_eq!(pair.lines.len(), lines);
}

#[wasm_bindgen_test]
fn a_bridge_that_says_no_or_nonsense() {
    let mut pair = online();
    for (at, answer) in ["NO no port to lend\n", "YES\n", "HTTP/1.1 200\n"].iter().enumerate() {
        pair.host.open(Nick::parse("bob").unwrap()).unwrap();
        pair.turn();
        pair.write(at + 1, answer.as_bytes());
        let told = pair.told();
        assert!(matches!(&told[..], [Event::OpenFailed { .. }]), "{answer}: {told:?}");
    }
    pair.open("X_ACCEPT 1 2 3\n");
    let stranger = pair.open("X_ACCEPT 40000 203.0.113.9 5000\n");
    assert!(pair.lines[stranger].ended);
    assert!(pair.told().is_empty());
}

#[wasm_bindgen_test]
fn questions_in_one_chunk_are_answered_one_by_one() {
    let (mut pair, _) = in_session();
    assert!(pair.host.share(FileName::new("x").unwrap(), 1, Stat::default()));
    pair.write(2, "X_CHK x\nX_CHK y\n".repeat(128).as_bytes());
    assert_eq!(pair.came(2), "X_CHK x YES\nX_CHK y NO\n".repeat(128));
}

/// Whoever is late is not the other side, where nobody here reads on.
#[wasm_bindgen_test]
fn a_reader_that_takes_nothing_is_not_the_other_sides_fault() {
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
        if let Some(said) = pair.came(0).strip_prefix("X_PING ") {
            pair.write(0, format!("X_PONG {said}").as_bytes());
        }
    }
    let told = pair.told();
    let progress = |event: &&Event| matches!(event, Event::Progress { .. });
    let known = told.iter().filter(progress).count();
    assert!(known <= 2 && known == told.len(), "{told:?}");
}
