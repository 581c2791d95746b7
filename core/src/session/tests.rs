//! Invariants of a session.

use super::*;
use crate::{FileName, Kind, LeftOut, LeftOutReason, Size, Stat};
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
fn nothing_is_sent_after_x_end() {
    let (mut session, mut out) = (session(), Vec::new());
    heard(&mut session, b"X_CHK a\n", &mut out);
    session.end(&mut out).expect("open");
    assert_eq!(session.answer_check(true, &mut out), Err(MisuseError::Closing));
    assert!(session.question().is_some(), "a failed command changes nothing");
    session.refuse(&FileName::new("a").expect("valid"), &mut out);
    heard(&mut session, b"X_CHK ../a\n", &mut out);
    assert_eq!(out, b"X_END\n");
}

#[test]
fn a_list_question_stays_pending_if_its_end_cannot_be_sent() {
    let (mut session, mut out) = (session(), Vec::new());
    heard(&mut session, b"X_FILELIST\n", &mut out);
    session.end(&mut out).expect("open");
    assert_eq!(session.answer_list_end(&mut out), Err(MisuseError::Closing));
    assert_eq!(session.question(), Some(&Question::List));
}

#[test]
fn a_connection_that_ends_inside_a_character_is_incomplete() {
    let (mut session, mut out) = (session(), Vec::new());
    heard(&mut session, b"X_CHK a\n\xc3", &mut out);
    assert!(matches!(session.close(), Err(ProtocolError::IncompleteLine { .. })));
}

#[test]
fn complete_lines_not_yet_taken_are_not_incomplete() {
    let (mut session, mut out) = (session(), Vec::new());
    let events = heard(&mut session, b"X_CHK a\nX_CHK b\nX_CHK c\n", &mut out);
    assert_eq!(events.len(), 2, "the third waits");
    assert_eq!(session.close(), Ok(()));
}

#[test]
fn invalid_names_are_answered_in_order() {
    let (mut session, mut out) = (session(), Vec::new());
    heard(&mut session, b"X_CHK a\nX_CHK ../b\n", &mut out);
    assert_eq!(out, b"");
    session.answer_check(true, &mut out).expect("asked");
    assert_eq!(String::from_utf8_lossy(&out), "X_CHK a YES\nX_CHK ../b NO\n");
}

#[test]
fn folders_links_and_left_out_files_are_sent_only_to_peers_that_support_them() {
    let all = Extensions::STAT.with(Extensions::LEFT).with(Extensions::OFFER);
    let left =
        LeftOut { name: FileName::new("a/b").expect("valid"), reason: LeftOutReason::Unreadable };
    for (extensions, listed, offered) in [
        (Extensions::default(), "X_FILELIST EOF EOF\n", ""),
        (Extensions::OFFER, "X_FILELIST EOF EOF\n", "X_OFFER EOF EOF\n"),
        (
            all,
            "X_STAT d 0 - d\nX_STAT d 0 - l\nX_LEFT unreadable a/b\nX_FILELIST EOF EOF\n",
            "X_OFFER d 0 - d\nX_OFFER d 0 - l\nX_LEFT unreadable a/b\nX_OFFER EOF EOF\n",
        ),
    ] {
        let (mut session, mut out) = (session(), Vec::new());
        session.extensions = extensions;
        heard(&mut session, b"X_FILELIST\n", &mut out);
        let name = FileName::parse("d").expect("valid");
        for kind in [Kind::Folder, Kind::Link] {
            let stat = Stat { kind, ..Stat::default() };
            session.answer_entry(name, Size::Exact(0), stat, &mut out).expect("asked");
        }
        session.answer_left_out(&left, &mut out).expect("asked");
        session.answer_list_end(&mut out).expect("asked");
        assert_eq!(core::str::from_utf8(&out), Ok(listed));
        if offered.is_empty() {
            continue;
        }
        out.clear();
        for kind in [Kind::Folder, Kind::Link] {
            let stat = Stat { kind, ..Stat::default() };
            session.offer(name, Size::Exact(0), stat, &mut out).expect("open");
        }
        session.leave_out(&left, &mut out).expect("open");
        session.offer_end(&mut out).expect("open");
        assert_eq!(core::str::from_utf8(&out), Ok(offered));
    }
}

#[test]
fn left_out_files_count_as_entries() {
    let limits = Limits { entries: 2, ..Limits::default() };
    for asks in [true, false] {
        let (mut session, mut out) = (Session::new(&limits), Vec::new());
        session.extensions = Extensions::LEFT;
        if asks {
            session.list(&mut out).expect("open");
        }
        heard(&mut session, b"X_FILELIST\nX_LEFT link a\nX_LEFT later b\n", &mut out);
        session.receive(b"X_LEFT link c\n");
        let error = session.next_event(&mut out);
        assert!(matches!(error, Err(ProtocolError::ListTooLong { .. })), "{error:?}");
    }
}
