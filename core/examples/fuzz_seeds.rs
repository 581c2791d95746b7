//! Writes what each side of each conversation in `tests/transcripts` sends as a first corpus for
//! the fuzz targets: `fuzz_seeds FOLDER` makes FOLDER/line, FOLDER/packet and FOLDER/session.

use std::collections::BTreeMap;
use std::path::PathBuf;

#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../tests/transcripts/transcript.rs"]
mod transcript;

/// Each packet of sections 14 to 17, once both have named them.
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

/// The same and those of sections 12.3 and 18 to 20, for a peer inside an encrypted session.
const INSIDE: &str = "\
X_STAT a 7 -5 xp
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

fn main() -> std::io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(std::io::Error::other("expected a folder to write to, got no argument"));
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
            // The first byte says how the rest is split, and what the session asks before.
            for (target, first) in [("line", 1), ("session", 1), ("session", 29)] {
                let name = format!("{}-{side}-{first}", transcript.name);
                std::fs::write(folder.join(target).join(name), [&[first], &bytes[..]].concat())?;
            }
        }
    }
    // And who hears it: B, and A, who know more than the six packets.
    for (first, begins) in [(61, "X_CHK //xcher/2\n"), (125, "X_CHK //xcher/2 YES\n")] {
        let bytes = [&[first], begins.as_bytes(), EXTENSIONS.as_bytes()].concat();
        std::fs::write(folder.join("session").join(format!("extensions-{first}")), bytes)?;
    }
    // What the honest side asks before, one byte each, and how it is cut.
    std::fs::create_dir_all(folder.join("insider"))?;
    for called in [0, 1] {
        let bytes = [&[called, 1, 1, 2, 1, 1, 50], INSIDE.as_bytes()].concat();
        std::fs::write(folder.join("insider").join(format!("inside-{called}")), bytes)?;
    }
    Ok(())
}
