//! Any bytes through a line buffer: the same correct lines for every split, and never more kept
//! than one line and one read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use xcher_core::{LineBuffer, MAX_LINE_LEN, ProtocolError};
use xcher_core_fuzz::{assert_printable, split};

fuzz_target!(|data: &[u8]| {
    let Some((seed, bytes)) = data.split_first() else { return };
    let whole = read(&[bytes]);
    assert_eq!(whole, read(&split(*seed, bytes)));
    assert_eq!(whole, read(&split(0, bytes)));

    let (lines, error) = whole;
    let all = lines.concat();
    assert!(bytes.starts_with(all.as_bytes()), "lines were lost, added or changed");
    let rest = &bytes[all.len()..];
    match error {
        None => assert!(!rest.contains(&b'\n') && rest.len() < MAX_LINE_LEN),
        Some(ProtocolError::LineTooLong { .. }) => {
            assert!(!rest[..MAX_LINE_LEN - 1].contains(&b'\n') && rest[MAX_LINE_LEN - 1] != b'\n');
        }
        Some(ProtocolError::NotUtf8 { .. }) => {
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            assert!(std::str::from_utf8(&rest[..end]).is_err());
        }
        Some(other) => panic!("{other}"),
    }
});

fn read(pieces: &[&[u8]]) -> (Vec<String>, Option<ProtocolError>) {
    let (mut buffer, mut lines) = (LineBuffer::new(), Vec::new());
    for piece in pieces {
        buffer.receive(piece);
        loop {
            match buffer.next_line() {
                Ok(Some(line)) => {
                    let raw = line.raw();
                    assert!(raw.len() <= MAX_LINE_LEN && raw.find('\n') == Some(raw.len() - 1));
                    assert_eq!(line.text().trim_end_matches(['\r', '\n']), {
                        raw.trim_end_matches(['\r', '\n'])
                    });
                    lines.push(raw.to_owned());
                }
                Ok(None) => break,
                Err(error) => {
                    assert_printable(&error.to_string());
                    return (lines, Some(error));
                }
            }
        }
        assert!(buffer.partial_line().is_none_or(|line| line.len() < MAX_LINE_LEN));
    }
    (lines, None)
}
