//! Rate limits, in memory, with a clock that advances only while all tasks are idle.

use std::num::NonZeroU64;

use tokio::time::Instant;

use super::*;

const MIB: usize = 1 << 20;
/// One MiB a second.
const SLOW: Option<NonZeroU64> = NonZeroU64::new(MIB as u64);

/// Opens a stream from the first client to the second through the bridge.
async fn connect(
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
    // Kept open: they end with the tunnels.
    std::mem::forget((caller, called, listener));
    (from, stream, to, visit)
}

/// Returns the seconds it takes to transfer so many bytes.
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
async fn without_a_limit_transfers_take_no_time() {
    let bridge = bridge(Rates::default());
    let took = takes(&mut connect(&bridge, FAR, "9.9.9.9:1", "bob").await, 8 * MIB).await;
    assert!(took < 0.1, "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_has_its_rate() {
    let bridge = bridge(Rates { tunnel: SLOW, ..Rates::default() });
    let mut one = connect(&bridge, FAR, "9.9.9.9:1", "bob").await;
    // Another tunnel of the same address has its own rate.
    let mut other = connect(&bridge, FAR, "9.9.9.9:2", "carol").await;
    let (one, other) = tokio::join!(takes(&mut one, 8 * MIB), takes(&mut other, 8 * MIB));
    assert!((7.5..8.5).contains(&one) && (7.5..8.5).contains(&other), "{one} {other}");
}

#[tokio::test(start_paused = true)]
async fn tunnels_of_one_address_share_its_rate() {
    let bridge = bridge(Rates { address: SLOW, ..Rates::default() });
    let mut one = connect(&bridge, FAR, "9.9.9.9:1", "bob").await;
    let mut other = connect(&bridge, FAR, "9.9.9.8:1", "carol").await;
    let (one, other) = tokio::join!(takes(&mut one, 4 * MIB), takes(&mut other, 4 * MIB));
    // Both get their share.
    assert!((7.0..8.5).contains(&one) && (7.0..8.5).contains(&other), "{one} {other}");
}

#[tokio::test(start_paused = true)]
async fn all_tunnels_share_the_total_rate() {
    let bridge = bridge(Rates { total: SLOW, ..Rates::default() });
    let mut pair = connect(&bridge, FAR, "9.9.9.9:1", "bob").await;
    // Bytes count in both tunnels.
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
        let mut pair = connect(&bridge, FAR, "9.9.9.9:1", "bob").await;
        assert!(takes(&mut pair, 8 * MIB).await < 0.1);
        let config = |rates| BridgeConfig { rates, ..BridgeConfig::at([127, 0, 0, 1].into()) };
        bridge.set_config(config(slow));
        let took = takes(&mut pair, 8 * MIB).await;
        assert!(took > 7.5, "{slow:?}: {took}");
        bridge.set_config(config(Rates::default()));
        // Bytes in progress keep the old rate.
        takes(&mut pair, MIB).await;
        let took = takes(&mut pair, 8 * MIB).await;
        assert!(took < 0.1, "{slow:?}: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_above_the_rate_wait_outside_of_memory() {
    let bridge = bridge(Rates { tunnel: SLOW, ..Rates::default() });
    let (_from, mut stream, _to, _visit) = connect(&bridge, FAR, "9.9.9.9:1", "bob").await;
    // The peer does not read, so the accepted bytes are those that all buffers on the way hold.
    let mut taken = 0;
    let flood = async {
        loop {
            taken += stream.write(&[7; 1 << 16]).await.unwrap();
        }
    };
    assert!(timeout(Duration::from_secs(50), flood).await.is_err());
    assert!(taken < 2 * MIB, "{taken}");
}
