//! What a nick costs a relay: memory, processor time and the time until it is granted.

use std::time::{Duration, Instant};

use tempfile::tempdir;
use tokio::runtime::Builder;

use crate::host::Host;
use crate::nats::Nats;
use crate::relay::Program;

/// Measures relays alone and in a cluster of two, one after the other.
pub(crate) fn measure(nicks: usize) {
    let (nats, keys) = (Nats::start(1), tempdir().unwrap());
    let urls = nats.urls();
    let other = Program::start("127.0.0.1:0", Some(&urls), keys.path());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    for (title, urls, start) in [
        ("alone", None, "kim"),
        ("alone, with capitals", None, "Kim"),
        ("in a cluster", Some(&*urls), "kim"),
        ("in a cluster, with capitals", Some(&*urls), "Kim"),
    ] {
        let relay = Program::start("127.0.0.1:0", urls, keys.path());
        std::thread::sleep(Duration::from_secs(1));
        let (memory, time) = (relay.memory(), relay.processor_time());
        let (hosts, mut took) = runtime.block_on(async {
            let (mut hosts, mut took) = (Vec::new(), Vec::new());
            for number in 0..nicks {
                let mut host = Host::connect(relay.address, number).await.unwrap();
                let start_of = Instant::now();
                assert!(host.join(&format!("{start}{number}")).await.unwrap());
                took.push(start_of.elapsed());
                hosts.push(host);
            }
            (hosts, took)
        });
        std::thread::sleep(Duration::from_secs(1));
        took.sort();
        println!(
            "{title}: {} bytes a nick, {:.0} us of processor time and {:.0} us (median; 99 %: {:.0}) until it is granted",
            (relay.memory() - memory) / nicks as u64,
            (relay.processor_time() - time).as_secs_f64() * 1e6 / nicks as f64,
            took[nicks / 2].as_secs_f64() * 1e6,
            took[nicks * 99 / 100].as_secs_f64() * 1e6,
        );
        drop(hosts);
    }
    drop(other);
}
