//! TLS at the bridge's port, and hosts that use it.

#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use rcgen::{BasicConstraints, Certificate, IsCa, date_time_ymd};
use rustix::process::Signal;
use socket2::{Domain, Socket, Type};
use system::authority::{Authority, Pair, for_names};
use system::patience::until;
use system::patient::{Patient, is_early};
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::tree;
use tempfile::tempdir;

fn relay_with(pair: &Pair) -> Relay {
    let (certificate, key) = (pair.certificate.to_str().unwrap(), pair.key.to_str().unwrap());
    Relay::start_with(&["--tls-cert", certificate, "--tls-key", key])
}

/// Returns the address of the bridge's port.
fn port(relay: &Relay) -> SocketAddr {
    relay.process.out("http https://").trim_end_matches('/').parse().unwrap()
}

fn url(relay: &Relay) -> String {
    format!("wss://{}/xcher", port(relay))
}

fn through(relay: &str, ca: &Path, command: &[&str]) -> Xcher {
    xcher(by(relay)).args([Path::new("--tls-ca"), ca]).args(command)
}

fn share(relay: &str, ca: &Path, path: &Path) -> Process {
    let process = through(relay, ca, &["share", "--nick", "bob"]).args([path]).start();
    process.out("online ");
    process
}

#[test]
fn exchanges_files_over_wss() {
    let (authority, folder, out) = (Authority::new(), tempdir().unwrap(), tempdir().unwrap());
    let files = [("a b.txt", tree::bytes(1, 5)), ("träd/日本.bin", tree::bytes(2, 3_000_000))];
    tree::write(&folder.path().join("s"), files);
    let relay = relay_with(&authority.good());
    let (at, ca) = (port(&relay), authority.file());
    let _bob = share(&url(&relay), &ca, &folder.path().join("s"));
    let get = through(&url(&relay), &ca, &["get", "bob", "--all", "-o"]).args([out.path()]);
    get.run().code(0).quiet();
    assert_eq!(tree::read(out.path()), tree::read(folder.path()));
    let tunnel = relay.process.until("the end of its tunnel", |lines| {
        lines.err.iter().find(|line| line.contains(" tunnel ")).cloned()
    });
    assert!(tunnel.contains("outcome=\"closed_by_client\""), "{tunnel}");
    // As printed, as the page shows it, and by name.
    for named in [
        format!("https://{at}/"),
        format!("https://{at}/#bob"),
        format!("wss://localhost:{}", at.port()),
    ] {
        let ls = through(&named, &ca, &["ls", "bob"]).run().code(0).quiet();
        assert_eq!(ls.out.len(), 2, "{ls}");
    }
}

#[test]
fn trusts_the_systems_authorities_unless_one_is_named() {
    let (authority, other) = (Authority::new(), Authority::new());
    let relay = relay_with(&authority.good());
    let who = |system: &Path| {
        let who = xcher(["who", "--relay", &url(&relay)]).env("SSL_CERT_FILE", system);
        who.env("SSL_CERT_DIR", authority.folder.path().join("none")).run()
    };
    who(&authority.file()).code(0).quiet();
    who(&other.file()).code(3).one_error(&[
        "cannot use the bridge at wss://",
        "unknown authority",
        "--tls-ca",
    ]);
    let none = who(&authority.folder.path().join("none"));
    none.code(3).one_error(&[
        "cannot use the bridge",
        "no list of trusted certificate authorities",
        "ca-certificates",
    ]);
    // A named authority replaces the system's.
    let named = through(&url(&relay), &other.file(), &["who"]);
    let named = named.env("SSL_CERT_FILE", authority.file()).run();
    named.code(3).one_error(&["unknown authority"]);
}

#[test]
fn rejects_a_certificate_that_is_not_valid_for_the_name() {
    let authority = Authority::new();
    let local = || for_names(&["127.0.0.1"]);
    let mut expired = local();
    expired.not_before = date_time_ymd(2001, 1, 1);
    expired.not_after = date_time_ymd(2002, 1, 1);
    let mut early = local();
    early.not_before = date_time_ymd(4001, 1, 1);
    early.not_after = date_time_ymd(4002, 1, 1);
    let mut ca = local();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for (name, params, parts) in [
        ("other", for_names(&["other.example"]), ["is for", "other.example"]),
        ("expired", expired, ["expired ", " days ago"]),
        ("early", early, ["becomes valid in ", " days"]),
        ("ca", ca, ["is a certificate authority's own", "CA:FALSE"]),
    ] {
        let relay = relay_with(&authority.pair(name, params));
        let who = || through(&url(&relay), &authority.file(), &["who"]).run();
        who()
            .code(3)
            .one_error(&["cannot use the bridge at wss://", "the certificate of 127.0.0.1"]);
        who().error(&parts);
    }
}

