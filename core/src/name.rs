//! What a file is called on the wire (section 2.2).

use alloc::boxed::Box;
use alloc::format;
use core::fmt;

use crate::{MAX_NAME_LEN, MAX_PART_LEN, Quoted, unicode};

/// A name that is safe to put below a folder: relative, `/` between its parts, no part that climbs,
/// no character that is_deceptive. A value of this type is already checked.
///
/// `FileName` owns its text; `FileName<&str>` borrows it from the line it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName<S = Box<str>>(S);

impl<'a> FileName<&'a str> {
    /// Checks `text`, without copying it.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] with the first thing that is wrong.
    #[inline]
    pub fn parse(text: &'a str) -> Result<Self, InvalidName<'a>> {
        if is_plain(text.as_bytes()) {
            return Ok(Self(text));
        }
        match error(text) {
            None => Ok(Self(text)),
            Some(reason) => Err(InvalidName { name: text, reason }),
        }
    }

    /// The name as text that lives as long as the line.
    pub fn into_str(self) -> &'a str {
        self.0
    }

    /// The same name with a text of its own.
    pub fn to_owned(self) -> FileName {
        FileName(self.0.into())
    }
}

impl FileName {
    /// Checks `text` and keeps it.
    ///
    /// # Errors
    ///
    /// As [`parse`](FileName::parse).
    pub fn new(text: &str) -> Result<Self, InvalidName<'_>> {
        FileName::parse(text).map(FileName::<&str>::to_owned)
    }

    /// The name borrowed.
    pub fn borrowed(&self) -> FileName<&str> {
        FileName(&self.0)
    }
}

impl<S: AsRef<str>> FileName<S> {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// The parts between slashes: at least one, none empty, none `.` or `..`.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.as_str().split('/')
    }

    /// The last part.
    pub fn last_part(&self) -> &str {
        self.as_str().rsplit('/').next().unwrap_or_default()
    }

    /// The name to try when this one is taken: `song.mp3` becomes `song (1).mp3`, `a/notes` becomes
    /// `a/notes (1)`. Where the result would be too long, the stem is cut.
    pub fn numbered(&self, number: u32) -> FileName {
        let name = self.as_str();
        let last = self.last_part();
        let folder = &name[..name.len() - last.len()];
        // A dot in front begins a hidden file, not an extension.
        let dot = last.rfind('.').filter(|at| *at > 0).unwrap_or(last.len());
        let mark = format!(" ({number})");
        let (mut stem, mut extension) = last.split_at(dot);
        if extension.len() + mark.len() >= MAX_PART_LEN {
            (stem, extension) = (last, "");
        }
        let room = (MAX_PART_LEN - mark.len() - extension.len())
            .min(MAX_NAME_LEN.saturating_sub(folder.len() + mark.len() + extension.len()));
        let cut = stem.floor_char_boundary(room);
        FileName(format!("{folder}{}{mark}{extension}", &stem[..cut]).into())
    }

    /// Whether a host of this kind can hold a file of this name.
    ///
    /// # Errors
    ///
    /// [`NameError::NotOnWindows`] for what Windows would read as something else: `\`, a drive, a
    /// stream, a device, or a name whose end it drops.
    pub fn check_platform(&self, platform: Platform) -> Result<(), NameError> {
        match platform {
            Platform::Unix => Ok(()),
            Platform::Windows if self.parts().all(is_windows_part) => Ok(()),
            Platform::Windows => Err(NameError::NotOnWindows),
        }
    }
}

impl<S: AsRef<str>> fmt::Display for FileName<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl core::borrow::Borrow<str> for FileName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What the receiving host's file system takes for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Platform {
    /// Everything but `/` and NUL.
    #[default]
    Unix,
    /// Less: see [`FileName::check_platform`].
    Windows,
}

/// A text that is no file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidName<'a> {
    /// The text as it came: print it only escaped.
    pub name: &'a str,
    /// What is wrong with it.
    pub reason: NameError,
}

impl fmt::Display for InvalidName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected a relative file name, got {}: {}", Quoted(self.name), self.reason)
    }
}

impl core::error::Error for InvalidName<'_> {}

