//! X_INIT as a CTCP message: `PRIVMSG bob :\x01XCHER X_INIT bob 192.0.2.7 40000\x01`.

use core::net::IpAddr;

use super::irc_nick::IrcNick;
use super::output::IrcOutput;
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

/// Passes an X_INIT in the text of a private message on to the host, after the nick of its sender. Ignores
/// every other text.
pub(super) fn pass(text: &str, from: &Nick, output: &mut IrcOutput) {
    let Some(packet) = text.strip_prefix(START).and_then(|text| text.strip_suffix(END)) else {
        return;
    };
    let mut lines = LineBuffer::new();
    lines.receive(packet.as_bytes());
    lines.receive(b"\n");
    let Ok(Some(line)) = lines.next_line() else { return };
    if let Ok(init @ RelayPacket::Init { nick, .. }) = RelayPacket::parse(line)
        && Nick::parse(nick).is_ok()
    {
        output.answer(RelayPacket::From(from.as_str()));
        output.answer(init);
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
