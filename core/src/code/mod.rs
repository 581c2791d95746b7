//! Codes, which one user passes to another: a nick to call and a secret to authenticate with (section 12).
//!
//! ```
//! use xcher_core::code::{Code, InvalidCode};
//!
//! // As people type it: in any case, with spaces for dashes.
//! let code: Code = "4821 Crossover clockwork universe".parse()?;
//! assert_eq!(code.nick().as_str(), "4821");
//! assert_eq!(code.to_string(), "4821-crossover-clockwork-universe");
//!
//! let error = Code::parse("4821-crosover-clockwork-universe").expect_err("a typing error");
//! assert_eq!(error.suggestion(), Some("crossover"));
//! # Ok::<(), InvalidCode>(())
//! ```

mod exchange;
pub(crate) mod words;

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

pub use exchange::{CodeError, Prover, REFUSAL, Verifier};

pub use crate::before_module::{MAX_NICK_ATTEMPTS, MAX_TRIES};
use crate::secure::Entropy;
use crate::{Nick, Quoted};

/// Digits of the longest nick in a code.
const MAX_NICK_DIGITS: usize = 9;

/// `4821-crossover-clockwork-universe`: a nick of digits at the relay, and three words that the relay never
/// sees.
///
/// `Display` writes the whole code, for its user; `Debug` omits the words.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    nick: Nick,
    words: [u8; 3],
}

impl Code {
    /// Creates a code with a nick of four digits.
    ///
    /// If the nick is taken at the relay, create another code; the words of an unused one need not be kept.
    pub fn random(entropy: &mut Entropy) -> Self {
        let number = u32::from_le_bytes(entropy.bytes());
        // A nick is public, so a bias of one in a million is harmless.
        let nick = Nick::parse(itoa::Buffer::new().format(1000 + number % 9000));
        Self { nick: nick.expect("four digits are a nick"), words: entropy.bytes() }
    }

    /// Parses a code as people type it: in any case, with one or more spaces or dashes between its parts and
    /// around it.
    ///
    /// # Errors
    ///
    /// [`InvalidCode`] with the first violation.
    pub fn parse(text: &str) -> Result<Self, InvalidCode> {
        let mut parts = parts(text);
        let digits =
            parts.next().filter(|digits| is_number(digits)).ok_or(InvalidCode::NoNumber)?;
        let nick = Nick::parse(digits).map_err(|_| InvalidCode::NoNumber)?;
        let mut words = [0; LISTS.len()];
        for (position, byte) in words.iter_mut().enumerate() {
            let word = parts.next().ok_or(InvalidCode::MissingWord)?.to_ascii_lowercase();
            *byte = words::byte(LISTS[position], &word)
                .ok_or(InvalidCode::UnknownWord { word: word.into(), position })?;
        }
        match parts.next() {
            Some(_) => Err(InvalidCode::TrailingText),
            None => Ok(Self { nick, words }),
        }
    }

    /// Returns true if `text` is probably meant as a code, valid or not: digits, then a dash or a space and
    /// letters.
    pub fn looks_like(text: &str) -> bool {
        let mut parts = parts(text);
        parts.next().is_some_and(is_number)
            && parts.next().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()))
    }

    /// Returns how many words `text` lacks to be a code: three if it is a number alone. `None` unless it is the
    /// number of a code and words of letters, known or not.
    pub fn missing_words(text: &str) -> Option<usize> {
        let mut parts = parts(text);
        parts.next().filter(|digits| is_number(digits))?;
        let is_word = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphabetic());
        parts
            .try_fold(LISTS.len(), |missing, word| is_word(word).then(|| missing.saturating_sub(1)))
    }

    /// Returns the words that a code can have at `position`, from 0 to 2.
    pub fn words(position: usize) -> impl Iterator<Item = &'static str> {
        LISTS.get(position).into_iter().flat_map(|list| list.split(' '))
    }

    /// Returns the nick to call.
    pub fn nick(&self) -> &Nick {
        &self.nick
    }

    /// Returns the secret as both sides spell it: lower case, with one dash between two words.
    pub(crate) fn secret(&self) -> String {
        let word = |position: usize| words::word(LISTS[position], self.words[position]);
        [word(0), "-", word(1), "-", word(2)].concat()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.nick, self.secret())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({}-…)", self.nick)
    }
}

impl core::str::FromStr for Code {
    type Err = InvalidCode;

    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        Self::parse(text)
    }
}

/// The reason why a text is not a code.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidCode {
    /// It does not start with a number of 1 to 9 digits.
    NoNumber,
    /// It has fewer than three words.
    MissingWord,
    /// No code has this word at this position.
    UnknownWord {
        /// The word, in lower case: escape it before printing.
        word: Box<str>,
        /// Its position, from 0 to 2.
        position: usize,
    },
    /// Text follows the third word.
    TrailingText,
}

impl InvalidCode {
    /// Returns the word that was probably meant instead of an [unknown](Self::UnknownWord) one.
    ///
    /// `Display` does not include it: a module built for size need not link the search.
    pub fn suggestion(&self) -> Option<&'static str> {
        match self {
            Self::UnknownWord { word, position } => words::nearest(LISTS.get(*position)?, word),
            _ => None,
        }
    }
}

