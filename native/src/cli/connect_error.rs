//! Errors of connecting to the relay or to a peer: what went wrong, and what to do next.

use xcher_core::code::{CodeError, MAX_TRIES};
use xcher_core::peer::{Error, Notice, Wait};
use xcher_core::{Nick, ProtocolError};

use crate::cli::callee::Callee;
use crate::cli::exit::{CliError, ExitCode, code_of};
use crate::cli::irc_error::irc_text;
use crate::cli::options::Common;
use crate::cli::system_reason::{is_system, shortened};
use crate::cli::ui::share_link::relay_option;
use crate::cli::ui::shell_word::shell_word;
use crate::relay_address::RelayAddress;

/// Explains why this host is not online.
pub(crate) fn relay_error(relay: &RelayAddress, error: &Error) -> CliError {
    CliError::new(code_of(error), relay_text(relay, error))
}

fn relay_text(relay: &RelayAddress, error: &Error) -> String {
    if relay.irc_channel().is_some()
        && let Some(text) = irc_text(relay, error)
    {
        return text;
    }
    let has_tls_port = relay.tls().is_some();
    let is_bridge = relay.tcp().is_none() && !has_tls_port;
    let server = if is_bridge { "bridge" } else { "relay" };
    match error {
        Error::NickTaken(nick) => {
            format!("the nick {nick} is taken at {relay}; choose another with --nick")
        }
        Error::Protocol(ProtocolError::NotXcher { got }) if is_http(got) => format!(
            "{relay} is an HTTP port, not a relay's TCP port; if a bridge listens there, use --relay \
             http://{relay}/"
        ),
        Error::Protocol(_) => {
            format!("{relay} is not an XCHER relay: {error}; name one with --relay")
        }
        Error::Unreachable(why) if (is_bridge || has_tls_port) && !is_system(why) => {
            format!("cannot use the {server} at {relay}: {why}")
        }
        Error::Unreachable(why) => {
            let why = shortened(why);
            format!(
                "no {server} at {relay} ({why}); start one: xcher relay, or name one with --relay"
            )
        }
        Error::TimedOut { after, .. } => format!(
            "no answer from {relay} within {} s; check the address, or name another relay with --relay",
            after.as_secs()
        ),
        Error::TokenInClear => format!(
            "the relay at {relay} needs your token, which is not sent where others could read it; use the URL of \
             its bridge, --relay https://HOST/, or its port with TLS, --relay tls://HOST"
        ),
        Error::Relay(reason) if reason.contains("needs a token") => {
            format!("the relay at {relay} needs a token; name its file with --token-file")
        }
        Error::Relay(reason) => format!("the relay at {relay} refused: {reason}"),
        Error::RelayDisconnected => relay_text(relay, &Error::Closed(None)),
        Error::Closed(why) => {
            let why =
                why.as_deref().map(|why| format!(" ({})", shortened(why))).unwrap_or_default();
            format!(
                "the relay at {relay} closed the connection{why}; try again, or name another relay \
                     with --relay"
            )
        }
        error => format!("cannot use the relay at {relay}: {error}"),
    }
}

/// Returns true if a quoted line comes from an HTTP server.
fn is_http(line: &str) -> bool {
    line.trim_start_matches('"').starts_with("HTTP/")
}

/// Explains why a session did not open. A notice about the attempt says more than that nothing came of it.
pub(crate) fn call_error(
    common: &Common,
    callee: &Callee,
    error: &Error,
    notice: Option<&Notice>,
) -> CliError {
    let of_code = matches!(callee, Callee::Code(_)).then(|| code_error(error)).flatten();
    let explained = of_code.or_else(|| encryption_error(common, callee.nick(), error));
    explained.unwrap_or_else(|| {
        let text = unreachable_text(common, callee, error, notice);
        let declined = *error == Error::CallDeclined;
        CliError { declined, ..CliError::new(code_of(error), text) }
    })
}

