//! The members of a channel: those that are online at this relay.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use super::case_mapping::CaseMapping;
use super::irc_nick::is_code;
use crate::Nick;

/// Members that are remembered. Others are neither listed nor called, and cannot call.
const MAX_MEMBERS: usize = 10_000;

/// The members by their folded nicks.
#[derive(Default)]
pub(super) struct Members {
    by_nick: BTreeMap<Box<str>, Nick>,
}

impl Members {
    /// Adds a member, unless its nick is one that no host can have.
    pub(super) fn add(&mut self, nick: &str, mapping: CaseMapping) {
        if self.by_nick.len() < MAX_MEMBERS
            && let Ok(parsed) = Nick::parse(nick)
        {
            self.by_nick.insert(mapping.fold(nick), parsed);
        }
    }

    /// Adds those in one line of NAMES, with the marks of operators and others before their nicks.
    pub(super) fn add_names(&mut self, names: &str, mapping: CaseMapping) {
        for name in names.split(' ') {
            self.add(name.trim_start_matches(['~', '&', '@', '%', '+', '!']), mapping);
        }
    }

    /// Removes a member. Returns true if it was one.
    pub(super) fn remove(&mut self, nick: &str, mapping: CaseMapping) -> bool {
        self.by_nick.remove(&mapping.fold(nick)).is_some()
    }

    pub(super) fn get(&self, nick: &str, mapping: CaseMapping) -> Option<&Nick> {
        self.by_nick.get(&mapping.fold(nick))
    }

    /// Returns the nicks to list, which are not those of codes (section 5.2).
    pub(super) fn listed(&self) -> impl Iterator<Item = &Nick> {
        self.by_nick.values().filter(|nick| !is_code(nick.as_str()))
    }
}
