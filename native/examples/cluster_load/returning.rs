//! The time until all nicks are back after NATS has restarted.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, duplex};
use tokio::runtime::Builder;
use tokio::time::sleep;
use xcher::relay::BusState;

use crate::nats::Nats;
use crate::relay::{start_here, until};

const RELAYS: usize = 20;

/// Joins so many hosts at 20 relays in this process, kills NATS and starts it again.
pub(crate) fn measure(nicks: usize) {
    let mut nats = Nats::start(1);
    let relays: Vec<_> = (0..RELAYS).map(|_| start_here(&nats.urls()).0).collect();
    let states: Vec<_> = relays.iter().map(|relay| relay.cluster().unwrap()).collect();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let joined = until_joined(&runtime, &relays, nicks);
    println!(
        "{nicks} nicks at {RELAYS} relays after {joined:.1?}; {} bytes in this process",
        memory()
    );
    // The claims that follow each new nick after one heartbeat.
    let claims = |answered: bool| -> u64 {
        let of = |state: &xcher::relay::ClusterStatus| {
            let counts = state.requests();
            counts.nobody + if answered { counts.answered } else { 0 }
        };
        states.iter().map(of).sum()
    };
    std::thread::sleep(Duration::from_secs(12));
    nats.kill(0);
    until(|| states.iter().all(|state| state.state() != BusState::Connected));
    std::thread::sleep(Duration::from_secs(2));
    let before = claims(true);
    nats.start_again(0);
    let connected = until(|| states.iter().all(|state| state.state() == BusState::Connected));
    let claimed = until(|| claims(true) >= before + nicks as u64);
    println!(
        "NATS is back: all relays are connected after {connected:.1?}, all nicks claimed again after {:.1?}; \
         requests without an answer: {}",
        connected + claimed,
        states.iter().map(|state| state.requests().failed).sum::<u64>(),
    );
}

fn until_joined(
    runtime: &tokio::runtime::Runtime,
    relays: &[xcher::relay::Relay],
    nicks: usize,
) -> Duration {
    let start = std::time::Instant::now();
    runtime.block_on(async {
        let mut joins = tokio::task::JoinSet::new();
        for number in 0..nicks {
            let (host, relay) = duplex(256);
            let from = SocketAddr::from(([10, 0, 0, 1], 9));
            // Leaked: the connections last as long as this process.
            std::mem::forget(relays[number % RELAYS].connect(relay, from, |_| {}));
            joins.spawn(async move {
                let mut host = BufReader::with_capacity(128, host);
                host.write_all(format!("X_NICK host-{number}\n").as_bytes()).await.unwrap();
                let mut line = String::new();
                host.read_line(&mut line).await.unwrap();
                assert_eq!(line, format!("X_NICK host-{number} YES\n"));
                tokio::spawn(async move {
                    loop {
                        line.clear();
                        if host.read_line(&mut line).await.unwrap() == 0 {
                            panic!("host-{number} was closed");
                        }
                        let ping = line.strip_prefix("X_PING").expect("a ping");
                        host.write_all(format!("X_PONG{ping}").as_bytes()).await.unwrap();
                    }
                });
            });
            if joins.len() >= 1000 {
                joins.join_next().await.unwrap().unwrap();
            }
        }
        while let Some(joined) = joins.join_next().await {
            joined.unwrap();
        }
        sleep(Duration::ZERO).await;
    });
    start.elapsed()
}

fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
