//! The users of a relay and its bridge: their tokens, limits and nicks.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU64;

use sha2::{Digest as _, Sha256};

use super::Rule;
use super::nick_pattern::{NickPattern, NickPatterns, listed};
use crate::{Nick, Quoted};

/// The most users.
pub const MAX_USERS: usize = 250_000;
/// The most tokens of a user.
const MAX_TOKENS: usize = 16;
/// The most patterns of nicks of a user.
const MAX_PATTERNS: usize = 64;
/// The most characters of a user's name.
const MAX_NAME_CHARS: usize = 64;
/// Patterns of nicks that a refusal names.
const SHOWN_PATTERNS: usize = 8;
/// What precedes a hash where it is written.
const HASH_PREFIX: &str = "sha256:";

/// The name of a user: 1 to 64 ASCII letters, digits and `. _ - + @`. It is shown in logs and costs nothing to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Arc<str>);

impl UserName {
    /// Checks `text`.
    ///
    /// # Errors
    ///
    /// [`InvalidUser`].
    pub fn parse(text: &str) -> Result<Self, InvalidUser> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || ".-_+@".contains(c);
        match !text.is_empty() && text.len() <= MAX_NAME_CHARS && text.chars().all(is_allowed) {
            true => Ok(Self(text.into())),
            false => Err(InvalidUser::Name { got: Quoted(text).to_box() }),
        }
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl core::borrow::Borrow<str> for UserName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The SHA-256 of a token. A token is random and of at least 128 bits, so that nobody finds one by its hash, and a slow
/// hash, which words that people choose need, would only make logging in expensive. `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Returns the hash of a token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Parses `sha256:` and 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// [`InvalidUser`], which does not repeat the text: it may be a token.
    pub fn parse(text: &str) -> Result<Self, InvalidUser> {
        let digits = text.strip_prefix(HASH_PREFIX).filter(|digits| digits.len() == 64);
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.unwrap_or_default().as_bytes().chunks(2)) {
            let [high, low] = [0, 1].map(|at| pair.get(at).copied().and_then(digit));
            *byte = high.zip(low).map(|(high, low)| high << 4 | low).ok_or(InvalidUser::Hash)?;
        }
        digits.map(|_| Self(hash)).ok_or(InvalidUser::Hash)
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HASH_PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// Limits of a user, or of all anonymous clients together. `None` is no limit of this kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserLimits {
    /// Connections to the relay at once, those of tunnels included.
    pub connections: Option<usize>,
    /// Tunnels at once.
    pub tunnels: Option<usize>,
    /// Bytes a second of all tunnels together.
    pub rate: Option<NonZeroU64>,
    /// Bytes of tunnels in a month.
    pub quota: Option<u64>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name, by which the operator knows the user.
    pub name: UserName,
    /// The hashes of the user's tokens: several while a token is replaced.
    pub tokens: Vec<TokenHash>,
    /// The limits.
    pub limits: UserLimits,
    /// The nicks that the user may have besides those of codes; any, if there is no pattern.
    pub nicks: Vec<NickPattern>,
    /// True if nobody else may have these nicks, or nicks alike, unless they are reserved for that user, too.
    pub is_reserved: bool,
}

/// For whom a client counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// All clients without a token, together.
    Anonymous,
    /// All clients with a token that is no user's: a bridge's own.
    Unnamed,
    /// A user.
    User(UserName),
}

impl Account {
    /// Returns the user, if it is one's.
    pub fn user(&self) -> Option<&UserName> {
        match self {
            Self::User(name) => Some(name),
            Self::Anonymous | Self::Unnamed => None,
        }
    }
}

/// The users of a relay and its bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    all: Vec<User>,
    /// The indexes of users. A look-up by hash reveals nothing by its duration that would help to guess: who does not
    /// know a token cannot choose its hash.
    by_token: BTreeMap<TokenHash, u32>,
    by_name: BTreeMap<UserName, u32>,
    reserved: NickPatterns<u32>,
    anonymous: Option<UserLimits>,
}

impl Users {
    /// Returns these users. Without limits for anonymous clients, every client needs a token.
    ///
    /// # Errors
    ///
    /// The index of the first user that cannot be added, and why.
    pub fn new(
        users: impl IntoIterator<Item = User>,
        anonymous: Option<UserLimits>,
    ) -> Result<Self, (usize, InvalidUser)> {
        let mut all = Self { anonymous, ..Self::default() };
        for (index, user) in users.into_iter().enumerate() {
            all.add(user).map_err(|error| (index, error))?;
        }
        Ok(all)
    }

