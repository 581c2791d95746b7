//! The paths that hosts find, for pairs of NATs.

mod best_path;
mod table;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::{TempDir, tempdir, tempdir_in};

use best_path::{Best, best};
use table::{Fetched, Row, Try};
pub(crate) use table::{Relays, Rows};

use super::lab::{Host, Lab, Nat};
use crate::system::pace::Pace;
use crate::system::process::Process;
use crate::system::tree;

/// Time from each host to the middle of the internet, where there are delays.
const DELAYS: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(40)];
/// Failures of one call after which it is not tried again.
const MAX_FAILURES: u32 = 2;
/// The file that is fetched, of one byte.
const FILE: &str = "file";

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
            failures += u32::from(result.is_err());
            row.add(result);
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
        let done = get.wait().code(0);
        fetched.output = format!("{at_pace:?} at the pace of this machine\n{done}");
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
