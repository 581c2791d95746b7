//! A relay with lists of who may use it, and its hosts.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::patience::until;
use super::process::{Process, Xcher, xcher};
use super::relay::{Relay, by};
use super::tree;
use super::wire::Conn;

/// A relay with an operator and a file of lists.
pub(crate) struct GuardedRelay {
    pub(crate) relay: Relay,
    folder: TempDir,
}

impl GuardedRelay {
    pub(crate) fn start(lists: &str, options: &[&str]) -> Self {
        Self::start_as(lists, |relay| relay.args(options))
    }

    /// Starts a relay whose command `with` completes.
    pub(crate) fn start_as(lists: &str, with: impl FnOnce(Xcher) -> Xcher) -> Self {
        let folder = tempdir().unwrap();
        let (file, admin) = (folder.path().join("access.toml"), folder.path().join("admin.sock"));
        fs::write(&file, lists).unwrap();
        tree::write(&folder.path().join("s"), [("file", "12345")]);
        let admin = format!("unix:{}", admin.display());
        let own = ["--http", "127.0.0.1:0", "--access", file.to_str().unwrap(), "--admin", &admin];
        let relay = Relay::start_as(|relay| with(relay.args(own)));
        Self { relay, folder }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the lists, and waits until the relay says this.
    pub(crate) fn reload(&self, lists: &str, expected: &str) -> String {
        fs::write(self.at("access.toml"), lists).unwrap();
        self.relay.process.signal(Signal::HUP);
        self.relay.process.err(expected)
    }

    pub(crate) fn operator(&self, args: &[&str]) -> Xcher {
        let admin = format!("unix:{}", self.at("admin.sock").display());
        xcher(["relay"]).args(args).args(["--admin", &admin])
    }

    /// Builds a command of the host whose keys are in the folder of this name.
    pub(crate) fn host(&self, keys: &str, args: &[&str]) -> Xcher {
        let by = by(&self.relay.address.to_string()).map(str::to_owned);
        xcher(args).args(by).env("XCHER_DATA_DIR", self.at(keys))
    }

    pub(crate) fn share(&self, keys: &str, nick: &str) -> Process {
        self.host(keys, &["share", "--nick", nick]).args([self.at("s")]).start()
    }

    /// Returns the key by which the relay knows the host whose keys are in this folder.
    pub(crate) fn key(&self, keys: &str) -> String {
        let nick = format!("{keys}-asks");
        let share = self.share(keys, &nick);
        share.out("online ");
        until("its key is known", || self.hosts().iter().any(|host| host["key"].is_string()));
        let hosts = self.hosts();
        let host = hosts.iter().find(|host| host["nick"] == nick.as_str()).unwrap();
        let key = host["key"].as_str().unwrap().to_owned();
        share.stop(Signal::TERM).code(0);
        key
    }

    pub(crate) fn hosts(&self) -> Vec<Value> {
        self.operator(&["nicks", "--json"]).run().code(0).events()
    }

    /// Asks the HTTP port for the page. Returns the status.
    pub(crate) fn get(&self, path: &str, forwarded: &str) -> u16 {
        let url = self.relay.process.out("http http://");
        let mut socket = Conn::to(url.trim_end_matches('/').parse().unwrap());
        socket.say(format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{forwarded}\r\n"
        ));
        let status = socket.lines().first().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        status.unwrap_or(0)
    }
}
