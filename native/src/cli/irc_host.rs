//! What differs for a host where an IRC channel is the relay: its nick, the nicks it can call, and its patience.

use std::time::Duration;

use xcher_core::Nick;
use xcher_core::irc::IrcNick;

use super::default_nicks::with_numbers;
use super::exit::CliError;
use super::options::Common;

/// The longest nick that every server accepts (RFC 1459, section 1.2).
const MAX_NICK_LEN: usize = 9;
/// How much longer a caller waits: a person has to accept each call.
const PATIENCE: u32 = 4;

/// Checks the nicks of this host, before it connects.
///
/// # Errors
///
/// A usage error for a nick that IRC does not know.
pub(super) fn check_nicks(common: &Common, nicks: &[Nick]) -> Result<(), CliError> {
    if common.relay.irc_channel().is_none() {
        return Ok(());
    }
    let checked = nicks.iter().try_for_each(|nick| IrcNick::of(nick).map(|_| ()));
    checked.map_err(|error| CliError::usage(format!("{error}; choose another with --nick")))
}

/// Checks the nick of a peer, before this host connects.
///
/// # Errors
///
/// A usage error for a nick that IRC does not know.
pub(super) fn check_callee(common: &Common, nick: &Nick) -> Result<(), CliError> {
    if common.relay.irc_channel().is_none() {
        return Ok(());
    }
    let checked = IrcNick::of(nick).map(|_| ());
    checked.map_err(|error| CliError::usage(format!("no host in a channel is called so: {error}")))
}

/// Returns the nicks to try for a user of this name: the name, and then its start with a number. Servers refuse
/// long nicks, or shorten them.
pub(super) fn default_nicks(user: Option<Nick>) -> Vec<Nick> {
    let user = user.filter(|user| IrcNick::of(user).is_ok() && !user.is_one_time());
    let base: String = match &user {
        Some(user) => user.as_str().chars().take(MAX_NICK_LEN - "-1234".len()).collect(),
        None => "user".to_owned(),
    };
    with_numbers(user.filter(|user| user.as_str().len() <= MAX_NICK_LEN), &base)
}

/// Returns how long a caller waits for the peer.
pub(super) fn call_timeout(common: &Common, timeout: Duration) -> Duration {
    match common.relay.irc_channel() {
        Some(_) => timeout.saturating_mul(PATIENCE),
        None => timeout,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn default_nicks_fit_every_server() {
        for (user, first) in [
            (Some("kim"), Some("kim")),
            (Some("bartholomew"), None),
            (Some("åsa"), None),
            (Some("4821"), None),
            (None, None),
        ] {
            let nicks = default_nicks(user.map(|user| Nick::parse(user).unwrap()));
            assert_eq!(nicks.len(), 4 + usize::from(first.is_some()), "{user:?}");
            for nick in &nicks {
                assert!(IrcNick::of(nick).is_ok() && nick.as_str().len() <= MAX_NICK_LEN, "{nick}");
            }
            let is_own = |first: &&str| nicks[0].as_str() == *first;
            assert!(first.as_ref().is_none_or(is_own), "{user:?}: {nicks:?}");
        }
    }
}
