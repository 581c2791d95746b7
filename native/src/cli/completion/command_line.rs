//! The options and the peer on a command line that is not complete yet.

use std::borrow::Cow;
use std::ffi::OsString;

use clap::{ArgMatches, FromArgMatches as _};
use xcher_core::Nick;

use crate::cli::link::{self, Link, NickOrLink};
use crate::cli::options::{Common, command, config_file};
use crate::relay_address::RelayAddress;

/// The part of a command line before the word at the cursor.
pub(super) struct CommandLine {
    common: Common,
    matches: ArgMatches,
}

impl CommandLine {
    /// Reads the words, the environment and the configuration file; `None` if one of them is wrong.
    pub(super) fn read(words: &[String]) -> Option<Self> {
        let args: Vec<_> = words.iter().map(OsString::from).collect();
        let mut command = command();
        if let Some(file) = config_file::path(&args) {
            command = config_file::apply(command, &file).ok()?;
        }
        // What is typed last may still be missing its value.
        let matches = command.ignore_errors(true).try_get_matches_from(args).ok()?;
        let mut common = Common::from_arg_matches(&matches).ok()?;
        common.settle_relay();
        Some(Self { common, matches })
    }

    pub(super) fn common(&self) -> &Common {
        &self.common
    }

    /// Returns the first argument of `get` and the names after it, as typed.
    pub(super) fn get(&self) -> Option<(&str, Vec<String>)> {
        let get = self.matches.subcommand_matches("get")?;
        let peer = get.get_one::<String>("peer")?;
        let names = get.get_many("names").unwrap_or_default().cloned().collect();
        Some((peer, names))
    }

    /// Returns the peer of `check` or `ls`.
    pub(super) fn peer_of(&self, command: &str) -> Option<Peer<'_>> {
        let peer = self.matches.subcommand_matches(command)?.get_one::<NickOrLink>("peer")?;
        self.at(peer.nick.clone(), peer.relay.as_ref())
    }

    /// Returns the peer with this nick, or of this link.
    pub(super) fn peer(&self, text: &str) -> Option<Peer<'_>> {
        if !Link::looks_like(text) {
            return self.at(Nick::parse(text).ok()?, None);
        }
        let peer: NickOrLink = text.parse().ok()?;
        self.at(peer.nick, peer.relay.as_ref())
    }

    fn at(&self, nick: Nick, relay: Option<&RelayAddress>) -> Option<Peer<'_>> {
        Some(Peer { common: link::with_relay(&self.common, relay).ok()?, nick })
    }
}

/// A peer, and the options with which it is called.
pub(super) struct Peer<'a> {
    pub(super) common: Cow<'a, Common>,
    pub(super) nick: Nick,
}