    fn add(&mut self, user: User) -> Result<(), InvalidUser> {
        let index = u32::try_from(self.all.len()).ok().filter(|at| (*at as usize) < MAX_USERS);
        let index = index.ok_or(InvalidUser::TooManyUsers)?;
        if user.tokens.len() > MAX_TOKENS {
            return Err(InvalidUser::TooManyTokens);
        }
        if user.nicks.len() > MAX_PATTERNS {
            return Err(InvalidUser::TooManyNicks);
        }
        if user.is_reserved && user.nicks.is_empty() {
            return Err(InvalidUser::NothingReserved);
        }
        if self.by_name.insert(user.name.clone(), index).is_some() {
            return Err(InvalidUser::SameName);
        }
        for token in &user.tokens {
            if let Some(other) = self.by_token.insert(*token, index) {
                let other = self.all.get(other as usize).map(|user| user.name.clone());
                return Err(InvalidUser::SameToken { other: other.unwrap_or(user.name) });
            }
        }
        if user.is_reserved {
            user.nicks.iter().for_each(|pattern| self.reserved.insert(pattern, index));
        }
        self.all.push(user);
        Ok(())
    }

    /// Returns all users.
    pub fn all(&self) -> &[User] {
        &self.all
    }

    /// Returns the user whose token this is.
    pub fn by_token(&self, token: &str) -> Option<&User> {
        let index = self.by_token.get(&TokenHash::of(token))?;
        self.all.get(*index as usize)
    }

    /// Returns the user with this name.
    pub fn by_name(&self, name: &str) -> Option<&User> {
        self.all.get(*self.by_name.get(name)? as usize)
    }

    /// Returns true if clients without a token are allowed.
    pub fn allows_anonymous(&self) -> bool {
        self.anonymous.is_some()
    }

    /// Returns the limits of an account; `None` if there is no such account, or none any more.
    pub fn limits(&self, account: &Account) -> Option<UserLimits> {
        match account {
            Account::Anonymous => self.anonymous,
            Account::Unnamed => Some(UserLimits::default()),
            Account::User(name) => self.by_name(name.as_str()).map(|user| user.limits),
        }
    }

    /// Checks that an account may have a nick. It always may have that of a code.
    pub(super) fn check_nick(&self, account: &Account, nick: &Nick) -> Result<(), (Rule, String)> {
        if nick.is_one_time() {
            return Ok(());
        }
        let own = account.user().and_then(|name| self.by_name.get(name)).copied();
        let owners = self.reserved.find(nick);
        if !owners.is_empty() && own.is_none_or(|own| !owners.contains(&own)) {
            let reason = "refused: this nick, or one alike, is reserved for another user";
            return Err((Rule::NickReserved, reason.into()));
        }
        let patterns = own.and_then(|own| self.all.get(own as usize)).map(|user| &user.nicks[..]);
        let patterns = patterns.unwrap_or_default();
        if patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(nick)) {
            return Ok(());
        }
        let shown = listed(&patterns[..patterns.len().min(SHOWN_PATTERNS)]);
        let more = if patterns.len() > SHOWN_PATTERNS { ", …" } else { "" };
        Err((Rule::NickNotAllowed, alloc::format!("refused: your nicks here are {shown}{more}")))
    }
}

/// Why a user is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidUser {
    /// The name is none.
    Name {
        /// The text, escaped and truncated.
        got: Box<str>,
    },
    /// The hash of a token is none.
    Hash,
    /// Another user has this name.
    SameName,
    /// Another user, or this one, has a token with the same hash.
    SameToken {
        /// That user.
        other: UserName,
    },
    /// Nicks are to be reserved, and none are named.
    NothingReserved,
    /// There are too many users.
    TooManyUsers,
    /// The user has too many tokens.
    TooManyTokens,
    /// The user has too many patterns of nicks.
    TooManyNicks,
}

impl fmt::Display for InvalidUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { got } => write!(
                f,
                "expected a name of 1 to {MAX_NAME_CHARS} letters, digits and . _ - + @ in ASCII, got {got}"
            ),
            Self::Hash => f.write_str(
                "expected the hash of a token, sha256: and 64 hexadecimal digits; the token itself does not belong here",
            ),
            Self::SameName => f.write_str("another user has this name; give each user one entry"),
            Self::SameToken { other } => {
                write!(f, "the user {other} has the same token; make one for each")
            }
            Self::NothingReserved => {
                f.write_str("reserved = true reserves the nicks of the user, and there are none; name them")
            }
            Self::TooManyUsers => write!(f, "too many users: the limit is {MAX_USERS}"),
            Self::TooManyTokens => write!(f, "too many tokens of one user: the limit is {MAX_TOKENS}"),
            Self::TooManyNicks => {
                write!(f, "too many nicks of one user: the limit is {MAX_PATTERNS}; use patterns")
            }
        }
    }
}

