//! Random folders on every way that files go, with one file declined or failing, and what both sides
//! say of them.
//!
//! `XCHER_MIXTURES=n` tries so many; `XCHER_MIXTURE=seed` tries the one that failed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod system;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use serde_json::Value;
use system::process::{Done, Xcher, xcher};
use system::relay::{Relay, by};
use system::terminal::Terminal;
use system::tree::{self, Tree};
use tempfile::{TempDir, tempdir};

/// How many are tried by default.
const MIXTURES: u64 = 240;
/// Folders that are tried at a time.
const AT_A_TIME: usize = 2;
/// Bytes of one of them, at most.
const MOST: usize = 6 << 20;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Code,
    Offer,
    Get,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    None,
    /// One file is not wanted.
    Declined,
    /// One file cannot be stored.
    Blocked,
    /// One file grows when its list was sent.
    Grown,
}

/// One of them.
struct Mixture {
    seed: u64,
    way: Way,
    trouble: Trouble,
    /// The relays of who sends and who receives: the relay itself, or its bridge.
    relays: [String; 2],
    files: Tree,
    /// The one with the trouble.
    odd: String,
    folder: TempDir,
}

#[test]
fn every_mixture_arrives_and_both_sides_say_what_did() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let one = number("XCHER_MIXTURE");
    let base = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
    let first = one.unwrap_or(base);
    let count = if one.is_some() { 1 } else { number("XCHER_MIXTURES").unwrap_or(MIXTURES) };
    // Not by a macro, which a test that passes would keep to itself.
    writeln!(std::io::stderr(), "mixtures {first} to {}", first + count - 1).unwrap();
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= count {
                    return;
                }
                // One of its own: a relay lets no address make codes as fast as this.
                let relay = Relay::start_with(&["--http", "127.0.0.1:0"]);
                let relays = [relay.address.to_string(), relay.tunnel()];
                let mixture = Mixture::new(first + at, &relays);
                let title = format!("XCHER_MIXTURE={}: {mixture}", mixture.seed);
                let tried =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| mixture.run()));
                if let Err(panic) = tried {
                    // Nothing is begun any more.
                    next.store(count, Ordering::Relaxed);
                    eprintln!("{title}");
                    std::panic::resume_unwind(panic);
                }
            }
        };
        for _ in 0..AT_A_TIME {
            scope.spawn(work);
        }
    });
}

impl std::fmt::Display for Mixture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { way, trouble, relays, files, odd, .. } = self;
        writeln!(f, "{way:?}, {trouble:?} of {odd:?}, over {relays:?}")?;
        files.iter().try_for_each(|(name, bytes)| writeln!(f, "  {} {name:?}", bytes.len()))
    }
}

