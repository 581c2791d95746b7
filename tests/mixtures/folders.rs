//! Random folders.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::system::tree::Tree;

/// Limit of all files together, in bytes.
const MAX_TOTAL_LEN: usize = 6 << 20;

const NAMES: [&str; 22] = [
    "plain.txt",
    "a b  c",
    "träd/sjö och skog",
    "日本/走り.mkv",
    ".hidden",
    "EOF",
    "x NO",
    "X_CHK y YES",
    "-rf",
    "100%",
    "it's \"quoted\"",
    "deep/er/and/deeper/still",
    "🎉",
    "1",
    // With a ZWNJ, and with ZWJs.
    "می\u{200c}خواهم",
    "क\u{94d}\u{200d}ष",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦/👩🏽\u{200d}🚀",
    "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} ❤\u{fe0f}",
    // Escaped, as names are listed that cannot be sent as they are.
    "two%{0A}lines",
    "caf%{E9}/%{1B}[31m",
    "%{25}{0A} for real",
    "%{E2}%{80}%{AE}gpj.exe",
];

/// Returns up to three hundred files of all sizes and kinds of names, by listed name.
pub(crate) fn files(rng: &mut fastrand::Rng) -> Tree {
    let count = match rng.u8(..20) {
        0 => rng.usize(80..=300),
        1..5 => rng.usize(12..80),
        _ => rng.usize(1..12),
    };
    let mut left = MAX_TOTAL_LEN;
    let mut files = Tree::new();
    for number in 0..count {
        let length = match rng.u8(..10) {
            0..3 => 0,
            3..6 => rng.usize(1..2000),
            6 | 7 => rng.usize(2000..100_000),
            // Near the size limit of a batch.
            8 => (256 << 10) + rng.usize(..3) - 1,
            _ => rng.usize(300_000..=3 << 20),
        };
        let length = length.min(left);
        left -= length;
        let name = NAMES[rng.usize(..NAMES.len())];
        let name = match rng.u8(..3) {
            0 => format!("{number} {name}"),
            1 => format!("{name} {number}"),
            _ => format!("{}/{name} {number}", rng.u8(..4)),
        };
        files.insert(name, (0..length).map(|_| rng.u8(..)).collect());
    }
    files
}

/// Writes the files under their names on disk.
pub(crate) fn write(folder: &Path, files: &Tree) {
    for (name, bytes) in files {
        let path = folder.join(on_disk(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Returns the name on disk of a listed name.
pub(crate) fn on_disk(listed: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = listed;
    while let Some((before, after)) = rest.split_once("%{") {
        bytes.extend(before.as_bytes());
        match after.split_once('}') {
            Some((hex, after)) if hex.len() == 2 => {
                bytes.push(u8::from_str_radix(hex, 16).unwrap());
                rest = after;
            }
            _ => panic!("{listed} has an incomplete escape"),
        }
    }
    bytes.extend(rest.as_bytes());
    OsString::from_vec(bytes).into()
}

/// Entries of a folder that are not files.
#[derive(Debug)]
pub(crate) struct Beside {
    empty: BTreeSet<String>,
    /// A link, and its target beside it.
    link: Option<(String, String)>,
    links: Links,
}

/// The sender's treatment of links.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Links {
    Skip,
    Follow,
    Keep,
}

impl Links {
    pub(crate) fn option(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Follow => "follow",
            Self::Keep => "keep",
        }
    }
}

impl Beside {
    /// Chooses entries at random. The link's target is not the odd file.
    pub(crate) fn new(rng: &mut fastrand::Rng, files: &Tree, odd: &str) -> Self {
        let names = ["empty", "d/خالی\u{200c}ها/e/f", ".none", "%{0A}", "🎉/👩\u{200d}🚀"];
        let empty = (0..rng.usize(..4)).map(|at| format!("nothing {at}/{}", names[rng.usize(..5)]));
        let empty = empty.collect();
        let target = |name: &&String| *name != odd && !name.contains('/') && !name.contains("%{");
        let targets: Vec<_> = files.keys().filter(target).cloned().collect();
        let link = (!targets.is_empty() && rng.bool())
            .then(|| ("a link".to_owned(), targets[rng.usize(..targets.len())].clone()));
        let links = [Links::Skip, Links::Follow, Links::Keep][rng.usize(..3)];
        Self { empty, link, links }
    }

    pub(crate) fn links(&self) -> Links {
        self.links
    }

    pub(crate) fn make(&self, folder: &Path) {
        for empty in &self.empty {
            fs::create_dir_all(folder.join(on_disk(empty))).unwrap();
        }
        if let Some((link, target)) = &self.link {
            symlink(target, folder.join(link)).unwrap();
        }
    }

    /// Expects that all entries arrived that were to be sent.
    pub(crate) fn check(&self, folder: &Path, arrived: &Tree, files: &Tree) {
        for empty in &self.empty {
            let entries = fs::read_dir(folder.join(empty)).map(Iterator::count);
            assert!(entries.is_ok_and(|count| count == 0), "{empty} is not an empty folder");
        }
        if let Some((link, target)) = &self.link {
            let expected = match self.links {
                Links::Skip => None,
                Links::Follow => Some(files[target].clone()),
                Links::Keep => Some(format!("a link to {target}").into_bytes()),
            };
            let found = arrived.get(&format!("s/{link}"));
            assert!(found == expected.as_ref(), "{link}, {:?}", self.links);
        }
    }
}