impl core::error::Error for InvalidUser {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    fn user(name: &str, tokens: &[&str], nicks: &[&str], is_reserved: bool) -> User {
        User {
            name: UserName::parse(name).expect(name),
            tokens: tokens.iter().map(|token| TokenHash::of(token)).collect(),
            limits: UserLimits::default(),
            nicks: nicks.iter().map(|it| NickPattern::parse(it).expect(it)).collect(),
            is_reserved,
        }
    }

    #[test]
    fn a_hash_is_that_of_sha256sum() {
        // printf %s abc | sha256sum
        let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(TokenHash::of("abc").to_string(), text);
        assert_eq!(TokenHash::parse(text), Ok(TokenHash::of("abc")));
        assert_eq!(
            TokenHash::parse(&text.replace('f', "F").replace("shA", "sha")),
            TokenHash::parse(text)
        );
        for bad in
            ["", "sha256:", &text[..70], &text.replace('b', "g"), &text[7..], "abc", "sha256:é"]
        {
            assert_eq!(TokenHash::parse(bad), Err(InvalidUser::Hash), "{bad}");
        }
        assert_eq!(alloc::format!("{:?}", TokenHash::of("abc")), "TokenHash(…)");
    }

    #[test]
    fn finds_users_by_token_and_refuses_duplicates() {
        let all = || [user("amy", &["a1", "a2"], &[], false), user("bob", &["b"], &[], false)];
        let users = Users::new(all(), None).expect("valid");
        let by_token = |token| users.by_token(token).map(|user| user.name.as_str());
        assert_eq!(
            [by_token("a1"), by_token("a2"), by_token("b")],
            [Some("amy"), Some("amy"), Some("bob")]
        );
        assert_eq!([by_token(""), by_token("A1"), by_token("sha256:")], [None; 3]);
        for (more, error) in [
            (user("amy", &["c"], &[], false), InvalidUser::SameName),
            (
                user("carol", &["b"], &[], false),
                InvalidUser::SameToken { other: UserName::parse("bob").expect("a name") },
            ),
            (user("carol", &[], &[], true), InvalidUser::NothingReserved),
        ] {
            assert_eq!(Users::new(all().into_iter().chain([more]), None).err(), Some((2, error)));
        }
        let twice = user("carol", &["c", "c"], &[], false);
        assert!(matches!(Users::new([twice], None), Err((0, InvalidUser::SameToken { .. }))));
    }

    #[test]
    fn who_may_have_which_nick() {
        let all = [
            user("amy", &[], &["amy", "amy-*"], true),
            user("bob", &[], &["bob", "amy-bob"], false),
            user("carol", &[], &[], false),
            user("twin", &[], &["amy-2"], true),
        ];
        let users = Users::new(all, Some(UserLimits::default())).expect("valid");
        let account = |name: &str| match name {
            "" => Account::Anonymous,
            "-" => Account::Unnamed,
            name => Account::User(UserName::parse(name).expect(name)),
        };
        for (name, nick, expected) in [
            ("amy", "amy", None),
            ("amy", "Amy-7", None),
            ("amy", "bob", Some(Rule::NickNotAllowed)),
            ("amy", "4821", None),
            ("bob", "bob", None),
            ("bob", "amy-bob", Some(Rule::NickReserved)),
            ("carol", "bob", None),
            ("carol", "аmy", Some(Rule::NickReserved)),
            ("carol", "arny-1", Some(Rule::NickReserved)),
            ("", "AMY", Some(Rule::NickReserved)),
            ("-", "amy", Some(Rule::NickReserved)),
            ("", "dave", None),
            ("", "4821", None),
            ("amy", "amy-2", None),
            ("twin", "amy-2", None),
            ("twin", "amy-3", Some(Rule::NickReserved)),
        ] {
            let checked = users.check_nick(&account(name), &Nick::parse(nick).expect(nick));
            assert_eq!(checked.err().map(|(rule, _)| rule), expected, "{name} {nick}");
        }
    }
}