impl Mixture {
    fn new(seed: u64, relays: &[String; 2]) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let way = [Way::Code, Way::Offer, Way::Get][rng.usize(..3)];
        let trouble = match rng.u8(..8) {
            0 => Trouble::Declined,
            1 => Trouble::Blocked,
            // Only who is asked leaves the time for it.
            2 if way != Way::Get => Trouble::Grown,
            _ => Trouble::None,
        };
        let files = files(&mut rng);
        let odd = files.keys().nth(rng.usize(..files.len())).unwrap().clone();
        let relays = [(); 2].map(|()| relays[rng.usize(..2)].clone());
        let folder = tempdir().unwrap();
        tree::write(&folder.path().join("s"), &files);
        Self { seed, way, trouble, relays, files, odd, folder }
    }

    fn run(&self) {
        if self.trouble == Trouble::Blocked {
            // A folder where the file belongs, which nothing replaces.
            fs::create_dir_all(self.out().join("s").join(&self.odd).join("in the way")).unwrap();
        }
        match self.way {
            Way::Code => self.by_code(),
            Way::Offer => self.by_offer(),
            Way::Get => self.by_nick(),
        }
    }

    fn by_code(&self) {
        let sender =
            self.at(0, &["send", "--json", "--no-qr", "s"]).dir(self.folder.path()).start();
        let code = sender.event(&[("event", "code")])["code"].as_str().unwrap().to_owned();
        let get = self.at(1, &["get", &code, "--on-conflict", "overwrite"]).args(["-o"]);
        let get = get.args([self.out()]);
        let failed = match self.trouble {
            Trouble::None => get.args(["--yes"]).run().code(0).code,
            Trouble::Declined if self.files.len() == 1 => {
                let mut get = Terminal::start(get);
                get.shows("Fetch?");
                get.types("n");
                get.wait().code(1);
                let sender = sender.wait().code(1);
                sender.error(&["the other side took nothing"]);
                return;
            }
            Trouble::Declined => get.args(["--yes"]).args(self.wanted()).run().code(0).code,
            Trouble::Blocked => get.args(["--yes"]).run().code(1).code,
            Trouble::Grown => {
                let mut get = Terminal::start(get);
                get.shows("Fetch?");
                self.grow();
                get.types("y");
                get.wait().code(1).code
            }
        };
        if failed == Some(1) {
            // It waits, for the same to be done again.
            sender.err("1 file did not arrive; the code is still good");
            sender.event(&[("event", "missing"), ("name", &self.listed(&self.odd))]);
            let _ = fs::remove_dir_all(self.out().join("s").join(&self.odd));
            let again = self.at(1, &["get", &code, "--yes", "-o"]).args([self.out()]);
            again.run().code(0);
        }
        let sent = sender.wait().code(0);
        self.check(&sent, if self.trouble == Trouble::Declined { 1 } else { 0 });
    }

    fn by_offer(&self) {
        let conflict = if self.trouble == Trouble::Declined { "skip" } else { "overwrite" };
        if self.trouble == Trouble::Declined {
            tree::write(&self.out().join("s"), [(&self.odd, "it is here")]);
        }
        let receiver = self.at(1, &["receive", "--once", "--on-conflict", conflict, "--nick"]);
        let nick = format!("r{}", self.seed);
        let receiver = receiver.args([&nick]).args(["-o"]).args([self.out()]);
        let offer = |mixture: &Self| {
            mixture.at(0, &["send", "--json", "--to", &nick, "s"]).dir(mixture.folder.path())
        };
        let code = i32::from(self.trouble != Trouble::None);
        let sent = if self.trouble == Trouble::Grown {
            let mut receiver = Terminal::start(receiver);
            receiver.says("online ");
            let sender = offer(self).start();
            receiver.shows("Fetch?");
            self.grow();
            receiver.types("y");
            let sent = sender.wait().code(1);
            receiver.wait().code(1);
            sent
        } else {
            let receiver = receiver.args(["--yes"]).start();
            receiver.out("online ");
            let sent = offer(self).run().code(code);
            // What is declined by rule is no failure.
            receiver.wait().code(i32::from(self.trouble == Trouble::Blocked));
            sent
        };
        if let Trouble::Blocked | Trouble::Grown = self.trouble {
            let named = |event: &Value| {
                event["event"] == "missing" && event["name"] == self.listed(&self.odd)
            };
            assert!(sent.events().iter().any(named), "{sent}");
        }
        self.check(&sent, u64::from(code == 1));
    }

    fn by_nick(&self) {
        let nick = format!("s{}", self.seed);
        let sharer = self.at(0, &["share", "--hidden", "--once", "--json", "--nick", &nick, "s"]);
        let sharer = sharer.dir(self.folder.path()).start();
        sharer.event(&[("event", "online")]);
        let get =
            self.at(1, &["get", &nick, "--on-conflict", "overwrite", "-o"]).args([self.out()]);
        let code = i32::from(self.trouble == Trouble::Blocked);
        match self.trouble {
            Trouble::Declined if self.files.len() > 1 => {
                get.args(self.wanted()).run().code(0);
            }
            _ => drop(get.args(["--all"]).run().code(code)),
        }
        let sent = sharer.wait().code(code);
        let missing = match self.trouble {
            Trouble::Declined if self.files.len() > 1 => 1,
            Trouble::Blocked => 1,
            _ => 0,
        };
        self.check(&sent, missing);
    }

    /// What is there is what was sent, and nothing was reported as stored that is not there.
    fn check(&self, sent: &Done, missing: u64) {
        let there = tree::finished(&self.out());
        let events = sent.events();
        let stored: BTreeSet<_> = (events.iter())
            .filter(|event| event["event"] == "delivered" && event["state"] == "stored")
            .map(|event| event["name"].as_str().unwrap().to_owned())
            .collect();
        let now = tree::read(&self.folder.path().join("s"));
        for name in &stored {
            let sent = &now[name.strip_prefix("s/").unwrap()];
            assert!(there.get(name) == Some(sent), "{name} is reported as stored");
        }
        let arrived =
            self.files.keys().filter(|name| there.get(&self.listed(name)) == now.get(*name));
        assert_eq!(arrived.count() as u64, self.files.len() as u64 - missing, "{sent}");
        assert_eq!(stored.len() as u64, self.files.len() as u64 - missing, "{sent}");
        if let Some(last) = events.iter().find(|event| event["event"] == "sent") {
            assert_eq!(last["confirmed"], Value::from(stored.len()), "{sent}");
        }
        // Of a file that came whole and got no name, the bytes stay.
        if missing == 0 && self.trouble != Trouble::Blocked {
            assert!(tree::partials(&self.out()).is_empty(), "nothing is left over");
        }
    }

    fn grow(&self) {
        let path = self.folder.path().join("s").join(&self.odd);
        let mut bytes = fs::read(&path).unwrap();
        bytes.push(b'!');
        fs::write(&path, bytes).unwrap();
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// How a file is listed.
    fn listed(&self, name: &str) -> String {
        format!("s/{name}")
    }

    /// All but the odd one, as arguments.
    fn wanted(&self) -> Vec<String> {
        let others = self.files.keys().filter(|name| **name != self.odd);
        let names = others.map(|name| self.listed(name));
        std::iter::once("--".to_owned()).chain(names).collect()
    }

    fn at(&self, side: usize, command: &[&str]) -> Xcher {
        xcher(by(&self.relays[side])).args(command)
    }
}

