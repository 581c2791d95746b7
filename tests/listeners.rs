//! Several listeners of one relay and bridge: TCP ports of both families, with TLS and without, Unix sockets, and the
//! PROXY protocol.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod seed_peer;
mod system;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc;

use rustix::process::Signal;
use seed_peer::Wishes;
use socket2::{Domain, Socket, Type};
use system::PATIENCE;
use system::authority::{Authority, Pair};
use system::patience::until;
use system::process::{Process, Xcher, xcher};
use system::tree;
use tempfile::tempdir;

/// A client that speaks to a server by itself.
trait Client: Read + Write {
    fn say(&mut self, bytes: impl AsRef<[u8]>)
    where
        Self: Sized,
    {
        self.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads a line without its end; an empty one at the end of the stream.
    fn line(&mut self) -> String
    where
        Self: Sized,
    {
        let mut line = Vec::new();
        let mut byte = [0];
        while self.read(&mut byte).unwrap_or(0) == 1 && byte != *b"\n" {
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap()
    }

    /// Reads to the end, which may be a reset.
    fn rest(&mut self) -> String
    where
        Self: Sized,
    {
        let mut rest = Vec::new();
        let _ = self.read_to_end(&mut rest);
        String::from_utf8(rest).unwrap()
    }
}

impl Client for TcpStream {}
impl Client for UnixStream {}

/// Connects from one of this machine's addresses.
fn from(ip: &str, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(ip.parse().unwrap(), 0).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

fn at_unix(path: &Path) -> UnixStream {
    let socket = UnixStream::connect(path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn relay(options: &[&str]) -> Process {
    xcher(["relay"]).args(options).start()
}

/// Returns the addresses of the relay's ports that begin like this.
fn address(relay: &Process, start: &str) -> SocketAddr {
    let end = relay.out(&format!("relay {start}"));
    format!("{start}{end}").trim_start_matches("tls://").parse().unwrap()
}

fn with_tls(pair: &Pair) -> [String; 4] {
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    ["--tls-cert".into(), path(&pair.certificate), "--tls-key".into(), path(&pair.key)]
}

fn over_tls(at: SocketAddr, ca: &Path) -> Xcher {
    xcher(["--relay", &format!("tls://{at}"), "--tls-ca", ca.to_str().unwrap()])
}

fn share(host: Xcher, nick: &str, path: &Path) -> Process {
    let process = host.args(["share", "--nick", nick, path.to_str().unwrap()]).start();
    process.out("online ");
    process
}

/// Fetches everything of a host, and compares it.
fn get(host: Xcher, nick: &str, shared: &Path) {
    let out = tempdir().unwrap();
    let options = ["get", nick, "--all", "-o", out.path().to_str().unwrap()];
    host.args(options).run().code(0).quiet();
    assert_eq!(tree::read(out.path()), tree::read(shared));
}

#[test]
fn hosts_at_different_ports_of_one_relay_exchange_files() {
    let folder = tempdir().unwrap();
    tree::write(&folder.path().join("s"), [("a b.txt", tree::bytes(1, 300_000))]);
    // An array in the configuration file is several options.
    let config_folder = tempdir().unwrap();
    let config = config_folder.path().join("config.toml");
    let text =
        "[relay]\nlisten = [\"127.0.0.1:0\", \"[::1]:0\"]\nhttp = [\"127.0.0.1:0\", \"[::1]:0\"]\n";
    fs::write(&config, text).unwrap();
    let server = xcher(["relay", "--json", "--config", config.to_str().unwrap()]).start();
    for (event, field) in [("relay", "address"), ("http", "url")] {
        server.until("an event for each listener", |lines| {
            let events = lines.out.iter().filter(|line| line.contains(&format!("\"{event}\"")));
            let events: Vec<_> = events.filter(|line| line.contains(field)).collect();
            let in_order =
                events.len() == 2 && events[0].contains("127.0.0.1") && events[1].contains("[::1]");
            in_order.then_some(())
        });
    }
    server.stop(Signal::TERM).code(0);

    let server = relay(&[
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "[::1]:0",
        "--http",
        "127.0.0.1:0",
        "--http",
        "[::1]:0",
        "--drain",
        "60",
    ]);
    let (v4, v6) = (address(&server, "127.0.0.1:"), address(&server, "[::1]:"));
    let http = ["127.0.0.1:", "[::1]:"].map(|start| {
        let end = server.out(&format!("http http://{start}"));
        format!("http://{start}{end}")
    });
    let shared = folder.path().join("s");
    let bob = share(xcher(["--relay", &v6.to_string()]), "bob", &shared);
    get(xcher(["--relay", &v4.to_string()]), "bob", folder.path());
    drop(bob);
    // Ports that the bridge allocates are where each client reached it.
    for (sharer, getter) in [(0, 1), (1, 0), (1, 1)] {
        let nick = format!("amy-{sharer}{getter}");
        let through = |url: &str| xcher(["--relay", url, "--via", "bridge"]);
        let amy = share(through(&http[sharer]), &nick, &shared);
        get(through(&http[getter]), &nick, folder.path());
        drop(amy);
    }
    // To drain is to close all of them; to end as well.
    let _open = TcpStream::connect(v4).unwrap();
    server.signal(Signal::TERM);
    server.err("draining");
    let ports: Vec<SocketAddr> = http
        .iter()
        .map(|url| url["http://".len()..].trim_end_matches('/').parse().unwrap())
        .collect();
    for port in [v4, v6, ports[0], ports[1]] {
        until(&format!("{port} is closed"), || TcpStream::connect(port).is_err());
    }
    server.stop(Signal::TERM).code(0);
}

#[test]
fn a_listener_that_fails_names_itself() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let relay = xcher(["relay", "--listen", "127.0.0.1:0", "--listen", &taken, "--http", "off"]);
    relay.run().code(3).one_error(&["cannot listen on", &taken, "--listen"]);
    let relay =
        xcher(["relay", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--http", &taken]);
    relay.run().code(3).one_error(&["cannot listen on", &taken, "--http"]);
}

#[test]
fn options_that_do_not_fit_together_are_refused() {
    for (options, parts) in [
        (
            &["--listen", "tls://127.0.0.1:0"][..],
            ["tls://127.0.0.1:0 needs a certificate", "--tls-cert"],
        ),
        (&["--http", "off,127.0.0.1:0"], ["off and an address", "leave one"]),
        (&["--proxy-protocol", "listen"], ["needs the proxies", "--trusted-proxy"]),
        (
            &["--proxy-protocol", "http", "--listen", "unix:/nowhere"],
            ["needs the proxies", "--http unix:PATH"],
        ),
    ] {
        for check in [&[][..], &["--check"]] {
            let relay = xcher(["relay"]).args(options).args(check);
            relay.run().code(2).one_error(&parts);
        }
    }
    let bridge = ["bridge", "--proxy-protocol", "listen", "--trusted-proxy", "127.0.0.1"];
    let bridge = xcher(bridge).args(["--relay", "127.0.0.1:9", "--http", "127.0.0.1:0"]).run();
    bridge.code(2).one_error(&["--proxy-protocol listen has no effect"]);
    let up = xcher(["up", "--listen", "unix:/tmp/never-made-by-this-test", "--http", "off", "x"]);
    assert_ne!(up.run().code, Some(0));
}

#[test]
fn hosts_with_tls_without_it_and_of_the_base_protocol_reach_each_other() {
    let (authority, folder) = (Authority::new(), tempdir().unwrap());
    tree::write(&folder.path().join("s"), [("träd/日本.bin", tree::bytes(2, 3_000_000))]);
    let shared = folder.path().join("s");
    let tls = with_tls(&authority.good());
    let server = xcher(["relay", "--listen", "127.0.0.1:0,tls://127.0.0.1:0", "--http", "off"]);
    let server = server.args(&tls).start();
    let (plain, secured) = (address(&server, "127.0.0.1:"), address(&server, "tls://"));
    let ca = authority.file();
    let host = || over_tls(secured, &ca);

    let bob = share(host(), "bob", &shared);
    get(xcher(["--relay", &plain.to_string()]), "bob", folder.path());
    get(host(), "bob", folder.path());
    let wishes = Wishes { request_all: true, ..Wishes::default() };
    let received = seed_peer::request(plain, "seed-amy", "bob", wishes).join().unwrap().unwrap();
    assert!(received.files.iter().any(|(_, bytes)| bytes.len() == 3_000_000));
    drop(bob);

    let (online, wait) = mpsc::channel();
    let files = vec![("java.avi".to_owned(), tree::bytes(3, 70_000))];
    let seed = seed_peer::provide(plain, "seed-bob", files, move || online.send(()).unwrap());
    wait.recv().unwrap();
    let out = tempdir().unwrap();
    let options = ["get", "seed-bob", "--all", "-o", out.path().to_str().unwrap()];
    host().args(options).run().code(0);
    assert_eq!(fs::read(out.path().join("java.avi")).unwrap(), tree::bytes(3, 70_000));
    drop(seed);

    for command in ["who", "doctor"] {
        let done = host().args([command]).run();
        done.code(0).no_error("certificate");
    }
    // What is not TLS is told so, and so is HTTP over TLS.
    let mut client = from("127.0.0.1", secured);
    client.say("X_NICK eve\n");
    assert!(client.line().contains("this port needs TLS"), "a line that says what to do");
    let url = format!("https://{secured}/");
    let who = xcher(["who", "--relay", &url, "--tls-ca", ca.to_str().unwrap()]).run();
    who.code(3).one_error(&["serves something else on this port"]);
    // And where there is no TLS, or no trust.
    over_tls(plain, &ca).args(["who"]).run().code(3).one_error(&["cannot use the relay at tls://"]);
    let stranger = Authority::new();
    let who = over_tls(secured, &stranger.file()).args(["who"]).run();
    who.code(3).one_error(&["cannot use the relay at tls://", "unknown authority", "--tls-ca"]);
}

#[test]
fn a_new_certificate_is_in_force_at_the_port_with_tls() {
    let (before, after) = (Authority::new(), Authority::new());
    let pair = before.good();
    let server = xcher(["relay", "--listen", "tls://127.0.0.1:0", "--http", "off"]);
    let server = server.args(with_tls(&pair)).start();
    let at = address(&server, "tls://");
    let who = |authority: &Authority| over_tls(at, &authority.file()).args(["who"]).run();
    who(&before).code(0).quiet();
    let folder = tempdir().unwrap();
    let shared = folder.path().join("a.txt");
    fs::write(&shared, "a").unwrap();
    let bob = share(over_tls(at, &before.file()), "bob", &shared);
    let new = after.good();
    fs::copy(&new.certificate, &pair.certificate).unwrap();
    fs::copy(&new.key, &pair.key).unwrap();
    server.signal(Signal::HUP);
    server.err("the new certificate is in force");
    who(&after).code(0).out(&["bob"]);
    who(&before).code(3).one_error(&["unknown authority"]);
    // A bad pair keeps the old.
    fs::write(&pair.key, "nothing").unwrap();
    server.signal(Signal::HUP);
    server.err("the old certificate stays in force");
    who(&after).code(0).out(&["bob"]);
    bob.stop(Signal::TERM).code(0);
}

#[test]
fn idle_handshakes_do_not_stop_others() {
    let authority = Authority::new();
    let server = xcher(["relay", "--listen", "127.0.0.1:0,tls://127.0.0.1:0", "--http", "off"]);
    let server = server.args(with_tls(&authority.good())).start();
    let (plain, secured) = (address(&server, "127.0.0.1:"), address(&server, "tls://"));
    // More than an address may have at a time, of several addresses.
    let idle: Vec<_> =
        (0..240).map(|n| from(&format!("127.0.0.{}", 2 + n / 80), secured)).collect();
    let who = over_tls(secured, &authority.file()).args(["who"]).run();
    who.code(0).quiet();
    xcher(["who", "--relay", &plain.to_string()]).run().code(0).quiet();
    // Those above the limit of their address are closed at once, the others wait for their handshake.
    let mut closed = 0;
    for mut client in idle {
        client.set_nonblocking(true).unwrap();
        closed += usize::from(client.read(&mut [0]).is_ok_and(|bytes| bytes == 0));
    }
    assert_eq!(closed, 240 - 3 * 64);
}

const V1: &str = "PROXY TCP4 11.0.0.7 203.0.113.1 40000 9247\r\n";

/// A header of version 2, from `12.0.0.8:40001`, with a field of another kind.
fn v2() -> Vec<u8> {
    let addresses = [12, 0, 0, 8, 203, 0, 113, 1, 0x9c, 0x41, 0x24, 0x1f, 4, 0, 1, 0];
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10", &addresses[..]].concat()
}

#[test]
fn a_proxy_tells_who_its_clients_are() {
    let server = relay(&[
        "--listen",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
        "--trusted-proxy",
        "127.0.0.2/31",
        "--proxy-protocol",
        "listen",
        "--max-per-address",
        "2",
    ]);
    let at = address(&server, "127.0.0.1:");
    let proxied = |header: &[u8]| {
        let mut client = from("127.0.0.2", at);
        client.say(header);
        client
    };
    let mut amy = proxied(V1.as_bytes());
    amy.say("X_CAPS meet from ticket\nX_NICK amy\nX_ADDR\n");
    assert!(amy.line().starts_with("X_CAPS "));
    assert_eq!(amy.line(), "X_NICK amy YES");
    assert_eq!(amy.line(), "X_ADDR 11.0.0.7 40000");
    let mut bob = proxied(&v2());
    bob.say("X_NICK bob\nX_ADDR\nX_INIT amy 127.0.0.2 40000\nX_INIT amy 12.0.0.8 40000\n");
    assert_eq!(bob.line(), "X_NICK bob YES");
    assert_eq!(bob.line(), "X_ADDR 12.0.0.8");
    // The rules are about the client's address, not about the proxy's.
    assert!(bob.line().contains("refused: 127.0.0.2 is not your address"));
    assert_eq!(amy.line(), "X_FROM bob");
    assert_eq!(amy.line(), "X_INIT amy 12.0.0.8 40000");
    // And so are the limits.
    let _second = proxied(V1.as_bytes());
    let mut second = proxied(V1.as_bytes());
    second.say("X_ADDR\n");
    let mut third = proxied(V1.as_bytes());
    third.say("X_ADDR\n");
    let refused = format!("{}{}", second.line(), third.line());
    assert!(refused.contains("too many connections"), "{refused}");
    // A check by the proxy itself, and one that does not know.
    for header in [&b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"[..], b"PROXY UNKNOWN\r\n"] {
        let mut client = proxied(header);
        client.say("X_ADDR\n");
        assert_eq!(client.line(), "X_ADDR 127.0.0.2");
    }
    // Without a header, or with something else, a proxy is closed without an answer.
    for bytes in
        [&b"X_NICK eve\n"[..], b"PROXY TCP4 nonsense\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"]
    {
        let mut client = from("127.0.0.3", at);
        client.say(bytes);
        assert_eq!(client.rest(), "", "{}", bytes.escape_ascii());
    }
    // Everyone else is served as before, and cannot claim to be anybody.
    let mut client = from("127.0.0.4", at);
    client.say("X_ADDR\n");
    assert_eq!(client.line(), "X_ADDR 127.0.0.4");
    for header in [V1.as_bytes().to_vec(), v2()] {
        let mut client = from("127.0.0.4", at);
        client.say(&header);
        client.say("X_ADDR\n");
        let answer = client.rest();
        assert!(answer.starts_with("X_ERR ") && !answer.contains("X_ADDR 1"), "{answer}");
    }
}

#[test]
fn proxies_can_change_while_the_relay_runs() {
    let folder = tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let write = |text: &str| fs::write(&config, format!("[relay]\n{text}\n")).unwrap();
    write("");
    let server = xcher(["relay", "--config", config.to_str().unwrap()]);
    let server = server.args(["--listen", "127.0.0.1:0", "--http", "off"]).start();
    let at = address(&server, "127.0.0.1:");
    let seen = |ip: &str, header: &str| {
        let mut client = from(ip, at);
        client.say(header);
        client.say("X_ADDR\n");
        client.line()
    };
    assert_eq!(seen("127.0.0.2", ""), "X_ADDR 127.0.0.2");
    write("proxy-protocol = \"listen\"\ntrusted-proxy = [\"127.0.0.2\", \"127.0.0.5\"]");
    server.signal(Signal::HUP);
    server.err("now in force: --proxy-protocol, --trusted-proxy");
    assert_eq!(seen("127.0.0.2", V1), "X_ADDR 11.0.0.7");
    assert_eq!(seen("127.0.0.3", ""), "X_ADDR 127.0.0.3");
    write("proxy-protocol = \"listen\"");
    server.signal(Signal::HUP);
    server.err("needs the proxies");
    assert_eq!(seen("127.0.0.5", V1), "X_ADDR 11.0.0.7", "nothing was changed");
}

#[test]
fn slow_headers_do_not_stop_others() {
    let server = relay(&[
        "--listen",
        "127.0.0.1:0",
        "--http",
        "off",
        "--trusted-proxy",
        "127.0.0.2",
        "--proxy-protocol",
        "listen",
    ]);
    let at = address(&server, "127.0.0.1:");
    let mut slow: Vec<_> = (0..300).map(|_| from("127.0.0.2", at)).collect();
    slow.iter_mut().for_each(|client| client.say("PROXY TCP4 11.0.0.7"));
    let mut client = from("127.0.0.2", at);
    client.say(format!("{V1}X_ADDR\n"));
    assert_eq!(client.line(), "X_ADDR 11.0.0.7");
    let mut client = from("127.0.0.3", at);
    client.say("X_ADDR\n");
    assert_eq!(client.line(), "X_ADDR 127.0.0.3");
    // They are given up.
    assert_eq!(slow[0].rest(), "");
}

#[test]
fn unix_sockets_are_for_proxies() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let unix = |name: &str| format!("unix:{}", path(name).display());
    // One that a dead process left is replaced.
    drop(UnixListener::bind(path("relay.sock")).unwrap());
    let server = relay(&[
        "--listen",
        &unix("relay.sock"),
        "--http",
        &unix("http.sock"),
        "--proxy-protocol",
        "listen",
    ]);
    assert_eq!(server.out("relay "), unix("relay.sock"));
    assert_eq!(server.out("http "), unix("http.sock"));
    for name in ["relay.sock", "http.sock"] {
        assert_eq!(fs::metadata(path(name)).unwrap().permissions().mode() & 0o777, 0o660, "{name}");
    }
    let mut client = at_unix(&path("relay.sock"));
    client.say(format!("{V1}X_NICK amy\nX_ADDR\n"));
    assert_eq!(client.line(), "X_NICK amy YES");
    assert_eq!(client.line(), "X_ADDR 11.0.0.7");
    let mut without = at_unix(&path("relay.sock"));
    without.say("X_ADDR\n");
    assert_eq!(without.rest(), "");
    // HTTP has X-Forwarded-For; without it, the client is on this machine.
    for (headers, seen) in
        [("X-Forwarded-For: 198.51.100.9\r\n", "198.51.100.9\n"), ("", "127.0.0.1\n")]
    {
        let mut client = at_unix(&path("http.sock"));
        client.say(format!(
            "GET /address HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n"
        ));
        let answer = client.rest();
        assert!(answer.ends_with(&format!("\r\n\r\n{seen}")), "{answer}");
    }
    // A live one is left alone.
    let second = xcher(["relay", "--listen", &unix("relay.sock"), "--http", "off"]).run();
    second.code(3).one_error(&["cannot listen on unix:", "relay.sock", "in use"]);
    server.stop(Signal::TERM).code(0);
    assert!(!path("relay.sock").exists() && !path("http.sock").exists());

    // Without the PROXY protocol a client is one of this machine; with it, HTTP has a header, too.
    let server = relay(&[
        "--listen",
        &unix("relay.sock"),
        "--http",
        &unix("http.sock"),
        "--proxy-protocol",
        "http",
    ]);
    server.out("http ");
    let mut client = at_unix(&path("relay.sock"));
    client.say("X_NICK amy\nX_ADDR\n");
    assert_eq!(client.line(), "X_NICK amy YES");
    assert_eq!(client.line(), "X_ADDR 127.0.0.1");
    let request = "GET /address HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.5\r\n\
                   Connection: close\r\n\r\n";
    let mut client = at_unix(&path("http.sock"));
    client.say(format!("{V1}{request}"));
    let answer = client.rest();
    assert!(answer.ends_with("\r\n\r\n11.0.0.7 40000\n"), "a client's own header: {answer}");
    let mut client = at_unix(&path("http.sock"));
    client.say(request);
    assert_eq!(client.rest(), "");
}
