//! Random folders.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::system::tree::Tree;

/// Bytes of all files together, at most.
const MOST: usize = 6 << 20;

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
    // As those are listed that cannot go.
    "two%{0A}lines",
    "caf%{E9}/%{1B}[31m",
    "%{25}{0A} for real",
    "%{E2}%{80}%{AE}gpj.exe",
];

/// Up to three hundred, of all sizes and kinds of names: those that they are listed by.
pub(crate) fn files(rng: &mut fastrand::Rng) -> Tree {
    let count = match rng.u8(..20) {
        0 => rng.usize(80..=300),
        1..5 => rng.usize(12..80),
        _ => rng.usize(1..12),
    };
    let mut left = MOST;
    let mut files = Tree::new();
    for number in 0..count {
        let length = match rng.u8(..10) {
            0..3 => 0,
            3..6 => rng.usize(1..2000),
            6 | 7 => rng.usize(2000..100_000),
            // Around the longest file of a batch.
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

/// Writes them under their own names.
pub(crate) fn write(folder: &Path, files: &Tree) {
    for (name, bytes) in files {
        let path = folder.join(on_disk(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// The name on disk of what is listed by this one.
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
            _ => panic!("{listed} has half a mark"),
        }
    }
    bytes.extend(rest.as_bytes());
    OsString::from_vec(bytes).into()
}

/// What is in a folder and is no file.
#[derive(Debug)]
pub(crate) struct Beside {
    empty: BTreeSet<String>,
    /// A link, and the file beside it that it leads to.
    link: Option<(String, String)>,
    links: Links,
}

/// What is done with links.
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
    /// The link leads to another file than the odd one.
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

    /// That all of it came that was to.
    pub(crate) fn check(&self, folder: &Path, there: &Tree, files: &Tree) {
        for empty in &self.empty {
            let entries = fs::read_dir(folder.join(empty)).map(Iterator::count);
            assert!(entries.is_ok_and(|count| count == 0), "{empty} is no empty folder");
        }
        if let Some((link, target)) = &self.link {
            let expected = match self.links {
                Links::Skip => None,
                Links::Follow => Some(files[target].clone()),
                Links::Keep => Some(format!("a link to {target}").into_bytes()),
            };
            let came = there.get(&format!("s/{link}"));
            assert!(came == expected.as_ref(), "{link}, {:?}", self.links);
        }
    }
}
