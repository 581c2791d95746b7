//! Writes seed corpora for the fuzz targets: the bytes that each side sends in `tests/transcripts`, and
//! samples for the other targets. `fuzz_seeds FOLDER` creates FOLDER/line, FOLDER/packet, FOLDER/session etc.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/transcripts/transcript.rs"]
mod transcript;

/// The packets of sections 14 to 17.
const EXTENSIONS: &str = "\
X_CAPS passive resume offer stat
X_STAT a 7 -5 x
X_FILELIST EOF EOF
X_RESUME a 5 0 5 q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=
X_REQUEST a 5 0
X_PORT 0 40001
X_OFFER b 5 1795000000 -
X_OFFER ../b 5 - -
X_OFFER EOF EOF
X_CHK a NO
X_CHK a NO
X_END
";

/// The packets of sections 12.3 and 14 to 20, for a peer inside an encrypted session.
const INSIDE: &str = "\
X_STAT a 7 -5 xp
X_STAT message.txt 7 5 t
X_STAT d 0 - d
X_LEFT unreadable d/e
X_FILELIST EOF EOF
X_WANT 3 21 1
X_STORED 0 0 1
X_FAILED 1 0 2 space
X_REFUSED 1
X_KEY q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s= q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=
X_BATCH 2 0
X_FILE a 1
X_FILE b 2
X_RESUME a 5 0 5 q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=
X_OFFER b 5 1795000000 -
X_LEFT link c
X_OFFER EOF EOF
X_CHK a YES
X_END
";

/// First lines of a tunnel's streams (section 10.2), one per file.
const FIRST_LINES: &str = "\
X_RELAY
X_LISTEN
X_LISTEN 192.0.2.7 40000
X_LISTEN 2a00::9 40000
X_ACCEPT 40000 192.0.2.7 5000
X_DIAL ::ffff:192.0.2.7 1024
YES
NO port 80 is below 1024
";

/// Packets of several clients to a relay (section 5).
const TO_RELAY: [&str; 8] = [
    "X_NICK a\nX_CAPS from ticket\n",
    "X_NICK c\nX_CAPS from ticket near\nX_INIT a 10.0.0.7 40000\n",
    "X_NICK b\r\nX_WHO\nX_ADDR\nX_PING x\n",
    "X_NICK 1234\nX_INIT a 8.8.8.8 40000\nX_INIT b 10.0.0.7 40000\r\n",
    // The word `key` and its packet.
    "X_CAPS key\nX_KEY q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\n",
    "X_INIT a 8.8.8.8 40000\nX_END\n",
    "X_NICK b\nX_CAPS from ticket meet\nX_MEET a\nX_ADDR\n",
    "X_MEET AAAAAAAAAAAAAAAAAAAAAA==\n",
];

fn main() -> std::io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(std::io::Error::other("usage: fuzz_seeds FOLDER"));
    };
    for target in ["line", "packet", "session"] {
        std::fs::create_dir_all(folder.join(target))?;
    }
    for transcript in transcript::all() {
        let mut sent = BTreeMap::<char, Vec<u8>>::new();
        for record in &transcript.records {
            if record.mark == transcript::Mark::Writes {
                sent.entry(record.side).or_default().extend(&record.bytes);
                let name = format!("{}-{}", transcript.name, record.line);
                std::fs::write(folder.join("packet").join(name), &record.bytes)?;
            }
        }
        for (side, bytes) in sent {
            // The first byte determines the split and the session's earlier questions.
            for (target, first) in [("line", 1), ("session", 1), ("session", 29)] {
                let name = format!("{}-{side}-{first}", transcript.name);
                std::fs::write(folder.join(target).join(name), [&[first], &bytes[..]].concat())?;
            }
        }
    }
    // For B and for A, which both support extensions.
    for (first, start) in [(61, "X_CHK //xcher/2\n"), (125, "X_CHK //xcher/2 YES\n")] {
        let bytes = [&[first], start.as_bytes(), EXTENSIONS.as_bytes()].concat();
        std::fs::write(folder.join("session").join(format!("extensions-{first}")), bytes)?;
    }
    // The honest side's earlier questions, one byte each, and the split.
    std::fs::create_dir_all(folder.join("insider"))?;
    for called in [0, 1] {
        let bytes = [&[called, 1, 1, 2, 1, 1, 50], INSIDE.as_bytes()].concat();
        std::fs::write(folder.join("insider").join(format!("inside-{called}")), bytes)?;
    }
    write_all(
        &folder.join("first_line"),
        FIRST_LINES.lines().map(|line| line.as_bytes().to_vec()),
    )?;
    // Attributes of a request: SOFTWARE, PRIORITY and a FINGERPRINT that is wrong.
    let attributes = b"\x80\x22\0\x04test\0\x24\0\x04\x6e\0\x01\xff\x80\x28\0\x04crc.";
    write_all(&folder.join("stun"), [attributes.to_vec()].into_iter())?;
    // The split, a ticket or a part of one before the bytes, and the bytes.
    let visits = [
        (0, 0, "X_TICKET AAAAAAAAAAAAAAAAAAAAAA==\n"),
        (0, 0, "X_CHK //xcher/2\n"),
        (1, 255, "X_CHK //xcher/2\n"),
        (1, 33, "\r\nX_FILELIST\n"),
        (1, 20, ""),
    ];
    let visit = |(presents, length, bytes): (u8, u8, &str)| {
        let head: &[u8] = if presents == 0 { &[1, 0] } else { &[1, 1, length] };
        [head, bytes.as_bytes()].concat()
    };
    write_all(&folder.join("ticket"), visits.into_iter().map(visit))?;
    // The client, and its bytes.
    let input = |(at, text): (usize, &str)| [&[at as u8, 1], text.as_bytes()].concat();
    write_all(&folder.join("registry"), TO_RELAY.into_iter().enumerate().map(input))?;
    // The split, the use of digests, and the operations.
    let sealed = [[1, 1, 2, 5, 0, 5, 0], [1, 0, 1, 0, 0, 0, 1], [1, 1, 2, 2, 2, 2, 2]];
    for target in ["batch", "digest"] {
        write_all(&folder.join(target), sealed.iter().map(|seed| seed.repeat(5)))?;
    }
    Ok(())
}

/// Writes each item to its own file.
fn write_all(folder: &Path, all: impl Iterator<Item = Vec<u8>>) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (number, bytes) in all.enumerate() {
        std::fs::write(folder.join(number.to_string()), bytes)?;
    }
    Ok(())
}
