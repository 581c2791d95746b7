//! Checks at the end of a run.

use std::collections::{BTreeMap, BTreeSet};

use xcher_core::peer::{KeyStatus, Path, Security};

use crate::host::PIPE;
use crate::world::{Weather, World};

impl World {
    pub(crate) fn check_results(&mut self) {
        let mut sessions = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for (index, host) in self.hosts.iter().enumerate() {
            assert!(host.listeners.is_empty(), "host {index} still listens");
            assert!(
                host.user.serving.is_empty(),
                "host {index} never ended a transfer that it began"
            );
            assert!(
                host.user.unreported.values().all(|left| *left == 0),
                "host {index} got no report of what became of a file"
            );
            assert!(
                host.user.visitors.is_empty(),
                "host {index} got no report that an incoming session ended"
            );
            for (transfer, name, bytes) in &host.stored {
                let wanted = &host.user.transfers[transfer];
                let (with, _) = host.user.peers[&wanted.session];
                let own = host.user.sessions.contains_key(&wanted.session);
                self.totals.taken += u64::from(!own);
                assert_eq!(name, &wanted.name);
                if name.as_str().starts_with(PIPE) {
                    self.totals.piped += 1;
                    let again = !taken.insert(name.as_str());
                    assert!(!again || self.weather == Weather::Rough, "{name} was sent twice");
                    if self.hosts[with].liar {
                        // Only the liar knows the end of its pipe.
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
                assert!(!finished || stored, "a finished file is not stored");
                self.totals.failed += u64::from(!finished);
                // A caller may end the session before its offers arrived, and a user may cancel.
                let own = host.user.sessions.contains_key(&wanted.session);
                let is_pipe = wanted.name.as_str().starts_with(PIPE);
                if self.weather != Weather::Rough && own && !wanted.cancelled && !is_pipe {
                    assert_eq!(finished, wanted.exists, "{}: {:?}", wanted.name, wanted.end);
                }
                assert!(
                    wanted.exists || !finished,
                    "a file of another size than requested finished"
                );
            }
            for (with, security) in host.user.peers.values() {
                let with = &self.hosts[*with];
                let both = (host.key, with.key);
                // A caller by code shows a key of that session only.
                let is_guest = host.code.is_some();
                match (*security, both) {
                    (Security::Encrypted { key, status: known }, (Some(_), Some(_))) => {
                        let known_key = is_guest || with.shown.contains(&key);
                        assert!(known_key, "the key of another host");
                        self.totals.by_code += u64::from(known == KeyStatus::ByCode);
                    }
                    (Security::Encrypted { .. }, _) => {
                        panic!("an encrypted session of a host without a key")
                    }
                    (Security::Unencrypted(_), (Some(_), Some(_))) => {
                        assert_eq!(
                            self.weather,
                            Weather::Rough,
                            "an unencrypted session of two hosts with keys"
                        );
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
                    // A provider whose data connection was cut at its start answers the request
                    // with NO, which looks like the answer to the question.
                    let cut = host.user.transfers.values().any(|wanted| {
                        let failed = matches!(wanted.end, Some(Err(_)));
                        wanted.session == *session && wanted.name.as_str() == name && failed
                    });
                    if cut && self.weather == Weather::Rough {
                        continue;
                    }
                    assert_eq!(yes, shared, "a wrong answer about {name}");
                }
                let with = &self.hosts[book.with];
                let are_near = host.place.is_behind_nat() && host.place.seen == with.place.seen;
                let is_near = are_near && host.near && with.near || self.totals.moves > 0;
                assert!(is_near || !book.near, "no neighbours");
                let punches = host.punch && with.punch;
                assert!(punches || book.path != Some(Path::Punched), "a host does not punch");
                self.totals.near += u64::from(book.near);
                self.totals.punched += u64::from(book.path == Some(Path::Punched));
            }
        }
        self.check_receipts();
        if self.weather != Weather::Rough {
            self.check_paths();
        }
        self.totals.sessions += sessions.values().filter(|open| **open).count() as u64;
    }

    /// Checks that only stored files count as stored, and that without cuts each file that a caller stored is
    /// confirmed.
    fn check_receipts(&mut self) {
        // By sender and name: the relay may not have named the receiver.
        let (mut confirmed, mut stored) = (BTreeMap::new(), BTreeMap::new());
        let mut calls = BTreeMap::new();
        for (index, host) in self.hosts.iter().enumerate() {
            for name in &host.user.confirmed {
                *confirmed.entry((index, name.clone())).or_insert(0) += 1;
                self.totals.confirmed += 1;
            }
            for (transfer, name, _) in &host.stored {
                let wanted = &host.user.transfers[transfer];
                let (with, security) = host.user.peers[&wanted.session];
                *stored.entry((with, name.clone())).or_insert(0) += 1;
                let encrypted = matches!(security, Security::Encrypted { .. });
                let finished = matches!(wanted.end, Some(Ok(_)));
                if encrypted && finished && host.user.sessions.contains_key(&wanted.session) {
                    *calls.entry((with, name.clone())).or_insert(0) += 1;
                }
            }
        }
        for (file, count) in &confirmed {
            let stored = stored.get(file).copied().unwrap_or(0);
            assert!(stored >= *count, "{file:?}: confirmed {count} times, stored {stored} times");
        }
        if self.weather != Weather::Rough {
            for (file, count) in &calls {
                let reported = confirmed.get(file).copied().unwrap_or(0);
                assert!(
                    reported >= *count,
                    "{file:?}: stored {count} times, confirmed {reported} times"
                );
            }
        }
    }
}
