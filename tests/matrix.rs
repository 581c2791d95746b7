//! Tests every kind of host with every other, over every path and in both directions: the result, and
//! whether the session is encrypted.

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

/// A host's implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A base-protocol peer, written from the original specification alone.
    Base,
    /// This build with `--plain`.
    Plain,
    /// This build with all extensions.
    Full,
}

/// A host's path to the relay and to peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Via {
    Direct,
    Tunnel,
    /// Directly if possible, otherwise through the tunnel.
    Auto,
}

#[derive(Clone, Copy, Debug)]
struct Host {
    kind: Kind,
    via: Via,
}

/// Returns every possible host: a base-protocol peer has no tunnel.
fn hosts() -> Vec<Host> {
    let kinds = [Kind::Base, Kind::Plain, Kind::Full];
    let all = kinds.map(|kind| [Via::Direct, Via::Tunnel, Via::Auto].map(|via| Host { kind, via }));
    let is_possible = |host: &Host| host.kind != Kind::Base || host.via == Via::Direct;
    all.into_iter().flatten().filter(is_possible).collect()
}

impl Host {
    fn relay(self, relay: &Relay) -> String {
        match self.via {
            Via::Direct => relay.address.to_string(),
            Via::Tunnel | Via::Auto => relay.tunnel(),
        }
    }

    fn xcher(self, relay: &Relay, command: &[&str]) -> Xcher {
        let plain = if self.kind == Kind::Plain { &["--plain"][..] } else { &[] };
        let at = self.relay(relay);
        let at = if self.via == Via::Auto { &["--relay", &at][..] } else { &by(&at) };
        xcher(at).args(plain).args(command)
    }

    /// Returns what it reports to its user about a session with such a peer.
    fn session_line(self, peer: Kind) -> &'static str {
        match (self.kind, peer) {
            (Kind::Full, Kind::Full) => "the session is encrypted: key ",
            (Kind::Full, _) => {
                "the session is not encrypted: the peer supports only the base protocol"
            }
            (Kind::Plain, _) => "the session is not encrypted: --plain",
            (Kind::Base, _) => "",
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
    Base(std::thread::JoinHandle<std::io::Result<Vec<String>>>),
    Xcher(Process),
}

impl Provider {
    fn start(host: Host, relay: &Relay, nick: &str, folder: &Path) -> Self {
        if host.kind == Kind::Base {
            let (online, wait) = mpsc::channel();
            let files = files().into_iter().collect();
            let base =
                seed_peer::provide(relay.address, nick, files, move || online.send(()).unwrap());
            wait.recv().unwrap();
            return Self::Base(base);
        }
        let share = host.xcher(relay, &["share", "--nick", nick]).args([folder.join("s")]).start();
        share.out("online ");
        Self::Xcher(share)
    }
}

/// Fetches everything that `nick` shares.
fn fetch(a: Host, b: Host, relay: &Relay, nick: &str) -> Tree {
    if a.kind == Kind::Base {
        let wishes = Wishes { list: true, request_all: true, ..Wishes::default() };
        let received = seed_peer::request(relay.address, "amy", nick, wishes).join();
        return received.unwrap().unwrap().files.into_iter().collect();
    }
    let out = tempdir().unwrap();
    let get = a.xcher(relay, &["get", nick, "--all", "--nick", "amy", "-o"]).args([out.path()]);
    get.run().code(0).quiet().session_line(&[nick, a.session_line(b.kind)]);
    tree::read(out.path())
}

#[test]
fn caller_fetches_from_every_kind_of_callee() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), files());
    let mut cells = 0;
    for (number, (a, b)) in pairs().into_iter().enumerate() {
        let nick = format!("bob{number}");
        let cell = format!("{a:?} fetches from {b:?}");
        show(&cell);
        let provider = Provider::start(b, &relay, &nick, folder.path());
        assert!(fetch(a, b, &relay, &nick) == files(), "bytes differ: {cell}");
        match provider {
            Provider::Xcher(share) => {
                let line = share.err("amy (127.0.0.1) is connected");
                assert!(line.contains(b.session_line(a.kind)), "{cell}: {line}");
            }
            Provider::Base(base) => {
                let mut said = base.join().unwrap().unwrap();
                if a.kind == Kind::Full {
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

/// Prints the present cell, so that a failure names it.
fn show(cell: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{cell}");
}

/// A callee's requests to a caller that shares nothing, and the answers.
const REQUESTS: [&str; 3] = ["X_FILELIST", "X_CHK s/x", "X_REQUEST s/x 1 "];
const ANSWERS: [&str; 3] = ["X_FILELIST EOF EOF", "X_CHK s/x NO", "X_CHK s/x NO"];

/// The CLI sends requests as A alone, but it answers those of B, encrypted or not.
#[test]
fn caller_answers_a_callee_that_asks() {
    let relay = Relay::start();
    for (number, a) in hosts().into_iter().filter(|host| host.kind != Kind::Base).enumerate() {
        for encrypted in [false, true] {
            if encrypted && a.kind != Kind::Full {
                continue;
            }
            let nick = format!("ben{number}{encrypted}");
            show(&format!("B asks {a:?}, encrypted: {encrypted}"));
            let mut ben = Chat::join(relay.address, &nick);
            let ls = a.xcher(&relay, &["ls", &nick]).start();
            let unused = Port::open();
            let mut asks = REQUESTS.map(str::to_owned);
            asks[2].push_str(&unused.number().to_string());
            let asks = format!("{}\n", asks.join("\n"));
            if encrypted {
                let mut control = EncryptedConn::called(&mut ben, "X_CAPS secure", [6; 32]);
                assert_eq!(control.line(), "X_FILELIST");
                control.say(&asks);
                assert_eq!(ANSWERS.map(|_| control.line()), ANSWERS);
                control.say("X_FILELIST mine 1\nX_FILELIST EOF EOF\n");
                assert_eq!(control.line(), "X_END");
            } else {
                let mut control = Conn::to(ben.called_from());
                if a.kind == Kind::Full {
                    control.refuses_extensions();
                }
                control.hears("X_FILELIST");
                control.say(&asks);
                for answer in ANSWERS {
                    control.hears(answer);
                }
                control.say("X_FILELIST mine 1\nX_FILELIST EOF EOF\n");
                assert_eq!(control.lines(), ["X_END"]);
            }
            let b = if encrypted { Kind::Full } else { Kind::Base };
            ls.wait().code(0).quiet().out(&["1\tmine"]).session_line(&[&nick, a.session_line(b)]);
            unused.is_untouched();
        }
    }
}
