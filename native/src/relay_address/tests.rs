#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn parses_urls_of_bridges() {
    for (text, url, host, port) in [
        ("ws://127.0.0.1:9248/xcher", "ws://127.0.0.1:9248/xcher", "127.0.0.1", 9248),
        ("ws://a.example", "ws://a.example/xcher", "a.example", 80),
        ("wss://a.example/xcher", "wss://a.example/xcher", "a.example", 443),
        ("wss://a.example/b/c", "wss://a.example/b/c", "a.example", 443),
        ("wss://[2001:db8::1]/xcher", "wss://[2001:db8::1]/xcher", "2001:db8::1", 443),
        ("WS://[::1]:9248/", "ws://[::1]:9248/xcher", "::1", 9248),
        ("http://127.0.0.1:9248/", "ws://127.0.0.1:9248/xcher", "127.0.0.1", 9248),
        ("https://a.example", "wss://a.example/xcher", "a.example", 443),
        ("https://a.example:444/#alice", "wss://a.example:444/xcher", "a.example", 444),
        ("https://a.example/b/", "wss://a.example/b/xcher", "a.example", 443),
        ("https://a.example/b/index.html", "wss://a.example/b/xcher", "a.example", 443),
        ("https://a.example/xcher", "wss://a.example/xcher", "a.example", 443),
    ] {
        let address: RelayAddress = text.parse().unwrap();
        assert_eq!(address.to_string(), text);
        let bridge = address.bridge().unwrap();
        assert_eq!((bridge.url.as_str(), bridge.host.as_str()), (url, host), "{text}");
        assert_eq!((bridge.port, bridge.tls), (port, url.starts_with("wss")), "{text}");
    }
}

#[test]
fn returns_the_page_of_a_bridge() {
    for (text, page) in [
        ("http://127.0.0.1:9248/", Some("http://127.0.0.1:9248/")),
        ("ws://127.0.0.1:9248/xcher", Some("http://127.0.0.1:9248/")),
        ("https://a.example/b/#alice", Some("https://a.example/b/")),
        ("wss://[2001:db8::1]/xcher", Some("https://[2001:db8::1]/")),
        ("wss://a.example/other", None),
        ("wss://a.example/notxcher", None),
        ("127.0.0.1:9247", None),
    ] {
        let address: RelayAddress = text.parse().unwrap();
        assert_eq!(address.page().as_deref(), page, "{text}");
    }
}

#[cfg(feature = "cli")]
#[test]
fn returns_paths_beside_the_web_socket() {
    for (text, path, authority) in [
        ("http://127.0.0.1:9248/", Some("/address"), "127.0.0.1:9248"),
        ("https://a.example/b/#alice", Some("/b/address"), "a.example"),
        ("wss://[2001:db8::1]/xcher", Some("/address"), "[2001:db8::1]"),
        ("wss://a.example/other", None, "a.example"),
    ] {
        let address = text.parse::<RelayAddress>().unwrap();
        let bridge = address.bridge().unwrap();
        assert_eq!(bridge.path_of("address").as_deref(), path, "{text}");
        assert_eq!(bridge.authority(), authority);
    }
}

#[test]
fn parses_hosts_with_ports() {
    for text in ["127.0.0.1:9247", "[::1]:9247", "relay.example:1"] {
        let address = text.parse::<RelayAddress>().unwrap();
        assert_eq!((address.tcp(), address.to_string().as_str()), (Some(text), text));
    }
}

#[test]
fn direct_paths_include_hole_punching() {
    let policy = |relay: &str, only| relay.parse::<RelayAddress>().expect(relay).path_policy(only);
    let direct = Some(PathPolicy::Only(Path::Direct));
    for relay in ["192.0.2.1:9247", "http://192.0.2.1:9248/"] {
        assert_eq!(policy(relay, Some(Path::Direct)), direct);
        assert_eq!(policy(relay, Some(Path::Punched)), direct);
    }
    assert_eq!(policy("192.0.2.1:9247", None), direct);
    assert_eq!(policy("192.0.2.1:9247", Some(Path::Bridge)), None);
    assert_eq!(policy("http://192.0.2.1:9248/", None), Some(PathPolicy::Auto));
}

#[test]
fn parses_ports_with_tls() {
    for (text, host, port, canonical) in [
        ("tls://relay.example", "relay.example", 9250, "tls://relay.example:9250"),
        ("TLS://Relay.example:443", "Relay.example", 443, "tls://relay.example:443"),
        ("tls://[::1]", "::1", 9250, "tls://[::1]:9250"),
        ("tls://[0::1]:9", "0::1", 9, "tls://[::1]:9"),
        ("tls://192.0.2.1:9", "192.0.2.1", 9, "tls://192.0.2.1:9"),
    ] {
        let address: RelayAddress = text.parse().unwrap();
        let tls = address.tls().unwrap();
        assert_eq!((tls.host.as_str(), tls.port), (host, port), "{text}");
        assert_eq!((address.to_string().as_str(), address.canonical().as_str()), (text, canonical));
        assert!(address.tcp().is_none() && address.bridge().is_none(), "{text}");
        let again: RelayAddress = canonical.parse().unwrap();
        assert_eq!(again.canonical(), canonical);
        assert_eq!(address.path_policy(None), Some(PathPolicy::Only(Path::Direct)));
    }
    for text in
        ["tls://", "tls://:9", "tls://h:0", "tls://h/x", "tls://me@h", "tls://a b:9", "tls://9"]
    {
        let error = text.parse::<RelayAddress>().unwrap_err();
        assert!(error.starts_with("expected tls://HOST:PORT"), "{text}: {error}");
    }
}

