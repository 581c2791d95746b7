//! A code that one person tells another: where to call, and a secret to prove it (section 12).

mod exchange;
pub(crate) mod words;

use alloc::string::String;
use core::fmt;

pub use exchange::{CodeError, Prover, REFUSAL, Verifier};

use crate::Nick;
use crate::secure::Entropy;

/// Wrong codes after which a code lets nobody in any more (section 12.2).
pub const MAX_TRIES: u32 = 10;
/// Codes that a sender tries in turn where the nick of one is taken.
pub const MAX_NICK_ATTEMPTS: u32 = 8;

/// The most digits of a nick in a code.
const MAX_NICK_DIGITS: usize = 9;

/// `4821-crossover-clockwork-universe`: a nick at the relay, of digits alone, and three words that
/// the relay never sees.
///
/// `Display` writes all of it, for whoever is to tell it; `Debug` leaves the words out.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    nick: Nick,
    words: [u8; 3],
}

impl Code {
    /// A new code with a nick of four digits.
    ///
    /// The nick may be taken at the relay; then take another code, for the words of one that went
    /// nowhere are not worth keeping.
    pub fn random(entropy: &mut Entropy) -> Self {
        let number = u32::from_le_bytes(entropy.bytes());
        // A nick is public: that some come up by a millionth more often tells nobody anything.
        let nick = Nick::parse(itoa::Buffer::new().format(1000 + number % 9000));
        Self { nick: nick.expect("four digits are a nick"), words: entropy.bytes() }
    }

    /// Reads a code as people type it: in capitals or not, with spaces for dashes, more of them than
    /// one, and around it.
    ///
    /// # Errors
    ///
    /// [`InvalidCode`], which says which part is wrong and shows no word.
    pub fn parse(text: &str) -> Result<Self, InvalidCode> {
        let mut parts = parts(text);
        let digits = parts.next().filter(|digits| is_number(digits)).ok_or(InvalidCode::Nick)?;
        let nick = Nick::parse(digits).map_err(|_| InvalidCode::Nick)?;
        let mut word = |list, error| {
            let word = parts.next().map(str::to_ascii_lowercase);
            word.and_then(|word| words::byte(list, &word)).ok_or(error)
        };
        let first = word(words::THREE_SYLLABLES, InvalidCode::FirstWord)?;
        let second = word(words::TWO_SYLLABLES, InvalidCode::SecondWord)?;
        let third = word(words::THREE_SYLLABLES, InvalidCode::ThirdWord)?;
        if parts.next().is_some() {
            Err(InvalidCode::More)
        } else {
            Ok(Self { nick, words: [first, second, third] })
        }
    }

    /// Whether someone who wrote `text` meant a code, be it a good one or not: digits first, then
    /// letters after a dash or a space.
    pub fn looks_like(text: &str) -> bool {
        let mut parts = parts(text);
        parts.next().is_some_and(is_number)
            && parts.next().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()))
    }

    /// Who is to be called.
    pub fn nick(&self) -> &Nick {
        &self.nick
    }

    /// The secret, as both sides write it: small letters, one dash between two words.
    pub(crate) fn secret(&self) -> String {
        let [first, second, third] = self.words;
        let long = |byte| words::word(words::THREE_SYLLABLES, byte);
        [long(first), "-", words::word(words::TWO_SYLLABLES, second), "-", long(third)].concat()
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

/// A text that is no code: by what is wrong with it, without its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidCode {
    /// It does not begin with a nick of 1 to 9 digits.
    Nick,
    /// The first word is none of the list's, or there is none.
    FirstWord,
    /// The second word is none of the list's, or there is none.
    SecondWord,
    /// The third word is none of the list's, or there is none.
    ThirdWord,
    /// There is something after the third word.
    More,
}

impl fmt::Display for InvalidCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a code like 4821-crossover-clockwork-universe, got ")?;
        f.write_str(match self {
            Self::Nick => "no number of 1 to 9 digits at its beginning",
            Self::FirstWord => "a first word that no code has there",
            Self::SecondWord => "a second word that no code has there",
            Self::ThirdWord => "a third word that no code has there",
            Self::More => "something after the third word",
        })
    }
}

impl core::error::Error for InvalidCode {}

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
    fn a_code_is_read_as_people_type_it() {
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
            "digits are a nick"
        );
        assert!(Code::parse("1-crossover-clockwork-universe").is_ok());
    }

    #[test]
    fn what_is_no_code_says_why_and_shows_no_word() {
        for (text, error) in [
            ("", InvalidCode::Nick),
            ("-", InvalidCode::Nick),
            ("crossover-clockwork-universe", InvalidCode::Nick),
            ("1234567890-crossover-clockwork-universe", InvalidCode::Nick),
            ("４８２１-crossover-clockwork-universe", InvalidCode::Nick),
            ("4821", InvalidCode::FirstWord),
            ("4821-crosover-clockwork-universe", InvalidCode::FirstWord),
            ("4821-clockwork-crossover-universe", InvalidCode::FirstWord),
            ("4821-crossover", InvalidCode::SecondWord),
            ("4821-crossover-crossover", InvalidCode::SecondWord),
            ("4821-crossover-clockwork", InvalidCode::ThirdWord),
            ("4821-crossover-clockwork-acme", InvalidCode::ThirdWord),
            ("4821-crossover-clockwork-universe-acme", InvalidCode::More),
        ] {
            assert_eq!(Code::parse(text), Err(error), "{text:?}");
            let why = error.to_string();
            assert!(
                why.starts_with("expected a code like 4821-crossover-clockwork-universe, got ")
            );
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
    fn a_new_code_reads_back_and_is_not_the_last_one() {
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
