//! Written packets are read again as the same, and no bytes cause a panic.

#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;
use xcher_core::session::Event;
use xcher_core::{
    FileName, Limits, LineBuffer, MAX_LINE_LEN, Nick, Packet, ProtocolError, RelayPacket, Session,
    Size,
};

/// Names of all lengths and scripts, some with `YES`, digits or spaces at the end.
fn name() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-z0-9 ._-]{1,12}",
        2 => "[^/]{1,40}",
        1 => "(YES|NO|EOF|[0-9]{1,20}|[0-9]{1,3}mb)",
        1 => "[a-z]{250,255}",
    ];
    vec(part, 1..5)
        .prop_map(|parts| parts.join("/"))
        .prop_filter("a name", |name| FileName::parse(name).is_ok())
}

fn size() -> impl Strategy<Value = Size> {
    let unit = "([kK]|[mM]|[gG]|[tT])[bB]";
    prop_oneof![
        any::<u64>().prop_map(Size::Exact),
        (0..100_000u64).prop_map(Size::Exact),
        (0..1u64 << 24, unit)
            .prop_map(|(count, unit)| { Size::parse(&format!("{count}{unit}")).unwrap() }),
    ]
}

/// The line of a packet, without its end.
fn line_of(packet: Packet<'_>) -> String {
    let mut out = Vec::new();
    packet.encode(&mut out);
    let line = String::from_utf8(out).unwrap();
    assert_eq!(line.find('\n'), Some(line.len() - 1), "one line: {line:?}");
    line[..line.len() - 1].to_owned()
}

