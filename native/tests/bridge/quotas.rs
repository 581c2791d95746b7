//! What a bridge carries in a month is limited for each address and in all.

use std::net::IpAddr;
use std::sync::Arc;

use xcher_core::registry::Account;
use xcher_core::tunnel::QuotaLimits;

use super::*;

/// Bytes of a month.
const QUOTA: u64 = 8_000_000;
/// More than a tunnel has in flight, and what is counted at a time.
const SLACK: u64 = 1 << 20;

fn limited(address: Option<u64>, total: Option<u64>) -> Bridge {
    let quotas = QuotaLimits { address, total, ..QuotaLimits::default() };
    let limits = AllocationLimits { listeners: 2, ..AllocationLimits::default() };
    let config = BridgeConfig { quotas, limits, ..BridgeConfig::at([127, 0, 0, 1].into()) };
    let mut relay = RelayConfig::default();
    relay.limits.any_address = true;
    Bridge::new(Relay::new(relay).unwrap(), config)
}

fn may_carry(bridge: &Bridge, client: &str) -> bool {
    bridge.check_quota(&Account::Anonymous, client.parse().unwrap()).is_ok()
}

/// Two tunnels of different clients, and a connection between them: their links to the relay, and both ends.
struct Pair {
    tunnels: [Tunnel; 2],
    links: [Stream; 2],
    listener: Stream,
    ends: [Stream; 2],
}

impl Pair {
    async fn open(bridge: &Bridge, callee: &str, caller: &str) -> Self {
        let mut bob = Tunnel::in_memory(bridge, callee);
        let amy = Tunnel::in_memory(bridge, caller);
        let (mut to_bob, mut to_amy) = (bob.join("bob").await, amy.join("amy").await);
        let (listener, at) = bob.listen().await;
        let init = format!("X_INIT amy {}", fields(at));
        to_bob.write_all(format!("{init}\n").as_bytes()).await.unwrap();
        assert_eq!(read_line(&mut to_amy).await, init);
        let (dialled, answer) = amy.ask(&format!("X_DIAL {}", fields(at))).await;
        assert_eq!(answer, "YES");
        let (visit, _) = bob.visitor().await;
        Self { tunnels: [bob, amy], links: [to_bob, to_amy], listener, ends: [visit, dialled] }
    }
}

/// Writes until the stream is cut. Returns how much was written.
async fn write_until_cut(stream: &mut (impl AsyncWrite + Unpin)) -> u64 {
    let mut written = 0;
    while stream.write_all(&[7; 16_000]).await.is_ok() {
        written += 16_000;
    }
    written
}

/// Reads until the stream is cut. Returns how much came; a stream that ends in order fails the test.
async fn read_until_cut(stream: &mut Stream) -> u64 {
    let (mut read, mut buffer) = (0, vec![0; 64 << 10]);
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => {
                // Closed in this direction alone, it has ended in order.
                assert!(stream.is_closed(), "a cut looks like an end after {read} bytes");
                return read;
            }
            Ok(bytes) => read += bytes as u64,
        }
    }
}

/// Does so with a socket.
async fn read_until_reset(socket: &mut TcpStream) -> u64 {
    let (mut read, mut buffer) = (0, vec![0; 64 << 10]);
    loop {
        match socket.read(&mut buffer).await {
            Ok(0) => panic!("a cut looks like an end after {read} bytes"),
            Ok(bytes) => read += bytes as u64,
            Err(_) => return read,
        }
    }
}

#[tokio::test]
async fn used_up_quota_cuts_both_ends_and_leaves_the_link() {
    let bridge = limited(Some(QUOTA), None);
    let mut pair = Pair::open(&bridge, "8.8.8.8:1", "8.8.8.8:2").await;
    let [visit, dialled] = &mut pair.ends;
    let (written, read) =
        soon(async { tokio::join!(write_until_cut(dialled), read_until_cut(visit)) }).await;
    // Both tunnels of the address count.
    assert!(read <= written && read + SLACK > QUOTA / 2, "{read} of {written}");
    assert!(read < QUOTA / 2 + SLACK, "{read}");
    assert!(!may_carry(&bridge, "8.8.8.8") && may_carry(&bridge, "9.9.9.9"));
    // The listener is gone; the hosts are online, and can call each other.
    assert_eq!(soon(pair.listener.read(&mut [0])).await.unwrap_or(0), 0);
    let [bob, amy] = &pair.tunnels;
    for tunnel in [bob, amy] {
        tunnel.refused("X_LISTEN", "your address has used up the").await;
    }
    amy.refused("X_DIAL 8.8.4.4 5000", "connect directly").await;
    let [to_bob, to_amy] = &mut pair.links;
    to_bob.write_all(b"X_INIT amy 8.8.8.8 5000\n").await.unwrap();
    assert_eq!(read_line(to_amy).await, "X_INIT amy 8.8.8.8 5000");
    // A higher quota is in force at once.
    let quotas = QuotaLimits { address: Some(100 * QUOTA), ..QuotaLimits::default() };
    bridge.set_config(BridgeConfig { quotas, ..BridgeConfig::at([127, 0, 0, 1].into()) });
    let _listener = bob.listen().await;
}

