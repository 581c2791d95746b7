//! Checks what an IRC client writes, whatever it was given: shared by the tests and the fuzz target.

use xcher_core::irc::IrcOutput;
use xcher_core::{LineBuffer, RelayPacket, is_deceptive};

/// Asserts that each line for the server begins with one of `known` and is a line that IRC allows, and that each
/// line for the host is a packet of a relay.
pub(crate) fn check(output: &IrcOutput, known: &[&str]) {
    let sent = core::str::from_utf8(&output.to_server).expect("UTF-8");
    assert!(sent.is_empty() || sent.ends_with("\r\n"), "an incomplete line: {sent:?}");
    for line in sent.split_terminator("\r\n") {
        assert!(known.iter().any(|start| line.starts_with(start)), "{line:?}");
        assert!(line.len() <= 510 && !line.contains(['\r', '\n', '\0']), "{line:?}");
    }
    let mut buffer = LineBuffer::new();
    buffer.receive(&output.to_host);
    while let Some(line) = buffer.next_line().expect("text") {
        match RelayPacket::parse(line).expect("a packet") {
            RelayPacket::NickAnswer { .. }
            | RelayPacket::AddrAnswer { .. }
            | RelayPacket::Pong(_)
            | RelayPacket::WhoNick(_)
            | RelayPacket::WhoEnd
            | RelayPacket::From(_)
            | RelayPacket::Init { .. } => {}
            RelayPacket::Err { reason, .. } => {
                assert!(!reason.chars().any(is_deceptive), "{reason:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}
