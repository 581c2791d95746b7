//! Debian's pebble on loopback: a certificate authority with ACME, whose certificates nobody trusts.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use super::authority::Authority;
use super::process::{Process, Xcher};

/// A running pebble. For it, all names are at 127.0.0.1.
pub(crate) struct Pebble {
    process: Option<Process>,
    _names: Process,
    names_at: SocketAddr,
    folder: TempDir,
    /// Signs the certificate of its own port.
    authority: Authority,
    at: SocketAddr,
    roots_at: SocketAddr,
}

/// Returns true if it is installed.
pub(crate) fn is_installed() -> bool {
    let runs = |program| {
        let mut help = Command::new(program);
        help.arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    runs("pebble") && runs("pebble-challtestsrv") && runs("curl")
}

/// Returns an address that is free now.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

impl Pebble {
    /// Prepares one that validates names at this port, with further settings; it does not run yet.
    pub(crate) fn new(tls_port: u16, settings: Value) -> Self {
        let (folder, authority) = (tempdir().unwrap(), Authority::new());
        let pair = authority.good();
        let (at, roots_at, names_at) = (free(), free(), free());
        let mut config = json!({
            "listenAddress": at.to_string(),
            "managementListenAddress": roots_at.to_string(),
            "certificate": pair.certificate,
            "privateKey": pair.key,
            "httpPort": 1,
            "tlsPort": tls_port,
        });
        config.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let config = json!({ "pebble": config }).to_string();
        fs::write(folder.path().join("pebble.json"), config).unwrap();
        let names = Xcher::other("pebble-challtestsrv")
            .args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""])
            .args(["-dns01", &names_at.to_string()])
            .args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", ""])
            .start();
        Self { process: None, _names: names, names_at, folder, authority, at, roots_at }
    }

    /// Starts it, or starts it anew without its memory.
    pub(crate) fn start(&mut self) {
        let process = Xcher::other("pebble")
            .args(["-config".as_ref(), self.folder.path().join("pebble.json").as_os_str()])
            .args(["-dnsserver", &self.names_at.to_string()])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            .start();
        process.out_contains("ACME directory available");
        self.process = Some(process);
    }

    /// Kills it as a crash would.
    pub(crate) fn kill(&mut self) {
        let process = self.process.take().expect("a running authority");
        process.signal(Signal::KILL);
        process.wait();
    }

    /// Returns the URL of its directory.
    pub(crate) fn directory(&self) -> String {
        format!("https://{}/dir", self.at)
    }

    /// Returns the authority of its own port, for `--acme-ca`.
    pub(crate) fn ca(&self) -> PathBuf {
        self.authority.file()
    }

    /// Returns the root of the certificates that it issues.
    pub(crate) fn root(&self) -> PathBuf {
        let file = self.folder.path().join("root.pem");
        let fetched = Command::new("curl")
            .args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--cacert"])
            .args([&self.ca()])
            .arg("--output")
            .args([&file])
            .arg(format!("https://{}/roots/0", self.roots_at))
            .status();
        assert!(fetched.unwrap().success());
        file
    }

    /// Returns how many orders it got since it was started.
    pub(crate) fn orders(&self) -> usize {
        let process = self.process.as_ref().expect("a running authority");
        process.count_out("orders in the db")
    }
}
