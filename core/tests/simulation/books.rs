//! What must hold at the end of a run.

use std::collections::{BTreeMap, BTreeSet};

use xcher_core::peer::{KeyStatus, Security};

use crate::host::PIPE;
use crate::world::{Weather, World};

impl World {
    pub(crate) fn check_books(&mut self) {
        let mut sessions = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for (index, host) in self.hosts.iter().enumerate() {
            assert!(host.listeners.is_empty(), "host {index} still listens");
            assert!(host.user.serving.is_empty(), "host {index} began to send and never ended");
            assert!(
                host.user.fates.values().all(|left| *left == 0),
                "host {index} was never told what became of a file"
            );
            assert!(
                host.user.visitors.is_empty(),
                "host {index} was never told that a visit ended"
            );
            for (transfer, name, bytes) in &host.stored {
                let wanted = &host.user.transfers[transfer];
                let (with, _) = host.user.whom[&wanted.session];
                let own = host.user.sessions.contains_key(&wanted.session);
                self.totals.taken += u64::from(!own);
                assert_eq!(name, &wanted.name);
                if name.as_str().starts_with(PIPE) {
                    self.totals.piped += 1;
                    let again = !taken.insert(name.as_str());
                    assert!(!again || self.weather == Weather::Rough, "{name} was sent twice");
                    if self.hosts[with].liar {
                        // Where its pipe ends, only it can say.
                        continue;
                    }
                }
                assert_eq!(bytes, &self.hosts[with].files[name.as_str()], "a file is wrong");
                self.totals.files += 1;
                self.totals.bytes += bytes.len() as u64;
            }
            for (transfer, wanted) in &host.user.transfers {
                let stored = host.stored.iter().any(|(stored, ..)| stored == transfer);
                let finished = matches!(wanted.end, Some(Ok(_)));
                assert!(!finished || stored, "told of a file that is not there");
                self.totals.failed += u64::from(!finished);
                // A visitor may leave before what it offered has come, and a user its mind change.
                let own = host.user.sessions.contains_key(&wanted.session);
                let is_pipe = wanted.name.as_str().starts_with(PIPE);
                if self.weather != Weather::Rough && own && !wanted.cancelled && !is_pipe {
                    assert_eq!(finished, wanted.exists, "{}: {:?}", wanted.name, wanted.end);
                }
                assert!(wanted.exists || !finished, "a file of another size than asked for");
            }
            for (with, security) in host.user.whom.values() {
                let with = &self.hosts[*with];
                let both = (host.key, with.key);
                // Who calls by a code shows a key of that session alone.
                let is_guest = host.code.is_some();
                match (*security, both) {
                    (Security::Encrypted { key, status: known }, (Some(_), Some(_))) => {
                        let known_key = is_guest || with.shown.contains(&key);
                        assert!(known_key, "with whom it says");
                        self.totals.by_code += u64::from(known == KeyStatus::ByCode);
                    }
                    (Security::Encrypted { .. }, _) => panic!("expected two who can be private"),
                    (Security::Unencrypted(_), (Some(_), Some(_))) => {
                        assert_eq!(self.weather, Weather::Rough, "who can be private is");
                    }
                    (Security::Unencrypted(_), _) => {}
                }
            }
            for (session, book) in &host.user.sessions {
                sessions.insert((index, *session), book.open);
                let answered = book.checks.iter().filter_map(|(n, a)| a.map(|a| (n, a)));
                let answered = answered.filter(|(name, _)| !name.starts_with(PIPE));
                for (name, yes) in answered {
                    let shared = self.hosts[book.with].files.contains_key(name);
                    // A provider whose data connection was cut as it came says NO to the request,
                    // and it looks like the answer.
                    let cut = host.user.transfers.values().any(|wanted| {
                        let failed = matches!(wanted.end, Some(Err(_)));
                        wanted.session == *session && wanted.name.as_str() == name && failed
                    });
                    if cut && self.weather == Weather::Rough {
                        continue;
                    }
                    assert_eq!(yes, shared, "{name} is shared or not");
                }
                if self.weather != Weather::Rough {
                    assert!(book.open, "without cuts a call is answered");
                    assert!(book.list_ended && book.left, "and ends when the caller ends it");
                    assert!(book.checks.values().all(Option::is_some));
                }
            }
        }
        self.check_receipts();
        self.totals.sessions += sessions.values().filter(|open| **open).count() as u64;
    }

    /// Nothing counts as stored that is not, and without cuts whatever a caller stored is confirmed.
    fn check_receipts(&mut self) {
        // By who sent it and its name: the relay may not have said to whom.
        let (mut confirmed, mut stored) = (BTreeMap::new(), BTreeMap::new());
        let mut calls = BTreeMap::new();
        for (index, host) in self.hosts.iter().enumerate() {
            for name in &host.user.confirmed {
                *confirmed.entry((index, name.clone())).or_insert(0) += 1;
                self.totals.confirmed += 1;
            }
            for (transfer, name, _) in &host.stored {
                let wanted = &host.user.transfers[transfer];
                let (with, security) = host.user.whom[&wanted.session];
                *stored.entry((with, name.clone())).or_insert(0) += 1;
                let private = matches!(security, Security::Encrypted { .. });
                let finished = matches!(wanted.end, Some(Ok(_)));
                if private && finished && host.user.sessions.contains_key(&wanted.session) {
                    *calls.entry((with, name.clone())).or_insert(0) += 1;
                }
            }
        }
        for (file, count) in &confirmed {
            let there = stored.get(file).copied().unwrap_or(0);
            assert!(there >= *count, "{file:?}: confirmed {count} times, stored {there} times");
        }
        if self.weather != Weather::Rough {
            for (file, count) in &calls {
                let told = confirmed.get(file).copied().unwrap_or(0);
                assert!(told >= *count, "{file:?}: stored {count} times, confirmed {told} times");
            }
        }
    }
}
