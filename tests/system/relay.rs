//! A relay, and the hosts that use it.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;

use super::process::{Process, Xcher, xcher};

/// `xcher relay` on an ephemeral port.
pub(crate) struct Relay {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Relay {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(options: &[&str]) -> Self {
        Self::start_as(|relay| relay.args(options))
    }

    /// Starts a relay whose command `with` completes.
    pub(crate) fn start_as(with: impl FnOnce(Xcher) -> Xcher) -> Self {
        let process = with(xcher(["relay", "--listen", "127.0.0.1:0"])).start();
        let address = process.out("relay ").parse().unwrap();
        Self { process, address }
    }

    /// Returns the URL of its bridge, as `--relay` takes it.
    pub(crate) fn tunnel(&self) -> String {
        let url = self.process.out("http http://");
        format!("ws://{url}xcher")
    }

    /// Builds a command that uses this relay.
    pub(crate) fn xcher<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Xcher {
        at(self.address, args)
    }

    /// Starts `xcher share` and waits until it is online.
    pub(crate) fn share(&self, nick: &str, path: &Path) -> Process {
        let process = self.xcher(["share", "--nick", nick]).args([path]).start();
        process.out("online ");
        process
    }
}

/// Returns the options of a host that uses a relay directly, or a bridge for everything.
pub(crate) fn by(relay: &str) -> [&str; 4] {
    let via = if relay.contains("://") { "bridge" } else { "direct" };
    ["--relay", relay, "--via", via]
}

/// Builds a command that uses the relay at this address.
pub(crate) fn at<S: AsRef<OsStr>>(relay: SocketAddr, args: impl IntoIterator<Item = S>) -> Xcher {
    xcher(["--relay", &relay.to_string()]).args(args)
}
