//! Every kind of host with every other, over every way, whoever asks: what must happen, and whether
//! anybody else can read it.

#![allow(clippy::unwrap_used)]

mod seed_peer;
mod system;

use std::path::Path;
use std::sync::mpsc;

use seed_peer::Wishes;
use system::encrypted_wire::EncryptedConn;
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::tree::{self, Tree};
use system::wire::{Chat, Conn, Port};
use tempfile::tempdir;

/// What a host can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It was written from the first description alone.
    Seed,
    /// This build with `--plain`.
    Plain,
    /// This build.
    Whole,
}

/// How a host reaches the relay, and is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Direct,
    Tunnel,
    /// Straight where that works, and else through the tunnel.
    Either,
}

#[derive(Clone, Copy, Debug)]
struct Host {
    kind: Kind,
    way: Way,
}

/// Every host there can be: one of the seed knows no tunnel.
fn hosts() -> Vec<Host> {
    let kinds = [Kind::Seed, Kind::Plain, Kind::Whole];
    let all =
        kinds.map(|kind| [Way::Direct, Way::Tunnel, Way::Either].map(|way| Host { kind, way }));
    let can_be = |host: &Host| host.kind != Kind::Seed || host.way == Way::Direct;
    all.into_iter().flatten().filter(can_be).collect()
}

impl Host {
    fn relay(self, relay: &Relay) -> String {
        match self.way {
            Way::Direct => relay.address.to_string(),
            Way::Tunnel | Way::Either => relay.tunnel(),
        }
    }

    fn xcher(self, relay: &Relay, command: &[&str]) -> Xcher {
        let plain = if self.kind == Kind::Plain { &["--plain"][..] } else { &[] };
        let at = self.relay(relay);
        let at = if self.way == Way::Either { &["--relay", &at][..] } else { &by(&at) };
        xcher(at).args(plain).args(command)
    }

    /// What it tells its user of a session with the other.
    fn told(self, other: Kind) -> &'static str {
        match (self.kind, other) {
            (Kind::Whole, Kind::Whole) => "the session is private: key ",
            (Kind::Whole, _) => {
                "the session is not private: the other side speaks the six packets alone"
            }
            (Kind::Plain, _) => "the session is not private: --plain",
            (Kind::Seed, _) => "",
        }
    }
}

fn files() -> Tree {
    let sizes = [("s/a b.txt", 5), ("s/träd/日本.bin", 300_000), ("s/empty", 0)];
    let with_bytes = |(name, size): (&str, usize)| (name.to_owned(), tree::bytes(1, size));
    sizes.into_iter().map(with_bytes).collect()
}

/// A provider that is online.
enum Provider {
    Seed(std::thread::JoinHandle<std::io::Result<Vec<String>>>),
    Xcher(Process),
}

impl Provider {
    fn start(host: Host, relay: &Relay, nick: &str, folder: &Path) -> Self {
        if host.kind == Kind::Seed {
            let (online, wait) = mpsc::channel();
            let files = files().into_iter().collect();
            let seed =
                seed_peer::provide(relay.address, nick, files, move || online.send(()).unwrap());
            wait.recv().unwrap();
            return Self::Seed(seed);
        }
        let share = host.xcher(relay, &["share", "--nick", nick]).args([folder.join("s")]).start();
        share.out("online ");
        Self::Xcher(share)
    }
}

/// What `a` gets of all that `nick` has.
fn fetch(a: Host, b: Host, relay: &Relay, nick: &str) -> Tree {
    if a.kind == Kind::Seed {
        let wishes = Wishes { list: true, request_all: true, ..Wishes::default() };
        let received = seed_peer::request(relay.address, "amy", nick, wishes).join();
        return received.unwrap().unwrap().files.into_iter().collect();
    }
    let out = tempdir().unwrap();
    let get = a.xcher(relay, &["get", nick, "--all", "--nick", "amy", "-o"]).args([out.path()]);
    get.run().code(0).quiet().session_line(&[nick, a.told(b.kind)]);
    tree::read(out.path())
}

