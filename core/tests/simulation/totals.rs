//! Counts over many runs, which show that these exercised everything.

use crate::world::Weather;

/// Counts over many runs, to check that they exercised everything.
#[derive(Debug, Default)]
pub struct Totals {
    pub runs: u64,
    pub steps: u64,
    pub sessions: u64,
    pub files: u64,
    pub bytes: u64,
    pub failed: u64,
    pub cuts: u64,
    pub outsiders: u64,
    /// Ports that the bridge allocated.
    pub allocated: u64,
    /// Files that were resumed.
    pub resumed: u64,
    /// Files that arrived in batches.
    pub batched: u64,
    /// Correct bytes of partial files.
    pub correct: u64,
    /// Those of them that were sent again.
    pub resent: u64,
    /// Kills of hosts.
    pub kills: u64,
    /// Files that were offered and fetched.
    pub taken: u64,
    /// Sessions by a code.
    pub by_code: u64,
    /// Files of unknown size.
    pub piped: u64,
    /// Sessions that stayed behind a NAT.
    pub near: u64,
    /// Attackers that called hosts.
    pub attacks: u64,
    /// Attempts to punch holes; those that were refused at first; the links and their streams.
    pub punches: u64,
    pub refused: u64,
    pub links: u64,
    pub streams: u64,
    /// Sessions over links.
    pub punched: u64,
    /// Calls without faults by the ways that they could take.
    pub ways: [u64; 5],
    /// Those of them whose way was checked.
    pub checked: u64,
    pub relay_deaths: u64,
    /// Relays that asked their hosts to move before.
    pub drains: u64,
    /// Hosts that came to another network.
    pub moves: u64,
    /// Files reported to their sender as stored.
    pub confirmed: u64,
}

impl Totals {
    pub fn add(&mut self, run: &Self) {
        self.runs += 1;
        self.steps += run.steps;
        self.sessions += run.sessions;
        self.files += run.files;
        self.bytes += run.bytes;
        self.failed += run.failed;
        self.cuts += run.cuts;
        self.outsiders += run.outsiders;
        self.allocated += run.allocated;
        self.resumed += run.resumed;
        self.batched += run.batched;
        self.confirmed += run.confirmed;
        self.correct += run.correct;
        self.resent += run.resent;
        self.kills += run.kills;
        self.taken += run.taken;
        self.by_code += run.by_code;
        self.piped += run.piped;
        self.near += run.near;
        self.punches += run.punches;
        self.refused += run.refused;
        self.links += run.links;
        self.streams += run.streams;
        self.punched += run.punched;
        for (all, run) in self.ways.iter_mut().zip(run.ways) {
            *all += run;
        }
        self.checked += run.checked;
        self.relay_deaths += run.relay_deaths;
        self.drains += run.drains;
        self.moves += run.moves;
        self.attacks += run.attacks;
    }

    pub fn assert_worthwhile(&self, weather: Weather) {
        assert!(self.sessions > self.runs, "sessions opened: {self:?}");
        assert!(self.files > self.runs * 2, "files stored: {self:?}");
        assert!(self.resumed > self.runs / 10, "files resumed: {self:?}");
        assert!(self.batched > self.runs / 2, "files in batches: {self:?}");
        assert!(self.correct > self.runs && self.taken > self.runs / 10, "{self:?}");
        assert!(self.allocated > self.runs / 2, "{self:?}");
        assert!(self.by_code > self.runs / 50, "{self:?}");
        // The rarest kind: two hosts must be drawn behind one NAT, with a relay that stays.
        assert!(self.near > self.runs / 30, "sessions behind a NAT: {self:?}");
        assert!(self.punched > self.runs / 20 && self.streams > self.runs / 5, "{self:?}");
        assert!(self.piped > self.runs / 10, "{self:?}");
        assert!(self.confirmed > self.runs, "files confirmed: {self:?}");
        // Correct bytes are sent again only if a provider could not be reached.
        assert!(self.resent * 20 < self.correct, "bytes sent twice: {self:?}");
        if weather != Weather::Rough {
            // Own, near, punched, bridge, none.
            assert!(self.ways.iter().all(|ways| *ways > self.runs / 20), "{self:?}");
            assert!(self.checked > self.runs, "ways checked: {self:?}");
        }
        if weather == Weather::Crowded {
            assert!(self.outsiders > self.runs, "{self:?}");
        }
        if weather == Weather::Rough {
            assert!(self.failed > 0 && self.cuts > 0 && self.outsiders > 0, "{self:?}");
            assert!(self.attacks > self.runs / 20, "{self:?}");
            assert!(self.kills > self.runs / 50, "{self:?}");
            assert!(self.relay_deaths > self.runs / 2, "{self:?}");
            assert!(self.drains > self.runs / 20, "{self:?}");
            assert!(self.moves > self.runs / 4, "{self:?}");
        }
    }
}
