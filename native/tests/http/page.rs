//! The routes besides tunnels.

use super::*;

#[tokio::test]
async fn serves_health_config_and_page() {
    let front = Front::start(HttpConfig::default()).await;
    let health = front.get("/healthz").await;
    assert!(health.starts_with("HTTP/1.1 200 ") && health.ends_with("\r\n\r\nok"), "{health}");

    let config = front.get("/config.json").await;
    let has_page = config.contains(r#""page":true"#);
    let expected = format!(
        r#"{{"tunnel":"xcher","subprotocol":"xcher.tunnel.1","token":false,"tokens":false,"page":{has_page},"version":"{}"}}"#,
        env!("CARGO_PKG_VERSION")
    );
    assert!(config.ends_with(&expected), "{config}");
    let secret = Front::start(with(Access { token: Some("s".into()), ..Default::default() })).await;
    assert!(secret.get("/config.json").await.contains(r#""token":true"#));

    let page = front.get("/").await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    assert!(page.contains("content-type: text/html; charset=utf-8"), "{page}");
    assert!(page.contains("<!doctype html>") && !page.contains("<script>"), "{page}");
    let head = front.ask("HEAD / HTTP/1.1").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn tells_a_client_where_it_is_seen() {
    let front = Front::start(HttpConfig::default()).await;
    let mut socket = TcpStream::connect(front.addr).await.unwrap();
    let request =
        format!("GET /address HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", front.addr);
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    let own = socket.local_addr().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with(&format!("\r\n\r\n{} {}\n", own.ip(), own.port())), "{answer}");
    assert!(answer.contains("cache-control: no-store"), "{answer}");
    let forwarded = |at: &str| format!("GET /address HTTP/1.1\r\nX-Forwarded-For: {at}");
    let answer = front.ask(&forwarded("8.8.8.8")).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let trusted_proxies = vec!["127.0.0.0/30".parse().unwrap()];
    let front = Front::start(with(Access { trusted_proxies, ..Default::default() })).await;
    for (at, line) in [("8.8.8.8", "8.8.8.8\n"), ("8.8.8.8:1234", "8.8.8.8 1234\n")] {
        let answer = front.ask(&forwarded(at)).await;
        assert!(answer.ends_with(&format!("\r\n\r\n{line}")), "{answer}");
    }
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let front = Front::start(HttpConfig::default()).await;
    for path in ["/", "/healthz", "/config.json", "/address", "/nothing", "/xcher"] {
        let answer = front.get(path).await;
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval';",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cross-origin-opener-policy: same-origin",
            "cross-origin-resource-policy: same-origin",
            "permissions-policy: accelerometer=(), ",
        ] {
            assert!(answer.contains(header), "{path} lacks {header}: {answer}");
        }
        for part in ["connect-src 'self';", "manifest-src 'self';", "frame-ancestors 'none'"] {
            assert!(answer.contains(part), "{path} lacks {part}: {answer}");
        }
        assert!(!answer.contains("unsafe-inline"), "{answer}");
    }
}

#[tokio::test]
async fn serves_nothing_else() {
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
    let shared = front.ask("POST /share-target HTTP/1.1").await;
    assert!(shared.starts_with("HTTP/1.1 303 "), "{shared}");
    assert!(shared.contains("location: ./?not-shared"), "{shared}");
    let endless = front.get(&format!("/{}", "a".repeat(100_000))).await;
    assert!(endless.is_empty() || endless.starts_with("HTTP/1.1 4"), "{endless}");
}
