//! Debian's nats-server on loopback.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::{TempDir, tempdir};

use super::process::{Process, Xcher};
use super::wire::Conn;

/// A running nats-server, and the folder of its files.
pub(crate) struct NatsServer {
    process: Option<Process>,
    folder: TempDir,
    pub(crate) address: SocketAddr,
}

impl NatsServer {
    /// Starts it with further lines of configuration. Returns why that is not possible here.
    pub(crate) fn start(settings: &str) -> Result<Self, &'static str> {
        let installed = Command::new("nats-server").arg("--version").stdout(Stdio::null()).status();
        if installed.is_err() {
            return Err("nats-server is not installed");
        }
        let folder = tempdir().unwrap();
        // Another process may take a port that is free now.
        for _ in 0..8 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
            let config =
                format!("listen: \"{port}\"\nping_interval: \"5s\"\nping_max: 2\n{settings}\n");
            fs::write(folder.path().join("nats.conf"), config).unwrap();
            if let Some(process) = run(&folder) {
                return Ok(Self { process: Some(process), folder, address: port });
            }
        }
        Err("nats-server finds no free port")
    }

    /// Kills it as a crash would.
    pub(crate) fn kill(&mut self) {
        let process = self.process.take().expect("a running server");
        process.signal(Signal::KILL);
        process.wait();
    }

    /// Announces that it will stop, and stops once it has closed all connections.
    pub(crate) fn retire(&self) {
        self.process().signal(Signal::USR2);
    }

    /// Waits until it has written a line with this text.
    pub(crate) fn says(&self, text: &str) {
        self.process().err(text);
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("a running server")
    }

    pub(crate) fn start_again(&mut self) {
        self.process = Some(run(&self.folder).expect("the port is free again"));
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Returns a client that hears all messages of relays.
    pub(crate) fn spy(&self) -> Conn {
        let mut conn = self.client();
        conn.say("SUB xcher.> 1\r\nPING\r\n");
        conn.hears("PONG\r");
        conn
    }

    /// Returns a client that is not a relay.
    pub(crate) fn client(&self) -> Conn {
        let mut conn = Conn::to(self.address);
        conn.say("CONNECT {\"verbose\":false}\r\nPING\r\n");
        assert!(conn.line().is_some_and(|line| line.starts_with("INFO ")));
        conn.hears("PONG\r");
        conn
    }
}

/// Returns `None` if it cannot listen.
fn run(folder: &TempDir) -> Option<Process> {
    let config = folder.path().join("nats.conf");
    let process = Xcher::other("nats-server").args(["-c".as_ref(), config.as_os_str()]).start();
    let is_ready = process.until("nats-server to listen", |lines| {
        let has = |text: &str| lines.err.iter().any(|line| line.contains(text));
        if has("Server is ready") { Some(true) } else { has("[FTL]").then_some(false) }
    });
    is_ready.then_some(process)
}
