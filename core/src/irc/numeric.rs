//! Explains the numbered errors of an IRC server.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::message::Message;
use crate::unicode::without_deceptive;

/// Characters of a server's text that are repeated.
const MAX_TEXT_CHARS: usize = 80;

/// Returns why a channel cannot be joined.
pub(super) fn not_joined(numeric: u16, channel: &str, message: &Message<'_>) -> String {
    match numeric {
        403 | 476 | 479 => format!("the server does not allow a channel called {channel}"),
        405 => format!("too many channels to join {channel}"),
        470 => {
            let other = cleaned(message.param(2));
            format!("the server forwards {channel} to {other}; name a channel that can be joined")
        }
        471 => format!("the channel {channel} is full"),
        473 => format!("{channel} is invite-only; ask its operators for an invitation"),
        474 => format!("this host is banned from {channel}"),
        475 => format!("{channel} needs a channel key, or another one"),
        477 => format!("{channel} is for registered accounts; log in to one"),
        489 => format!("{channel} is for connections with TLS"),
        _ => format!("cannot join {channel}: {}", cleaned(message.text())),
    }
}

/// Returns true if a channel cannot be joined because somebody has decided so, rather than for now.
pub(super) fn is_decided(numeric: u16) -> bool {
    matches!(numeric, 403 | 470 | 473..=477 | 479 | 489)
}

/// Returns why the server refuses this client, for errors that are about the client itself.
pub(super) fn not_registered(numeric: u16, message: &Message<'_>) -> Option<String> {
    Some(match numeric {
        463 | 465 | 466 => {
            format!("this host is banned from the server: {}", cleaned(message.text()))
        }
        464 => "wrong or missing server password".into(),
        _ => return None,
    })
}

/// Returns why a call did not reach its callee, without its nick.
pub(super) fn not_delivered(numeric: u16, message: &Message<'_>) -> String {
    match numeric {
        401 => "no such nick".into(),
        477 | 486 => "accepts messages of registered accounts only".into(),
        716 => "accepts messages of its friends only".into(),
        _ => cleaned(message.text()).into(),
    }
}

/// Returns a text of the server without what could act on a terminal, shortened.
pub(super) fn cleaned(text: &str) -> Box<str> {
    without_deceptive(text, MAX_TEXT_CHARS)
}
