//! Hosts that a peer can call.

use xcher_core::Nick;
use xcher_core::code::Code;

use super::Error;

/// A host to call.
pub(super) enum Target {
    Nick(Nick),
    Code(Code),
}

impl Target {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let misuse = |error: &dyn std::fmt::Display| Error::misuse(&error.to_string());
        match Code::looks_like(text) {
            true => Code::parse(text).map(Self::Code).map_err(|error| misuse(&error)),
            false => Nick::parse(text).map(Self::Nick).map_err(|error| misuse(&error)),
        }
    }
}
