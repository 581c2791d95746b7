//! Invariants of a session.

use super::*;
use crate::text::MAX_TEXTS;
use crate::{FileName, Kind, LeftOut, LeftOutReason, Size, Stat};
use alloc::format;
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
fn texts_are_marked_only_for_peers_that_know_them() {
    let stat = Stat { text: true, ..Stat::default() };
    let all = Extensions::STAT.with(Extensions::OFFER);
    for (extensions, written) in [
        (Extensions::OFFER, "X_FILELIST t 5\nX_FILELIST EOF EOF\nX_OFFER t 5\n"),
        (all, "X_STAT t 5 - -\nX_FILELIST EOF EOF\nX_OFFER t 5 - -\n"),
        (all.with(Extensions::TEXT), "X_STAT t 5 - t\nX_FILELIST EOF EOF\nX_OFFER t 5 - t\n"),
        (
            Extensions::OFFER.with(Extensions::TEXT),
            "X_FILELIST t 5\nX_FILELIST EOF EOF\nX_OFFER t 5\n",
        ),
    ] {
        let (mut session, mut out) = (session(), Vec::new());
        session.extensions = extensions;
        heard(&mut session, b"X_FILELIST\n", &mut out);
        let name = FileName::parse("t").expect("valid");
        session.answer_entry(name, Size::Exact(5), stat, &mut out).expect("asked");
        session.answer_list_end(&mut out).expect("asked");
        session.offer(name, Size::Exact(5), stat, &mut out).expect("open");
        assert_eq!(core::str::from_utf8(&out), Ok(written));
    }
}

#[test]
fn a_mark_without_the_word_is_malformed() {
    for line in [&b"X_STAT t 5 - t\n"[..], b"X_OFFER t 5 - t\n"] {
        let (mut session, mut out) = (session(), Vec::new());
        session.extensions = Extensions::STAT.with(Extensions::OFFER);
        session.list(&mut out).expect("open");
        heard(&mut session, b"X_FILELIST\n", &mut out);
        session.receive(line);
        let error = session.next_event(&mut out);
        assert!(matches!(error, Err(ProtocolError::Malformed { .. })), "{error:?}");
    }
}

#[test]
fn what_cannot_be_a_text_is_a_file() {
    let (mut session, mut out) = (session(), Vec::new());
    session.extensions = Extensions::STAT.with(Extensions::OFFER).with(Extensions::TEXT);
    session.list(&mut out).expect("open");
    heard(&mut session, b"X_FILELIST\n", &mut out);
    let mut are_texts = |lines: &str| {
        session.receive(lines.as_bytes());
        let mut texts = Vec::new();
        while let Some(event) = session.next_event(&mut out).expect("valid") {
            match event {
                Event::Entry { stat, .. } | Event::Offered { stat, .. } => texts.push(stat.text),
                _ => {}
            }
        }
        texts
    };
    // Its size is not exact, or zero, or too big.
    for size in ["0", "65537", "18446744073709551615", "1kb", "0tb"] {
        assert_eq!(are_texts(&format!("X_STAT t {size} - t\nX_OFFER t {size} - t\n")), [false; 2]);
    }
    for line in ["X_STAT t 65536 - t\n", "X_OFFER t 1 - t\n"] {
        assert_eq!(are_texts(line), [true], "{line}");
    }
    // There are too many in one list.
    for (line, end) in
        [("X_STAT t 5 - t\n", "X_FILELIST EOF EOF\n"), ("X_OFFER t 5 - t\n", "X_OFFER EOF EOF\n")]
    {
        let texts = are_texts(&line.repeat(100));
        let most = MAX_TEXTS as usize - 1;
        assert!(texts[..most].iter().all(|is| *is) && !texts[most..].contains(&true), "{texts:?}");
        are_texts(end);
    }
    assert_eq!(are_texts("X_OFFER t 5 - t\n"), [true]);
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
