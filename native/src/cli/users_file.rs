//! The file of `--users`: who may use a relay and a bridge, in TOML.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::num::NonZeroU64;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use toml::Spanned;
use xcher_core::Size;
use xcher_core::registry::{NickPattern, TokenHash, User, UserLimits, UserName, Users};

use crate::cli::exit::CliError;

/// The longest file: far more than the most users need.
const MAX_FILE_LEN: u64 = 128 << 20;

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    user: Vec<Spanned<WrittenUser>>,
    anonymous: Option<WrittenLimits>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenUser {
    name: Spanned<String>,
    #[serde(default)]
    tokens: Vec<Spanned<String>>,
    #[serde(default)]
    nicks: Vec<Spanned<String>>,
    #[serde(default)]
    reserved: bool,
    connections: Option<usize>,
    tunnels: Option<usize>,
    rate: Option<Spanned<Bytes>>,
    quota: Option<Bytes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLimits {
    connections: Option<usize>,
    tunnels: Option<usize>,
    rate: Option<Spanned<Bytes>>,
    // No `quota`: those without a token have that of their address.
}

/// A number of bytes, such as `1000000` or `"500mb"`.
struct Bytes(u64);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfBytes;

        impl Visitor<'_> for OfBytes {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes, such as 1000000 or \"500mb\"")
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Bytes, E> {
                let unsigned = u64::try_from(bytes).map(Bytes);
                unsigned.map_err(|_| E::invalid_value(de::Unexpected::Signed(bytes), &self))
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                let size = Size::parse(text).filter(|size| !size.is_unknown());
                let bytes = size.map(|size| Bytes(size.bytes()));
                bytes.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(OfBytes)
    }
}

/// An error at a place in the file.
type Wrong = (Option<Range<usize>>, String);

/// Reads the users. A relay that is being reloaded may do so on a thread of its own: a large file takes a second.
///
/// # Errors
///
/// A usage error that names the file, and the line at fault. It repeats nothing that could be a token.
pub(crate) fn read(file: &Path) -> Result<Arc<Users>, CliError> {
    let at = file.display();
    let text = text_of(file)
        .map_err(|error| CliError::usage(format!("cannot read the users in {at}: {error}")))?;
    parse(&text).map(Arc::new).map_err(|(span, error)| {
        let line = span.map(|span| text.as_bytes()[..span.start.min(text.len())].to_vec());
        let line = line.map(|before| before.iter().filter(|byte| **byte == b'\n').count() + 1);
        let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
        CliError::usage(format!("{at}{line}: {error}"))
    })
}

fn text_of(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let opened = File::open(file).map_err(|error| error.to_string())?;
    let read = opened.take(MAX_FILE_LEN + 1).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    match text.len() as u64 > MAX_FILE_LEN {
        true => Err(format!("it has more than {MAX_FILE_LEN} bytes")),
        false => Ok(text),
    }
}

fn parse(text: &str) -> Result<Users, Wrong> {
    let Written { user, anonymous } = toml::from_str(text)
        // The text of the error without the lines that it quotes: one may have a token.
        .map_err(|error| (error.span(), error.message().replace('\n', ", ")))?;
    let anonymous = anonymous.map(|limits| {
        let WrittenLimits { connections, tunnels, rate } = limits;
        limits_of(connections, tunnels, rate, None)
    });
    let anonymous = anonymous.transpose()?;
    let spans: Vec<_> = user.iter().map(|user| user.get_ref().name.span()).collect();
    let users = user.into_iter().map(|user| user_of(user.into_inner()));
    let users = users.collect::<Result<Vec<_>, _>>()?;
    Users::new(users, anonymous)
        .map_err(|(index, error)| (spans.get(index).cloned(), error.to_string()))
}

fn user_of(user: WrittenUser) -> Result<User, Wrong> {
    let WrittenUser { name, tokens, nicks, reserved, connections, tunnels, rate, quota } = user;
    let limits = limits_of(connections, tunnels, rate, quota)?;
    let name = each(&name, |text| UserName::parse(text).map_err(|error| error.to_string()))?;
    let hash = |text: &str| TokenHash::parse(text).map_err(|error| error.to_string());
    let tokens = tokens.iter().map(|token| each(token, hash)).collect::<Result<_, _>>()?;
    let pattern = |text: &str| NickPattern::parse(text).map_err(|error| error.to_string());
    let nicks = nicks.iter().map(|nick| each(nick, pattern)).collect::<Result<_, _>>()?;
    Ok(User { name, tokens, limits, nicks, is_reserved: reserved })
}

fn limits_of(
    connections: Option<usize>,
    tunnels: Option<usize>,
    rate: Option<Spanned<Bytes>>,
    quota: Option<Bytes>,
) -> Result<UserLimits, Wrong> {
    let nonzero = |rate: Spanned<Bytes>| {
        let error = "a rate of 0 lets no byte pass; name bytes a second, or leave it out";
        NonZeroU64::new(rate.get_ref().0).ok_or((Some(rate.span()), error.to_owned()))
    };
    let rate = rate.map(nonzero).transpose()?;
    Ok(UserLimits { connections, tunnels, rate, quota: quota.map(|quota| quota.0) })
}

