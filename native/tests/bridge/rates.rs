//! How fast bytes go: all in memory, by a clock that stands still while anyone has anything to do.

use std::num::NonZeroU64;

use tokio::time::Instant;

use super::*;

const MIB: usize = 1 << 20;
/// A MiB a second.
const SLOW: Option<NonZeroU64> = NonZeroU64::new(MIB as u64);

/// A stream from the first to the second, joined by the bridge.
async fn joined(
    bridge: &Bridge,
    from: &str,
    to: &str,
    name: &str,
) -> (Tunnel, Stream, Tunnel, Stream) {
    let (mut to, from) = (Tunnel::in_memory(bridge, to), Tunnel::in_memory(bridge, from));
    let (mut caller, mut called) = (to.join(&format!("to-{name}")).await, from.join(name).await);
    let (listener, at) = to.listen().await;
    let init = format!("X_INIT {name} {}", fields(at));
    caller.write_all(format!("{init}\n").as_bytes()).await.unwrap();
    assert_eq!(read_line(&mut called).await, init);
    let (stream, answer) = from.ask(&format!("X_DIAL {}", fields(at))).await;
    assert_eq!(answer, "YES");
    let (visit, _) = to.visitor().await;
    // They end with the tunnels.
    std::mem::forget((caller, called, listener));
    (from, stream, to, visit)
}

/// How long it takes to move so many bytes over it.
async fn takes(pair: &mut (Tunnel, Stream, Tunnel, Stream), bytes: usize) -> f64 {
    let began = Instant::now();
    let (_, from, _, to) = pair;
    let sent = vec![7; bytes];
    let mut came = vec![0; bytes];
    let (written, read) = tokio::join!(from.write_all(&sent), to.read_exact(&mut came));
    written.unwrap();
    read.unwrap();
    began.elapsed().as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn without_a_rate_it_takes_no_time() {
    let bridge = bridge(Rates::default());
    let took = takes(&mut joined(&bridge, FAR, "9.9.9.9:1", "bob").await, 8 * MIB).await;
    assert!(took < 0.1, "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_is_as_fast_as_it_may_be() {
    let bridge = bridge(Rates { tunnel: SLOW, ..Rates::default() });
    let mut one = joined(&bridge, FAR, "9.9.9.9:1", "bob").await;
    // One of the same address has a rate of its own.
    let mut other = joined(&bridge, FAR, "9.9.9.9:2", "carol").await;
    let (one, other) = tokio::join!(takes(&mut one, 8 * MIB), takes(&mut other, 8 * MIB));
    assert!((7.5..8.5).contains(&one) && (7.5..8.5).contains(&other), "{one} {other}");
}

#[tokio::test(start_paused = true)]
async fn tunnels_of_one_address_share_its_rate() {
    let bridge = bridge(Rates { address: SLOW, ..Rates::default() });
    let mut one = joined(&bridge, FAR, "9.9.9.9:1", "bob").await;
    let mut other = joined(&bridge, FAR, "9.9.9.8:1", "carol").await;
    let (one, other) = tokio::join!(takes(&mut one, 4 * MIB), takes(&mut other, 4 * MIB));
    // Neither is kept waiting for the other.
    assert!((7.0..8.5).contains(&one) && (7.0..8.5).contains(&other), "{one} {other}");
}

#[tokio::test(start_paused = true)]
async fn all_tunnels_share_the_rate_in_all() {
    let bridge = bridge(Rates { total: SLOW, ..Rates::default() });
    let mut pair = joined(&bridge, FAR, "9.9.9.9:1", "bob").await;
    // In by one tunnel and out by the other.
    let took = takes(&mut pair, 4 * MIB).await;
    assert!((7.5..8.5).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn rates_change_while_tunnels_are_open() {
    for slow in [
        Rates { tunnel: SLOW, ..Rates::default() },
        Rates { address: SLOW, ..Rates::default() },
        Rates { total: SLOW, ..Rates::default() },
    ] {
        let bridge = bridge(Rates::default());
        let mut pair = joined(&bridge, FAR, "9.9.9.9:1", "bob").await;
        assert!(takes(&mut pair, 8 * MIB).await < 0.1);
        bridge.set_rates(slow);
        let took = takes(&mut pair, 8 * MIB).await;
        assert!(took > 7.5, "{slow:?}: {took}");
        bridge.set_rates(Rates::default());
        // What was under way ends at its old rate.
        takes(&mut pair, MIB).await;
        let took = takes(&mut pair, 8 * MIB).await;
        assert!(took < 0.1, "{slow:?}: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_too_fast_is_kept_waiting_and_not_held_in_memory() {
    let bridge = bridge(Rates { tunnel: SLOW, ..Rates::default() });
    let (_from, mut stream, _to, _visit) = joined(&bridge, FAR, "9.9.9.9:1", "bob").await;
    // Nobody reads at the far end: what is taken is what all on the way hold, in whatever time.
    let mut taken = 0;
    let flood = async {
        loop {
            taken += stream.write(&[7; 1 << 16]).await.unwrap();
        }
    };
    assert!(timeout(Duration::from_secs(50), flood).await.is_err());
    assert!(taken < 2 * MIB, "{taken}");
}