/// Why a text is no file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// No bytes at all.
    Empty,
    /// More than [`MAX_NAME_LEN`] bytes.
    TooLong,
    /// A slash at the start, at the end, or two together.
    EmptyPart,
    /// A part `.` or `..`.
    DotPart,
    /// A part of more than [`MAX_PART_LEN`] bytes.
    PartTooLong,
    /// A control, bidirectional or invisible character, where no script and no emoji needs it.
    Deceptive(char),
    /// Something that Windows reads as other than a name.
    NotOnWindows,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "it is empty"),
            Self::TooLong => write!(f, "it has more than {MAX_NAME_LEN} bytes"),
            Self::EmptyPart => write!(f, "a slash stands at its start, at its end or twice"),
            Self::DotPart => write!(f, "a part of it is \".\" or \"..\""),
            Self::PartTooLong => write!(f, "a part of it has more than {MAX_PART_LEN} bytes"),
            Self::Deceptive(c) => {
                write!(f, "it holds the invisible character U+{:04X}", u32::from(*c))
            }
            Self::NotOnWindows => write!(f, "Windows would read it as something else"),
        }
    }
}

#[cold]
fn error(name: &str) -> Option<NameError> {
    if name.is_empty() {
        return Some(NameError::Empty);
    }
    if name.len() > MAX_NAME_LEN {
        return Some(NameError::TooLong);
    }
    if let Some(c) = unicode::find_deceptive(name) {
        return Some(NameError::Deceptive(c));
    }
    name.split('/').find_map(|part| match part {
        "" => Some(NameError::EmptyPart),
        "." | ".." => Some(NameError::DotPart),
        part if part.len() > MAX_PART_LEN => Some(NameError::PartTooLong),
        _ => None,
    })
}

/// Whether `name` is certainly valid: printable ASCII, short, not beginning with a dot or a slash,
/// and no two of these together. A `false` means that [`fault`] must look.
///
/// Written in blocks of one length and without a branch inside, which a compiler turns into
/// vector instructions.
#[inline]
fn is_plain(name: &[u8]) -> bool {
    let ([first, bytes @ ..], [befores @ .., last]) = (name, name) else { return false };
    if name.len() > MAX_PART_LEN || *last == b'/' || is_wrong(b'/', *first) {
        return false;
    }
    let (Some(last_befores), Some(last_bytes)) =
        (befores.last_chunk::<BLOCK_LEN>(), bytes.last_chunk::<BLOCK_LEN>())
    else {
        return !befores.iter().zip(bytes).any(|(before, byte)| is_wrong(*before, *byte));
    };
    let blocks = befores.as_chunks().0.iter().zip(bytes.as_chunks().0);
    // The last block may begin within the one before it.
    !blocks.fold(is_any_wrong(last_befores, last_bytes), |wrong, (befores, bytes)| {
        wrong | is_any_wrong(befores, bytes)
    })
}

const BLOCK_LEN: usize = 16;

#[inline]
fn is_any_wrong(befores: &[u8; BLOCK_LEN], bytes: &[u8; BLOCK_LEN]) -> bool {
    befores.iter().zip(bytes).fold(false, |wrong, (before, byte)| wrong | is_wrong(*before, *byte))
}

/// Whether `byte` after `before` needs a closer look.
#[inline]
fn is_wrong(before: u8, byte: u8) -> bool {
    let is_mark = |byte: u8| (byte == b'/') | (byte == b'.');
    !(b' '..=b'~').contains(&byte) | (is_mark(before) & is_mark(byte))
}

fn is_windows_part(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().trim_end();
    // A device with a number is told by its first three letters.
    let device = match stem.as_bytes() {
        [head @ .., b'0'..=b'9'] => is_one_of(&[b"COM", b"LPT"], head),
        stem => is_one_of(&[b"CON", b"PRN", b"AUX", b"NUL", b"CONIN$", b"CONOUT$"], stem),
    };
    let wrong = |byte| matches!(byte, b'\\' | b':' | b'<' | b'>' | b'"' | b'|' | b'?' | b'*');
    !(device || part.bytes().any(wrong) || matches!(part.as_bytes(), [.., b'.' | b' ']))
}