proptest! {
    #[test]
    fn packets(name in name(), size in size(), port in 1..=u16::MAX) {
        let name = FileName::parse(&name);
        for packet in [
            Packet::FileList,
            Packet::Entry { name, size },
            Packet::ListEnd,
            Packet::check(name.unwrap()),
            Packet::Request { name, size, port },
            Packet::End,
        ] {
            let written = line_of(packet);
            prop_assert_eq!(Packet::parse(&written), Ok(packet));
        }
    }

    #[test]
    fn answers(name in name(), yes: bool) {
        let mut out = Vec::new();
        Packet::encode_answer(&name, yes, &mut out);
        let line = std::str::from_utf8(&out).unwrap().strip_suffix('\n').unwrap();
        match Packet::parse(line) {
            Ok(Packet::Chk(chk)) => prop_assert_eq!(chk.answer(), Some((&*name, yes))),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn parsed_lines_are_written_with_the_same_meaning(
        line in "X_(FILELIST|CHK|REQUEST|END|[A-Z]{0,3})[^\n]{0,60}"
    ) {
        if let Ok(packet) = Packet::parse(&line) {
            let written = line_of(packet);
            prop_assert_eq!(Packet::parse(&written), Ok(packet));
        }
    }

    #[test]
    fn relay_packets(nick in "[^ \n\r]{1,32}", ip: IpAddr, port in 1..=u16::MAX, text in "[^\n\r]{1,80}") {
        for packet in [
            RelayPacket::Init { nick: &nick, ip, port },
            RelayPacket::Nick(&nick),
            RelayPacket::NickAnswer { nick: &nick, yes: true },
            RelayPacket::NickAnswer { nick: &nick, yes: false },
            RelayPacket::Who,
            RelayPacket::WhoNick(&nick),
            RelayPacket::WhoEnd,
            RelayPacket::WhoPage { count: u64::from(port), prefix: &nick, after: None },
            RelayPacket::WhoPage { count: 1, prefix: "/", after: Some(&nick) },
            RelayPacket::Addr,
            RelayPacket::AddrAnswer { ip, port: None },
            RelayPacket::AddrAnswer { ip, port: Some(port) },
            RelayPacket::Ping(&nick),
            RelayPacket::Pong(&nick),
            RelayPacket::Caps(&text),
            RelayPacket::From(&nick),
            RelayPacket::Err { verb: "X_INIT", reason: &text },
            RelayPacket::End,
        ] {
            if packet == RelayPacket::WhoNick("EOF") {
                continue;
            }
            let mut lines = LineBuffer::new();
            lines.receive(&packet.to_line());
            let line = lines.next_line().unwrap().unwrap();
            prop_assert_eq!(RelayPacket::parse(line), Ok(packet));
        }
    }

    #[test]
    fn names(text in "\\PC{0,40}|[./a]{0,12}|[a/]{1000,1030}") {
        if let Ok(name) = FileName::new(&text) {
            prop_assert_eq!(name.as_str(), &*text);
            prop_assert_eq!(name.parts().collect::<Vec<_>>().join("/"), &*text);
            prop_assert!(name.parts().all(|part| !matches!(part, "" | "." | "..")));
            prop_assert!(name.parts().all(|part| part.len() <= 255) && text.len() <= 1024);
        }
    }

    #[test]
    fn numbered_name_is_valid_and_in_the_same_folder(name in name(), number: u32) {
        let name = FileName::new(&name).unwrap();
        let numbered = name.numbered(number);
        prop_assert!(FileName::parse(numbered.as_str()).is_ok(), "{}", numbered);
        prop_assert_ne!(&numbered, &name);
        let folder = |name: &FileName| name.as_str().rfind('/').map(|at| name.as_str()[..at].to_owned());
        prop_assert_eq!(folder(&numbered), folder(&name));
    }

    #[test]
    fn nicks(text in "\\PC{0,40}|[a-z/ ]{0,40}") {
        if let Ok(nick) = Nick::parse(&text) {
            prop_assert_eq!(nick.as_str(), &*text);
            prop_assert!((1..=32).contains(&text.chars().count()));
            prop_assert!(!text.contains([' ', '/', '\n', '\r']));
        }
    }

    #[test]
    fn sizes(size in size()) {
        prop_assert_eq!(Size::parse(&size.to_string()), Some(size));
    }

    #[test]
    fn lines_do_not_depend_on_splits(
        lines in vec("[^\n]{0,30}", 0..12),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let whole: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let mut got = Vec::new();
        let mut buffer = LineBuffer::new();
        for piece in pieces(whole.as_bytes(), &cuts) {
            buffer.receive(piece);
            while let Some(line) = buffer.next_line().unwrap() {
                got.push(line.raw().to_owned());
            }
        }
        prop_assert_eq!(got.concat(), whole);
        prop_assert_eq!(got.len(), lines.len());
        prop_assert_eq!(buffer.partial_line(), None);
    }

    #[test]
    fn sessions_do_not_depend_on_splits(
        stream in stream(),
        cuts in vec(any::<prop::sample::Index>(), 0..16),
    ) {
        let whole = read(&[&stream]);
        prop_assert_eq!(&whole, &read(&pieces(&stream, &cuts)));
        prop_assert_eq!(&whole, &read(&stream.chunks(1).collect::<Vec<_>>()));
    }
}

/// Lines, some of them packets, some too long, and bytes that are not UTF-8.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "X_(FILELIST|CHK|REQUEST|END)( [a-z./]{1,9}){0,4}\r?\n".prop_map(String::into_bytes),
        2 => "\\PC{0,20}\n".prop_map(String::into_bytes),
        2 => Just(b"X_FILELIST\n".to_vec()),
        1 => vec(any::<u8>(), 0..20),
        1 => (MAX_LINE_LEN - 20..MAX_LINE_LEN + 20).prop_map(|length| vec![b'a'; length]),
        1 => (8170..8200usize).prop_map(|length| {
            [b"X_CHK ".to_vec(), vec![b'b'; length], b"\n".to_vec()].concat()
        }),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn pieces<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

/// The events, the error and the output of a session that has asked for a listing and receives `pieces`.
fn read(pieces: &[&[u8]]) -> (Vec<Event>, Option<ProtocolError>, Vec<u8>) {
    let (mut session, mut out, mut events) =
        (Session::new(&Limits::default()), Vec::new(), Vec::new());
    session.list(&mut out).unwrap();
    for piece in pieces {
        session.receive(piece);
        loop {
            match session.next_event(&mut out) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error), out),
            }
        }
    }
    let end = session.close().err();
    (events, end, out)
}
