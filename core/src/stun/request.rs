//! Reading a Binding request.

use super::checksum::fingerprint;
use super::{ATTRIBUTE_HEADER_LEN, COOKIE, FINGERPRINT, HEADER_LEN};

/// The class *request* and the method *Binding*.
const BINDING_REQUEST: u16 = 0x0001;
/// Types from here on may be ignored by who does not know them.
const FIRST_OPTIONAL: u16 = 0x8000;
/// Types that RFC 8489 requires every implementation to understand. A server without authentication ignores them.
const UNDERSTOOD: [u16; 11] =
    [0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, 0x0020];

/// A valid Binding request.
pub(super) struct Request<'a> {
    /// Its transaction ID, of 12 bytes.
    pub(super) transaction: &'a [u8],
    attributes: &'a [u8],
    pub(super) has_fingerprint: bool,
}

impl<'a> Request<'a> {
    /// Reads a datagram. Returns `None` for anything else, as an answer of another server, by which two servers could be
    /// made to talk to each other.
    pub(super) fn read(datagram: &'a [u8]) -> Option<Self> {
        let (header, attributes) = datagram.split_at_checked(HEADER_LEN)?;
        let (kind, header) = u16_at(header)?;
        let (len, header) = u16_at(header)?;
        let transaction = header.strip_prefix(&COOKIE)?;
        if kind != BINDING_REQUEST || usize::from(len) != attributes.len() {
            return None;
        }
        let mut has_fingerprint = false;
        let mut rest = attributes;
        while !rest.is_empty() {
            let (kind, value, after) = attribute(rest)?;
            if kind == FINGERPRINT {
                // The last attribute: what follows it would not be covered.
                let before = datagram.get(..datagram.len().checked_sub(rest.len())?)?;
                if !after.is_empty() || value != fingerprint(before).to_be_bytes() {
                    return None;
                }
                has_fingerprint = true;
            }
            rest = after;
        }
        Some(Self { transaction, attributes, has_fingerprint })
    }

    /// Returns the types that a server must understand and this one does not, so that it must not answer as if it did.
    pub(super) fn unknown(&self) -> impl Iterator<Item = u16> + Clone {
        let mut rest = self.attributes;
        let kinds = core::iter::from_fn(move || {
            let (kind, _, after) = attribute(rest)?;
            rest = after;
            Some(kind)
        });
        kinds.filter(|kind| *kind < FIRST_OPTIONAL && !UNDERSTOOD.contains(kind))
    }
}

/// Splits the first attribute off: its type, its value, and the attributes after it.
fn attribute(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (kind, rest) = u16_at(bytes)?;
    let (len, rest) = u16_at(rest)?;
    let len = usize::from(len);
    let after = rest.get(len.next_multiple_of(ATTRIBUTE_HEADER_LEN)..)?;
    Some((kind, rest.get(..len)?, after))
}

fn u16_at(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (two, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*two), rest))
}
