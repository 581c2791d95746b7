//! The relays at which a callee may be found, in the order to try.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use xcher_core::Nick;

use crate::cli::callee::Callee;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::lan_relay::has_relay_here;
use crate::cli::options::Common;
use crate::keys::KnownPeers;
use crate::lan::{self, Answer};
use crate::relay_address::RelayAddress;

/// The most hosts of the local network that are tried under one name: any of them can claim it.
const MAX_TRIES: usize = 3;
/// The most searches of the local network for one callee.
const MAX_SEARCHES: u32 = 2;

/// Looks for a callee: at the relay of this machine, then in the local network.
pub(crate) struct RelaySearch<'a> {
    common: &'a Common,
    callee: &'a Callee,
    candidates: VecDeque<RelayAddress>,
    /// The number of searches of the local network so far.
    searches: u32,
    /// The addresses found there that were tried.
    tried: Vec<SocketAddr>,
    was_here: bool,
}

impl<'a> RelaySearch<'a> {
    /// Returns `None` if the relay is known: it is named, or the local network is not used.
    pub(crate) async fn new(common: &'a Common, callee: &'a Callee) -> Option<Self> {
        if !common.uses_lan() {
            return None;
        }
        let was_here = has_relay_here(common).await;
        let candidates = was_here.then(|| common.relay.clone()).into_iter().collect();
        Some(Self { common, callee, candidates, searches: 0, tried: Vec::new(), was_here })
    }

    /// Returns the next relay to try; `None` if there is none left.
    pub(crate) async fn next(&mut self) -> Result<Option<RelayAddress>, CliError> {
        if let Some(relay) = self.candidates.pop_front() {
            return Ok(Some(relay));
        }
        // The first to answer may not have been the callee: then all are heard.
        let is_over = self.searches > 0 && self.tried.is_empty();
        if is_over || self.searches >= MAX_SEARCHES {
            return Ok(None);
        }
        self.searches += 1;
        let nick = self.callee.nick();
        let answers = lan::find(nick, self.searches > 1).await.map_err(search_error)?;
        if answers.len() > 1 && !self.can_tell_apart() {
            return Err(ambiguous(nick, &answers));
        }
        let addresses = answers.into_iter().flat_map(|answer| answer.addresses);
        let new = addresses.filter(|address| !self.tried.contains(address));
        let mut accepting = lan::accepting(new).await;
        accepting.truncate(MAX_TRIES);
        self.tried.extend(&accepting);
        self.candidates = accepting.into_iter().map(RelayAddress::in_lan).collect();
        Ok(self.candidates.pop_front())
    }

    /// Returns true if a code or a pinned key shows which host is meant.
    fn can_tell_apart(&self) -> bool {
        let Callee::Nick(nick) = self.callee else { return true };
        let known = || {
            let known = KnownPeers::open(&self.common.data_folder().ok()?).ok()?;
            let book = known.of(&RelayAddress::lan()).ok()?;
            Some(book.here().iter().any(|(known, _)| known.eq_ignore_case(nick)))
        };
        !self.common.plain && known().unwrap_or_default()
    }

    /// Explains that no relay led to the callee.
    pub(crate) fn not_found(&self) -> CliError {
        let nick = self.callee.nick();
        let places = match self.was_here {
            true => "at the relay of this machine or in the local network",
            false => "in the local network",
        };
        let text = match self.callee {
            Callee::Nick(_) => format!(
                "no host {places} is called {nick}; list those online with `xcher who`, or name the \
                 relay that {nick} uses with --relay"
            ),
            Callee::Code(_) => format!(
                "no sender {places} has this code: it was used, stopped or mistyped, or the sender is \
                 elsewhere; check it, or name the sender's relay with --relay"
            ),
        };
        CliError::new(ExitCode::Unreachable, text)
    }
}

/// Explains why the local network cannot be searched.
pub(crate) fn search_error(error: io::Error) -> CliError {
    let text = format!("cannot search the local network: {error}; name a relay with --relay");
    CliError::new(ExitCode::Unreachable, text)
}

fn ambiguous(nick: &Nick, answers: &[Answer]) -> CliError {
    let hosts: Vec<_> =
        answers.iter().filter_map(|answer| Some(answer.addresses.first()?.to_string())).collect();
    let text = format!(
        "{} hosts in the local network are called {nick}: {}; one of them may be an attacker. Use a code, \
         pin the right key with `xcher peers pin {nick} KEY`, or choose one with --relay IP:PORT",
        hosts.len(),
        hosts.join(", ")
    );
    CliError::new(ExitCode::Policy, text)
}
