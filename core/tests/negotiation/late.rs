//! Answers to the probe that come when nobody waits for them any more, and packets that cross it.

use xcher_core::secure::Side;
use xcher_core::session::Event;
use xcher_core::{FileName, Packet};

use crate::talker::{Talker, pass, talk, terms};

fn caller() -> Talker {
    Talker::new(terms(Side::Caller, 100))
}

fn called() -> Talker {
    Talker::new(terms(Side::Callee, 100))
}

/// All of the six, and nothing about what is no file.
fn assert_plain_and_quiet(talkers: &[Talker]) {
    for talker in talkers {
        assert!(talker.is_plain(), "{:?}", talker.error);
        for line in talker.lines().iter().filter(|line| !line.starts_with("X_CAPS")) {
            assert!(!matches!(Packet::parse(line).unwrap(), Packet::Unknown { .. }), "{line}");
            assert!(!line.ends_with("NO NO") && !line.ends_with("YES NO"), "{line}");
        }
    }
}

#[test]
fn a_late_no_is_passed_over() {
    let mut both = [caller(), Talker::plain()];
    both[0].wait();
    talk(&mut both, &mut pass);
    assert!(both[0].is_plain() && both[0].is_served());
    assert_plain_and_quiet(&both[..1]);
    assert_eq!(both[1].lines(), ["X_CHK //xcher/2 NO", "X_CHK of A NO"]);
}

/// The words that follow a late YES are the first that is heard of B, and no reason to close.
#[test]
fn a_late_yes_is_passed_over() {
    let mut both = [caller(), called()];
    both[0].wait();
    talk(&mut both, &mut pass);
    assert!(both[0].is_served() && both[1].is_served());
    assert_plain_and_quiet(&both);
}

/// B waited in vain, asks, and then says NO to what came too late.
#[test]
fn a_late_probe_gets_a_no_that_is_passed_over() {
    let mut both = [caller(), called()];
    both[1].wait();
    talk(&mut both, &mut pass);
    assert!(both[0].is_served() && both[1].is_served());
    assert_plain_and_quiet(&both);
}

/// A peer of the six packets that asks at once: its question crosses the probe.
#[test]
fn a_no_behind_a_question_is_passed_over() {
    let mut both = [caller(), Talker::plain()];
    both[1].act(|session, out| session.list(out).unwrap());
    let early = both[1].say();
    both[0].hear(&early);
    talk(&mut both, &mut pass);
    assert!(both[0].is_served());
    assert!(both[1].events.contains(&Event::ListEnd { entries: 0 }));
    assert_plain_and_quiet(&both[..1]);
    assert_eq!(both[1].lines(), ["X_FILELIST", "X_CHK //xcher/2 NO", "X_CHK of A NO"]);
}

/// A line that nobody said: taken for a question it gets an answer, and that answer one, and then
/// neither goes on.
#[test]
fn an_answer_to_nothing_is_soon_let_be() {
    let strays =
        ["x NO", "//xcher/2 NO", "../x NO", "x YES", "x NO NO NO", "NO", "x NO\nX_CHK y NO"];
    for stray in strays {
        let mut both = [Talker::plain(), Talker::plain()];
        both[0].wire.extend(format!("X_CHK {stray}\n").bytes());
        talk(&mut both, &mut pass);
        let said = both.iter().map(|talker| talker.lines().len()).sum::<usize>();
        assert!(said <= 8, "{stray}: {said} lines");
        assert!(both.iter().all(|talker| talker.error.is_none()));
    }
}

/// Someone in between sends the caller's question back to it.
#[test]
fn a_question_that_comes_back_leads_to_little() {
    let mut both = [caller(), called()];
    let mut asked = Vec::new();
    talk(&mut both, &mut |side, said| match (side, said.starts_with(b"X_CHK //")) {
        (Side::Caller, true) => {
            asked.clone_from(&said);
            vec![said]
        }
        (Side::Callee, true) => vec![core::mem::take(&mut asked)],
        _ => vec![said],
    });
    assert!(both.iter().all(Talker::is_plain));
    assert!(both.iter().all(|talker| talker.lines().len() < 8));
}

#[test]
fn both_give_up() {
    let mut both = [caller(), called()];
    both[0].wait();
    both[1].wait();
    talk(&mut both, &mut pass);
    assert!(both[0].is_served() && both[1].is_served());
    assert_plain_and_quiet(&both);
}

/// A NO is taken once; the next is a question like any other.
#[test]
fn only_one_late_answer_is_passed_over() {
    let mut a = caller();
    a.wait();
    a.hear(b"X_CHK //xcher/2 NO\nX_CHK //xcher/2 NO\n");
    assert!(matches!(
        a.events[..],
        [Event::Agreed { .. }, Event::Ignored { .. }, Event::InvalidQuestion { .. }]
    ));
    assert!(FileName::parse("//xcher/2").is_err());
}
