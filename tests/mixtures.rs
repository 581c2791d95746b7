//! Transfers random folders over every path, with one file declined, failing or changing, and checks the
//! reports of both sides.
//!
//! `XCHER_MIXTURES=n` sets the number of folders; `XCHER_MIXTURE=seed` repeats one that failed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "mixtures/folders.rs"]
mod folders;
mod system;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use folders::Beside;
use serde_json::Value;
use system::other_user::as_other;
use system::process::{Done, Xcher, xcher};
use system::relay::{Relay, by};
use system::terminal::Terminal;
use system::tree::{self, Tree};
use tempfile::{TempDir, tempdir};

/// Folders tried by default.
const DEFAULT_MIXTURES: u64 = 240;
/// Folders tried concurrently.
const CONCURRENCY: usize = 2;

/// The commands that transfer the folder.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    Code,
    Offer,
    Get,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    None,
    /// One file is declined.
    Declined,
    /// One file cannot be stored.
    Blocked,
    /// One file grows after it was listed.
    Grown,
    /// One file shrinks after it was listed.
    Shrunk,
    /// One file is removed after it was listed.
    Removed,
    /// One file becomes unreadable after it was listed.
    Unreadable,
}

impl Trouble {
    /// True if it happens after the file was listed.
    fn follows_listing(self) -> bool {
        use Trouble::{Grown, Removed, Shrunk, Unreadable};
        matches!(self, Grown | Shrunk | Removed | Unreadable)
    }
}

/// One random folder and its transfer.
struct Mixture {
    seed: u64,
    method: Method,
    trouble: Trouble,
    /// The sender's and the receiver's relay address: the relay's own, or its bridge's.
    relays: [String; 2],
    /// Contents by listed name.
    files: Tree,
    beside: Beside,
    /// The file with the trouble.
    odd: String,
    folder: TempDir,
}

#[test]
fn delivers_random_folders_and_reports_each_file() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let one = number("XCHER_MIXTURE");
    let base = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
    let first = one.unwrap_or(base);
    let count =
        if one.is_some() { 1 } else { number("XCHER_MIXTURES").unwrap_or(DEFAULT_MIXTURES) };
    // Written directly: the output of `eprintln!` is captured and dropped if the test passes.
    writeln!(std::io::stderr(), "mixtures {first} to {}", first + count - 1).unwrap();
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= count {
                    return;
                }
                // A relay for each folder: one relay limits the codes that an address creates.
                let relay = Relay::start_with(&["--http", "127.0.0.1:0"]);
                let relays = [relay.address.to_string(), relay.tunnel()];
                let mixture = Mixture::new(first + at, &relays);
                let title = format!("XCHER_MIXTURE={}: {mixture}", mixture.seed);
                let tried =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| mixture.run()));
                if let Err(panic) = tried {
                    // Starts no further folder.
                    next.store(count, Ordering::Relaxed);
                    eprintln!("{title}");
                    std::panic::resume_unwind(panic);
                }
            }
        };
        for _ in 0..CONCURRENCY {
            scope.spawn(work);
        }
    });
}

impl std::fmt::Display for Mixture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { method, trouble, relays, files, odd, beside, .. } = self;
        writeln!(f, "{method:?}, {trouble:?} of {odd:?}, over {relays:?}, {beside:?}")?;
        files.iter().try_for_each(|(name, bytes)| writeln!(f, "  {} {name:?}", bytes.len()))
    }
}

