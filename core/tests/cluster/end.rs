//! What must be true at the end, when the bus is whole.

use std::collections::BTreeSet;
use std::time::Duration;

use super::names::{NAMES, group, is_code, names};
use super::world::World;

impl World {
    fn wait(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        self.run_until(end);
    }

    /// Lets every host have a nick, list, call every other and meet one.
    pub fn check_end(&mut self) {
        self.note_weather();
        assert!(self.whole_since.is_some(), "the bus is whole");
        self.is_over = true;
        self.wait(8);
        // Those without one get what is free; there are more groups than relays' worth of hosts.
        for host in 0..self.hosts.len() {
            if self.hosts[host].nick.is_some() {
                continue;
            }
            let Some((nick, _)) = NAMES.into_iter().find(|(_, of)| self.holders(*of).is_empty())
            else {
                continue;
            };
            self.leave(host, false);
            self.wait(0);
            let relay = self.rng.usize(0..self.relays.len());
            self.connect(host, relay);
            self.ask_for_nick(host, nick);
            self.wait(3);
            assert_eq!(self.hosts[host].nick.as_deref(), Some(nick), "a free nick is given");
        }
        self.check_lists();
        self.check_calls();
        self.check_meetings();
    }

    fn check_lists(&mut self) {
        let nicks = self.hosts.iter().filter_map(|host| host.nick.clone());
        let all: BTreeSet<_> = nicks.filter(|nick| !is_code(nick)).collect();
        for host in 0..self.hosts.len() {
            if self.hosts[host].nick.is_none() {
                continue;
            }
            self.hosts[host].page.clear();
            let (relay, _, conn) = self.hosts[host].conn.unwrap();
            assert!(self.relays[relay].registry.nick(conn).is_some());
            self.list(host, 1000, "");
            let before = self.totals.pages;
            self.checks_page(host, &all);
            assert!(self.totals.pages > before, "the list ended");
        }
    }

    /// Waits for a page, which must have all nicks.
    fn checks_page(&mut self, host: usize, all: &BTreeSet<String>) {
        self.hosts[host].whole_list = Some(all.clone());
        self.wait(2);
        assert_eq!(self.hosts[host].whole_list, None, "the list was compared");
    }

    fn check_calls(&mut self) {
        let online: Vec<_> =
            (0..self.hosts.len()).filter(|host| self.hosts[*host].nick.is_some()).collect();
        // Allowances for absent nicks come back.
        self.wait(12);
        for caller in online.iter().copied().take(2) {
            for callee in online.iter().copied() {
                let nick = self.hosts[callee].nick.clone().unwrap();
                let (calls, came) = (self.totals.calls, self.checks.delivered.len());
                self.call(caller, &nick);
                self.wait(1);
                assert_eq!(self.totals.calls, calls + 1, "{caller} reaches {nick}");
                assert_eq!(self.checks.delivered.len(), came + 1);
            }
        }
        let Some(caller) = online.first().copied() else { return };
        let free = NAMES.into_iter().find(|(nick, of)| {
            let holders = self.holders(*of);
            let reach = |host: &usize| names(nick, self.hosts[*host].nick.as_deref().unwrap());
            *of == group(nick) && !holders.iter().any(reach)
        });
        if let Some((nick, _)) = free {
            let absent = self.totals.absent;
            self.call(caller, nick);
            self.wait(1);
            assert_eq!(self.totals.absent, absent + 1, "{nick} is absent");
        }
    }

    fn check_meetings(&mut self) {
        if self.rng.u32(0..4) > 0 {
            return;
        }
        // Earlier invitations have expired.
        self.wait(61);
        let online: Vec<_> =
            (0..self.hosts.len()).filter(|host| self.hosts[*host].nick.is_some()).collect();
        if let [caller, .., callee] = online[..] {
            let nick = self.hosts[callee].nick.clone().unwrap();
            let meetings = self.totals.meetings;
            self.meet(caller, &nick);
            self.wait(2);
            assert_eq!(self.totals.meetings, meetings + 1, "{caller} meets {nick}");
        }
    }
}