impl fmt::Display for InvalidCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = match self {
            Self::UnknownWord { word, .. } => {
                return write!(f, "unknown word {} in the code", Quoted(word));
            }
            Self::NoNumber => "start with a number",
            Self::MissingWord => "have three words",
            Self::TrailingText => "end after three words",
        };
        write!(f, "a code must {expected}, like 4821-crossover-clockwork-universe")
    }
}

impl core::error::Error for InvalidCode {}

/// The word list of each position. Alternating lists reveal missing and swapped words.
const LISTS: [&str; 3] = [words::THREE_SYLLABLES, words::TWO_SYLLABLES, words::THREE_SYLLABLES];

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == '-' || c.is_whitespace()).filter(|part| !part.is_empty())
}

fn is_number(part: &str) -> bool {
    part.len() <= MAX_NICK_DIGITS && part.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn parse_accepts_what_people_type() {
        let code = Code::parse("4821-crossover-clockwork-universe").expect("a code");
        assert_eq!(code.nick().as_str(), "4821");
        assert_eq!(code.to_string(), "4821-crossover-clockwork-universe");
        assert_eq!(code.secret(), "crossover-clockwork-universe");
        assert_eq!(format!("{code:?}"), "Code(4821-…)");
        for text in [
            "4821 crossover clockwork universe",
            " 4821-Crossover-CLOCKWORK-Universe\n",
            "4821 - crossover\t\u{a0}clockwork--universe-",
        ] {
            assert_eq!(text.parse(), Ok(code.clone()), "{text:?}");
            assert!(Code::looks_like(text), "{text:?}");
        }
        assert_ne!(
            Code::parse("04821-crossover-clockwork-universe"),
            Ok(code),
            "the number is a nick, not a value"
        );
        assert!(Code::parse("1-crossover-clockwork-universe").is_ok());
    }

    #[test]
    fn parse_reports_the_violation_and_the_probable_word() {
        use InvalidCode::{MissingWord, NoNumber, TrailingText};
        for (text, error) in [
            ("", NoNumber),
            ("-", NoNumber),
            ("crossover-clockwork-universe", NoNumber),
            ("1234567890-crossover-clockwork-universe", NoNumber),
            ("４８２１-crossover-clockwork-universe", NoNumber),
            ("4821", MissingWord),
            ("4821-crossover", MissingWord),
            ("4821-crossover-clockwork", MissingWord),
            ("4821-crossover-clockwork-universe-acme", TrailingText),
        ] {
            assert!(error.to_string().ends_with(", like 4821-crossover-clockwork-universe"));
            assert_eq!(Code::parse(text), Err(error), "{text:?}");
        }
        for (text, position, shown) in [
            ("4821-Crosover-clockwork-universe", 0, r#""crosover" in the code"#),
            ("4821-clockwork-crossover-universe", 0, r#""clockwork" in the code"#),
            ("4821-crossover-crossover", 1, r#""crossover" in the code"#),
            ("4821-crossover-clockwork-acme", 2, r#""acme" in the code"#),
            ("4821-\u{1b}[2J", 0, r#""\u{1b}[2j" in the code"#),
        ] {
            let error = Code::parse(text).expect_err(text);
            assert!(
                matches!(error, InvalidCode::UnknownWord { position: at, .. } if at == position)
            );
            assert_eq!(error.to_string(), format!("unknown word {shown}"));
            let is_misspelled = text.contains("Crosover");
            assert_eq!(error.suggestion(), is_misspelled.then_some("crossover"), "{text:?}");
        }
        for (text, like) in [
            ("4821-crosover-clockwork", true),
            ("4821 x", true),
            ("4821", false),
            ("4821-1", false),
            ("bob", false),
            ("bob-4821", false),
            ("1234567890-a", false),
        ] {
            assert_eq!(Code::looks_like(text), like, "{text:?}");
        }
    }

    #[test]
    fn missing_words_completes_what_is_typed_in_parts() {
        for (text, missing) in [
            ("4821", Some(3)),
            (" 4821-", Some(3)),
            ("4821-crossover", Some(2)),
            ("4821 misspellt clockwork", Some(1)),
            ("4821-crossover-clockwork-universe", Some(0)),
            ("4821-crossover-clockwork-universe-acme", Some(0)),
            ("", None),
            ("bob", None),
            ("4821-1", None),
            ("4821 notes.txt", None),
            ("1234567890", None),
        ] {
            assert_eq!(Code::missing_words(text), missing, "{text:?}");
        }
    }

    #[test]
    fn words_are_those_that_parse_accepts() {
        for [one, two, three] in [[0, 0, 0], [255, 255, 255], [7, 77, 177]] {
            let word = |position, at| Code::words(position).nth(at).expect("256 words");
            let text = format!("1-{}-{}-{}", word(0, one), word(1, two), word(2, three));
            assert_eq!(Code::parse(&text).expect("a code").to_string(), text);
        }
        assert_eq!([0, 1, 2, 3].map(|position| Code::words(position).count()), [256, 256, 256, 0]);
    }

    #[test]
    fn random_codes_round_trip_and_differ() {
        let mut entropy = Entropy::new([1; 32]);
        let mut last = None;
        for _ in 0..200 {
            let code = Code::random(&mut entropy);
            let number = code.nick().as_str().parse::<u32>().expect("digits");
            assert!((1000..=9999).contains(&number));
            assert_eq!(Code::parse(&code.to_string()), Ok(code.clone()));
            assert_ne!(last.replace(code.clone()), Some(code));
        }
    }
}
