//! Arbitrary bytes, split anywhere.

use proptest::prelude::*;

use super::*;

/// Lines and pieces of lines, some of which the relay knows.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&[u8]> = vec![
        b"X_NICK a\n",
        b"X_NICK b\r\n",
        b"X_INIT a 127.0.0.1 4000\n",
        b"X_INIT a ",
        b"X_INIT",
        b"X_INIT c 10.0.0.1 1\r\n",
        b"X_INIT a 8.8.8.8 9\n",
        b"127.0.0.1 4000\n",
        b"X_WHO\n",
        b"X_WHO EOF\n",
        b"X_ADDR\n",
        b"X_PING ",
        b"X_PONG x\n",
        b"X_CAPS from\n",
        b"X_CAPS from ticket meet\n",
        b"X_MEET a\n",
        b"X_MEET c 1\n",
        b"X_MEET BwcHBwcHBwcHBwcHBwcHBw==\n",
        b"X_ERR a b\n",
        b"X_FROM a\n",
        b"X_",
        b"\n",
        b"\r",
        b" ",
        b"\xc3",
        b"\xa5",
        b"\xff",
        b"GET / HTTP/1.1\n",
    ];
    let piece = prop_oneof![
        20 => prop::sample::select(known).prop_map(<[u8]>::to_vec),
        1 => Just(b"X_END\n".to_vec()),
        2 => prop::collection::vec(any::<u8>(), 0..20),
        1 => (8000usize..9000).prop_map(|length| vec![b'x'; length]),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// The output of three connections, the first of which sent `bytes` split at `cuts`, and what was closed.
fn outcome(bytes: &[u8], cuts: &[usize]) -> (Vec<String>, BTreeMap<ConnId, CloseReason>) {
    let mut relay = Relay::with_port(RelayLimits { unsent: 4000, ..RelayLimits::default() });
    relay.sends_at_once = false;
    relay.connect(ALICE);
    relay.register(BOB, "a");
    relay.register(CAROL, "c");
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    let mut from = 0;
    for to in cuts {
        relay.handle(Input::Received { conn: ALICE, bytes: &bytes[from..to] });
        from = to;
    }
    ([ALICE, BOB, CAROL].map(|conn| relay.output(conn)).into(), relay.closed)
}

proptest! {
    #[test]
    fn every_split_has_the_same_result(
        bytes in words(),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let whole = outcome(&bytes, &[]);
        prop_assert_eq!(&outcome(&bytes, &cuts), &whole);
        let others: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(&outcome(&bytes, &others), &whole);
        // Only complete X_INITs of the first client reach others.
        for output in &whole.0[1..] {
            for line in output.lines() {
                prop_assert!(line.starts_with("X_INIT a ") || line.starts_with("X_INIT c "), "{line}");
            }
        }
    }

    #[test]
    fn arbitrary_inputs_do_not_panic(
        steps in prop::collection::vec((0u64..4, 0u8..10, words(), 0u64..40), 0..60),
    ) {
        let limits = RelayLimits { connections: 3, unsent: 500, ..RelayLimits::default() };
        let mut relay = Relay::with_port(limits);
        relay.sends_at_once = false;
        for (conn, kind, bytes, time) in steps {
            let conn = ConnId(conn);
            relay.closed.remove(&conn);
            match kind {
                0 | 1 => relay.connect(conn),
                2 => relay.handle(Input::Closed { conn }),
                8 => relay.handle(Input::Allocated { conn, at: ([8, 8, 8, 8], 9).into() }),
                9 => relay.handle(Input::Released { conn, at: ([8, 8, 8, 8], 9).into() }),
                3 => relay.handle(Input::Sent { conn, bytes: bytes.len() }),
                _ => relay.handle(Input::Received { conn, bytes: &bytes }),
            }
            relay.closed.clear();
            relay.wait(seconds(time));
            relay.closed.clear();
            let connections = relay.registry.connections();
            prop_assert!(connections <= 3);
            prop_assert_eq!(relay.registry.next_deadline().is_some(), connections > 0);
        }
    }
}
