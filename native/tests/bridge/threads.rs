//! A bridge with threads of its own, which its clients do not share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::runtime::{Builder, Runtime};

use super::pace::Pace;
use super::*;

/// Pairs of tunnels that pour bytes through the bridge.
const POURING: usize = 4;
/// Round trips that are measured.
const TRIPS: usize = 40;
/// Longest round trip on an idle machine.
const MAX_DELAY: Duration = Duration::from_millis(250);

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap()
}

/// Opens a stream from one tunnel to another, and pours bytes into it until the runtime ends.
async fn pour(front: &Front, number: usize, poured: Arc<AtomicU64>) {
    let (to, from) = (format!("to{number}"), format!("from{number}"));
    let (mut callee, caller) = (front.open(FAR).await, front.open("9.9.9.9:1").await);
    let (relay, mut called) = (callee.join(&to).await, caller.join(&from).await);
    let (mut calls, listening) = (relay, callee.listen().await);
    let init = format!("X_INIT {from} {}", fields(listening.1));
    calls.write_all(format!("{init}\n").as_bytes()).await.unwrap();
    assert_eq!(read_line(&mut called).await, init);
    let (mut sender, answer) = caller.ask(&format!("X_DIAL {}", fields(listening.1))).await;
    assert_eq!(answer, "YES");
    let (mut receiver, _) = callee.visitor().await;
    tokio::spawn(async move {
        let piece = vec![7; 64 << 10];
        while sender.write_all(&piece).await.is_ok() {}
    });
    tokio::spawn(async move {
        // Kept open as long as there are bytes.
        let _open = (callee, caller, calls, called, listening);
        let mut piece = vec![0; 64 << 10];
        while let Ok(count @ 1..) = receiver.read(&mut piece).await {
            poured.fetch_add(count as u64, Ordering::Relaxed);
        }
    });
}

#[test]
fn busy_tunnels_do_not_delay_another() {
    for threads in [1, 2] {
        let (bridge, busy, patient) = (runtime(threads), runtime(2), runtime(1));
        let front = bridge.block_on(front());
        let poured = Arc::<AtomicU64>::default();
        busy.block_on(async {
            for number in 0..POURING {
                pour(&front, number, Arc::clone(&poured)).await;
            }
        });
        let pace = Pace::start();
        let worst = patient.block_on(async {
            let tunnel = front.open(HERE).await;
            let mut relay = tunnel.join("patient").await;
            let mut worst = Duration::ZERO;
            for trip in 0..TRIPS {
                // Between two trips the others pour at least a MiB.
                let before = poured.load(Ordering::Relaxed);
                soon(async {
                    while poured.load(Ordering::Relaxed) < before + (1 << 20) {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                })
                .await;
                let began = pace.elapsed();
                relay.write_all(format!("X_PING {trip}\n").as_bytes()).await.unwrap();
                assert_eq!(read_line(&mut relay).await, format!("X_PONG {trip}"));
                worst = worst.max(pace.elapsed() - began);
            }
            worst
        });
        assert!(worst <= MAX_DELAY, "{worst:?} with {threads} threads");
        for runtime in [patient, busy, bridge] {
            runtime.shutdown_background();
        }
    }
}
