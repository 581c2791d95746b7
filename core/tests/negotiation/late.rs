//! Packets that cross the probe or its answer, and lines that arrive again.

use xcher_core::secure::Side;
use xcher_core::session::Event;
use xcher_core::{FileName, Packet, ProtocolError};

use crate::endpoint::{Endpoint, exchange, pass, terms};

fn caller() -> Endpoint {
    Endpoint::new(terms(Side::Caller, 100))
}

fn called() -> Endpoint {
    Endpoint::new(terms(Side::Callee, 100))
}

/// Asserts that only base-protocol packets were sent, and no answer to an answer.
fn assert_unencrypted_and_quiet(endpoints: &[Endpoint]) {
    for endpoint in endpoints {
        assert!(endpoint.is_unencrypted(), "{:?}", endpoint.error);
        for line in endpoint.lines().iter().filter(|line| !line.starts_with("X_CAPS")) {
            assert!(!matches!(Packet::parse(line).unwrap(), Packet::Unknown { .. }), "{line}");
            assert!(!line.ends_with("NO NO") && !line.ends_with("YES NO"), "{line}");
        }
    }
}

/// The question of a base-protocol peer crosses the probe.
#[test]
fn no_after_a_question_is_ignored() {
    let mut both = [caller(), Endpoint::base_protocol()];
    both[1].act(|session, out| session.list(out).unwrap());
    let early = both[1].take_output();
    both[0].receive(&early);
    exchange(&mut both, &mut pass);
    assert!(both[0].is_served());
    assert!(both[1].events.contains(&Event::ListEnd { entries: 0 }));
    assert_unencrypted_and_quiet(&both[..1]);
    assert_eq!(both[1].lines(), ["X_FILELIST", "X_CHK //xcher/2 NO", "X_CHK of A NO"]);
}

/// A line that neither side sent is taken for a question and gets an answer, that answer one more, and then
/// both stop.
#[test]
fn stray_answer_stops_after_a_few_lines() {
    let strays =
        ["x NO", "//xcher/2 NO", "../x NO", "x YES", "x NO NO NO", "NO", "x NO\nX_CHK y NO"];
    for stray in strays {
        let mut both = [Endpoint::base_protocol(), Endpoint::base_protocol()];
        both[0].wire.extend(format!("X_CHK {stray}\n").bytes());
        exchange(&mut both, &mut pass);
        let said = both.iter().map(|endpoint| endpoint.lines().len()).sum::<usize>();
        assert!(said <= 8, "{stray}: {said} lines");
        assert!(both.iter().all(|endpoint| endpoint.error.is_none()));
    }
}

/// An attacker reflects the caller's probe.
#[test]
fn reflected_probe_stops_after_a_few_lines() {
    let mut both = [caller(), called()];
    let mut asked = Vec::new();
    exchange(&mut both, &mut |side, said| match (side, said.starts_with(b"X_CHK //")) {
        (Side::Caller, true) => {
            asked.clone_from(&said);
            vec![said]
        }
        (Side::Callee, true) => vec![core::mem::take(&mut asked)],
        _ => vec![said],
    });
    assert!(both[0].is_unencrypted());
    assert_eq!(both[1].error, Some(ProtocolError::EncryptionNotOffered));
    assert!(both.iter().all(|endpoint| endpoint.lines().len() < 8));
}

/// The second NO is a question like any other.
#[test]
fn only_one_late_answer_is_ignored() {
    let mut a = caller();
    a.receive(b"X_CHK q\nX_CHK //xcher/2 NO\nX_CHK //xcher/2 NO\n");
    assert!(matches!(
        a.events[..],
        [
            Event::Agreed { .. },
            Event::Question,
            Event::Ignored { .. },
            Event::InvalidQuestion { .. }
        ]
    ));
    assert!(FileName::parse("//xcher/2").is_err());
}
