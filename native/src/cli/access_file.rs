//! The file of `--access`: who may use a relay and a bridge.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;

use ipnet::IpNet;
use serde::Deserialize;
use toml::Spanned;
use xcher_core::Quoted;
use xcher_core::registry::{AccessRules, NickPattern};
use xcher_core::secure::PublicKey;

use crate::cli::exit::CliError;

/// The longest file: more than 200,000 keys.
const MAX_FILE_LEN: u64 = 16 << 20;

/// Reads the file.
///
/// # Errors
///
/// One line that names the file, and the line in it where something is wrong.
pub(crate) fn read(file: &Path) -> Result<AccessRules, CliError> {
    let at = file.display();
    let mut text = String::new();
    let read = File::open(file)
        .and_then(|file| file.take(MAX_FILE_LEN + 1).read_to_string(&mut text))
        .map_err(|error| CliError::usage(format!("cannot read {at}: {error}")))?;
    if read as u64 > MAX_FILE_LEN {
        let text = format!("{at}: longer than {} MiB; split it among relays", MAX_FILE_LEN >> 20);
        return Err(CliError::usage(text));
    }
    parse(&text).map_err(|(line, why)| CliError::usage(format!("{at}:{line}: {why}")))
}

/// What is wrong, and the line of it.
type Wrong = (usize, String);

fn parse(text: &str) -> Result<AccessRules, Wrong> {
    let file: AccessFile = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        (line_of(text, start), error.message().lines().next().unwrap_or_default().to_owned())
    })?;
    let AccessFile { networks, keys, nicks, reserved } = file;
    let reserved = reserved.iter().map(|(nick, own)| {
        Ok((value(text, nick, NickPattern::from_str)?, values(text, own, PublicKey::from_str)?))
    });
    Ok(AccessRules {
        allow_networks: values(text, &networks.allow, network)?,
        deny_networks: values(text, &networks.deny, network)?,
        allow_keys: values(text, &keys.allow, PublicKey::from_str)?,
        deny_keys: values(text, &keys.deny, PublicKey::from_str)?,
        allow_nicks: values(text, &nicks.allow, NickPattern::from_str)?,
        deny_nicks: values(text, &nicks.deny, NickPattern::from_str)?,
        deny_codes: nicks.codes == Some(false),
        reserved: reserved.collect::<Result<_, _>>()?,
    })
}

/// A string and its place.
type Entry = Spanned<String>;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AccessFile {
    networks: Lists,
    keys: Lists,
    nicks: Nicks,
    reserved: BTreeMap<Entry, Vec<Entry>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Lists {
    allow: Vec<Entry>,
    deny: Vec<Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Nicks {
    allow: Vec<Entry>,
    deny: Vec<Entry>,
    codes: Option<bool>,
}

/// Parses an address or a network.
fn network(text: &str) -> Result<IpNet, String> {
    let one = text.parse::<IpAddr>().map(IpNet::from);
    let expected = "expected an address, or a network such as 192.0.2.0/24";
    one.or_else(|_| text.parse()).map_err(|_| format!("{expected}, got {}", Quoted(text)))
}

fn values<T, E: fmt::Display>(
    text: &str,
    entries: &[Entry],
    parse: fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, Wrong> {
    entries.iter().map(|entry| value(text, entry, parse)).collect()
}

fn value<T, E: fmt::Display>(
    text: &str,
    entry: &Entry,
    parse: fn(&str) -> Result<T, E>,
) -> Result<T, Wrong> {
    let wrong = |error: E| (line_of(text, entry.span().start), error.to_string());
    parse(entry.get_ref()).map_err(wrong)
}

/// Returns the line of this place, counted from 1.
fn line_of(text: &str, start: usize) -> usize {
    text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const KEY: &str = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

    #[test]
    fn reads_every_table() {
        let text = format!(
            r#"
            [networks]
            allow = ["192.0.2.0/24", "2001:db8::/32", "::1"]
            deny = ["203.0.113.9"]
            [keys]
            allow = ["{KEY}"]
            [nicks]
            allow = ["team-*"]
            deny = ["admin*", "bob"]
            codes = false
            [reserved]
            bob = ["{KEY}"]
            "kim-*" = ["{KEY}", "{KEY}"]
            "#
        );
        let rules = parse(&text).unwrap();
        assert_eq!((rules.allow_networks.len(), rules.deny_networks.len()), (3, 1));
        assert_eq!((rules.allow_keys.len(), rules.deny_keys.len()), (1, 0));
        assert_eq!((rules.allow_nicks.len(), rules.deny_nicks.len()), (1, 2));
        assert_eq!((rules.deny_codes, rules.reserved.len()), (true, 2));
        assert_eq!(parse("").unwrap(), AccessRules::default());
        assert!(!parse("[nicks]\ncodes = true").unwrap().deny_codes);
    }

    #[test]
    fn an_error_names_its_line() {
        for (text, line, why) in [
            (
                "[networks]\nallow = [\n  \"10.0.0.0/8\",\n  \"10.0.0.0/33\"\n]",
                4,
                "expected an address, or a network",
            ),
            ("[networks]\n\nalow = []", 3, "unknown field `alow`"),
            ("[network]", 1, "unknown field `network`"),
            ("[keys]\nallow = [\"AAAA\"]", 2, "expected a key of 44 characters"),
            ("[nicks]\ndeny = [\"a*b\"]", 2, "expected a nick"),
            ("[nicks]\ndeny = [\"4821\"]", 2, "expected a nick"),
            ("[nicks]\ndeny = \"bob\"", 2, "invalid type"),
            ("[nicks]\ncodes = 1", 2, "invalid type"),
            ("[reserved]\n\"a b\" = []", 2, "expected a nick"),
            ("[reserved]\nbob = [1]", 2, "invalid type"),
            ("[reserved]\nbob = []\nbob = []", 3, "duplicate key"),
            ("networks", 1, ""),
        ] {
            let (at, got) = parse(text).unwrap_err();
            assert!(at == line && got.contains(why) && !got.contains('\n'), "{text}\n{at}: {got}");
        }
    }
}
