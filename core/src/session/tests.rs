//! What a session must not do.

use super::*;
use crate::FileName;
use alloc::string::String;

fn heard(session: &mut Session, bytes: &[u8], out: &mut Vec<u8>) -> Vec<Event> {
    session.receive(bytes);
    let mut events = Vec::new();
    while let Some(event) = session.next_event(out).expect("a peer") {
        events.push(event);
    }
    events
}

fn session() -> Session {
    Session::new(&Limits { questions: 2, ..Limits::default() })
}

#[test]
fn nothing_is_written_behind_our_end() {
    let (mut session, mut out) = (session(), Vec::new());
    heard(&mut session, b"X_CHK a\n", &mut out);
    session.end(&mut out).expect("open");
    assert_eq!(session.answer_check(true, &mut out), Err(MisuseError::Ending));
    assert!(session.question().is_some(), "what failed has changed nothing");
    session.refuse(&FileName::new("a").expect("valid"), &mut out);
    heard(&mut session, b"X_CHK ../a\n", &mut out);
    assert_eq!(out, b"X_END\n");
}

#[test]
fn a_list_that_cannot_be_ended_stays_asked_for() {
    let (mut session, mut out) = (session(), Vec::new());
    heard(&mut session, b"X_FILELIST\n", &mut out);
    session.end(&mut out).expect("open");
    assert_eq!(session.answer_list_end(&mut out), Err(MisuseError::Ending));
    assert_eq!(session.question(), Some(&Question::List));
}

#[test]
fn a_connection_that_ends_inside_a_character_ends_inside_a_line() {
    let (mut session, mut out) = (session(), Vec::new());
    heard(&mut session, b"X_CHK a\n\xc3", &mut out);
    assert!(matches!(session.close(), Err(ProtocolError::HalfLine { .. })));
}

#[test]
fn whole_lines_that_wait_are_no_half_line() {
    let (mut session, mut out) = (session(), Vec::new());
    let events = heard(&mut session, b"X_CHK a\nX_CHK b\nX_CHK c\n", &mut out);
    assert_eq!(events.len(), 2, "the third waits");
    assert_eq!(session.close(), Ok(()));
}

#[test]
fn bad_names_get_their_no_in_their_turn() {
    let (mut session, mut out) = (session(), Vec::new());
    heard(&mut session, b"X_CHK a\nX_CHK ../b\n", &mut out);
    assert_eq!(out, b"");
    session.answer_check(true, &mut out).expect("asked");
    assert_eq!(String::from_utf8_lossy(&out), "X_CHK a YES\nX_CHK ../b NO\n");
}