fn is_one_of(devices: &[&[u8]], stem: &[u8]) -> bool {
    devices.iter().any(|device| stem.eq_ignore_ascii_case(device))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;

    #[test]
    fn says_yes_and_no_as_section_2_2_does() {
        use NameError::*;
        let part = "a".repeat(255);
        let name = [part.as_str(); 4].join("/");
        for good in [
            "a",
            "java.avi",
            "a b",
            "a/b/c.txt",
            ".hidden",
            "a/.hidden",
            "...",
            "a/...",
            "träd.txt",
            "日本語/ファイル",
            "a\\b",
            "C:",
            "EOF",
            " a ",
            "a YES",
            "😀",
            &part,
            &name,
        ] {
            assert_eq!(FileName::parse(good).map(FileName::into_str), Ok(good), "{good:?}");
        }
        let long_part = "a".repeat(256);
        let long = "a/".repeat(512) + "b";
        for (bad, reason) in [
            ("", Empty),
            ("/", EmptyPart),
            ("/a", EmptyPart),
            ("a/", EmptyPart),
            ("a//b", EmptyPart),
            ("//xcher/2", EmptyPart),
            (".", DotPart),
            ("..", DotPart),
            ("../a", DotPart),
            ("a/..", DotPart),
            ("a/./b", DotPart),
            ("a/../../b", DotPart),
            ("aaaaaaaa/../b", DotPart),
            ("aaaaaaa/../b", DotPart),
            ("a\0b", Deceptive('\0')),
            ("a\u{1b}[2J", Deceptive('\u{1b}')),
            ("a\u{7f}", Deceptive('\u{7f}')),
            ("a\u{85}", Deceptive('\u{85}')),
            ("a\tb", Deceptive('\t')),
            ("fdp.\u{202e}exe", Deceptive('\u{202e}')),
            ("a\u{200b}", Deceptive('\u{200b}')),
            ("a\u{2028}b", Deceptive('\u{2028}')),
            (&long_part, PartTooLong),
            (&long, TooLong),
        ] {
            assert_eq!(FileName::parse(bad).map_err(|e| e.reason), Err(reason), "{bad:?}");
        }
    }

    #[test]
    fn what_the_quick_look_passes_the_slow_one_passes() {
        // Every place in a word, and the step from one word to the next.
        let alphabet = ['a', '.', '/', '\u{1f}', ' ', '~', '\u{7f}', 'é'];
        for before in 0..10 {
            for a in alphabet {
                for b in alphabet {
                    for c in alphabet {
                        for after in [0, 1, 9] {
                            let mut name = "x".repeat(before);
                            name.extend([a, b, c]);
                            name.push_str(&"y".repeat(after));
                            if is_plain(name.as_bytes()) {
                                assert_eq!(error(&name), None, "{name:?}");
                            }
                        }
                    }
                }
            }
        }
        assert!(is_plain(b"photos-17/img_0a1b2c3d.jpg"), "the usual name takes the quick way");
    }

    #[test]
    fn a_number_goes_before_the_extension() {
        for (name, numbered) in [
            ("song.mp3", "song (1).mp3"),
            ("a.d/notes", "a.d/notes (1)"),
            (".bashrc", ".bashrc (1)"),
            ("a.tar.gz", "a.tar (1).gz"),
            ("日.txt", "日 (1).txt"),
        ] {
            assert_eq!(FileName::new(name).expect("valid").numbered(1).as_str(), numbered);
        }
        for name in ["é".repeat(127), "a".repeat(250) + ".jpeg", "a.".to_owned() + &"b".repeat(252)]
        {
            let numbered = FileName::new(&name).expect("valid").numbered(1234);
            assert!(FileName::parse(numbered.as_str()).is_ok(), "{numbered}");
            assert!(numbered.as_str().contains(" (1234)"), "{numbered}");
        }
    }

    #[test]
    fn windows_takes_less() {
        for bad in ["a\\b", "C:", "C:/a", "nul", "a/NUL.txt", "com1", "a.", "a ", "a?", "LPT9.x"] {
            let name = FileName::new(bad).expect("valid");
            assert_eq!(
                name.check_platform(Platform::Windows),
                Err(NameError::NotOnWindows),
                "{bad:?}"
            );
            assert_eq!(name.check_platform(Platform::Unix), Ok(()));
        }
        for good in ["a.txt", "com", "console", "a/b", "comet"] {
            assert_eq!(
                FileName::new(good).expect("valid").check_platform(Platform::Windows),
                Ok(())
            );
        }
    }
}
