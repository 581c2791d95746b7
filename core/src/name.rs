//! File names on the wire (section 2.2).

use alloc::boxed::Box;
use alloc::format;
use core::fmt;

use crate::{MAX_NAME_LEN, MAX_PART_LEN, Quoted, unicode};

/// A valid name, safe to append to a folder: relative, with `/` between its parts, without `.` and `..`
/// and without deceptive characters.
///
/// `FileName` owns its text; `FileName<&str>` borrows it from a line.
///
/// ```
/// use xcher_core::{FileName, NameError};
///
/// let name = FileName::new("photos/beach.jpg")?;
/// assert_eq!(name.last_part(), "beach.jpg");
/// assert_eq!(name.numbered(1).as_str(), "photos/beach (1).jpg");
/// let error = FileName::new("../etc/passwd").expect_err("leaves the folder");
/// assert_eq!(error.reason, NameError::DotPart);
/// # Ok::<(), xcher_core::InvalidName>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName<S = Box<str>>(S);

impl<'a> FileName<&'a str> {
    /// Checks `text` without copying it.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] with the first violation.
    #[inline]
    pub fn parse(text: &'a str) -> Result<Self, InvalidName<&'a str>> {
        if is_plain(text.as_bytes()) {
            return Ok(Self(text));
        }
        match error(text) {
            None => Ok(Self(text)),
            Some(reason) => Err(InvalidName { name: text, reason }),
        }
    }

    /// Returns the name as text that lives as long as the line.
    pub fn into_str(self) -> &'a str {
        self.0
    }

    /// Copies the name.
    pub fn to_owned(self) -> FileName {
        FileName(self.0.into())
    }
}

impl FileName {
    /// Checks and copies `text`.
    ///
    /// # Errors
    ///
    /// As [`parse`](FileName::parse).
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        Ok(FileName::parse(text)?.to_owned())
    }

    /// Borrows the name.
    pub fn borrowed(&self) -> FileName<&str> {
        FileName(&self.0)
    }
}

impl<S: AsRef<str>> FileName<S> {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// Returns the parts between slashes: at least one, none of them empty, `.` or `..`.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.as_str().split('/')
    }

    /// Returns the last part.
    pub fn last_part(&self) -> &str {
        self.as_str().rsplit('/').next().unwrap_or_default()
    }

    /// Returns the name to try if this one exists: `song.mp3` becomes `song (1).mp3`, `a/notes` becomes
    /// `a/notes (1)`. Truncates the stem if the result would be too long.
    pub fn numbered(&self, number: u32) -> FileName {
        let name = self.as_str();
        let last = self.last_part();
        let folder = &name[..name.len() - last.len()];
        // A leading dot marks a hidden file, not an extension.
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

    /// Checks that a file system of this platform can store the name.
    ///
    /// # Errors
    ///
    /// [`NameError::NotOnWindows`] for names that Windows reinterprets: with `\`, a drive, a stream or a
    /// device, or with an end that it strips.
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

impl core::str::FromStr for FileName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl core::borrow::Borrow<str> for FileName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The naming rules of a receiving host's file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Platform {
    /// Allows everything but `/` and NUL.
    #[default]
    Unix,
    /// Allows less: see [`FileName::check_platform`].
    Windows,
}

/// An invalid file name.
///
/// `InvalidName` owns the text; `InvalidName<&str>` borrows it from a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidName<S = Box<str>> {
    /// The text as received: escape it before printing.
    pub name: S,
    /// The violated rule.
    pub reason: NameError,
}

impl From<InvalidName<&str>> for InvalidName {
    fn from(error: InvalidName<&str>) -> Self {
        Self { name: error.name.into(), reason: error.reason }
    }
}

impl<S: AsRef<str>> fmt::Display for InvalidName<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Quoted(self.name.as_ref());
        write!(f, "expected a relative file name, got {name}: {}", self.reason)
    }
}

impl<S: AsRef<str> + fmt::Debug> core::error::Error for InvalidName<S> {}

/// The rule of section 2.2 that a file name violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// It is empty.
    Empty,
    /// It is longer than [`MAX_NAME_LEN`] bytes.
    TooLong,
    /// It starts or ends with a slash, or contains two in a row.
    EmptyPart,
    /// A part is `.` or `..`.
    DotPart,
    /// A part is longer than [`MAX_PART_LEN`] bytes.
    PartTooLong,
    /// It contains a control, bidirectional or invisible character that no script or emoji needs there.
    Deceptive(char),
    /// Windows reinterprets it.
    NotOnWindows,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "it is empty"),
            Self::TooLong => write!(f, "it is longer than {MAX_NAME_LEN} bytes"),
            Self::EmptyPart => write!(f, "it starts or ends with a slash, or has two in a row"),
            Self::DotPart => write!(f, "it contains a part \".\" or \"..\""),
            Self::PartTooLong => write!(f, "a part of it is longer than {MAX_PART_LEN} bytes"),
            Self::Deceptive(c) => {
                write!(f, "it contains the invisible character U+{:04X}", u32::from(*c))
            }
            Self::NotOnWindows => write!(f, "Windows does not allow this name"),
        }
    }
}

impl core::error::Error for NameError {}

/// Returns the first violation, if any.
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

/// Returns true if `name` is certainly valid: short printable ASCII, without a leading dot or slash and
/// without two of these in a row. After `false`, [`error`] decides.
///
/// Compares blocks of a fixed length without branches, which compilers turn into vector instructions.
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
    // The last block may overlap the one before it.
    !blocks.fold(is_any_wrong(last_befores, last_bytes), |wrong, (befores, bytes)| {
        wrong | is_any_wrong(befores, bytes)
    })
}

/// Bytes that [`is_plain`] compares at a time.
const BLOCK_LEN: usize = 16;

#[inline]
fn is_any_wrong(befores: &[u8; BLOCK_LEN], bytes: &[u8; BLOCK_LEN]) -> bool {
    befores.iter().zip(bytes).fold(false, |wrong, (before, byte)| wrong | is_wrong(*before, *byte))
}

/// Returns true if `byte` after `before` may be invalid.
#[inline]
fn is_wrong(before: u8, byte: u8) -> bool {
    let is_mark = |byte: u8| (byte == b'/') | (byte == b'.');
    !(b' '..=b'~').contains(&byte) | (is_mark(before) & is_mark(byte))
}

fn is_windows_part(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().trim_end();
    // COM1 and the like: three letters and a digit.
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
    fn parse_follows_section_2_2() {
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
    fn the_fast_check_accepts_valid_names_only() {
        // Every position in a block, and the step to the next block.
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
        assert!(is_plain(b"photos-17/img_0a1b2c3d.jpg"), "a usual name passes the fast check");
    }

    #[test]
    fn numbered_inserts_the_number_before_the_extension() {
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
    fn windows_allows_fewer_names() {
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