#[test]
fn only_tls_and_this_machine_are_confidential() {
    let is_confidential = |text: &str| text.parse::<RelayAddress>().expect(text).is_confidential();
    for text in [
        "tls://relay.example",
        "https://relay.example/",
        "wss://192.0.2.1/xcher",
        "ircs://irc.example/#files",
        "127.0.0.1:9247",
        "[::1]:9247",
        "[::ffff:127.0.0.1]:9247",
        "http://127.0.0.1:9248/",
        "irc://[::1]/#files",
    ] {
        assert!(is_confidential(text), "{text}");
    }
    for text in [
        "relay.example",
        "localhost",
        "192.0.2.1:9247",
        "127.0.0.1.relay.example:9247",
        "localhost.relay.example:9247",
        "http://relay.example/",
        "ws://[2001:db8::1]/xcher",
        "irc://irc.example/#files",
        "lan",
    ] {
        assert!(!is_confidential(text), "{text}");
    }
}

#[test]
fn a_host_alone_means_the_default_port() {
    for host in ["h", "127.0.0.1", "192.168.1.5", "[::1]", "[fe80::1%eth0]", "bücher.example"] {
        let address: RelayAddress = host.parse().unwrap();
        assert_eq!(address.tcp(), Some(format!("{host}:9247").as_str()));
        assert_eq!(address.to_string(), format!("{host}:9247"));
    }
}

#[test]
fn all_forms_of_an_address_have_one_canonical_form() {
    for (canonical, texts) in [
        ("lan", &["lan"][..]),
        ("127.0.0.1:9247", &["127.0.0.1:9247", "127.0.0.1:09247", "127.0.0.1:+9247"]),
        ("127.0.0.1:9247", &["127.0.0.1"]),
        ("relay.example:9247", &["relay.example", "Relay.Example", "relay.example:9247"]),
        ("relay.example:1", &["relay.example:1", "Relay.EXAMPLE:1"]),
        ("[::1]:9247", &["[::1]:9247", "[0:0::1]:9247", "::1:9247", "[::1]"]),
        ("[fe80::1%eth0]:9247", &["fe80::1%eth0:9247", "[fe80::1%eth0]:9247"]),
        ("%23a%20b%c3%a9:1", &["#a bé:1", "%23a%20b%C3%A9:1"]),
        (
            "ws://127.0.0.1:9248/xcher",
            &["ws://127.0.0.1:9248/xcher", "http://127.0.0.1:9248/", "WS://127.0.0.1:09248"],
        ),
        (
            "wss://a.example/xcher",
            &["https://A.example", "wss://a.example:443/xcher", "https://a.example/#alice"],
        ),
        ("ircs://a.example/#files", &["ircs://A.example:6697/#Files", "IRCS://a.example/files"]),
        ("ws://a.example/xcher", &["http://a.example:80/index.html", "ws://a.example/"]),
        ("wss://[2001:db8::1]/B/c", &["wss://[2001:DB8:0::1]/B/c", "WSS://[2001:db8::1]:443/B/c"]),
        ("wss://a.example/%C3%A9/xcher", &["https://a.example/é/", "wss://a.example/é/xcher"]),
    ] {
        for text in texts {
            let address: RelayAddress = text.parse().unwrap();
            assert_eq!(address.canonical(), canonical, "{text}");
        }
        let again: RelayAddress = canonical.parse().unwrap();
        assert_eq!(again.canonical(), canonical);
    }
}

#[test]
fn a_channel_is_neither_a_port_nor_a_bridge() {
    let address: RelayAddress = "ircs://irc.example/#Files".parse().unwrap();
    assert_eq!(address.irc_channel().map(Channel::as_str), Some("#Files"));
    assert_eq!(address.to_string(), "ircs://irc.example/#Files");
    assert!(address.tcp().is_none() && address.bridge().is_none() && address.page().is_none());
    assert!(address.path_policy(Some(Path::Bridge)).is_none());
}

#[test]
fn rejects_other_texts() {
    for text in [
        "",
        ":1",
        "h:",
        "h:p",
        "9247",
        "h/",
        "a b",
        "-h",
        "me@h",
        "::1",
        "fe80::1",
        "[::1",
        "[h]",
        "[::1]:",
        &"a".repeat(254),
        "h:0",
        "h:65536",
        "ws://",
        "ws:///xcher",
        "wss://:443/xcher",
        "wss://h:0/xcher",
        "wss://h:65536/xcher",
        "wss://h:/xcher",
        "wss://me:secret@h/xcher",
        "wss://h/xcher?token=x",
        "wss://[::1/xcher",
        "wss://a b/xcher",
        "ftp://h/xcher",
        "://h",
        "ircs://h",
        "ircs://me:secret@h/#files",
    ] {
        let error = text.parse::<RelayAddress>().unwrap_err();
        let expects = error.starts_with("expected ") || error.contains("names no channel");
        assert!(expects && !error.contains("secret"), "{text}: {error}");
    }
}
