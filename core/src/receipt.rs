//! What becomes of a file at the host that asked for it (section 19).

use core::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $text:literal;)*) => {
        /// Why a requested file is not stored at the host that requested it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum NotStored {
            $($(#[$doc])* $name),*
        }

        impl NotStored {
            /// The word in X_FAILED.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word),*
                }
            }

            /// Reads such a word; one of a later version is [`Other`](Self::Other).
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
    /// The disk there is full.
    Space = "space", "no space left there";
    /// The folder or its file system cannot be written.
    Denied = "denied", "the folder there cannot be written";
    /// Something of that name is there and stays.
    Exists = "exists", "something of that name is there already";
    /// That system, or its user's rules, cannot take such a name.
    Name = "name", "its name is not taken there";
    /// The bytes that came are others than those that were sent.
    Altered = "altered", "its bytes changed on the way";
    /// It did not come whole.
    Incomplete = "incomplete", "it did not arrive whole";
    /// The user there ended it.
    Cancelled = "cancelled", "the user there cancelled it";
    /// It is larger than the user there takes.
    TooLarge = "large", "it is larger than allowed there";
    /// Something else.
    Other = "other", "it could not be stored there";
}

#[cfg(test)]
mod tests {
    use super::NotStored;

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for why in [NotStored::Space, NotStored::TooLarge, NotStored::Cancelled, NotStored::Other] {
            assert_eq!(NotStored::parse(why.as_str()), why);
        }
        assert_eq!(NotStored::parse("later"), NotStored::Other);
    }
}
