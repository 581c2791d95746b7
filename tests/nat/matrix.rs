//! The path that two hosts find, for pairs of NATs: what is possible, what happened, and how long it took.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::{TempDir, tempdir, tempdir_in};

use super::lab::{Host, Lab, Nat};
use crate::system::pace::Pace;
use crate::system::process::Process;
use crate::system::tree;

/// Time limit for the first byte of a file, whatever the path, on an idle machine.
const FIRST_BYTE_LIMIT: Duration = Duration::from_secs(2);
/// Of so many tries, one may use the bridge although there is another path.
const TRIES_PER_MISS: usize = 20;
/// Time from each host to the middle of the internet, where there are delays.
const DELAYS: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(40)];
/// The factor by which a machine may be slower than an idle one for a try to count that found a worse path.
const MAX_SLOWNESS: f64 = 1.25;
/// Failures of one call after which it is not tried again.
const MAX_FAILURES: u32 = 2;
const FILE: &str = "file";

/// The best path between two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Best {
    Direct,
    Punched,
    Bridge,
}

/// Returns the best path that the NATs of two hosts leave to them.
fn best(caller: Nat, callee: Nat, is_delayed: bool) -> Best {
    use Nat::{AddressRestricted, Firewall, FullCone, Open, PortRestricted, Refusing, Symmetric};
    match (caller, callee) {
        // The callee dials the caller's port.
        (Open | FullCone, _) => Best::Direct,
        // The caller dials the callee's rendezvous, an ordinary connection too.
        (_, Open | FullCone) => Best::Punched,
        // What it sends lets the other's connection in, whichever port the other's NAT gives that.
        (AddressRestricted, _) | (_, AddressRestricted) => Best::Punched,
        // The port of its connection to the other host is not that of its connection to the relay, so the
        // other's NAT does not let it in.
        (Symmetric, _) | (_, Symmetric) => Best::Bridge,
        // Each NAT refuses a connection that arrives before its own host has sent something, and that ends the
        // attempt on both sides. Only packets that take time cross on the way.
        (Refusing, Refusing) if !is_delayed => Best::Bridge,
        // Both connect at once.
        (Firewall | PortRestricted | Refusing, Firewall | PortRestricted | Refusing) => {
            Best::Punched
        }
    }
}

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

    fn caller_has_bridge(self) -> bool {
        self != Self::TcpOfCaller
    }

    fn callee_has_bridge(self) -> bool {
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

/// Two hosts, each behind its NAT or without one, which both share a file.
struct Pair {
    lab: Lab,
    kinds: [Nat; 2],
    is_delayed: bool,
    /// The relay's address and its bridge's URL.
    relays: [String; 2],
    _processes: Vec<Process>,
    _folder: TempDir,
}

impl Pair {
    /// Starts it. Returns why that is not possible here.
    fn new(kinds: [Nat; 2], is_delayed: bool) -> Result<Self, &'static str> {
        let nats = kinds.map(|kind| (kind, 1));
        let lab = if is_delayed { Lab::with_delays(&nats, &DELAYS) } else { Lab::new(&nats) }?;
        let (relay, relays) = lab.relay();
        let folder = tempdir().unwrap();
        tree::write(folder.path(), [(FILE, "1")]);
        let file = folder.path().join(FILE);
        let mut processes = vec![relay];
        for host in [0, 1] {
            for has_bridge in [false, true] {
                let relay = &relays[usize::from(has_bridge)];
                let share =
                    ["share", "--nick", &nick(host, has_bridge), "--relay", relay, "--json"];
                let share = lab.xcher(at(host), &share).args([&file]).start();
                share.event(&[("event", "online")]);
                processes.push(share);
            }
        }
        Ok(Self { lab, kinds, is_delayed, relays, _processes: processes, _folder: folder })
    }

    /// Returns true if there is any path between the hosts.
    fn has_path(&self, caller: usize, relays: Relays) -> bool {
        // The callee's bridge dials what the caller names, and is not let in.
        self.best(caller) != Best::Bridge || relays.caller_has_bridge()
    }

    fn best(&self, caller: usize) -> Best {
        best(self.kinds[caller], self.kinds[1 - caller], self.is_delayed)
    }

    /// Has one of the hosts, 0 or 1, fetch the other's file so many times.
    fn run(&self, caller: usize, relays: Relays, tries: usize, pace: &Pace) -> Row {
        let Self { kinds, is_delayed, .. } = *self;
        let (best, results) = (self.best(caller), Vec::new());
        let mut row = Row { kinds, is_delayed, caller, relays, best, tries: results, repeated: 0 };
        let mut failures = 0;
        while row.tries.len() < tries && failures < MAX_FAILURES {
            let result = self.attempt(caller, relays, pace);
            let is_worse = |fetched: &Fetched| row.is_worse(fetched) && fetched.is_slowed();
            if result.as_ref().is_ok_and(is_worse) && row.repeated < tries {
                row.repeated += 1;
                continue;
            }
            failures += u32::from(result.is_err());
            row.tries.push(result);
        }
        row
    }

    fn attempt(&self, caller: usize, relays: Relays, pace: &Pace) -> Try {
        self.lab.forget();
        let nick = nick(1 - caller, relays.callee_has_bridge());
        let relay = &self.relays[usize::from(relays.caller_has_bridge())];
        let (out, keys) = (folder_in_memory(), folder_in_memory());
        let get = ["get", &nick, FILE, "--json", "-v", "--relay", relay, "--timeout", "10", "-o"];
        let get = self.lab.xcher(at(caller), &get).args([out.path()]);
        let get = get.env("XCHER_DATA_DIR", keys.path()).start();
        get.event(&[("event", "online")]);
        let start = pace.elapsed();
        let is_last = |event: &Value| event["state"] == "finished" || event["event"] == "error";
        let events = get.until("a file or an error", |lines| {
            let events = lines.out.iter().map(|line| serde_json::from_str(line).ok());
            let events: Vec<Value> = events.collect::<Option<_>>()?;
            events.iter().any(is_last).then_some(events)
        });
        let at_pace = pace.elapsed() - start;
        let first = |field: &str, value| events.iter().find(|event| event[field] == value);
        let (Some(online), Some(open), Some(finished)) =
            (first("event", "online"), first("state", "open"), first("state", "finished"))
        else {
            return Err(get.wait().to_string());
        };
        let since = |event| time(event).duration_since(time(online)).unwrap_or_default();
        let mut fetched = Fetched {
            output: String::new(),
            path: open["path"].as_str().unwrap().to_owned(),
            open: since(open),
            first_byte: since(finished),
            at_pace,
        };
        fetched.output = get.wait().code(0).to_string();
        Ok(fetched)
    }
}

