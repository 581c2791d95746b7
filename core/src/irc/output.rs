//! What an IRC client writes, and how it ends.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::RelayPacket;

/// Bytes of the longest line to a server, without its end (RFC 1459, section 2.3).
const MAX_SENT_LEN: usize = 510;

/// What a driver writes next, in this order: to the server, then to the host.
#[derive(Debug, Default)]
pub struct IrcOutput {
    /// Lines for the server.
    pub to_server: Vec<u8>,
    /// Lines for the host, as a relay writes them.
    pub to_host: Vec<u8>,
    /// Set once both connections are to be closed, after all of this was sent.
    pub is_over: bool,
    /// The reason for that, unless the host left: why the connection to the relay is closed.
    pub reason: Option<Box<str>>,
    /// Set if somebody decided that this host is not wanted at the server or in the channel. A driver does not
    /// connect again: that would be taken for abuse.
    pub is_barred: bool,
}

impl IrcOutput {
    /// Appends a line for the server. Whatever the texts contain, it is one line.
    pub(super) fn send(&mut self, texts: &[&str]) {
        let mut len = 0;
        let chars = texts.iter().flat_map(|text| text.chars());
        for c in chars.filter(|c| !matches!(c, '\0' | '\r' | '\n')) {
            len += c.len_utf8();
            if len > MAX_SENT_LEN {
                break;
            }
            self.to_server.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        self.to_server.extend_from_slice(b"\r\n");
    }

    /// Appends a line for the host.
    pub(super) fn answer(&mut self, packet: RelayPacket<'_>) {
        packet.encode(&mut self.to_host);
    }
}
