//! Tickets, which prove to a caller that an incoming connection is the callee's (section 5.5).

use alloc::string::String;
use core::fmt;

use subtle::ConstantTimeEq as _;

#[cfg(feature = "relay")]
use crate::secure::Entropy;
use crate::secure::{decode, encode};

/// 16 random bytes that the relay draws for one X_INIT, one invitation or one link. `Debug` hides them.
#[derive(Clone)]
pub(crate) struct Ticket([u8; 16]);

/// The start of the line that presents a ticket, the first of a control connection.
const VERB: &str = "X_TICKET ";
/// Bytes of the longest such line: the verb, 24 characters of base64, CR and LF.
const MAX_TICKET_LINE_LEN: usize = VERB.len() + 24 + 2;

/// The result of checking the first bytes of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TicketCheck {
    /// They present this ticket, in a line of this many bytes.
    Valid(usize),
    /// They do not present this ticket.
    Invalid,
    /// They may be the start of a ticket line.
    Incomplete,
}

impl Ticket {
    #[cfg(feature = "relay")]
    pub(crate) fn random(entropy: &mut Entropy) -> Self {
        Self(entropy.bytes())
    }

    /// Parses a field; returns `None` for anything but 16 bytes in base64.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        decode(text, &mut bytes).ok().map(|()| Self(bytes))
    }

    /// Returns the field.
    pub(crate) fn text(&self) -> String {
        encode(&self.0)
    }

    /// Compares in constant time.
    pub(crate) fn matches(&self, shown: &Self) -> bool {
        self.0.ct_eq(&shown.0).into()
    }

    /// Returns the line that presents it.
    pub(crate) fn line(&self) -> String {
        [VERB, &self.text(), "\n"].concat()
    }

    /// Checks if these bytes, the first of a connection, present this ticket.
    pub(crate) fn check(&self, bytes: &[u8]) -> TicketCheck {
        let Some(end) = bytes.iter().take(MAX_TICKET_LINE_LEN).position(|byte| *byte == b'\n')
        else {
            let begins = bytes.iter().zip(VERB.as_bytes()).all(|(byte, verb)| byte == verb);
            return if begins && bytes.len() < MAX_TICKET_LINE_LEN {
                TicketCheck::Incomplete
            } else {
                TicketCheck::Invalid
            };
        };
        let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
        let field = core::str::from_utf8(line).ok().and_then(|line| line.strip_prefix(VERB));
        match field.and_then(Self::parse) {
            Some(shown) if self.matches(&shown) => TicketCheck::Valid(end + 1),
            _ => TicketCheck::Invalid,
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(…)")
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn check_accepts_only_the_ticket_at_every_split() {
        let ticket = Ticket([7; 16]);
        let line = ticket.line();
        assert_eq!(line, "X_TICKET BwcHBwcHBwcHBwcHBwcHBw==\n");
        for end in 0..line.len() {
            assert_eq!(ticket.check(&line.as_bytes()[..end]), TicketCheck::Incomplete, "{end}");
        }
        let more = format!("{line}X_CHK a\n");
        assert_eq!(ticket.check(more.as_bytes()), TicketCheck::Valid(line.len()));
        let cr = line.replace('\n', "\r\n");
        assert_eq!(ticket.check(cr.as_bytes()), TicketCheck::Valid(cr.len()));
        let other = Ticket([8; 16]).line();
        let long = "X_TICKET ".repeat(9);
        for wrong in [&other, "X_CHK //xcher/2\n", "GET", "\n", "\r", &long, "X_TICKET \n", "x"] {
            assert_eq!(ticket.check(wrong.as_bytes()), TicketCheck::Invalid, "{wrong:?}");
        }
        assert_eq!(format!("{ticket:?}"), "Ticket(…)");
    }

    #[test]
    fn a_field_encodes_sixteen_bytes() {
        let ticket = Ticket::random(&mut Entropy::new([1; 32]));
        assert_eq!(Ticket::parse(&ticket.text()).map(|read| read.0), Some(ticket.0));
        for bad in ["", "-", "AAAA", "BwcHBwcHBwcHBwcHBwcHBw", "BwcHBwcHBwcHBwcHBwcHBwcH"] {
            assert!(Ticket::parse(bad).is_none(), "{bad:?}");
        }
    }
}