/// Returns a folder that no busy disk delays.
fn folder_in_memory() -> TempDir {
    tempdir_in("/dev/shm").unwrap_or_else(|_| tempdir().unwrap())
}

/// Returns a host's nick where it reaches the relay in that way.
fn nick(host: usize, has_bridge: bool) -> String {
    format!("{}{}", ["ann", "bob"][host], if has_bridge { "-bridge" } else { "" })
}

fn at(host: usize) -> Host {
    (host as u8, 0)
}

fn time(event: &Value) -> SystemTime {
    humantime::parse_rfc3339(event["time"].as_str().unwrap()).unwrap()
}

/// A file that arrived, or what the program wrote instead.
type Try = Result<Fetched, String>;

/// How a file arrived, and when, from the moment at which the caller was online.
struct Fetched {
    /// What the program wrote.
    output: String,
    path: String,
    open: Duration,
    first_byte: Duration,
    /// The time until the first byte as a busy machine counts it.
    at_pace: Duration,
}

impl Fetched {
    /// Returns true if the machine was so busy that its clocks went on without it: then the order in which two
    /// paths succeed is chance.
    fn is_slowed(&self) -> bool {
        self.first_byte > self.at_pace.mul_f64(MAX_SLOWNESS)
    }

    fn is_late(&self) -> bool {
        self.first_byte.min(self.at_pace) > FIRST_BYTE_LIMIT
    }
}

/// The tries of one call between two hosts.
struct Row {
    kinds: [Nat; 2],
    is_delayed: bool,
    caller: usize,
    relays: Relays,
    best: Best,
    tries: Vec<Try>,
    /// Tries that do not count, because the machine was too busy.
    repeated: usize,
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
pub(crate) struct Rows(Vec<Row>);

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

/// Has the hosts of each pair, with delays or without, call each other so many times, in some pairs at once.
/// Reports each pair that is done. Returns why this is not possible here.
pub(crate) fn run(
    pairs: Vec<([Nat; 2], bool)>,
    relays: &[Relays],
    tries: usize,
    pairs_at_once: usize,
    report: impl FnMut(&Rows) + Send,
) -> Result<Rows, &'static str> {
    let pace = Pace::start();
    let waiting = Mutex::new(pairs.into_iter().enumerate());
    let done = Mutex::new((BTreeMap::new(), report));
    let work = || {
        loop {
            let Some((number, (kinds, is_delayed))) = waiting.lock().unwrap().next() else {
                return Ok(());
            };
            let pair = Pair::new(kinds, is_delayed)?;
            let calls = relays.iter().flat_map(|relays| [(0, *relays), (1, *relays)]);
            let calls = calls.filter(|(caller, relays)| pair.has_path(*caller, *relays));
            let rows = calls.map(|(caller, relays)| {
                // What differs is only how the hosts reach the relay.
                let tries = if relays == Relays::Bridge { tries } else { tries.div_ceil(4) };
                pair.run(caller, relays, tries, &pace)
            });
            let rows = Rows(rows.collect());
            let mut done = done.lock().unwrap();
            (done.1)(&rows);
            done.0.insert(number, rows);
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..pairs_at_once).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap())
    })?;
    let (rows, _) = done.into_inner().unwrap();
    Ok(Rows(rows.into_values().flat_map(|rows| rows.0).collect()))
}
