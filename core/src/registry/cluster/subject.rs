//! Subjects of the bus.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};

/// A relay of a cluster, from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayId(pub [u8; 8]);

/// What relays subscribe to and send to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The relay that has the nick with this form (section 5.2).
    Nick(Box<str>),
    /// The relay that has this nick of digits, which has no other form: nothing that looks like it may answer
    /// for it.
    Code(Box<str>),
    /// One relay.
    Relay(RelayId),
    /// All relays.
    All,
}

impl fmt::Display for RelayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl RelayId {
    /// Parses what [`Display`](fmt::Display) writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 16 && text.bytes().all(is_lower_hex)).then_some(())?;
        u64::from_str_radix(text, 16).ok().map(|number| Self(number.to_be_bytes()))
    }
}

impl Subject {
    /// Returns the end of the subject's name, which the driver puts after the name of the cluster: letters,
    /// digits, `-`, `_`, and a dot between its two parts. No nick can name the subject of another.
    pub fn name(&self) -> String {
        match self {
            Self::Nick(form) => format!("n.{}", encoded(form)),
            Self::Code(nick) => format!("c.{}", encoded(nick)),
            Self::Relay(relay) => format!("r.{relay}"),
            Self::All => "all".into(),
        }
    }
}

fn encoded(text: &str) -> String {
    let mut buffer = vec![0; Base64UrlUnpadded::encoded_len(text.as_bytes())];
    Base64UrlUnpadded::encode(text.as_bytes(), &mut buffer).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_read_as_written() {
        let relay = RelayId([0, 1, 2, 0xfe, 0, 0, 0, 9]);
        assert_eq!(RelayId::parse(&format!("{relay}")), Some(relay));
        for bad in ["", "0", "000102fe0000000", "000102FE00000009", "+00102fe00000009"] {
            assert_eq!(RelayId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn no_nick_names_the_subject_of_another() {
        let names = ["*", ">", "a.b", "a.*", "all", "4821", "４８２１", "\u{e9}", "e\u{301}"]
            .map(|nick| Subject::Nick(nick.into()).name());
        for name in &names {
            let (kind, rest) = name.split_once('.').expect("two parts");
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            assert!(kind == "n" && !rest.is_empty() && rest.bytes().all(plain), "{name}");
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
        assert_ne!(Subject::Code("4821".into()).name(), Subject::Nick("4821".into()).name());
    }
}
