//! Reads the files of `tests/transcripts`, in the format that their README describes.

use std::path::{Path, PathBuf};

/// The kind of a transcript's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Bytes that a host writes.
    Writes,
    /// An action of a user or a driver.
    Action,
    /// A report of a host.
    Reports,
}

/// One line of a transcript.
#[derive(Debug)]
pub(crate) struct Record {
    /// The number of the line, from 1.
    pub(crate) line: usize,
    pub(crate) side: char,
    pub(crate) mark: Mark,
    /// The text with its escapes resolved; a line that a host writes includes its end.
    pub(crate) bytes: Vec<u8>,
}

impl Record {
    /// The text of an action or a report.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_else(|_| panic!("line {}: not UTF-8", self.line))
    }
}

/// One conversation.
#[derive(Debug)]
pub(crate) struct Transcript {
    pub(crate) name: String,
    /// `control` or `relay`.
    pub(crate) kind: String,
    pub(crate) records: Vec<Record>,
}

/// All transcripts, sorted by name.
pub(crate) fn all() -> Vec<Transcript> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Transcript {
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let kind = lines.next().and_then(|(_, line)| line.strip_prefix("@ "));
    let kind = kind.unwrap_or_else(|| panic!("{name}: expected \"@ KIND\" first")).to_owned();
    let records = lines
        .map(|(at, line)| record(at, line).unwrap_or_else(|| panic!("{name}:{at}: {line:?}")))
        .collect();
    Transcript { name, kind, records }
}

fn record(line: usize, text: &str) -> Option<Record> {
    let mut chars = text.chars();
    let (side, mark) = (chars.next().filter(char::is_ascii_uppercase)?, chars.next()?);
    let rest = chars.as_str().strip_prefix(' ').or_else(|| text.get(2..).filter(|t| t.is_empty()));
    let mut bytes = unescape(rest?)?;
    let mark = match mark {
        '>' => {
            bytes.push(b'\n');
            Mark::Writes
        }
        '~' => Mark::Writes,
        ':' => Mark::Action,
        '!' => Mark::Reports,
        _ => return None,
    };
    Some(Record { line, side, mark, bytes })
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some((before, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let mut chars = escape.chars();
        let kind = chars.next()?;
        rest = chars.as_str();
        match kind {
            '\\' => bytes.push(b'\\'),
            'r' => bytes.push(b'\r'),
            'n' => bytes.push(b'\n'),
            't' => bytes.push(b'\t'),
            'x' => {
                let (byte, after) = rest.split_at_checked(2)?;
                bytes.push(u8::from_str_radix(byte, 16).ok()?);
                rest = after;
            }
            '{' => {
                let (repeated, after) = rest.split_once('}')?;
                let (what, times) = repeated.split_once('*')?;
                bytes.extend_from_slice(what.repeat(times.parse().ok()?).as_bytes());
                rest = after;
            }
            _ => return None,
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}
