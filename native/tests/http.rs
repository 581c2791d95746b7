//! The bridge's HTTP front on real sockets.

#![allow(clippy::unwrap_used)]

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use xcher::http::{HttpConfig, WsBytes, run};

/// Beyond any wait of a test that goes well.
const PATIENCE: Duration = Duration::from_secs(20);
const SUBPROTOCOL: (&str, &str) = ("sec-websocket-protocol", "xcher.tunnel.1");

type Client = WebSocketStream<TcpStream>;

struct Front {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    done: JoinHandle<io::Result<()>>,
    /// What `run` gave.
    tunnels: mpsc::UnboundedReceiver<(WsBytes, SocketAddr)>,
}

impl Front {
    /// Its tunnels live for as long as their bytes are kept.
    async fn start(config: HttpConfig) -> Self {
        let (give, tunnels) = mpsc::unbounded_channel();
        let tunnel = move |bytes, from| {
            let given = give.send((bytes, from));
            async move { drop(given) }
        };
        Self::serve(config, tunnel, tunnels).await
    }

    async fn serve<F, Fut>(
        config: HttpConfig,
        tunnel: F,
        tunnels: mpsc::UnboundedReceiver<(WsBytes, SocketAddr)>,
    ) -> Self
    where
        F: Fn(WsBytes, SocketAddr) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let done = tokio::spawn(run(listener, config, tunnel, stopped));
        Self { addr, stop, done, tunnels }
    }

    /// Every byte comes back; a tunnel ends with its bytes.
    async fn echo(config: HttpConfig) -> Self {
        let tunnel = async |bytes: WsBytes| {
            let (mut from, mut to) = tokio::io::split(bytes);
            let _ = tokio::io::copy(&mut from, &mut to).await;
            let _ = to.shutdown().await;
        };
        let tunnel = move |bytes, _| tunnel(bytes);
        Self::serve(config, tunnel, mpsc::unbounded_channel().1).await
    }

    /// The answer to a request written by hand.
    async fn ask(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(self.addr).await.unwrap();
        let request = format!("{request}\r\nHost: {}\r\nConnection: close\r\n\r\n", self.addr);
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    }

    async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1")).await
    }

    /// A tunnel, or the status and text of its refusal.
    async fn open(&self, headers: &[(&'static str, &str)]) -> Result<Client, (u16, String)> {
        let mut request = format!("ws://{}/xcher", self.addr).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let socket = TcpStream::connect(self.addr).await.unwrap();
        match timeout(PATIENCE, client_async(request, socket)).await.unwrap() {
            Ok((client, answer)) => {
                assert_eq!(answer.headers()["sec-websocket-protocol"], "xcher.tunnel.1");
                assert!(!answer.headers().contains_key("sec-websocket-extensions"));
                Ok(client)
            }
            Err(Error::Http(answer)) => {
                let text = answer.body().as_deref().unwrap_or_default();
                Err((answer.status().as_u16(), String::from_utf8_lossy(text).into_owned()))
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// A tunnel's two ends.
    async fn both(&mut self) -> (Client, WsBytes) {
        let client = self.open(&[SUBPROTOCOL]).await.unwrap();
        (client, self.given().await.0)
    }

    async fn given(&mut self) -> (WsBytes, SocketAddr) {
        timeout(PATIENCE, self.tunnels.recv()).await.unwrap().unwrap()
    }
}

/// The code of the Close that comes next.
async fn close_code(client: &mut Client) -> CloseCode {
    match timeout(PATIENCE, client.next()).await.unwrap() {
        Some(Ok(Message::Close(Some(frame)))) => frame.code,
        other => panic!("expected a Close, got {other:?}"),
    }
}

fn numbered(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + (i >> 8) + (i >> 16)) as u8).collect()
}

#[tokio::test]
async fn health_config_and_page() {
    let front = Front::start(HttpConfig::default()).await;
    let health = front.get("/healthz").await;
    assert!(health.starts_with("HTTP/1.1 200 ") && health.ends_with("\r\n\r\nok"), "{health}");

    let config = front.get("/config.json").await;
    let has_page = config.contains(r#""page":true"#);
    let expected = format!(
        r#"{{"tunnel":"/xcher","subprotocol":"xcher.tunnel.1","token":false,"page":{has_page},"version":"{}"}}"#,
        env!("CARGO_PKG_VERSION")
    );
    assert!(config.ends_with(&expected), "{config}");
    let secret = Front::start(HttpConfig { token: Some("s".into()), ..Default::default() }).await;
    assert!(secret.get("/config.json").await.contains(r#""token":true"#));

    let page = front.get("/").await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    assert!(page.contains("content-type: text/html; charset=utf-8"), "{page}");
    assert!(page.contains("<!doctype html>") && !page.contains("<script>"), "{page}");
    let head = front.ask("HEAD / HTTP/1.1").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let front = Front::start(HttpConfig::default()).await;
    for path in ["/", "/healthz", "/config.json", "/nothing", "/xcher"] {
        let answer = front.get(path).await;
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval';",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cross-origin-opener-policy: same-origin",
        ] {
            assert!(answer.contains(header), "{path} lacks {header}: {answer}");
        }
        assert!(!answer.contains("unsafe-inline"), "{answer}");
    }
}

#[tokio::test]
async fn nothing_else_is_there() {
    let front = Front::start(HttpConfig::default()).await;
    for path in [
        "/nothing",
        "/../Cargo.toml",
        "/../../../../etc/passwd",
        "/%2e%2e/Cargo.toml",
        "/..%2fCargo.toml",
        "/..%5cCargo.toml",
        "/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "//etc/passwd",
        "/index.html/..",
        "/index.html%00",
    ] {
        let answer = front.get(path).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    for request in
        ["POST / HTTP/1.1", "PUT /x HTTP/1.1", "DELETE /healthz HTTP/1.1", "POST /xcher HTTP/1.1"]
    {
        let answer = front.ask(request).await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{request}: {answer}");
        assert!(answer.contains("allow: GET,HEAD"), "{request}: {answer}");
    }
    let endless = front.get(&format!("/{}", "a".repeat(100_000))).await;
    assert!(endless.is_empty() || endless.starts_with("HTTP/1.1 4"), "{endless}");
}

#[tokio::test]
async fn ten_mebibytes_there_and_back_in_odd_pieces() {
    let front = Front::echo(HttpConfig::default()).await;
    let client = front.open(&[SUBPROTOCOL]).await.unwrap();
    let (mut to, mut from) = client.split();
    let sent = Bytes::from(numbered(10 << 20));
    let expected = sent.clone();
    let sending = tokio::spawn(async move {
        let mut rest = sent;
        for piece in [1, 0, 7, 4095, 65_537, 1 << 20, 12, 300_001].into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            to.send(Message::Binary(rest.split_to(piece.min(rest.len())))).await.unwrap();
        }
        to
    });
    let mut came = Vec::new();
    while came.len() < expected.len() {
        match timeout(PATIENCE, from.next()).await.unwrap().unwrap().unwrap() {
            Message::Binary(bytes) => {
                assert!(bytes.len() <= 64 * 1024);
                came.extend_from_slice(&bytes);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(came == expected);
    let mut to = sending.await.unwrap();
    to.send(Message::Close(None)).await.unwrap();
    assert!(matches!(timeout(PATIENCE, from.next()).await.unwrap(), Some(Ok(Message::Close(_)))));
    assert!(timeout(PATIENCE, from.next()).await.unwrap().is_none());
}

#[tokio::test]
async fn writes_become_messages_when_flushed() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    for piece in ["a", "few", "pieces"] {
        bytes.write_all(piece.as_bytes()).await.unwrap();
    }
    bytes.flush().await.unwrap();
    let message = timeout(PATIENCE, client.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(message, Message::binary("afewpieces"));

    bytes.write_all(b"last").await.unwrap();
    bytes.shutdown().await.unwrap();
    let message = timeout(PATIENCE, client.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(message, Message::binary("last"));
    assert_eq!(close_code(&mut client).await, CloseCode::Normal);
    let error = bytes.write_all(b"more").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn the_end_of_either_kind_is_the_end() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    client.send(Message::binary("bye")).await.unwrap();
    client.close(None).await.unwrap();
    let mut came = Vec::new();
    timeout(PATIENCE, bytes.read_to_end(&mut came)).await.unwrap().unwrap();
    assert_eq!(came, b"bye");

    let (mut client, mut bytes) = front.both().await;
    client.get_mut().shutdown().await.unwrap();
    assert_eq!(timeout(PATIENCE, bytes.read(&mut [0; 9])).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn the_subprotocol_is_needed() {
    let front = Front::start(HttpConfig::default()).await;
    let (status, text) = front.open(&[]).await.unwrap_err();
    assert_eq!((status, &*text), (400, "expected the subprotocol xcher.tunnel.1, got none\n"));
    let offer = ("sec-websocket-protocol", "xcher.tunnel.2, token.c2VjcmV0");
    let (status, text) = front.open(&[offer]).await.unwrap_err();
    assert_eq!(status, 400);
    assert!(text.contains("xcher.tunnel.1") && text.contains("xcher.tunnel.2"), "{text}");
    assert!(!text.contains("c2VjcmV0"), "{text}");
    let plain = front.get("/xcher").await;
    assert!(plain.starts_with("HTTP/1.1 4"), "{plain}");
}

#[tokio::test]
async fn only_our_pages_and_allowed_ones() {
    let allow_origin = vec!["https://friend.example".to_owned()];
    let front = Front::start(HttpConfig { allow_origin, ..Default::default() }).await;
    let ours = format!("http://{}", front.addr);
    let secure = format!("https://{}", front.addr);
    for origin in [&*ours, &*secure, "https://friend.example", "https://FRIEND.example:443"] {
        let opened = front.open(&[SUBPROTOCOL, ("origin", origin)]).await;
        assert!(opened.is_ok(), "{origin}: {opened:?}");
    }
    for origin in [
        "http://friend.example",
        "https://friend.example:444",
        "https://evil.example",
        "http://127.0.0.1",
        "null",
        "",
    ] {
        let refused = front.open(&[SUBPROTOCOL, ("origin", origin)]).await.unwrap_err();
        assert_eq!(refused.0, 403, "{origin}: {}", refused.1);
    }
    let twice = [SUBPROTOCOL, ("origin", &*ours), ("origin", "https://evil.example")];
    assert_eq!(front.open(&twice).await.unwrap_err().0, 403);
}

#[tokio::test]
async fn an_allowed_origin_must_be_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = HttpConfig { allow_origin: vec!["*".to_owned()], ..Default::default() };
    let ran = run(listener, config, |_, _| async {}, std::future::pending()).await;
    assert_eq!(ran.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn the_token_in_either_form_and_no_other() {
    // In base64url this has a "_", where base64 has a "/".
    let token = "sÿ?>secret";
    let front = Front::start(HttpConfig { token: Some(token.into()), ..Default::default() }).await;
    let bearer = format!("Bearer {token}");
    let mut request = format!("ws://{}/xcher", front.addr).into_client_request().unwrap();
    let value = bearer.as_bytes().try_into().unwrap();
    request.headers_mut().insert("authorization", value);
    request.headers_mut().insert(SUBPROTOCOL.0, SUBPROTOCOL.1.parse().unwrap());
    let socket = TcpStream::connect(front.addr).await.unwrap();
    timeout(PATIENCE, client_async(request, socket)).await.unwrap().unwrap();

    let offered = "xcher.tunnel.1, token.c8O_Pz5zZWNyZXQ";
    front.open(&[(SUBPROTOCOL.0, offered)]).await.unwrap();

    for headers in [
        &[SUBPROTOCOL][..],
        &[SUBPROTOCOL, ("authorization", "Bearer other")],
        &[SUBPROTOCOL, ("authorization", "Bearer ")],
        &[SUBPROTOCOL, ("authorization", "Basic secret")],
        &[(SUBPROTOCOL.0, "xcher.tunnel.1, token.c8O_Pz5zZWNyZXR")],
        &[(SUBPROTOCOL.0, "xcher.tunnel.1, token.")],
    ] {
        let (status, text) = front.open(headers).await.unwrap_err();
        assert_eq!(status, 401, "{headers:?}: {text}");
    }
    let in_url = front.get("/xcher?token=s%C3%BF%3F%3Esecret").await;
    assert!(in_url.starts_with("HTTP/1.1 401 "), "{in_url}");
}

#[tokio::test]
async fn so_many_tunnels_and_no_more() {
    let config = HttpConfig { max_tunnels: 2, ..Default::default() };
    let front = Front::echo(config).await;
    let mut first = front.open(&[SUBPROTOCOL]).await.unwrap();
    let _second = front.open(&[SUBPROTOCOL]).await.unwrap();
    assert_eq!(front.open(&[SUBPROTOCOL]).await.unwrap_err().0, 503);
    first.close(None).await.unwrap();
    while timeout(PATIENCE, first.next()).await.unwrap().is_some() {}
    // The place is free once the tunnel's future is dropped, right after its socket.
    let free = async {
        while front.open(&[SUBPROTOCOL]).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, free).await.unwrap();

    let front = Front::echo(HttpConfig { max_tunnels_per_address: 1, ..Default::default() }).await;
    let _first = front.open(&[SUBPROTOCOL]).await.unwrap();
    assert_eq!(front.open(&[SUBPROTOCOL]).await.unwrap_err().0, 429);
}

#[tokio::test]
async fn a_message_too_long_or_of_text_closes() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    client.send(Message::text("hello")).await.unwrap();
    let error = timeout(PATIENCE, bytes.read(&mut [0; 9])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(close_code(&mut client).await, CloseCode::Unsupported);

    // Only the head of the frame: it is refused before its bytes come.
    let (mut client, mut bytes) = front.both().await;
    let head = [0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0x10, 0, 1, 1, 2, 3, 4];
    client.get_mut().write_all(&head).await.unwrap();
    let error = timeout(PATIENCE, bytes.read(&mut [0; 9])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(close_code(&mut client).await, CloseCode::Size);
    assert_eq!(bytes.read(&mut [0; 9]).await.unwrap(), 0);

    // An unmasked frame.
    let (mut client, mut bytes) = front.both().await;
    client.get_mut().write_all(&[0x82, 1, b'x']).await.unwrap();
    let error = timeout(PATIENCE, bytes.read(&mut [0; 9])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(close_code(&mut client).await, CloseCode::Protocol);
}

/// Ends when nobody has anything to do: with the clock paused, time passes only then.
async fn nothing_moves() {
    tokio::time::sleep(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn who_never_reads_is_not_written_to() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    tokio::time::pause();
    let piece = vec![7; 64 * 1024];
    let mut taken = 0;
    loop {
        tokio::select! {
            written = bytes.write(&piece) => taken += written.unwrap(),
            () = nothing_moves() => break,
        }
        assert!(taken < 64 << 20, "more than any socket buffers");
    }
    tokio::time::resume();
    // Once the client reads, all that was taken arrives.
    let rest = tokio::spawn(async move { bytes.shutdown().await });
    let mut came = 0;
    while let Message::Binary(message) =
        timeout(PATIENCE, client.next()).await.unwrap().unwrap().unwrap()
    {
        came += message.len();
    }
    assert_eq!(came, taken);
    rest.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_never_reads_is_given_up_and_little_was_held() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    tokio::time::pause();
    let began = Instant::now();
    let mut taken = 0;
    let error = loop {
        match bytes.write(&[7; 1000]).await {
            Ok(written) => taken += written,
            Err(error) => break error,
        }
        assert!(taken < 64 << 20, "more than any socket buffers");
    };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(began.elapsed().as_secs(), 60);
    drop(bytes);
    tokio::time::resume();
    let mut came = 0;
    while let Some(Ok(Message::Binary(message))) = timeout(PATIENCE, client.next()).await.unwrap() {
        came += message.len();
    }
    // What the sockets held came; the rest was ours.
    assert!(came > 0 && taken - came <= 128 * 1024, "{came} of {taken}");
}

#[tokio::test]
async fn who_is_not_read_is_stopped() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    client.send(Message::binary("first")).await.unwrap();
    assert_eq!(bytes.read(&mut [0; 5]).await.unwrap(), 5);
    tokio::time::pause();
    let piece = Bytes::from(vec![7; 64 * 1024]);
    let mut sent = 0;
    loop {
        tokio::select! {
            done = client.send(Message::Binary(piece.clone())) => done.unwrap(),
            () = nothing_moves() => break,
        }
        sent += piece.len();
        assert!(sent < 64 << 20, "more than any socket buffers");
    }
    tokio::time::resume();
    let flushed = tokio::spawn(async move { client.flush().await.map(|()| client) });
    // The one that waited is sent now, too.
    let mut came = vec![0; sent + piece.len()];
    timeout(PATIENCE, bytes.read_exact(&mut came)).await.unwrap().unwrap();
    assert!(came.iter().all(|&byte| byte == 7));
    flushed.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_is_silent_is_pinged_and_then_closed() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    // From here time passes as soon as nobody has anything to do.
    tokio::time::pause();
    let began = Instant::now();
    let error = bytes.read(&mut [0; 9]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(began.elapsed().as_secs(), 60);
    tokio::time::resume();
    let mut came = [0; 3];
    client.get_mut().read_exact(&mut came).await.unwrap();
    assert_eq!(came, [0x89, 0, 0x88]);
}

#[tokio::test]
async fn an_address_is_believed_of_a_trusted_proxy_only() {
    let forwarded = ("x-forwarded-for", "203.0.113.9, 198.51.100.7");
    let mut front = Front::start(HttpConfig::default()).await;
    let client = front.open(&[SUBPROTOCOL, forwarded]).await.unwrap();
    assert_eq!(front.given().await.1, client.get_ref().local_addr().unwrap());

    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let mut front = Front::start(HttpConfig { trusted_proxies, ..Default::default() }).await;
    let _client = front.open(&[SUBPROTOCOL, forwarded]).await.unwrap();
    assert_eq!(front.given().await.1, "198.51.100.7:0".parse().unwrap());
    let nonsense = ("x-forwarded-for", "someone");
    assert_eq!(front.open(&[SUBPROTOCOL, nonsense]).await.unwrap_err().0, 400);
}

#[tokio::test]
async fn stopping_closes_tunnels_and_idle_connections() {
    let front = Front::echo(HttpConfig::default()).await;
    let mut client = front.open(&[SUBPROTOCOL]).await.unwrap();
    client.send(Message::binary("x")).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::binary("x"));
    let mut idle = TcpStream::connect(front.addr).await.unwrap();
    let began = Instant::now();
    front.stop.send(()).unwrap();
    assert_eq!(close_code(&mut client).await, CloseCode::Away);
    timeout(PATIENCE, front.done).await.unwrap().unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
    // Its end or its reset: it may not have been accepted yet.
    assert!(matches!(idle.read(&mut [0]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn stopping_cuts_a_tunnel_that_does_not_end() {
    let stuck = |bytes: WsBytes, _| async move {
        std::future::pending::<()>().await;
        drop(bytes);
    };
    let front = Front::serve(HttpConfig::default(), stuck, mpsc::unbounded_channel().1).await;
    let mut client = front.open(&[SUBPROTOCOL]).await.unwrap();
    let began = Instant::now();
    front.stop.send(()).unwrap();
    timeout(PATIENCE, front.done).await.unwrap().unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(!matches!(timeout(PATIENCE, client.next()).await.unwrap(), Some(Ok(_))));
}
