#![allow(clippy::unwrap_used)]

use super::*;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn parse(text: impl AsRef<[u8]>) -> Result<KnownLines, KeysError> {
    KnownLines::parse(text.as_ref(), Path::new("known_peers"))
}

/// Returns the invalid line and the reason.
fn error(text: impl AsRef<[u8]>) -> (usize, String) {
    match parse(text).unwrap_err() {
        KeysError::BadLine { line, why, .. } => (line, why.into()),
        error => panic!("expected a bad line, got {error}"),
    }
}

fn peer(relay: &str, nick: &str, first: u8) -> KnownPeer {
    let mut key = [7; 32];
    key[0] = first;
    KnownPeer {
        relay: relay.parse().unwrap(),
        nick: Nick::parse(nick).unwrap(),
        key: PublicKey::new(key),
        since: Date::from_calendar_date(2026, Month::November, 22).unwrap(),
    }
}

#[test]
fn writes_the_text_as_it_was_read() {
    for text in [
        String::new(),
        "\n".into(),
        "# only a comment".into(),
        format!("# a comment\n\nr.example:1 amy {KEY} 2026-11-22\r\n#\n"),
        format!("r:1 / {KEY} 2026-11-22\nkey:{KEY} amy {KEY} 2026-11-22\n"),
        format!("r:1   amy\t{KEY}  2026-11-22\nwss://r/xcher 日本 {KEY} 0001-01-01"),
    ] {
        let lines = parse(&text).unwrap();
        assert_eq!(lines.encode().unwrap(), text);
    }
}

#[test]
fn changes_one_line_and_keeps_the_others() {
    let text = format!("# top\n\nr:1 amy {KEY} 2020-02-29\n# bob is new");
    let mut lines = parse(&text).unwrap();
    lines.put(peer("r:1", "bob", 1));
    let with_bob = lines.encode().unwrap();
    assert_eq!(with_bob, format!("{text}\n{}", peer("r:1", "bob", 1).line()));
    lines.put(peer("r:1", "bob", 2));
    assert_eq!(lines.encode().unwrap(), with_bob.replace("AQc", "Agc"));
    lines.put(peer("r:2", "bob", 3));
    assert_eq!(lines.peers().count(), 3);
    let taken = lines.take(|peer| peer.nick.as_str() == "bob");
    assert_eq!(taken, [peer("r:1", "bob", 2), peer("r:2", "bob", 3)]);
    assert_eq!(lines.encode().unwrap(), format!("{text}\n"));
    assert_eq!(lines.take(|_| true).len(), 1);
    assert_eq!(lines.encode().unwrap(), "# top\n\n# bob is new\n");
}

#[test]
fn a_new_file_has_a_heading() {
    let mut lines = KnownLines::default();
    lines.put(peer("r:1", "amy", 1));
    let text = lines.encode().unwrap();
    assert!(text.starts_with("# Known keys of peers"), "{text}");
    assert_eq!(parse(&text).unwrap().peers().collect::<Vec<_>>(), [&peer("r:1", "amy", 1)]);
}

