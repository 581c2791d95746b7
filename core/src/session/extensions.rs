//! Extensions of the base protocol (section 9).

use alloc::vec::Vec;

use crate::Device;

/// Words of the longest X_CAPS line.
const MAX_WORDS: usize = 64;
/// Bytes of the longest word.
const MAX_WORD_LEN: usize = 32;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $bit:literal, $word:literal;)*) => {
        impl Extensions {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
        }
        const WORDS: &[(&str, Extensions)] = &[$(($word, Extensions::$name)),*];
    };
}

/// A set of extensions.
///
/// ```
/// use xcher_core::session::Extensions;
///
/// let set = Extensions::SECURE.with(Extensions::VERIFY);
/// assert!(set.has(Extensions::VERIFY) && !set.has(Extensions::RESUME));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Extensions(u16);

words! {
    /// The session is encrypted, and both sides prove their keys (section 11).
    SECURE = 0, "secure";
    /// A digest follows each file (section 13).
    VERIFY = 1, "verify";
    /// Data connections use AES-256-GCM (section 11.4).
    AES = 2, "aes";
    /// Both sides prove a code (section 12).
    CODE = 3, "code";
    /// An incomplete download resumes (section 14).
    RESUME = 4, "resume";
    /// The provider may listen for a data connection (section 15).
    PASSIVE = 5, "passive";
    /// Entries carry times, types and permissions (section 16).
    STAT = 7, "stat";
    /// Texts are marked as such (section 16.1); without effect unless [`STAT`](Self::STAT) is in force too.
    TEXT = 11, "text";
    /// Several small files share a data connection (section 18).
    BATCH = 8, "batch";
    /// Hosts offer files (section 17).
    OFFER = 6, "offer";
    /// The requester reports which files it stored (section 19).
    RECEIPT = 10, "receipt";
    /// A port of the connection is allocated by a bridge (section 10.4); in force if either side names it.
    BRIDGE = 9, "bridge";
    /// The provider names files that it leaves out (section 20).
    LEFT = 12, "left";
    /// Data connections may be streams of a link by WebRTC (section 24).
    RTC = 13, "rtc";
}

impl Extensions {
    /// Returns the union of both sets.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns this set without the other.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns true if this set contains all of the other.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the extensions in force between sides that named these sets.
    pub(super) const fn agreed(self, other: Self) -> Self {
        Self((self.0 & other.0) | ((self.0 | other.0) & Self::BRIDGE.0))
    }

    /// Parses the fields of X_CAPS, with the device that the first such word names; ignores unknown words.
    pub(super) fn parse(words: &str) -> Option<(Self, Option<Device>)> {
        let (mut set, mut device) = (Self::default(), None);
        for (count, word) in words.split(' ').enumerate() {
            let is_word =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if count >= MAX_WORDS
                || word.is_empty()
                || word.len() > MAX_WORD_LEN
                || !word.bytes().all(is_word)
            {
                return None;
            }
            if let Some((_, one)) = WORDS.iter().find(|(known, _)| *known == word) {
                set = set.with(*one);
            }
            device = device.or_else(|| Device::of_word(word));
        }
        Some((set, device))
    }

    /// Appends the X_CAPS line, with this host's device if it names one.
    pub(super) fn encode(self, device: Option<Device>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"X_CAPS");
        for (word, one) in WORDS {
            if self.has(*one) {
                out.push(b' ');
                out.extend_from_slice(word.as_bytes());
            }
        }
        if let Some(device) = device {
            out.push(b' ');
            device.encode(out);
        }
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn unknown_words_are_ignored() {
        let set = Extensions::SECURE.with(Extensions::VERIFY);
        assert_eq!(Extensions::parse("x-2 verify secure future"), Some((set, None)));
        let mut out = Vec::new();
        set.encode(None, &mut out);
        assert_eq!(out, b"X_CAPS secure verify\n");
        out.clear();
        set.encode(Some(Device::Phone), &mut out);
        assert_eq!(out, b"X_CAPS secure verify device-phone\n");
    }

    #[test]
    fn first_known_device_counts() {
        let words = "secure device-watch device-tablet device device- device-phone";
        assert_eq!(Extensions::parse(words), Some((Extensions::SECURE, Some(Device::Tablet))));
    }

    #[test]
    fn bridge_is_in_force_if_either_side_names_it() {
        let (set, bridge) = (Extensions::SECURE, Extensions::SECURE.with(Extensions::BRIDGE));
        assert_eq!(set.agreed(bridge), bridge);
        assert_eq!(bridge.agreed(set), bridge);
        assert_eq!(set.agreed(set), set);
        assert_eq!(set.agreed(Extensions::STAT), Extensions::default());
    }

    #[test]
    fn malformed_words_are_rejected() {
        let many = String::from("a ").repeat(MAX_WORDS) + "a";
        let long = "a".repeat(MAX_WORD_LEN + 1);
        for bad in ["", "secure ", " secure", "a  b", "Secure", "sécure", &many, &long] {
            assert_eq!(Extensions::parse(bad), None, "{bad:?}");
        }
    }
}
