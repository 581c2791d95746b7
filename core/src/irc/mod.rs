//! An IRC channel as relay (section 22): turns what a host writes to its relay into lines for an IRC server, and
//! the lines of the server into what a relay would have written.
//!
//! A host that uses a channel is the same [`Peer`](crate::Peer) as at any other relay: [`IrcClient`] stands
//! between its connection to the relay and the connection to the server. It has no socket and no clock.
//!
//! ```
//! use core::time::Duration;
//! use xcher_core::irc::{Channel, IrcClient, IrcConfig, IrcOutput};
//!
//! let channel = Channel::parse("#files")?;
//! let mut client = IrcClient::new(IrcConfig::new(channel), [192, 0, 2, 7].into());
//! let mut output = IrcOutput::default();
//! client.receive_from_host(b"X_NICK kim\n", Duration::ZERO, &mut output);
//! assert_eq!(output.to_server, b"NICK kim\r\nUSER xcher 0 * :XCHER\r\n");
//! # Ok::<(), xcher_core::irc::InvalidChannel>(())
//! ```

mod call_queue;
mod case_mapping;
mod channel;
mod client;
mod config;
mod ctcp;
mod irc_nick;
mod members;
mod message;
mod numeric;
mod output;
mod sasl;
mod server_lines;
mod server_messages;

pub use channel::{Channel, InvalidChannel};
pub use client::IrcClient;
pub use config::{Credentials, IrcConfig, MAX_SECRET_LEN};
pub use irc_nick::{InvalidIrcNick, IrcNick};
pub use output::IrcOutput;

use crate::peer::CallPolicy;

/// Returns the answer to calls of a host that wants to give the answer `wanted`: a chat network checks neither
/// callers nor the addresses that they name, so its calls are never accepted without asking. A host that
/// waits for a code asks nobody, because each caller must prove the code (section 12).
pub fn call_policy(wanted: CallPolicy, awaits_code: bool) -> CallPolicy {
    match wanted {
        CallPolicy::Accept if !awaits_code => CallPolicy::Ask,
        policy => policy,
    }
}

#[cfg(test)]
mod tests;