#[tokio::test]
async fn used_up_total_cuts_everybody() {
    let bridge = limited(None, Some(QUOTA));
    let mut pair = Pair::open(&bridge, "8.8.8.8:1", "9.9.9.9:1").await;
    let idle = Tunnel::in_memory(&bridge, "1.1.1.1:1");
    let _carol = idle.join("carol").await;
    let (mut listener, _) = idle.listen().await;
    let [visit, dialled] = &mut pair.ends;
    let (_, read) =
        soon(async { tokio::join!(write_until_cut(dialled), read_until_cut(visit)) }).await;
    // Both tunnels count.
    assert!(read + SLACK > QUOTA / 2 && read < QUOTA / 2 + SLACK, "{read}");
    assert_eq!(soon(listener.read(&mut [0])).await.unwrap_or(0), 0);
    idle.refused("X_LISTEN", "this bridge has used up the").await;
}

/// A visitor from elsewhere sees a reset, as of any connection that was cut, and a new one is closed.
#[tokio::test]
async fn visitor_without_a_tunnel_sees_a_cut() {
    let bridge = limited(Some(QUOTA), None);
    let mut bob = Tunnel::in_memory(&bridge, HERE);
    let ([mut link, _listener], at) = bob.await_caller("bob").await;
    let mut socket = TcpStream::connect(at).await.unwrap();
    let (mut visit, _) = bob.visitor().await;
    let cut =
        soon(async { tokio::join!(write_until_cut(&mut visit), read_until_reset(&mut socket)) })
            .await;
    assert!(cut.1 + SLACK > QUOTA && cut.1 < QUOTA + SLACK, "{cut:?}");
    wait_until_closed(at).await;
    link.write_all(b"X_PING 1\n").await.unwrap();
    assert_eq!(read_line(&mut link).await, "X_PONG 1");
}

/// Tunnels of one address, each with less than is counted at a time, and cut in the middle.
#[tokio::test]
async fn many_small_and_cut_tunnels_count_all_their_bytes() {
    let bridge = limited(Some(QUOTA), None);
    let mut rounds = 0;
    while may_carry(&bridge, "8.8.8.8") {
        let tunnels: Vec<_> = (0..8).map(|_| Tunnel::in_memory(&bridge, "8.8.8.8:1")).collect();
        for (n, tunnel) in tunnels.iter().enumerate() {
            let mut link = tunnel.join(&format!("n{rounds}-{n}")).await;
            // Streams that only open and close, and a link with much to say.
            for _ in 0..50 {
                let _ = tunnel.say("X_NONSENSE").await;
            }
            for _ in 0..200 {
                link.write_all(&[b'x'; 100]).await.unwrap();
                link.write_all(b"\n").await.unwrap_or(());
            }
            link.flush().await.unwrap_or(());
        }
        // Not closed in order.
        drop(tunnels);
        rounds += 1;
        assert!(rounds < 100, "bytes are missing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(rounds > 1, "each tunnel carries little");
}

/// Clients of one IPv6 /64, whichever address they come from, and through a proxy that names it.
#[tokio::test]
async fn hopping_inside_a_64_gains_nothing_and_the_refusal_says_why() {
    let bridge = limited(Some(QUOTA), None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let serves = bridge.clone();
    let tunnel = move |bytes: WsBytes, client| {
        let bridge = serves.clone();
        async move { bridge.serve(bytes, client, addr.ip()).await }
    };
    let asks = bridge.clone();
    let quota = move |account: &Account, client: IpAddr| {
        asks.check_quota(account, client).map_err(|error| error.to_string())
    };
    let access = Access { trusted_proxies: vec![addr.ip().into()], ..Access::default() };
    let http = HttpConfig { access, quota: Some(Arc::new(quota)), ..HttpConfig::default() };
    let run = tokio::spawn(async move {
        xcher::http::run(listener, http, tunnel, std::future::pending()).await.unwrap();
    });
    let front = Front { addr, run };
    let mut carried = 0;
    for host in 1.. {
        let client = format!("2001:db8::{host:x}");
        let Ok(socket) = front.web_socket(&client, &[]).await else { break };
        assert!(carried < QUOTA + 2 * SLACK, "{client} may go on");
        let tunnel = Tunnel::over(bytes(socket));
        let mut link = tunnel.join(&format!("n{host}")).await;
        for _ in 0..100 {
            // Lines that the relay refuses count as well.
            if link.write_all(&[&[b'x'; 999][..], b"\n"].concat()).await.is_err() {
                break;
            }
            carried += 1000;
        }
        drop(link);
        drop(tunnel);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(front.web_socket("2001:db8::ffff:1", &[]).await.unwrap_err(), 429);
    front.web_socket("2001:db8:0:1::1", &[]).await.unwrap();
    // A page asks without a WebSocket, because it does not see the answer to one.
    let mut socket = TcpStream::connect(addr).await.unwrap();
    let request = format!(
        "GET /xcher HTTP/1.1\r\nHost: {addr}\r\nX-Forwarded-For: 2001:db8::1\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(socket.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("has used up the"), "{answer}");
}
