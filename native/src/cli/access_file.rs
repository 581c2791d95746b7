//! The file of `--access`: who may use a relay and a bridge.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;

use ipnet::IpNet;
use serde::de::{Deserialize, Deserializer, Error as _};
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

/// Returns the line and what is wrong there, if something is.
fn parse(text: &str) -> Result<AccessRules, (usize, String)> {
    let file: AccessFile = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.as_bytes().iter().take(start).filter(|byte| **byte == b'\n').count() + 1;
        (line, error.message().lines().next().unwrap_or_default().to_owned())
    })?;
    let AccessFile { networks, keys, nicks, reserved } = file;
    Ok(AccessRules {
        allow_networks: values(networks.allow),
        deny_networks: values(networks.deny),
        allow_keys: values(keys.allow),
        deny_keys: values(keys.deny),
        allow_nicks: values(nicks.allow),
        deny_nicks: values(nicks.deny),
        deny_codes: nicks.codes == Some(false),
        reserved: reserved.into_iter().map(|(nick, keys)| (nick.0, values(keys))).collect(),
    })
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AccessFile {
    networks: Lists<Network>,
    keys: Lists<PublicKey>,
    nicks: Nicks,
    reserved: BTreeMap<Entry<NickPattern>, Vec<Entry<PublicKey>>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, bound = "T: FromStr, T::Err: fmt::Display")]
struct Lists<T> {
    #[serde(default = "Vec::new")]
    allow: Vec<Entry<T>>,
    #[serde(default = "Vec::new")]
    deny: Vec<Entry<T>>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { allow: Vec::new(), deny: Vec::new() }
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Nicks {
    allow: Vec<Entry<NickPattern>>,
    deny: Vec<Entry<NickPattern>>,
    codes: Option<bool>,
}

/// A value written as a string.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry<T>(T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Entry<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// An address or a network.
struct Network(IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let one = text.parse::<IpAddr>().map(IpNet::from);
        let network = one.or_else(|_| text.parse());
        let expected = "expected an address, or a network such as 192.0.2.0/24";
        network.map(Self).map_err(|_| format!("{expected}, got {}", xcher_core::Quoted(text)))
    }
}

impl From<Network> for IpNet {
    fn from(Network(network): Network) -> Self {
        network
    }
}

fn values<T, U: From<T>>(entries: Vec<Entry<T>>) -> Vec<U> {
    entries.into_iter().map(|Entry(value)| value.into()).collect()
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
