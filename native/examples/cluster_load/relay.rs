//! Relays: in this process, or as the program that users run.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use xcher::core::RelayLimits;
use xcher::relay::{BusState, Cluster, Relay, RelayConfig};

/// Runs a relay on a thread of its own, as the program does, until this process ends.
pub(crate) fn start_here(urls: &str) -> (Relay, SocketAddr) {
    let limits = RelayLimits {
        connections: 200_000,
        per_address: 200_000,
        asks_per_minute: u32::MAX,
        ..RelayLimits::default()
    };
    let config = RelayConfig { limits, ..RelayConfig::default() };
    let relay = Relay::in_cluster(config, cluster(urls)).unwrap();
    let (runs, (started, start)) = (relay.clone(), mpsc::channel());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            started.send(listener.local_addr().unwrap()).unwrap();
            runs.run(listener, std::future::pending()).await.unwrap();
        });
    });
    let address = start.recv().unwrap();
    let state = relay.cluster().unwrap();
    while state.state() != BusState::Connected {
        std::thread::sleep(Duration::from_millis(10));
    }
    (relay, address)
}

fn cluster(urls: &str) -> Cluster {
    let (servers, name) = (urls.parse().unwrap(), "load".parse().unwrap());
    Cluster { servers, name, site: Some("here".into()), credentials: None, tls_ca: None }
}

/// `xcher relay`; killed when dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Program {
    /// Starts it at an address, in the cluster at these URLs if there are any.
    pub(crate) fn start(listen: &str, urls: Option<&str>, keys: &Path) -> Self {
        let binary = std::env::var_os("XCHER_BIN").expect("XCHER_BIN names the xcher binary");
        let mut command = Command::new(binary);
        command.args(["relay", "--http", "off", "--quiet", "--listen", listen]);
        command.env("XCHER_DATA_DIR", keys);
        if let Some(urls) = urls {
            command.args(["--cluster", urls, "--cluster-name", "load", "--site", "here"]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("relay ").expect("a relay").parse().unwrap();
        Self { child, address }
    }

    /// Returns its memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Returns the processor time it has used.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks: u64 = [11, 12].iter().map(|at| fields[*at].parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until it holds, and returns how long that took.
pub(crate) fn until(mut holds: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !holds() {
        std::thread::sleep(Duration::from_millis(20));
    }
    start.elapsed()
}
