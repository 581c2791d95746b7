//! What a host needs to know to use a channel.

use alloc::string::String;
use core::fmt;

use super::Channel;

/// Bytes of the longest password or channel key: it has to fit into one line.
pub const MAX_SECRET_LEN: usize = 300;

/// A channel, and how to log in to its server.
#[derive(Clone, Debug)]
pub struct IrcConfig {
    /// The channel whose members are online.
    pub channel: Channel,
    /// The passwords and keys that the server demands.
    pub credentials: Credentials,
    /// Accepts calls to a code from private addresses that the server does not show as the caller's.
    pub allow_private: bool,
}

impl IrcConfig {
    /// Returns the configuration for a channel that demands nothing.
    pub fn new(channel: Channel) -> Self {
        Self { channel, credentials: Credentials::default(), allow_private: false }
    }
}

/// Passwords and keys. Each has at most [`MAX_SECRET_LEN`] bytes; a line end in one is left out.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The account that the password belongs to; the nick if there is none.
    pub account: Option<String>,
    /// The password of the account, for SASL PLAIN (RFC 4616).
    pub password: Option<String>,
    /// The channel's key.
    pub channel_key: Option<String>,
    /// The password of the server.
    pub server_password: Option<String>,
}

/// Shows which there are, and no secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |secret: &Option<String>| if secret.is_some() { "…" } else { "none" };
        f.debug_struct("Credentials")
            .field("account", &self.account)
            .field("password", &shown(&self.password))
            .field("channel_key", &shown(&self.channel_key))
            .field("server_password", &shown(&self.server_password))
            .finish()
    }
}
