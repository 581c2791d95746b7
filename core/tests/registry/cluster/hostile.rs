//! Whatever comes from the bus, a relay goes on (section 23.7).

use xcher_core::registry::CloseReason;

use super::super::{ALICE, BOB};
use super::*;

fn one() -> Network {
    let mut network = Network::new(1);
    network.register(ONE, ALICE, "alice");
    network.relays[ONE].bus.clear();
    network
}

#[test]
fn messages_that_cannot_be_read_have_no_effect() {
    let mut network = one();
    let (init, long) = ("X_INIT alice 9.9.9.9 4000\n", "x".repeat(20_000));
    let bad = [
        "".to_owned(),
        "YES".to_owned(),
        "X_CLAIM".to_owned(),
        "X_CLAIM 0101010101010101 1 new - ".to_owned(),
        "X_CLAIM 0202020202020202 1 new -  alice".to_owned(),
        "X_CLAIM 0202020202020202 -1 new - alice".to_owned(),
        "X_CLAIM 0202020202020202 1 old - alice".to_owned(),
        "X_CLAIM 0202020202020202 1 held key alice".to_owned(),
        "X_CLAIM 0202020202020202 1 held - alice\n".to_owned(),
        "X_CLAIM 0202020202020202 1 held - al/ice".to_owned(),
        format!("X_CALL 00000000000000aa-1 bob 9.9.9.9 - named\n{init}{init}"),
        format!("X_CALL 00000000000000aa-1 bob 9.9.9.9 - named\n{}", init.trim()),
        format!("X_CALL 00000000000000aa-1 bob 9.9.9.9 -\n{init}"),
        format!("X_CALL 00000000000000aa-1 b/b 9.9.9.9 - named\n{init}"),
        format!("X_CALL 00000000000000aa-1 bob 9.9.9 - named\n{init}"),
        "X_CALL 00000000000000aa-1 bob 9.9.9.9 - named\nX_END\n".to_owned(),
        "X_CALL 00000000000000aa-1 bob 9.9.9.9 - named\nX_INIT alice localhost 4000\n".to_owned(),
        format!(
            "X_CALL 00000000000000aa-1 bob 9.9.9.9 - named\nX_INIT alice 9.9.9.9 4000{}\n",
            " ".repeat(8192)
        ),
        format!("X_CALL bob 9.9.9.9 - named\n{init}"),
        "X_DECLINED 0101010101010101-1 x".to_owned(),
        "X_DECLINED 0202020202020202-1 AAAAAAAAAAAAAAAAAAAAAA==".to_owned(),
        "X_DECLINED 0101010101010101 AAAAAAAAAAAAAAAAAAAAAA==".to_owned(),
        "X_RELAY 1 1 join 1 - -".to_owned(),
        "X_RELAY 0202020202020202 1 join 1 - - -".to_owned(),
        "X_RELAY 0202020202020202 1 1 - -".to_owned(),
        "X_RELAY 0202020202020202 END 1".to_owned(),
        long,
    ];
    for (number, bytes) in bad.iter().enumerate() {
        let (reply, bytes) = (ReplyId(number as u64), bytes.as_bytes());
        network.relays[ONE].handle(Input::Requested { reply, bytes });
        network.relays[ONE].handle(Input::Published { bytes });
        network.relays[ONE].handle(Input::Requested { reply, bytes: &[bytes, b"\xff"].concat() });
    }
    assert_eq!(network.relays[ONE].bus, []);
    assert_eq!(network.output(ONE, ALICE), "");
    assert_eq!(network.nick(ONE, ALICE), Some("alice"));
}

#[test]
fn answers_that_nobody_awaits_or_that_cannot_be_read_have_no_effect() {
    let mut network = Network::new(2);
    network.register(ONE, ALICE, "alice");
    network.register(TWO, BOB, "bob");
    for request in 0..50 {
        for answer in [Answer::Reply(b"NO"), Answer::Reply(b"YES 1.1.1.1 - -"), Answer::Failed] {
            network.input(ONE, Input::Answered { request: RequestId(request), answer });
        }
    }
    assert_eq!(network.nick(ONE, ALICE), Some("alice"));
    for text in [
        "",
        "NO",
        "YES",
        "YES 9.9.9.9 ticket -",
        "NO two\nlines",
        "ABSENT a b",
        &format!("NO {}", "x".repeat(2000)),
        &"x".repeat(30_000),
    ] {
        network.hold();
        network.send(ONE, ALICE, "X_INIT bob 9.9.0.1 4000\n");
        let request = network.held.iter().find_map(|(_, action)| match action {
            Action::Request { id, .. } => Some(*id),
            _ => None,
        });
        network.drop_held();
        let request = request.unwrap();
        let answer = Answer::Reply(text.as_bytes());
        network.input(ONE, Input::Answered { request, answer });
        let told = network.output(ONE, ALICE);
        assert!(told.starts_with("X_ERR X_INIT bob cannot be reached now"), "{text:?}: {told}");
        assert_eq!(told.lines().count(), 1);
    }
}

#[test]
fn a_forged_claim_takes_a_nick_as_one_relay_could_and_the_host_is_told() {
    let mut network = one();
    let bytes = b"X_CLAIM 0202020202020202 1 held - ALICE";
    network.relays[ONE].handle(Input::Requested { reply: ReplyId(7), bytes });
    let yes = Action::Reply { to: ReplyId(7), bytes: b"YES".into() };
    assert_eq!(network.relays[ONE].bus.last(), Some(&yes));
    assert_eq!(network.relays[ONE].closed(ALICE), Some(CloseReason::NickLost));
}

#[test]
fn heartbeats_of_many_made_up_relays_are_forgotten() {
    let mut network = one();
    for number in 0..5000u64 {
        let bytes = format!("X_RELAY {number:016x} 1 join 18446744073709551615 - -");
        network.input(ONE, Input::Published { bytes: bytes.as_bytes() });
    }
    let state = network.state(ONE);
    assert_eq!((state.relays, state.nicks), (1024, u64::MAX));
}
