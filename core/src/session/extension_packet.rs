//! Reads and writes the packets of extensions in force (section 9).

use alloc::vec::Vec;

use base64ct::{Base64, Encoding as _};

use super::{Extensions, LinkMessage, Receipt, Want};
use crate::batch::{MAX_FILE_LEN, MAX_FILES};
use crate::packet::split_last;
use crate::secure::{PublicKey, decode_key_and_proof};
use crate::stream::Digest;
use crate::{FileName, LeftOutReason, Name, NotStored, ProtocolError, Quoted, Size, Stat, decimal};

/// One line of an extension.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ExtensionPacket<'a> {
    /// `X_RESUME name size port offset digest`: requests the rest of a file, of which the requester has
    /// `offset` bytes with this digest.
    Resume { name: Name<'a>, size: Size, port: u16, offset: u64, digest: Digest },
    /// `X_PORT number port`: announces the provider's port for a request.
    Port { number: u64, port: u16 },
    /// `X_BATCH count port`: requests files on one data connection, named by the next `count` lines.
    Batch { count: u64, port: u16 },
    /// `X_FILE name size`: names one file of a batch.
    File { name: Name<'a>, size: Size },
    /// `X_STAT name size modified mode`: one entry of a listing.
    Stat { name: Name<'a>, size: Size, stat: Stat },
    /// `X_OFFER name size`, with the two fields of X_STAT if `stat` is in force: offers a file.
    Offer { name: Name<'a>, size: Size, stat: Option<Stat> },
    /// `X_OFFER EOF EOF`: ends an offer.
    OfferEnd,
    /// `X_KEY base64 base64`: a long-term key and its proof.
    Key { key: PublicKey, proof: Digest },
    /// `X_REFUSED number`: refuses a request.
    Refused { number: u64 },
    /// `X_WANT files bytes here`: announces wanted files, and how many of all of them are already stored.
    Want(Want),
    /// `X_STORED number at count` and `X_FAILED number at count reason`: reports if files of a request are
    /// stored.
    Receipt(Receipt),
    /// `X_UNASKED reason name`: names a wanted file that is not requested.
    Unasked { reason: NotStored, name: Name<'a> },
    /// `X_LEFT reason name`: names a file that is left out.
    Left { reason: LeftOutReason, name: Name<'a> },
    /// `X_RTC`: sets up a link by WebRTC.
    Link(Result<LinkMessage, ProtocolError>),
}

const RESUME_FORM: &str = "X_RESUME name size port offset digest";
const PORT_FORM: &str = "X_PORT number port";
const BATCH_FORM: &str = "X_BATCH count port, of at most 1024 files";
const FILE_FORM: &str = "X_FILE name size, of at most 262144 bytes";
const STAT_FORM: &str = "X_STAT name size modified mode";
const OFFER_FORM: &str =
    "X_OFFER name size, with modified mode if both named stat, or X_OFFER EOF EOF";
const LEFT_FORM: &str = "X_LEFT reason name";

const KEY_FORM: &str = "X_KEY base64 base64";
const REFUSED_FORM: &str = "X_REFUSED number";
const WANT_FORM: &str = "X_WANT files bytes here";
const STORED_FORM: &str = "X_STORED number at count, of at most 1024 files";
const UNASKED_FORM: &str = "X_UNASKED reason name";
const FAILED_FORM: &str = "X_FAILED number at count reason, of at most 1024 files";

impl<'a> ExtensionPacket<'a> {
    /// Parses a line; returns `None` if it belongs to no extension in force.
    pub(super) fn parse(line: &'a str, named: Extensions) -> Result<Option<Self>, ProtocolError> {
        let (verb, fields) = line.split_once(' ').unwrap_or((line, ""));
        let (parsed, expected) = match verb {
            "X_RESUME" if named.has(Extensions::RESUME) => {
                (Self::parse_resume(fields), RESUME_FORM)
            }
            "X_PORT" if named.has(Extensions::PASSIVE) => (Self::parse_port(fields), PORT_FORM),
            "X_RTC" if named.has(Extensions::RTC) => {
                return Ok(Some(Self::Link(LinkMessage::parse(fields, line))));
            }
            "X_BATCH" if named.has(Extensions::BATCH) => (Self::parse_batch(fields), BATCH_FORM),
            "X_FILE" if named.has(Extensions::BATCH) => (Self::parse_file(fields), FILE_FORM),
            "X_LEFT" if named.has(Extensions::LEFT) => (Self::parse_left(fields), LEFT_FORM),
            "X_STAT" if named.has(Extensions::STAT) => {
                (Self::parse_stat(fields, named.has(Extensions::TEXT)), STAT_FORM)
            }
            "X_OFFER" if named.has(Extensions::OFFER) => {
                (Self::parse_offer(fields, named), OFFER_FORM)
            }
            "X_KEY" if named.has(Extensions::CODE) => {
                let shown = decode_key_and_proof(fields);
                (shown.map(|(key, proof)| Self::Key { key, proof }), KEY_FORM)
            }
            "X_REFUSED" if named.has(Extensions::RECEIPT) => {
                let number = decimal::parse(fields.as_bytes());
                (number.map(|number| Self::Refused { number }), REFUSED_FORM)
            }
            "X_WANT" if named.has(Extensions::RECEIPT) => (Self::parse_want(fields), WANT_FORM),
            "X_UNASKED" if named.has(Extensions::RECEIPT) => {
                (Self::parse_unasked(fields), UNASKED_FORM)
            }
            "X_STORED" if named.has(Extensions::RECEIPT) => {
                (Self::parse_receipt(fields, None), STORED_FORM)
            }
            "X_FAILED" if named.has(Extensions::RECEIPT) => {
                let parsed = split_last(fields).filter(|(_, reason)| !reason.is_empty());
                let reason =
                    |(fields, reason)| Self::parse_receipt(fields, Some(NotStored::parse(reason)));
                (parsed.and_then(reason), FAILED_FORM)
            }
            _ => return Ok(None),
        };
        // Port 0 also requires the extension `passive`.
        let parsed = parsed.filter(|extra| {
            let listens =
                matches!(extra, Self::Resume { port: 0, .. } | Self::Batch { port: 0, .. });
            named.has(Extensions::PASSIVE) || !listens
        });
        let malformed = || ProtocolError::Malformed { expected, got: Quoted(line).to_box() };
        parsed.ok_or_else(malformed).map(Some)
    }

    fn parse_resume(fields: &'a str) -> Option<Self> {
        let (fields, digest) = split_last(fields)?;
        let (fields, offset) = split_last(fields)?;
        let (fields, port) = split_last(fields)?;
        let (name, size) = split_last(fields)?;
        let size = Size::parse(size)?;
        let offset = decimal::parse(offset.as_bytes())?;
        // Resuming requires an exact size and a non-empty prefix within it.
        if offset == 0 || size.exact().is_none_or(|size| offset > size) {
            return None;
        }
        let port = if port == "0" { 0 } else { decimal::port(port)? };
        Some(Self::Resume {
            name: FileName::parse(name),
            size,
            port,
            offset,
            digest: parse_digest(digest)?,
        })
    }

    fn parse_port(fields: &'a str) -> Option<Self> {
        let (number, port) = fields.split_once(' ')?;
        Some(Self::Port { number: decimal::parse(number.as_bytes())?, port: decimal::port(port)? })
    }

    fn parse_batch(fields: &'a str) -> Option<Self> {
        let (count, port) = fields.split_once(' ')?;
        let count = decimal::parse(count.as_bytes()).filter(|count| *count > 0)?;
        let port = if port == "0" { 0 } else { decimal::port(port)? };
        (count <= MAX_FILES as u64).then_some(Self::Batch { count, port })
    }

    fn parse_file(fields: &'a str) -> Option<Self> {
        let (name, size) = split_last(fields)?;
        let size = Size::parse(size)?;
        size.exact().filter(|size| *size <= MAX_FILE_LEN)?;
        Some(Self::File { name: FileName::parse(name), size })
    }

    fn parse_stat(fields: &'a str, texts: bool) -> Option<Self> {
        let (fields, stat) = Stat::split(fields, texts)?;
        let (name, size) = split_last(fields)?;
        Some(Self::Stat { name: FileName::parse(name), size: Size::parse(size)?, stat })
    }

    fn parse_left(fields: &'a str) -> Option<Self> {
        let (reason, name) = fields.split_once(' ')?;
        Some(Self::Left { reason: LeftOutReason::parse(reason)?, name: FileName::parse(name) })
    }

    fn parse_unasked(fields: &'a str) -> Option<Self> {
        let (reason, name) = fields.split_once(' ')?;
        (!reason.is_empty()).then(|| Self::Unasked {
            reason: NotStored::parse(reason),
            name: FileName::parse(name),
        })
    }

    fn parse_offer(fields: &'a str, named: Extensions) -> Option<Self> {
        if fields == "EOF EOF" {
            return Some(Self::OfferEnd);
        }
        let (fields, stat) = match named.has(Extensions::STAT) {
            true => {
                let (fields, stat) = Stat::split(fields, named.has(Extensions::TEXT))?;
                (fields, Some(stat))
            }
            false => (fields, None),
        };
        let (name, size) = split_last(fields)?;
        Some(Self::Offer { name: FileName::parse(name), size: Size::parse(size)?, stat })
    }

    fn parse_want(fields: &str) -> Option<Self> {
        let [files, bytes, already_stored] = numbers(fields)?;
        Some(Self::Want(Want { files, bytes, already_stored }))
    }

    fn parse_receipt(fields: &str, not_stored: Option<NotStored>) -> Option<Self> {
        let [number, at, count] = numbers(fields)?;
        let most = MAX_FILES as u64;
        let fits = at < most && (1..=most - at).contains(&count);
        fits.then_some(Self::Receipt(Receipt { number, at, count, not_stored }))
    }

    /// Appends the line with its end.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Resume { name, size, port, offset, digest } => {
                put_sized(out, "X_RESUME ", *name, *size);
                put_numbers(out, "", &[(*port).into(), *offset]);
                out.push(b' ');
                put_base64(digest, out);
            }
            Self::Port { number, port } => {
                put_numbers(out, "X_PORT", &[*number, (*port).into()]);
            }
            Self::Batch { count, port } => {
                put_numbers(out, "X_BATCH", &[*count, (*port).into()]);
            }
            Self::File { name, size } => put_sized(out, "X_FILE ", *name, *size),
            Self::Stat { name, size, stat } => {
                put_sized(out, "X_STAT ", *name, *size);
                stat.encode(out);
            }
            Self::Offer { name, size, stat } => {
                put_sized(out, "X_OFFER ", *name, *size);
                if let Some(stat) = stat {
                    stat.encode(out);
                }
            }
            Self::OfferEnd => out.extend_from_slice(b"X_OFFER EOF EOF"),
            Self::Key { key, proof } => {
                out.extend_from_slice(b"X_KEY ");
                put_base64(key.as_bytes(), out);
                out.push(b' ');
                put_base64(proof, out);
            }
            Self::Refused { number } => put_numbers(out, "X_REFUSED", &[*number]),
            Self::Want(Want { files, bytes, already_stored }) => {
                put_numbers(out, "X_WANT", &[*files, *bytes, *already_stored]);
            }
            Self::Receipt(Receipt { number, at, count, not_stored }) => {
                let verb = if not_stored.is_some() { "X_FAILED" } else { "X_STORED" };
                put_numbers(out, verb, &[*number, *at, *count]);
                if let Some(reason) = not_stored {
                    out.push(b' ');
                    out.extend_from_slice(reason.as_str().as_bytes());
                }
            }
            Self::Link(message) => {
                if let Ok(message) = message {
                    message.encode(out);
                }
            }
            Self::Left { reason, name } => put_named(out, "X_LEFT ", reason.as_str(), *name),
            Self::Unasked { reason, name } => put_named(out, "X_UNASKED ", reason.as_str(), *name),
        }
        out.push(b'\n');
    }
}

/// Parses exactly `N` decimal numbers.
fn numbers<const N: usize>(fields: &str) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    let mut fields = fields.split(' ');
    for number in &mut numbers {
        *number = decimal::parse(fields.next()?.as_bytes())?;
    }
    fields.next().is_none().then_some(numbers)
}

fn put_numbers(out: &mut Vec<u8>, verb: &str, numbers: &[u64]) {
    out.extend_from_slice(verb.as_bytes());
    for number in numbers {
        out.push(b' ');
        decimal::put(*number, out);
    }
}

fn put_base64(bytes: &[u8; 32], out: &mut Vec<u8>) {
    // 32 bytes take 44 characters.
    let mut text = [0; 44];
    let text = Base64::encode(bytes, &mut text).unwrap_or_default();
    out.extend_from_slice(text.as_bytes());
}

fn parse_digest(text: &str) -> Option<Digest> {
    Base64::decode(text, &mut [0; 32]).ok()?.try_into().ok()
}

fn put_named(out: &mut Vec<u8>, verb: &str, reason: &str, name: Name<'_>) {
    let name = name.map_or_else(|bad| bad.name, FileName::into_str);
    for part in [verb, reason, " ", name] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn put_sized(out: &mut Vec<u8>, verb: &str, name: Name<'_>, size: Size) {
    out.extend_from_slice(verb.as_bytes());
    out.extend_from_slice(name.map_or_else(|bad| bad.name, FileName::into_str).as_bytes());
    out.push(b' ');
    size.encode(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    const ALL: Extensions = Extensions::RESUME
        .with(Extensions::PASSIVE)
        .with(Extensions::OFFER)
        .with(Extensions::STAT)
        .with(Extensions::BATCH)
        .with(Extensions::RECEIPT)
        .with(Extensions::LEFT)
        .with(Extensions::RTC)
        .with(Extensions::CODE);

    #[test]
    fn every_line_round_trips() {
        let name = || Ok(FileName::parse("a b 1").expect("a name"));
        let (size, digest) = (Size::Exact(1 << 40), [0xab; 32]);
        for packet in [
            ExtensionPacket::Resume { name: name(), size, port: 4000, offset: 1 << 40, digest },
            ExtensionPacket::Resume { name: name(), size, port: 0, offset: 1, digest },
            ExtensionPacket::Port { number: 3, port: 4000 },
            ExtensionPacket::Batch { count: 1024, port: 0 },
            ExtensionPacket::File { name: name(), size: Size::Exact(262_144) },
            ExtensionPacket::Stat { name: name(), size, stat: Stat::default() },
            ExtensionPacket::Offer { name: name(), size, stat: Some(Stat::default()) },
            ExtensionPacket::OfferEnd,
            ExtensionPacket::Key { key: PublicKey::new([5; 32]), proof: digest },
            ExtensionPacket::Refused { number: 3 },
            ExtensionPacket::Link(Ok(LinkMessage::Offer("v=0".into()))),
            ExtensionPacket::Want(Want { files: 3, bytes: u64::MAX, already_stored: 0 }),
            ExtensionPacket::Receipt(Receipt { number: 7, at: 0, count: 1024, not_stored: None }),
            ExtensionPacket::Receipt(Receipt {
                number: 7,
                at: 1023,
                count: 1,
                not_stored: Some(NotStored::Space),
            }),
            ExtensionPacket::Left { reason: LeftOutReason::Unreadable, name: name() },
            ExtensionPacket::Unasked { reason: NotStored::Name, name: name() },
        ] {
            let mut out = Vec::new();
            packet.encode(&mut out);
            let line = String::from_utf8(out).expect("text");
            let line = line.strip_suffix('\n').expect("a line");
            assert_eq!(ExtensionPacket::parse(line, ALL).as_ref(), Ok(&Some(packet)), "{line}");
            assert_eq!(ExtensionPacket::parse(line, Extensions::SECURE), Ok(None));
        }
    }

    #[test]
    fn wrong_fields_are_malformed() {
        let digest = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=";
        assert!(ExtensionPacket::parse(&format!("X_RESUME a 5 4000 5 {digest}"), ALL).is_ok());
        assert!(
            ExtensionPacket::parse(&format!("X_RESUME a 5 4000 5 {digest}"), Extensions::RESUME)
                .is_ok()
        );
        assert!(
            ExtensionPacket::parse(&format!("X_RESUME a 5 0 5 {digest}"), Extensions::RESUME)
                .is_err()
        );
        for bad in [
            "X_RESUME",
            "X_RESUME a 5 4000 5",
            &format!("X_RESUME a 5 4000 0 {digest}"),
            &format!("X_RESUME a 5 4000 6 {digest}"),
            &format!("X_RESUME a 1kb 4000 1 {digest}"),
            &format!("X_RESUME a 5 65536 1 {digest}"),
            &format!("X_RESUME a 5 4000 1 {}", &digest[1..]),
            "X_PORT 1",
            "X_PORT 1 0",
            "X_PORT x 4000",
            "X_OFFER",
            "X_OFFER a",
            "X_OFFER a 5",
            "X_STAT a 5",
            "X_BATCH 0 4000",
            "X_BATCH 1025 4000",
            "X_BATCH 1 65536",
            "X_FILE a 262145",
            "X_FILE a 1kb",
            "X_FILE a",
            "X_OFFER EOF",
            "X_KEY",
            &format!("X_KEY {digest}"),
            &format!("X_KEY {digest} x"),
            "X_REFUSED",
            "X_REFUSED 1 2",
            "X_WANT 1 2",
            "X_WANT 1 2 3 4",
            "X_STORED 0 0 0",
            "X_STORED 0 1024 1",
            "X_STORED 0 1 1024",
            "X_STORED 0 0 18446744073709551615",
            "X_STORED 0 0 1 space",
            "X_FAILED 0 0 1",
            "X_FAILED 0 0 1 ",
            "X_FAILED 0 0 1 a b",
            "X_UNASKED name",
            "X_UNASKED  a",
            "X_LEFT link",
            "X_LEFT Link a",
            "X_LEFT  a",
        ] {
            assert!(ExtensionPacket::parse(bad, ALL).is_err(), "{bad:?}");
        }
    }
}