/// Parses a text at its place in the file.
fn each<T>(
    text: &Spanned<String>,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, Wrong> {
    parse(text.get_ref()).map_err(|error| (Some(text.span()), error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Instant;

    use xcher_core::registry::Account;

    use super::*;

    const HASH: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn error(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.toml");
        std::fs::write(&file, text).unwrap();
        let error = read(&file).unwrap_err().message.unwrap();
        error.replace(&file.display().to_string(), "users.toml")
    }

    #[test]
    fn reads_every_key() {
        let users = parse(&format!(
            "[[user]]\nname = \"amy\"\ntokens = [\"{HASH}\"]\nconnections = 4\ntunnels = 2\nrate = \"2mb\"\n\
             quota = 5000000000\nnicks = [\"amy\", \"amy-*\"]\nreserved = true\n\
             [[user]]\nname = \"bob\"\n[anonymous]\nconnections = 9\n"
        ));
        let users = users.unwrap();
        let amy = users.by_token("abc").unwrap();
        assert_eq!(amy.name.as_str(), "amy");
        let rate = NonZeroU64::new(2 << 20);
        let limits =
            UserLimits { connections: Some(4), tunnels: Some(2), rate, quota: Some(5_000_000_000) };
        assert_eq!((amy.limits, amy.is_reserved, amy.nicks.len()), (limits, true, 2));
        assert_eq!(users.by_name("bob").unwrap().limits, UserLimits::default());
        assert_eq!(users.limits(&Account::Anonymous).unwrap().connections, Some(9));
        assert!(parse("").unwrap().limits(&Account::Anonymous).is_none());
    }

    #[test]
    fn says_what_is_wrong_and_where_and_repeats_no_token() {
        for (text, expected) in [
            ("[[user]]\nname = \"amy\"\ncolour = \"red\"\n", "line 3: unknown field `colour`"),
            ("[[users]]\nname = \"amy\"\n", "line 1: unknown field `users`"),
            ("[anonymous]\n\ntunnel = 1\n", "line 3: unknown field `tunnel`"),
            ("[anonymous]\nquota = 1\n", "line 2: unknown field `quota`"),
            ("[[user]]\ntokens = []\n", "line 1: missing field `name`"),
            ("[[user]]\nname = \"a b\"\n", "line 2: expected a name"),
            ("[[user]]\nname = \"amy\"\ntokens = [\n\"my-token\"]\n", "line 4: expected the hash"),
            ("[[user]]\nname = \"amy\"\nnicks = [\"a*b\"]\n", "line 3: expected a nick"),
            ("[[user]]\nname = \"amy\"\nrate = 0\n", "line 3: a rate of 0"),
            ("[[user]]\nname = \"amy\"\nrate = -1\n", "line 3: invalid value"),
            ("[[user]]\nname = \"amy\"\nquota = \"much\"\n", "line 3: invalid value"),
            ("[[user]]\nname = \"amy\"\nreserved = true\n", "line 2: reserved = true"),
            ("[[user]]\nname = \"amy\"\n[[user]]\nname = \"amy\"\n", "line 4: another user"),
            ("[[user]]\nname = \"amy\"\ntokens = [my-token]\n", "line 3: "),
            ("[[user]\n", "line 1: "),
        ] {
            let error = error(text);
            assert!(error.starts_with(&format!("users.toml, {expected}")), "{error}");
            assert!(!error.contains("my-token") && !error.contains('\n'), "{error}");
        }
        let twice = format!("[[user]]\nname = \"a\"\ntokens = [\"{HASH}\"]\n");
        let twice = format!("{twice}{}", twice.replace("\"a\"", "\"b\""));
        assert!(error(&twice).starts_with("users.toml, line 5: the user a has the same token"));
        assert!(
            read(Path::new("/nonexistent/users"))
                .unwrap_err()
                .message
                .unwrap()
                .contains("cannot read")
        );
    }

    #[test]
    fn a_hundred_thousand_users_are_found_as_fast_as_ten() {
        let entry = |number: u32| {
            let (hash, nick) = (TokenHash::of(&number.to_string()), format!("user-{number}-*"));
            format!(
                "[[user]]\nname = \"user-{number}\"\ntokens = [\"{hash}\"]\nnicks = [\"{nick}\"]\n\
                 reserved = true\n"
            )
        };
        let text: String = (0..100_000).map(entry).collect();
        let began = Instant::now();
        let users = parse(&text).unwrap();
        let loaded = began.elapsed();
        let began = Instant::now();
        for number in (0..100_000).step_by(10) {
            let found = users.by_token(&number.to_string()).unwrap();
            assert_eq!(found.name.as_str(), format!("user-{number}"));
        }
        let each = began.elapsed() / 10_000;
        // Of an unoptimized build on a busy machine; a linear search would take a thousand times as long.
        assert!(each.as_millis() < 1, "{each:?}, after {loaded:?}");
    }
}