/// Up to three hundred, of all sizes and kinds of names.
fn files(rng: &mut fastrand::Rng) -> Tree {
    const NAMES: [&str; 14] = [
        "plain.txt",
        "a b  c",
        "träd/sjö och skog",
        "日本/走り.mkv",
        ".hidden",
        "EOF",
        "x NO",
        "X_CHK y YES",
        "-rf",
        "100%",
        "it's \"quoted\"",
        "deep/er/and/deeper/still",
        "🎉",
        "1",
    ];
    let count = match rng.u8(..20) {
        0 => rng.usize(80..=300),
        1..5 => rng.usize(12..80),
        _ => rng.usize(1..12),
    };
    let mut left = MOST;
    let mut files = Tree::new();
    for number in 0..count {
        let length = match rng.u8(..10) {
            0..3 => 0,
            3..6 => rng.usize(1..2000),
            6 | 7 => rng.usize(2000..100_000),
            // Around the longest file of a batch.
            8 => (256 << 10) + rng.usize(..3) - 1,
            _ => rng.usize(300_000..3 << 20),
        };
        let length = length.min(left);
        left -= length;
        let name = NAMES[rng.usize(..NAMES.len())];
        let name = match rng.u8(..3) {
            0 => format!("{number} {name}"),
            1 => format!("{name} {number}"),
            _ => format!("{}/{name} {number}", rng.u8(..4)),
        };
        files.insert(name, (0..length).map(|_| rng.u8(..)).collect());
    }
    files
}
