//! What operators of a relay or bridge watch and do.

#![expect(dead_code, unused_imports, reason = "the servers do not use it yet")]

mod readiness;

pub(crate) use readiness::{Readiness, STARTING, STOPPING};
