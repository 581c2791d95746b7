//! Opening tunnels: who may, and who is refused.

use super::*;

#[tokio::test]
async fn refuses_a_missing_subprotocol() {
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
async fn refuses_pages_of_other_sites() {
    let allow_origin = vec!["https://friend.example".to_owned()];
    let front = Front::start(with(Access { allow_origin, ..Default::default() })).await;
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
async fn rejects_an_invalid_allowed_origin() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = with(Access { allow_origin: vec!["*".to_owned()], ..Default::default() });
    let ran = run(listener, config, |_, _| async {}, std::future::pending()).await;
    assert_eq!(ran.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn accepts_only_the_token_in_either_form() {
    // Encoded, this has a "_" in base64url and a "/" in base64.
    let token = "sÿ?>secret";
    let front =
        Front::start(with(Access { token: Some(token.into()), ..Default::default() })).await;
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
        // One guess a request.
        &[(SUBPROTOCOL.0, "xcher.tunnel.1, token.b3RoZXI, token.c8O_Pz5zZWNyZXQ")],
        &[(SUBPROTOCOL.0, offered), ("authorization", "Bearer other")],
    ] {
        let (status, text) = front.open(headers).await.unwrap_err();
        assert_eq!(status, 401, "{headers:?}: {text}");
    }
    let in_url = front.get("/xcher?token=s%C3%BF%3F%3Esecret").await;
    assert!(in_url.starts_with("HTTP/1.1 401 "), "{in_url}");
    // What a page asks to learn why.
    let why = front.get("/xcher?check").await;
    assert!(why.starts_with("HTTP/1.1 401 "), "{why}");
}

#[tokio::test]
async fn limits_tunnels_in_total_and_per_address() {
    let config = HttpConfig { max_tunnels: 2, ..Default::default() };
    let front = Front::echo(config).await;
    let nothing_against = front.get("/xcher?check").await;
    assert!(nothing_against.starts_with("HTTP/1.1 204 "), "{nothing_against}");
    let mut first = front.open(&[SUBPROTOCOL]).await.unwrap();
    let _second = front.open(&[SUBPROTOCOL]).await.unwrap();
    assert_eq!(front.open(&[SUBPROTOCOL]).await.unwrap_err().0, 503);
    first.close(None).await.unwrap();
    while timeout(PATIENCE, first.next()).await.unwrap().is_some() {}
    // The permit is returned once the tunnel's future is dropped, right after its socket.
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
async fn trusts_addresses_only_from_trusted_proxies() {
    let forwarded = ("x-forwarded-for", "203.0.113.9, 198.51.100.7");
    let mut front = Front::start(HttpConfig::default()).await;
    let client = front.open(&[SUBPROTOCOL]).await.unwrap();
    assert_eq!(front.given().await.1, client.get_ref().local_addr().unwrap());
    // All clients of such a proxy would count as one on this machine.
    let (status, text) = front.open(&[SUBPROTOCOL, forwarded]).await.unwrap_err();
    assert_eq!(status, 400);
    assert!(text.contains("the proxy at 127.0.0.1 is not trusted"), "{text}");

    let trusted_proxies = vec!["127.0.0.0/30".parse().unwrap()];
    let mut front = Front::start(with(Access { trusted_proxies, ..Default::default() })).await;
    let _client = front.open(&[SUBPROTOCOL, forwarded]).await.unwrap();
    assert_eq!(front.given().await.1, "198.51.100.7:0".parse().unwrap());
    let nonsense = ("x-forwarded-for", "someone");
    assert_eq!(front.open(&[SUBPROTOCOL, nonsense]).await.unwrap_err().0, 400);
}

#[tokio::test]
async fn clients_of_a_tcp_proxy_have_its_address() {
    let mut front = Front::start(HttpConfig::default()).await;
    // Forwards only TCP, as a proxy without HTTP does.
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, to) = (proxy.local_addr().unwrap(), front.addr);
    tokio::spawn(async move {
        let (mut client, _) = proxy.accept().await.unwrap();
        let mut bridge = TcpStream::connect(to).await.unwrap();
        tokio::io::copy_bidirectional(&mut client, &mut bridge).await
    });
    let elsewhere = TcpSocket::new_v4().unwrap();
    elsewhere.bind("127.0.0.9:0".parse().unwrap()).unwrap();
    let socket = elsewhere.connect(at).await.unwrap();
    let mut request = format!("ws://{at}/xcher").into_client_request().unwrap();
    request.headers_mut().insert(SUBPROTOCOL.0, SUBPROTOCOL.1.parse().unwrap());
    let _client = timeout(PATIENCE, client_async(request, socket)).await.unwrap().unwrap();
    assert_eq!(front.given().await.1.ip(), at.ip());
}

#[tokio::test]
async fn refuses_host_names_that_point_here_by_dns_rebinding() {
    let host_names = vec!["relay.example".to_owned()];
    let config = with(Access {
        host_names,
        allow_origin: vec!["https://friend.example".into()],
        ..Default::default()
    });
    let front = Front::start(config).await;
    for host in
        ["rebound.example", "rebound.example:9248", "127.0.0.1.rebound.example", "", "x@127.0.0.1"]
    {
        for path in ["/", "/config.json", "/address", "/xcher"] {
            let answer = front.ask_by(host, &format!("GET {path} HTTP/1.1")).await;
            assert!(
                answer.starts_with("HTTP/1.1 421 ") || answer.starts_with("HTTP/1.1 400 "),
                "{host}: {answer}"
            );
            assert!(!answer.contains("<!doctype html>"), "{host}: {answer}");
        }
    }
    let answer = front.ask_by("rebound.example", "GET / HTTP/1.1").await;
    assert!(answer.contains("\"rebound.example\" is not a host name of this bridge"), "{answer}");
    for host in
        ["relay.example", "Relay.Example.:80", "friend.example", "localhost", "[::1]:1", "10.0.0.7"]
    {
        let answer = front.ask_by(host, "GET /healthz HTTP/1.1").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
    }
}

#[tokio::test]
async fn a_page_under_another_name_cannot_open_a_tunnel() {
    let front = Front::start(HttpConfig::default()).await;
    let request = "GET /xcher HTTP/1.1\r\nOrigin: http://rebound.example\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: xcher.tunnel.1";
    let answer = front.ask_by("rebound.example", request).await;
    assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
}

#[tokio::test]
async fn limits_wrong_tokens_of_an_address() {
    let trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let config =
        with(Access { token: Some("right".into()), trusted_proxies, ..Default::default() });
    let front = Front::start(config).await;
    let ask = async |from: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [SUBPROTOCOL, ("x-forwarded-for", from), ("authorization", &bearer)];
        front.open(&headers).await.map_or_else(|(status, _)| status, |_| 101)
    };
    for number in 0..10 {
        // A host that tries its old token again guesses nothing.
        assert_eq!(ask("8.8.8.8", &format!("wrong{number}")).await, 401);
        assert_eq!(ask("8.8.8.8", "wrong0").await, if number < 9 { 401 } else { 429 });
    }
    assert_eq!(ask("8.8.8.8", "right").await, 429);
    assert_eq!(ask("9.9.9.9", "right").await, 101);
}