#[test]
fn rejects_an_invalid_line() {
    let good = format!("r:1 amy {KEY} 2026-11-22");
    for (bad, expected) in [
        ("r:1".into(), "expected RELAY NICK KEY SINCE, got \"r:1\""),
        (" ".into(), "expected RELAY NICK KEY SINCE"),
        (" # an indented comment".into(), "expected HOST:PORT"),
        (format!("r:1 amy {KEY}"), "expected RELAY NICK KEY SINCE"),
        (format!("{good} # a remark"), "expected RELAY NICK KEY SINCE"),
        (good.replace("r:1", "r:"), "expected HOST:PORT"),
        (good.replace("r:1", "r"), "expected \"r:9247\", got \"r\""),
        (good.replace("r:1", "ftp://r"), "expected the URL of a bridge"),
        (good.replace("r:1", "R:1"), "expected \"r:1\", got \"R:1\""),
        (good.replace("r:1", "https://r/"), "expected \"wss://r/xcher\", got \"https://r/\""),
        (good.replace("r:1", "key:AAEC"), "expected a key of 44 characters"),
        (good.replace("r:1 amy", &format!("key:{KEY} /")), "expected ADDRESS / KEY SINCE"),
        (good.replace("amy", "a/y"), "expected a nick of 1 to 32 characters"),
        (good.replace("amy", "EOF"), "expected a nick"),
        (good.replace("amy", "a\u{202e}y"), "got \"a\\u{202e}y\""),
        (good.replace('=', ""), "expected a key of 44 characters in base64"),
        (good.replace("AAEC", ""), "expected a key"),
        (good.replace("2026-11-22", "2026-11-2"), "expected a date such as 2026-11-22, got"),
        (good.replace("2026-11-22", "2026-11-222"), "expected a date"),
        (good.replace("2026-11-22", "2026-02-29"), "expected a date"),
        (good.replace("2026-11-22", "2026-13-01"), "expected a date"),
        (good.replace("2026-11-22", "+026-11-22"), "expected a date"),
        (good.replace("2026-11-22", "today"), "expected a date"),
        ("\u{feff}# a comment".into(), "expected"),
        ("\0".into(), "got \"\\0\""),
        ("x".repeat(9000), "(9000 bytes)"),
    ] {
        let text = format!("# first\n{bad}\nr:2 amy {KEY} 2026-11-22\n");
        let (line, why) = error(&text);
        assert_eq!(line, 2, "{bad}: {why}");
        assert!(why.contains(expected), "{bad}: {why}");
    }
    assert_eq!(error(b"#\n#\n\xff\n"), (3, "expected UTF-8, got the byte 0xff".into()));
    assert_eq!(error(b"#\n\xe6\x97"), (2, "expected UTF-8, got the byte 0xe6".into()));
}

#[test]
fn rejects_a_second_key_for_one_nick() {
    let one = format!("r:1 amy {KEY} 2026-11-22\n");
    let (line, why) = error(format!("{one}#\n{one}"));
    assert_eq!(line, 3);
    assert_eq!(why, "expected one key of amy at r:1, got another in line 1 already");
    parse(format!("{one}{}{}", one.replace("r:1", "r:2"), one.replace("amy", "ben"))).unwrap();
    error(format!("{one}{}", one.replace("amy", "Amy")));
    let relay = one.replace("amy", "/");
    let (line, why) = error(format!("{relay}{one}{relay}"));
    assert_eq!(line, 3);
    assert_eq!(why, "expected one key of / at r:1, got another in line 1 already");
}

#[test]
fn a_truncated_file_is_an_error_or_ends_with_a_line() {
    let text = format!("# top\nr:1 amy {KEY} 2026-11-22\nr:1 bob {KEY} 2026-11-22\n");
    let line = text.find('\n').unwrap() + 1;
    let length = (text.len() - line) / 2;
    for at in 0..text.len() {
        let ends_whole =
            at <= line || (at - line) % length == 0 || (at - line) % length == length - 1;
        assert_eq!(parse(&text[..at]).is_ok(), ends_whole, "{:?}", &text[..at]);
    }
}

#[test]
fn accepts_at_most_the_allowed_lines() {
    let text = "#\n".repeat(MAX_LINES);
    let mut lines = parse(&text).unwrap();
    assert!(lines.encode().is_some());
    lines.put(peer("r:1", "amy", 1));
    assert!(lines.encode().is_none());
    assert!(matches!(parse(text + "#").unwrap_err(), KeysError::TooLarge { .. }));
    let mut lines = parse(format!("#{}\n", "x".repeat(MAX_BYTES as usize - 50))).unwrap();
    assert!(lines.encode().is_some());
    lines.put(peer("r:1", "amy", 1));
    assert!(lines.encode().is_none());
}