#[test]
fn a_asks_b() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), files());
    let mut cells = 0;
    for (number, (a, b)) in pairs().into_iter().enumerate() {
        let nick = format!("bob{number}");
        let cell = format!("{a:?} asks {b:?}");
        show(&cell);
        let provider = Provider::start(b, &relay, &nick, folder.path());
        assert!(fetch(a, b, &relay, &nick) == files(), "bytes differ: {cell}");
        match provider {
            Provider::Xcher(share) => {
                let line = share.err("amy (127.0.0.1) is connected");
                assert!(line.contains(b.told(a.kind)), "{cell}: {line}");
            }
            Provider::Seed(seed) => {
                let mut said = seed.join().unwrap().unwrap();
                if a.kind == Kind::Whole {
                    assert_eq!(said.remove(0), "X_CHK //xcher/2", "{cell}");
                }
                assert_eq!(said.remove(0), "X_FILELIST", "{cell}");
                assert_eq!(said.pop().as_deref(), Some("X_END"), "{cell}");
                let requests = said.iter().filter(|line| line.starts_with("X_REQUEST s/"));
                assert_eq!((requests.count(), said.len()), (3, 3), "{cell}");
            }
        }
        cells += 1;
    }
    assert_eq!(cells, 49);
}

fn pairs() -> Vec<(Host, Host)> {
    hosts().into_iter().flat_map(|a| hosts().into_iter().map(move |b| (a, b))).collect()
}

/// Which cell it is, for when it fails.
fn show(cell: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{cell}");
}

/// What a host that is B asks of A, which shares nothing, and what it hears.
const ASKED: [&str; 3] = ["X_FILELIST", "X_CHK s/x", "X_REQUEST s/x 1 "];
const ANSWERED: [&str; 3] = ["X_FILELIST EOF EOF", "X_CHK s/x NO", "X_CHK s/x NO"];

/// Terminals ask as A alone; but what B asks is answered, in private or not.
#[test]
fn b_asks_a() {
    let relay = Relay::start();
    for (number, a) in hosts().into_iter().filter(|host| host.kind != Kind::Seed).enumerate() {
        for is_private in [false, true] {
            if is_private && a.kind != Kind::Whole {
                continue;
            }
            let nick = format!("ben{number}{is_private}");
            show(&format!("B asks {a:?}, in private: {is_private}"));
            let mut ben = Chat::join(relay.address, &nick);
            let ls = a.xcher(&relay, &["ls", &nick]).start();
            let never = Port::open();
            let mut asks = ASKED.map(str::to_owned);
            asks[2].push_str(&never.number().to_string());
            let asks = format!("{}\n", asks.join("\n"));
            if is_private {
                let mut control = EncryptedConn::called(&mut ben, "X_CAPS secure", [6; 32]);
                assert_eq!(control.line(), "X_FILELIST");
                control.say(&asks);
                assert_eq!(ANSWERED.map(|_| control.line()), ANSWERED);
                control.say("X_FILELIST mine 1\nX_FILELIST EOF EOF\n");
                assert_eq!(control.line(), "X_END");
            } else {
                let mut control = Conn::to(ben.called_from());
                if a.kind == Kind::Whole {
                    control.refuses_extensions();
                }
                control.hears("X_FILELIST");
                control.say(&asks);
                for answer in ANSWERED {
                    control.hears(answer);
                }
                control.say("X_FILELIST mine 1\nX_FILELIST EOF EOF\n");
                assert_eq!(control.lines(), ["X_END"]);
            }
            let b = if is_private { Kind::Whole } else { Kind::Seed };
            ls.wait().code(0).quiet().out(&["1\tmine"]).session_line(&[&nick, a.told(b)]);
            never.is_untouched();
        }
    }
}
