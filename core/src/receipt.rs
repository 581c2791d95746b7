//! The reason why a requester did not store a file (section 19).

use core::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $text:literal;)*) => {
        /// The reason why the requester did not store a file.
        ///
        /// `Display` words it for the provider's user: "the peer" is the requester.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum NotStored {
            $($(#[$doc])* $name),*
        }

        impl NotStored {
            /// Returns the word in X_FAILED.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word),*
                }
            }

            /// Parses such a word; one of a later version is [`Other`](Self::Other).
            pub fn parse(word: &str) -> Self {
                match word {
                    $($word => Self::$name,)*
                    _ => Self::Other,
                }
            }
        }

        impl fmt::Display for NotStored {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text),*
                })
            }
        }
    };
}

reasons! {
    /// The requester's disk is full.
    Space = "space", "no space left on the peer's disk";
    /// The requester's folder or its file system is not writable.
    Denied = "denied", "the peer's folder is not writable";
    /// A file of this name exists and is kept.
    Exists = "exists", "the peer already has a file of this name";
    /// The requester's system or its user's rules do not allow the name.
    Name = "name", "the peer does not allow this name";
    /// The received bytes differ from the sent ones.
    Altered = "altered", "checksum mismatch: data was altered in transit";
    /// The transfer ended early.
    Incomplete = "incomplete", "the transfer is incomplete";
    /// The requester's user cancelled it.
    Cancelled = "cancelled", "cancelled by the peer";
    /// It is larger than the requester's user allows.
    TooLarge = "large", "larger than the peer allows";
    /// Another reason.
    Other = "other", "the peer could not store it";
}

#[cfg(test)]
mod tests {
    use super::NotStored;

    #[test]
    fn every_word_round_trips() {
        for reason in
            [NotStored::Space, NotStored::TooLarge, NotStored::Cancelled, NotStored::Other]
        {
            assert_eq!(NotStored::parse(reason.as_str()), reason);
        }
        assert_eq!(NotStored::parse("later"), NotStored::Other);
    }
}
