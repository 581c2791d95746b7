//! A table of calls between hosts: what happened, and how long it took.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::super::lab::Nat;
use super::DELAYS;
use super::best_path::Best;

/// Time limit for the first byte of a file, whatever the path, on an idle machine.
const FIRST_BYTE_LIMIT: Duration = Duration::from_secs(2);
/// Of so many tries, one may use the bridge although there is another path.
const TRIES_PER_MISS: usize = 20;
/// The factor by which a machine may be slower than an idle one for a faulty try to count.
const MAX_SLOWNESS: f64 = 1.1;
/// Tries of one call that need not count.
const MAX_REPEATED: usize = 20;

/// How the hosts reach the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relays {
    /// Both through its bridge.
    Bridge,
    /// The caller by TCP alone, the callee through the bridge.
    TcpOfCaller,
    /// The caller through the bridge, the callee by TCP alone.
    TcpOfCallee,
}

impl Relays {
    pub(crate) const ALL: [Self; 3] = [Self::Bridge, Self::TcpOfCaller, Self::TcpOfCallee];

    pub(super) fn caller_has_bridge(self) -> bool {
        self != Self::TcpOfCaller
    }

    pub(super) fn callee_has_bridge(self) -> bool {
        self != Self::TcpOfCallee
    }
}

impl fmt::Display for Relays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bridge => "bridge",
            Self::TcpOfCaller => "caller TCP",
            Self::TcpOfCallee => "callee TCP",
        })
    }
}

/// A file that arrived, or what the program wrote instead.
pub(super) type Try = Result<Fetched, String>;

/// How a file arrived, and when, from the moment at which the caller was online.
pub(super) struct Fetched {
    /// What the program wrote.
    pub(super) output: String,
    pub(super) path: String,
    pub(super) open: Duration,
    pub(super) first_byte: Duration,
    /// The time until the first byte as a busy machine counts it.
    pub(super) at_pace: Duration,
}

impl Fetched {
    /// Returns true if the machine was so busy that its clocks went on without it: then it is chance which of
    /// two paths is first, and when.
    fn is_slowed(&self) -> bool {
        self.first_byte > self.at_pace.mul_f64(MAX_SLOWNESS)
    }

    fn is_late(&self) -> bool {
        self.first_byte.min(self.at_pace) > FIRST_BYTE_LIMIT
    }
}

/// The tries of one call between two hosts.
pub(super) struct Row {
    pub(super) kinds: [Nat; 2],
    pub(super) is_delayed: bool,
    pub(super) caller: usize,
    pub(super) relays: Relays,
    pub(super) best: Best,
    pub(super) tries: Vec<Try>,
    /// Tries that do not count, because the machine was too busy.
    pub(super) repeated: usize,
}

impl Row {
    const HEAD: &str = "\
| A / B | delay | caller | relay | expected | paths | session open, ms: best, median, worst | first byte, ms | result |
|---|---|---|---|---|---|---|---|---|";

    fn fetched(&self) -> impl Iterator<Item = &Fetched> {
        self.tries.iter().flatten()
    }

    fn count(&self, path: &str) -> usize {
        self.fetched().filter(|fetched| fetched.path == path).count()
    }

    /// Adds a try, unless the machine was too busy for it to count.
    pub(super) fn add(&mut self, result: Try) {
        let is_chance = |fetched: &Fetched| {
            (self.is_worse(fetched) || fetched.is_late()) && fetched.is_slowed()
        };
        if self.repeated < MAX_REPEATED && result.as_ref().is_ok_and(is_chance) {
            self.repeated += 1;
        } else {
            self.tries.push(result);
        }
    }

    /// Returns true if there is a better path than its own.
    fn is_worse(&self, fetched: &Fetched) -> bool {
        self.best != Best::Bridge && fetched.path == "bridge"
    }

    /// Returns what is wrong with it, or nothing.
    fn faults(&self) -> String {
        let mut faults = Vec::new();
        let mut tell = |count, what| {
            if count > 0 {
                faults.push(format!("{count} {what}"));
            }
        };
        tell(self.tries.len() - self.fetched().count(), "failed");
        let worse = self.fetched().filter(|fetched| self.is_worse(fetched)).count();
        if worse > self.tries.len() / TRIES_PER_MISS {
            tell(worse, "by the bridge");
        }
        tell(self.fetched().filter(|fetched| fetched.is_late()).count(), "late");
        faults.join(", ")
    }

    /// Returns what the program wrote in the first try that did not go as it should.
    fn faulty_output(&self) -> &str {
        let mut outputs = self.tries.iter().filter_map(|result| match result {
            Ok(fetched) if !fetched.is_late() && !self.is_worse(fetched) => None,
            Ok(fetched) => Some(&fetched.output),
            Err(output) => Some(output),
        });
        outputs.next().map_or("", |output| output)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kinds: [a, b], caller, relays, best, .. } = self;
        let delay = if self.is_delayed {
            DELAYS.map(|delay| delay.as_millis().to_string()).join("/")
        } else {
            "0".into()
        };
        let mut paths = String::new();
        for path in ["direct", "punched", "bridge"] {
            if self.count(path) > 0 {
                write!(paths, "{} {path} ", self.count(path))?;
            }
        }
        let times = |which: fn(&Fetched) -> Duration| {
            let mut times: Vec<_> =
                self.fetched().map(|fetched| which(fetched).as_millis()).collect();
            times.sort_unstable();
            match times[..] {
                [best, ..] => {
                    let [median, worst] = [times.len() / 2, times.len() - 1].map(|at| times[at]);
                    format!("{best}, {median}, {worst}")
                }
                [] => String::new(),
            }
        };
        let faults = self.faults();
        let result = if faults.is_empty() { "ok" } else { &faults };
        let repeated = match self.repeated {
            0 => String::new(),
            repeated => format!(", {repeated} repeated"),
        };
        write!(
            f,
            "| {a} / {b} | {delay} | {} | {relays} | {best:?} | {} | {} | {} | {result}{repeated} |",
            ["A", "B"][*caller],
            paths.trim_end(),
            times(|fetched| fetched.open),
            times(|fetched| fetched.first_byte),
        )
    }
}

/// A table: the calls between the hosts of some pairs.
pub(crate) struct Rows(pub(super) Vec<Row>);

impl Rows {
    /// Fails if one of them did not go as it should.
    pub(crate) fn expect_no_faults(&self) {
        let faulty = || self.0.iter().filter(|row| !row.faults().is_empty());
        if faulty().next().is_some() {
            let outputs: String =
                faulty().map(|row| format!("{row}\n{}\n", row.faulty_output())).collect();
            panic!("{outputs}{self}\n{} of {} calls are faulty", faulty().count(), self.0.len());
        }
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Row::HEAD)?;
        self.0.iter().try_for_each(|row| write!(f, "\n{row}"))
    }
}
