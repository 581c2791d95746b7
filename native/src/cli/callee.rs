//! The peer to call: by nick or code.

use std::fmt;

use xcher_core::Nick;
use xcher_core::code::Code;

#[derive(Clone)]
pub(crate) enum Callee {
    Nick(Nick),
    Code(Code),
}

impl Callee {
    pub(crate) fn nick(&self) -> &Nick {
        match self {
            Self::Nick(nick) => nick,
            Self::Code(code) => code.nick(),
        }
    }
}

/// Shows only the public part of a code.
impl fmt::Display for Callee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nick().fmt(f)
    }
}
