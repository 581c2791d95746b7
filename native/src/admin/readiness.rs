//! Whether a server should get new clients, and if not, why not: what `/readyz` and `xcher relay status` say.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The reasons why a server should get no new clients. Clones share them: each part of a server that has a
/// reason keeps one, under a name of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readiness(Arc<Mutex<BTreeMap<&'static str, Cow<'static, str>>>>);

/// The name of the reason of a server that does not accept connections yet.
pub(crate) const STARTING: &str = "starting";
/// The name of the reason of a server that stops.
pub(crate) const STOPPING: &str = "stopping";
/// The name of the reason of a server that drains.
pub(crate) const DRAINING: &str = "draining";

impl Readiness {
    /// Returns the state of a server that does not accept connections yet: not ready, because of [`STARTING`].
    pub(crate) fn starting() -> Self {
        let readiness = Self::default();
        readiness.set(STARTING, "its ports are not open yet");
        readiness
    }

    /// Makes the server not ready for a reason with this name, or replaces that reason. `why` is one line for
    /// people, without secrets.
    pub(crate) fn set(&self, name: &'static str, why: impl Into<Cow<'static, str>>) {
        self.reasons_by_name().insert(name, why.into());
    }

    /// Takes back the reason with this name, if there is one.
    pub(crate) fn clear(&self, name: &'static str) {
        self.reasons_by_name().remove(name);
    }

    /// Returns the reasons with their names, in the order of these. None means that the server is ready.
    pub(crate) fn reasons(&self) -> Vec<(&'static str, Cow<'static, str>)> {
        self.reasons_by_name().iter().map(|(name, why)| (*name, why.clone())).collect()
    }

    fn reasons_by_name(&self) -> MutexGuard<'_, BTreeMap<&'static str, Cow<'static, str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_ready_once_every_reason_is_taken_back() {
        let readiness = Readiness::starting();
        let shared = readiness.clone();
        shared.set("draining", "it stops in 30 s");
        shared.set("draining", "it stops in 29 s");
        shared.clear(STARTING);
        shared.clear("unknown");
        assert_eq!(readiness.reasons(), [("draining", "it stops in 29 s".into())]);
        readiness.clear("draining");
        assert!(shared.reasons().is_empty());
    }
}