fn unreachable_text(
    common: &Common,
    callee: &Callee,
    error: &Error,
    notice: Option<&Notice>,
) -> String {
    let notice = notice.map(|notice| format!(" ({notice})")).unwrap_or_default();
    if common.relay.irc_channel().is_some()
        && let Error::TimedOut { waited_for: Wait::ConnectionBack, after } = error
    {
        return format!(
            "{callee} did not connect back within {} s{notice}: it is no XCHER host, did not accept the call, \
             or cannot connect to this host; name an address that it can reach with --advertise, or use a \
             relay with a bridge",
            after.as_secs()
        );
    }
    match (error, likely_bridge(&common.relay)) {
        (Error::CallDeclined, _) => format!("{callee} declined the call"),
        (Error::Relay(reason), _) if reason.starts_with("no such nick") => format!(
            "cannot reach {callee}: the relay says {reason}; list the nicks online with `xcher \
             who{}`",
            relay_option(common)
        ),
        (Error::Relay(reason), _) => format!("cannot reach {callee}: the relay says {reason}"),
        (Error::TimedOut { waited_for: Wait::ConnectionBack, after }, Some(bridge)) => format!(
            "{callee} did not connect back within {} s{notice}: nobody accepted the call there, or a NAT or \
             firewall is in the way; to get past those, go through the relay's bridge: --relay {bridge}",
            after.as_secs()
        ),
        (Error::TimedOut { .. }, _) => format!("cannot reach {callee}: {error}{notice}"),
        _ => format!("cannot reach {callee}: {error}"),
    }
}

/// Returns the URL where the bridge of a relay listens by default: one port above the relay's own; for a port with
/// TLS the usual port for HTTPS. `None` for a bridge.
fn likely_bridge(relay: &RelayAddress) -> Option<String> {
    if let Some(tls) = relay.tls() {
        return Some(format!("https://{}/", tls.bracketed()));
    }
    let relay = relay.tcp()?;
    let (host, port) = relay.rsplit_once(':').unwrap_or((relay, ""));
    let port = port.parse::<u16>().ok().and_then(|port| port.checked_add(1)).unwrap_or(9248);
    Some(format!("http://{host}:{port}/"))
}

/// Explains why no session with `nick` was opened for lack of encryption or for another key.
fn encryption_error(common: &Common, nick: &Nick, error: &Error) -> Option<CliError> {
    let Error::Protocol(error) = error else { return None };
    let forget =
        format!("xcher peers forget {}{}", shell_word(nick.as_str()), relay_option(common));
    let text = match error {
        ProtocolError::KeyChanged { expected, got } => format!(
            "STOP: the key of {nick} has changed\n  \
             before: {expected}\n  \
             now:    {got}\n\
             Another host may be using that nick, or an attacker may be on the path; or {nick} has a \
             new key,\nfor example on a new machine. Nothing was requested or sent. Ask {nick}, not over \
             this relay,\nwhat `xcher peers me` prints there. If it is the new key:\n  {forget}"
        ),
        ProtocolError::EncryptionNotOffered => format!(
            "STOP: {nick} supports encryption, but the session would not be encrypted\n\
             An attacker on the path may have altered the handshake. Nothing was requested or sent.\n\
             Try another network or another relay."
        ),
        ProtocolError::Unencrypted if common.secure => {
            format!("{nick} does not support encryption, which --secure requires")
        }
        ProtocolError::Unencrypted => format!(
            "STOP: {nick} does not support encryption, but had a key before\n\
             Another host may be using that nick, or an attacker may be on the path. Nothing was \
             requested or sent.\nIf {nick} has confirmed it, not over this relay:\n  {forget}"
        ),
        _ => return None,
    };
    Some(CliError::new(ExitCode::NotPrivate, text))
}

/// Explains why a code did not lead to its sender.
fn code_error(error: &Error) -> Option<CliError> {
    let text = match error {
        Error::Protocol(ProtocolError::Code(CodeError::Wrong)) => format!(
            "wrong code; check its words with the sender and try again: it stops working after \
             {MAX_TRIES} wrong tries"
        ),
        Error::Protocol(ProtocolError::Unencrypted | ProtocolError::EncryptionNotOffered) => {
            "STOP: the host that answered does not support codes, so it is not the sender; ask the \
             sender for a new code"
                .to_owned()
        }
        Error::Relay(_) => {
            let text = "no sender is online for this code: it was used, stopped or mistyped; check it, \
                        or ask the sender for a new one";
            return Some(CliError::new(ExitCode::Unreachable, text));
        }
        _ => return None,
    };
    Some(CliError::new(ExitCode::NotPrivate, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_the_bridge_beside_a_relay() {
        for (relay, bridge) in [
            ("relay.example:9247", Some("http://relay.example:9248/")),
            ("[::1]:7", Some("http://[::1]:8/")),
            ("relay.example:65535", Some("http://relay.example:9248/")),
            ("tls://relay.example", Some("https://relay.example/")),
            ("tls://[::1]:7", Some("https://[::1]/")),
            ("https://relay.example/", None),
        ] {
            let address = relay.parse().expect(relay);
            assert_eq!(likely_bridge(&address).as_deref(), bridge, "{relay}");
        }
    }
}
