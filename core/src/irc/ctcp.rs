//! X_INIT as a CTCP message: `PRIVMSG bob :\x01XCHER X_INIT bob 192.0.2.7 40000\x01`.

use core::net::IpAddr;

use super::irc_nick::IrcNick;
use super::output::IrcOutput;
use crate::addr::{Scope, scope};
use crate::{LineBuffer, Nick, RelayPacket};

/// The start of the text, and its last character.
const START: &str = "\u{1}XCHER ";
const END: char = '\u{1}';

/// Sends an X_INIT to a member.
pub(super) fn send(to: &IrcNick, packet: RelayPacket<'_>, output: &mut IrcOutput) {
    let line = packet.to_line();
    let text = core::str::from_utf8(&line).unwrap_or_default();
    output.send(&["PRIVMSG ", to.as_str(), " :", START, text, "\u{1}"]);
}

/// An X_INIT that was received.
pub(super) struct Received {
    nick: Nick,
    pub(super) ip: IpAddr,
    port: u16,
}

impl Received {
    /// Parses the text of a private message; `None` for every other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let packet = text.strip_prefix(START)?.strip_suffix(END)?;
        let mut lines = LineBuffer::new();
        lines.receive(packet.as_bytes());
        lines.receive(b"\n");
        let RelayPacket::Init { nick, ip, port } =
            RelayPacket::parse(lines.next_line().ok()??).ok()?
        else {
            return None;
        };
        Some(Self { nick: Nick::parse(nick).ok()?, ip, port })
    }

    /// Passes it on to the host, after the nick of its sender.
    pub(super) fn pass(&self, from: &Nick, output: &mut IrcOutput) {
        let Self { nick, ip, port } = self;
        output.answer(RelayPacket::From(from.as_str()));
        output.answer(RelayPacket::Init { nick: nick.as_str(), ip: *ip, port: *port });
    }

    /// Returns true if the address is that of the sender, as the server shows it, or is a public one. Another
    /// address leads to this host's network or to this host itself.
    pub(super) fn is_plausible(&self, host: &str) -> bool {
        let shown = host.parse().ok().map(|ip: IpAddr| ip.to_canonical());
        match scope(self.ip) {
            Scope::Global | Scope::Unroutable => true,
            Scope::Loopback if host == "localhost" => true,
            _ => shown == Some(self.ip),
        }
    }
}

/// An X_INIT that waits to be sent.
pub(super) struct Call {
    /// The callee, as the host named it.
    pub(super) nick: Nick,
    pub(super) to: IrcNick,
    pub(super) ip: IpAddr,
    pub(super) port: u16,
}

impl Call {
    pub(super) fn send(&self, output: &mut IrcOutput) {
        let Self { nick, to, ip, port } = self;
        send(to, RelayPacket::Init { nick: nick.as_str(), ip: *ip, port: *port }, output);
    }
}