impl Mixture {
    fn new(seed: u64, relays: &[String; 2]) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let method = [Method::Code, Method::Offer, Method::Get][rng.usize(..3)];
        let trouble = match rng.u8(..16) {
            0 | 1 => Trouble::Declined,
            2 | 3 => Trouble::Blocked,
            // Needs the pause while the user is asked.
            4 if method != Method::Get => Trouble::Grown,
            5 if method != Method::Get => Trouble::Shrunk,
            6 if method != Method::Get => Trouble::Removed,
            7 if method != Method::Get => Trouble::Unreadable,
            _ => Trouble::None,
        };
        let files = folders::files(&mut rng);
        // Some troubles matter only to a file that is not sent in a batch.
        let unbatched = files.iter().filter(|(_, bytes)| bytes.len() > 256 << 10);
        let mut odd: Vec<_> = unbatched.map(|(name, _)| name.clone()).collect();
        if odd.is_empty() || rng.bool() {
            odd = files.keys().cloned().collect();
        }
        let odd = odd[rng.usize(..odd.len())].clone();
        let trouble = match trouble {
            Trouble::Shrunk if files[&odd].is_empty() => Trouble::Grown,
            other => other,
        };
        let relays = [(); 2].map(|()| relays[rng.usize(..2)].clone());
        let folder = tempdir().unwrap();
        let beside = Beside::new(&mut rng, &files, &odd);
        let share = folder.path().join("s");
        folders::write(&share, &files);
        beside.make(&share);
        Self { seed, method, trouble, relays, files, beside, odd, folder }
    }

    fn run(&self) {
        if self.trouble == Trouble::Blocked {
            // A folder in the file's place, which is not replaced.
            fs::create_dir_all(self.out().join("s").join(&self.odd).join("in the way")).unwrap();
        }
        match self.method {
            Method::Code => self.by_code(),
            Method::Offer => self.by_offer(),
            Method::Get => self.by_nick(),
        }
    }

    fn by_code(&self) {
        let sender = self.sender(&["send", "--json", "--no-qr"]).start();
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
                sender.error(&["the peer fetched nothing"]);
                return;
            }
            Trouble::Declined => get.args(["--yes"]).args(self.wanted()).run().code(0).code,
            Trouble::Blocked => get.args(["--yes"]).run().code(1).code,
            Trouble::Grown | Trouble::Shrunk | Trouble::Removed | Trouble::Unreadable => {
                let mut get = Terminal::start(get);
                get.shows("Fetch?");
                self.cause_trouble();
                get.types("y");
                get.wait().code(1).code
            }
        };
        if failed == Some(1) {
            // The sender waits for another attempt.
            sender.err("1 file did not arrive; the code is still valid");
            sender.event(&[("event", "missing"), ("name", &self.listed(&self.odd))]);
            let _ = fs::remove_dir_all(self.out().join("s").join(&self.odd));
            self.repair();
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
        let offer = || self.sender(&["send", "--json", "--to", &nick]);
        let code = i32::from(self.trouble != Trouble::None);
        let sent = if self.trouble.follows_listing() {
            let mut receiver = Terminal::start(receiver);
            receiver.says("online ");
            let sender = offer().start();
            receiver.shows("Fetch?");
            self.cause_trouble();
            receiver.types("y");
            let sent = sender.wait().code(1);
            receiver.wait().code(1);
            sent
        } else {
            let receiver = receiver.args(["--yes"]).start();
            receiver.out("online ");
            let sent = offer().run().code(code);
            // A file declined by a rule is not a failure.
            receiver.wait().code(i32::from(self.trouble == Trouble::Blocked));
            sent
        };
        if self.trouble == Trouble::Blocked || self.trouble.follows_listing() {
            let named = |event: &Value| {
                event["event"] == "missing" && event["name"] == self.listed(&self.odd)
            };
            assert!(sent.events().iter().any(named), "{sent}");
        }
        self.check(&sent, u64::from(code == 1));
    }

    fn by_nick(&self) {
        let nick = format!("s{}", self.seed);
        let sharer =
            self.sender(&["share", "--hidden", "--once", "--json", "--nick", &nick]).start();
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

    /// Checks that all but `missing` files arrived unchanged, and that the sender reported those as stored.
    fn check(&self, sent: &Done, missing: u64) {
        let arrived = tree::finished(&self.out());
        let events = sent.events();
        let stored: BTreeSet<_> = (events.iter())
            .filter(|event| event["event"] == "delivered" && event["state"] == "stored")
            .map(|event| event["name"].as_str().unwrap().to_owned())
            .collect();
        let share = self.folder.path().join("s");
        let now = |name: &str| fs::read(share.join(folders::on_disk(name))).ok();
        let mut reported = 0;
        for name in &stored {
            let name = name.strip_prefix("s/").unwrap();
            if self.files.contains_key(name) {
                reported += 1;
                assert!(
                    arrived.get(&self.listed(name)) == now(name).as_ref(),
                    "{name} was reported as stored but differs"
                );
            }
        }
        let unchanged = self.files.keys().filter(|name| {
            let bytes = arrived.get(&self.listed(name));
            bytes.is_some() && bytes == now(name).as_ref()
        });
        assert_eq!(unchanged.count() as u64, self.files.len() as u64 - missing, "{sent}");
        assert_eq!(reported, self.files.len() as u64 - missing, "{sent}");
        // A receiver that names files fetches no folders or links.
        let named_files = self.trouble == Trouble::Declined && self.method != Method::Offer;
        if !named_files || self.files.len() == 1 {
            self.beside.check(&self.out().join("s"), &arrived, &self.files);
        }
        if let Some(last) = events.iter().find(|event| event["event"] == "sent") {
            assert_eq!(last["confirmed"], Value::from(stored.len()), "{sent}");
        }
        // A complete file that could not be given its name stays as a partial file.
        if missing == 0 && self.trouble != Trouble::Blocked {
            assert!(tree::partials(&self.out()).is_empty(), "partial files are left");
        }
    }

    /// Makes the trouble happen.
    fn cause_trouble(&self) {
        let path = self.odd_path();
        match self.trouble {
            Trouble::Grown => {
                fs::write(&path, [&self.files[&self.odd][..], b"!"].concat()).unwrap()
            }
            Trouble::Shrunk => {
                let file = fs::File::options().write(true).open(&path).unwrap();
                file.set_len(self.files[&self.odd].len() as u64 - 1).unwrap();
            }
            Trouble::Removed => fs::remove_file(&path).unwrap(),
            Trouble::Unreadable => {
                fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap()
            }
            Trouble::None | Trouble::Declined | Trouble::Blocked => {}
        }
    }

    /// Makes the file available again.
    fn repair(&self) {
        match self.trouble {
            Trouble::Removed => fs::write(self.odd_path(), &self.files[&self.odd]).unwrap(),
            Trouble::Unreadable => {
                fs::set_permissions(self.odd_path(), Permissions::from_mode(0o644)).unwrap();
            }
            _ => {}
        }
    }

    fn odd_path(&self) -> PathBuf {
        self.folder.path().join("s").join(folders::on_disk(&self.odd))
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Returns the name that a file is listed by.
    fn listed(&self, name: &str) -> String {
        format!("s/{name}")
    }

    /// Returns all files but the odd one, as arguments.
    fn wanted(&self) -> Vec<String> {
        let others = self.files.keys().filter(|name| **name != self.odd);
        let names = others.map(|name| self.listed(name));
        std::iter::once("--".to_owned()).chain(names).collect()
    }

    fn at(&self, side: usize, command: &[&str]) -> Xcher {
        xcher(by(&self.relays[side])).args(command)
    }

    /// Builds a command of the sender.
    fn sender(&self, command: &[&str]) -> Xcher {
        let sender = match self.trouble {
            // A user that cannot read every file.
            Trouble::Unreadable => as_other(self.folder.path(), by(&self.relays[0])).unwrap(),
            _ => xcher(by(&self.relays[0])),
        };
        let links = self.beside.links().option();
        sender.args(command).args(["--links", links, "s"]).dir(self.folder.path())
    }
}
