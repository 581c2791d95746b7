//! Any line through every parser: a parsed line is written with the same meaning, and every value
//! agrees with a second, simpler way to find it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use xcher_core::{FileName, LineBuffer, Nick, Packet, ProtocolError, RelayPacket, Size};
use xcher_core_fuzz::assert_printable;

fuzz_target!(|text: &str| {
    let line = text.split('\n').next().unwrap_or_default();
    packet(line);
    relay_packet(line);
    name(line);
    size(line);
    if let Ok(nick) = Nick::parse(line) {
        assert!(!nick.as_str().contains(|c: char| c.is_whitespace() || c.is_control() || c == '/'));
    }
});

fn packet(line: &str) {
    let packet = match Packet::parse(line) {
        Ok(packet) => packet,
        Err(error) => return check_message(&error),
    };
    let mut out = Vec::new();
    packet.encode(&mut out);
    let written = std::str::from_utf8(&out).expect("UTF-8");
    let written = written.strip_suffix('\n').expect("a line end");
    assert!(!written.contains('\n'));
    assert_eq!(Packet::parse(written), Ok(packet));
    match packet {
        Packet::Entry { name, size } => {
            let (left, right) = line["X_FILELIST ".len()..].rsplit_once(' ').expect("two fields");
            assert_eq!((name, Some(size)), (FileName::parse(left), Size::parse(right)));
        }
        Packet::Chk(chk) => {
            if let Some((name, yes)) = chk.answer() {
                let mut answer = Vec::new();
                Packet::encode_answer(name, yes, &mut answer);
                assert_eq!(answer, out);
            }
        }
        _ => {}
    }
}

fn relay_packet(line: &str) {
    let mut lines = LineBuffer::new();
    lines.receive(line.as_bytes());
    lines.receive(b"\n");
    let Ok(Some(line)) = lines.next_line() else { return };
    match RelayPacket::parse(line) {
        Ok(packet) => {
            let mut again = LineBuffer::new();
            again.receive(&packet.to_line());
            let line = again.next_line().expect("UTF-8").expect("a line");
            // A last field that ends in CR loses it as part of the line end.
            if !packet.to_line().ends_with(b"\r\n") {
                assert_eq!(RelayPacket::parse(line), Ok(packet));
            }
        }
        Err(error) => check_message(&error),
    }
}

fn name(text: &str) {
    let fits = |part: &str| !part.is_empty() && part.len() <= 255 && part != "." && part != "..";
    let good = text.len() <= 1024 && text.split('/').all(fits);
    match FileName::parse(text) {
        Ok(name) => {
            assert!(good && !text.contains(char::is_control));
            let numbered = name.to_owned().numbered(text.len() as u32);
            assert!(FileName::parse(numbered.as_str()).is_ok() && numbered.as_str() != text);
        }
        Err(bad) => {
            // Printable ASCII cannot be invalid for any other reason.
            let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            assert!(!(good && plain), "{bad}");
            assert_printable(&bad.to_string());
        }
    }
}

fn size(text: &str) {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        assert_eq!(Size::parse(text), text.parse().ok().map(Size::Exact));
    } else if let Some(size) = Size::parse(text) {
        let digits = text[..text.len() - 2].trim_start_matches('0');
        let shown = size.to_string();
        assert_eq!(shown.trim_start_matches('0'), format!("{digits}{}", &text[text.len() - 2..]));
        assert!(size.exact().is_none());
    }
}

fn check_message(error: &ProtocolError) {
    assert_printable(&error.to_string());
}