#[test]
fn rejects_invalid_certificate_and_key_files_before_listening() {
    let authority = Authority::new();
    let (good, other) = (authority.good(), authority.pair("other", for_names(&["localhost"])));
    let text = |name: &str, text: &str| {
        let at = authority.folder.path().join(name);
        fs::write(&at, text).unwrap();
        at
    };
    let empty = text("empty", "");
    let broken = text("broken", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    let no_der = text("no-der", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let locked = text(
        "locked",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let no_key = text("no-key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let missing = authority.folder.path().join("missing");
    let (certificate, key) = (&good.certificate, &good.key);
    for (certificate, key, parts) in [
        (certificate, &other.key, ["other.key: not the key of the certificate", "good.pem"]),
        (&missing, key, ["cannot read", "missing: No such file"]),
        (certificate, &missing, ["cannot read", "missing: No such file"]),
        (key, key, ["good.key: no certificate in PEM found", ""]),
        (&empty, key, ["empty: no certificate in PEM found", ""]),
        (&broken, key, ["broken: invalid certificate in PEM: ", ""]),
        (&no_der, key, ["no-der: not a server's certificate", ""]),
        (certificate, certificate, ["good.pem: no private key in PEM found", "encrypted"]),
        (certificate, &locked, ["locked: no private key in PEM found", "encrypted"]),
        (certificate, &no_key, ["no-key: not an RSA, ECDSA or Ed25519 key", ""]),
    ] {
        for command in ["relay", "up"] {
            let run = xcher([command, "--listen", "127.0.0.1:0", "--tls-cert"]);
            let run = run.args([certificate]).args(["--tls-key"]).args([key]);
            let run = if command == "up" { run.args([&empty]) } else { run };
            run.run().code(2).out(&[]).one_error(&parts);
        }
    }
    for (given, lacking) in [("--tls-cert", "--tls-key"), ("--tls-key", "--tls-cert")] {
        let half = xcher(["relay", "--listen", "127.0.0.1:0", given]).args([certificate]).run();
        half.code(2).one_error(&[given, "needs", lacking]);
    }
    for (ca, part) in [
        (&missing, "cannot read"),
        (&empty, "no certificate in PEM found"),
        (&broken, "invalid certificate in PEM: "),
        (&no_der, "invalid certificate in PEM: "),
    ] {
        through("wss://127.0.0.1:1", ca, &["who"]).run().code(2).one_error(&[part]);
    }
}

#[test]
fn reports_http_on_a_tls_port_and_tls_on_an_http_port() {
    let authority = Authority::new();
    let relay = relay_with(&authority.good());
    let at = port(&relay);
    for request in ["GET / HTTP/1.1\r\nhost: x\r\n\r\n", "POST /xcher HTTP/1.0\r\n\r\nbody", "G"] {
        let mut socket = connect(at, "127.0.0.1");
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(answer.contains("needs TLS") && answer.contains("https://"), "{answer}");
    }
    let who = |url: String| through(&url, &authority.file(), &["who"]).run().code(3);
    who(format!("ws://{at}/xcher")).one_error(&[
        "cannot use the bridge",
        "400",
        "needs TLS",
        "wss://",
    ]);
    let plain = Relay::start();
    let at = plain.process.out("http http://");
    let parts = ["cannot use the bridge", "does not use TLS on this port", "ws://"];
    who(format!("wss://{at}xcher")).one_error(&parts);
    // Bytes that are neither TLS nor HTTP are answered by closing.
    let mut socket = connect(port(&relay), "127.0.0.1");
    socket.write_all(&[0; 2000]).unwrap();
    let mut answer = Vec::new();
    // Reads the TLS alert, if one was sent.
    let _ = socket.read_to_end(&mut answer);
    assert!(answer.len() < 100, "{answer:?}");
}

#[test]
fn incomplete_handshakes_delay_no_other_client() {
    let authority = Authority::new();
    let relay = relay_with(&authority.good());
    // More connections than one client is allowed, each with an incomplete first record.
    let mut halves: Vec<_> = (0..120).map(|_| connect(port(&relay), "127.0.0.2")).collect();
    for half in &mut halves {
        // Those above the limit are closed already.
        let _ = half.write_all(&[0x16, 3, 1, 2, 0, 1]);
    }
    through(&url(&relay), &authority.file(), &["who"]).run().code(0).quiet();
    for half in &mut halves {
        // Expects that the bridge closed it, not that this read timed out.
        let end = half.read(&mut [0; 99]);
        assert!(end.as_ref().map_or_else(|e| !is_early(e.kind()), |n| *n == 0), "{end:?}");
    }
    through(&url(&relay), &authority.file(), &["who"]).run().code(0).quiet();
}

#[test]
fn uses_a_replaced_certificate() {
    let (old, new) = (Authority::new(), Authority::new());
    let (pair, next) = (old.good(), new.good());
    let relay = relay_with(&pair);
    let who = |authority: &Authority| through(&url(&relay), &authority.file(), &["who"]).run();
    who(&old).code(0);
    // A new key without its certificate is not used.
    fs::copy(&next.key, &pair.key).unwrap();
    until("the incomplete change is noticed", || {
        who(&old).code(0);
        relay.process.seen_err("the old certificate stays in force")
    });
    fs::copy(&next.certificate, &pair.certificate).unwrap();
    until("the new certificate is used", || who(&new).code == Some(0));
    who(&old).code(3).one_error(&["unknown authority"]);
}

#[test]
fn reads_the_certificate_again_at_sighup() {
    let (old, new) = (Authority::new(), Authority::new());
    let (pair, next) = (old.good(), new.good());
    let relay = relay_with(&pair);
    let who = |authority: &Authority| through(&url(&relay), &authority.file(), &["who"]).run();
    who(&old).code(0);
    fs::write(&pair.key, "no key").unwrap();
    relay.process.signal(Signal::HUP);
    let line = relay.process.err("xcher: ");
    assert!(line.ends_with("the old certificate stays in force"), "{line}");
    who(&old).code(0);
    fs::copy(&next.key, &pair.key).unwrap();
    fs::copy(&next.certificate, &pair.certificate).unwrap();
    relay.process.signal(Signal::HUP);
    relay.process.err("the new certificate is in force");
    who(&new).code(0);
    who(&old).code(3);
    // The files are unchanged.
    relay.process.signal(Signal::HUP);
    relay.process.err("nothing has changed");
}

/// The configuration names other files for it: as good as new bytes in the old ones.
#[test]
fn takes_the_certificate_from_other_files_at_sighup() {
    let (old, new) = (Authority::new(), Authority::new());
    let (pair, next) = (old.good(), new.good());
    let folder = tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let name = |cert: &Path, key: &Path| {
        fs::write(&config, format!("tls-cert = {cert:?}\ntls-key = {key:?}\n")).unwrap();
    };
    name(&pair.certificate, &pair.key);
    let relay = Relay::start_with(&["--config", config.to_str().unwrap()]);
    let who = |authority: &Authority| through(&url(&relay), &authority.file(), &["who"]).run();
    who(&old).code(0);
    name(&folder.path().join("none"), &next.key);
    relay.process.signal(Signal::HUP);
    let line = relay.process.err("the old certificate stays in force");
    assert!(line.contains("cannot read"), "{line}");
    who(&old).code(0);
    name(&next.certificate, &next.key);
    relay.process.signal(Signal::HUP);
    relay.process.err("now in force: --tls-cert, --tls-key");
    who(&new).code(0);
    who(&old).code(3);
    fs::write(&config, "").unwrap();
    relay.process.signal(Signal::HUP);
    relay.process.err("--tls-cert has changed; restart to apply it");
    who(&new).code(0);
}

/// Connects from this address.
fn connect(to: SocketAddr, from: &str) -> Patient {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let from = SocketAddr::new(from.parse().unwrap(), 0);
    socket.bind(&from.into()).unwrap();
    socket.connect(&to.into()).unwrap();
    Patient::new(socket.into())
}

/// Sends a request over TLS with this server name and Host header; returns the answer.
fn get_by(at: SocketAddr, ca: &Certificate, sni: &str, host: &str) -> String {
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let provider = tokio_rustls::rustls::crypto::ring::default_provider();
    let config = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(sni.to_owned()).unwrap();
    let mut connection = ClientConnection::new(config.into(), name).unwrap();
    let mut socket = Patient::new(TcpStream::connect(at).unwrap());
    let mut stream = Stream::new(&mut connection, &mut socket);
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A close without TLS's close_notify is an error here, but the answer is complete.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn bridge_answers_to_the_names_in_its_certificate() {
    let authority = Authority::new();
    let relay = relay_with(&authority.pair("named", for_names(&["relay.example", "*.a.example"])));
    let get = |sni: &str, host: &str| get_by(port(&relay), &authority.certificate, sni, host);
    for host in ["relay.example", "relay.example:9248", "b.a.example", "127.0.0.1", "localhost"] {
        let answer = get("relay.example", host);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
        assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
    }
    for host in ["rebound.example", "a.example", "c.b.a.example"] {
        let answer = get("relay.example", host);
        assert!(answer.starts_with("HTTP/1.1 421 "), "{host}: {answer}");
    }
}
