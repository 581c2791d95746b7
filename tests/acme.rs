//! Certificates from an authority by ACME: Debian's pebble, and authorities that are broken or hostile.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod system;

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use rustix::process::Signal;
use serde_json::json;
use system::authority::{Authority, for_names};
use system::not_tested;
use system::patience::until;
use system::patient::Patient;
use system::pebble::{self, Pebble, free};
use system::process::{Process, Xcher, xcher};
use tempfile::{TempDir, tempdir};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConnection, Stream,
};

/// The name of the server, which is at 127.0.0.1 for pebble and for curl.
const NAME: &str = "relay.example";

/// A server with TLS at a fixed port, and what its restarts have in common.
struct Server {
    http: SocketAddr,
    admin: SocketAddr,
    data: TempDir,
}

impl Server {
    fn new() -> Self {
        Self { http: free(), admin: free(), data: tempdir().unwrap() }
    }

    fn command(&self, names: &str, directory: &str, ca: &Path) -> Xcher {
        xcher(["relay", "--listen", "127.0.0.1:0", "--acme-domain", names])
            .args(["--http", &self.http.to_string(), "--admin", &self.admin.to_string()])
            .args(["--acme-directory", directory, "--acme-ca"])
            .args([ca])
            .arg_data(&self.file(""))
    }

    fn start(&self, names: &str, pebble: &Pebble) -> Process {
        let process = self.command(names, &pebble.directory(), &pebble.ca()).start();
        process.out("http https://");
        process
    }

    /// Returns what /readyz says.
    fn readiness(&self) -> String {
        let mut socket = Patient::new(TcpStream::connect(self.admin).unwrap());
        let request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.trim_end().to_owned()
    }

    fn wait_until_ready(&self) {
        until("the server is ready", || self.readiness() == "ready");
    }

    /// Asks as a browser does, by this name and with this root only. Returns the answer, or curl's error.
    fn get(&self, name: &str, root: &Path) -> Result<String, String> {
        let url = format!("https://{name}:{}/healthz", self.http.port());
        let at = format!("{name}:{}:{}", self.http.port(), self.http.ip());
        let curl = Command::new("curl")
            .args(["--silent", "--show-error", "--noproxy", "*", "--resolve", &at, &url])
            .arg("--cacert")
            .arg(root)
            .output()
            .unwrap();
        match curl.status.success() {
            true => Ok(String::from_utf8(curl.stdout).unwrap()),
            false => Err(String::from_utf8(curl.stderr).unwrap()),
        }
    }

    /// Returns the certificate that a client of this name gets, checked or not, or the error of its handshake.
    fn certificate(&self, name: &str, protocols: &[&str]) -> Result<Vec<u8>, String> {
        let mut config = client(RootCertStore::empty());
        config.dangerous().set_certificate_verifier(Arc::new(unchecked::Unchecked));
        config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut connection = ClientConnection::new(config.into(), name).unwrap();
        let mut socket = Patient::new(TcpStream::connect(self.http).unwrap());
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).map_err(|error| error.to_string())?;
        }
        Ok(connection.peer_certificates().unwrap()[0].to_vec())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.data.path().join("keys").join(name)
    }
}

trait DataDir {
    fn arg_data(self, folder: &Path) -> Self;
}

impl DataDir for Xcher {
    fn arg_data(self, folder: &Path) -> Self {
        self.args([Path::new("--data-dir"), folder])
    }
}

fn client(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Accepts any certificate: a test compares it.
mod unchecked {
    use tokio_rustls::rustls::client::danger::{
        HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
    };
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use tokio_rustls::rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    pub(super) struct Unchecked;

    impl ServerCertVerifier for Unchecked {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ED25519]
        }
    }
}

fn is_tested() -> bool {
    let tested = pebble::is_installed();
    if !tested {
        not_tested("certificates by ACME, without pebble or curl");
    }
    tested
}

#[test]
fn obtains_a_certificate_and_uses_it_after_a_restart() {
    if !is_tested() {
        return;
    }
    let server = Server::new();
    let mut pebble = Pebble::new(server.http.port(), json!({}));
    // The authority does not run yet: the server does.
    let relay = server.start(NAME, &pebble);
    let line = relay.err("no answer from https://");
    assert!(line.contains("next attempt in 5s"), "{line}");
    assert!(line.contains(&format!("certificate for {NAME}")), "{line}");
    until("the reason is told", || {
        server.readiness().starts_with("acme: no certificate yet: no answer")
    });
    let url = format!("wss://{}/xcher", server.http);
    let who = xcher(["who", "--relay", &url, "--tls-ca"]).args([pebble.ca()]).run();
    who.code(3).one_error(&["cannot use the bridge", "has no certificate yet"]);
    xcher(["who", "--relay", &relay.out("relay ")]).run().code(0).quiet();

    pebble.start();
    relay.signal(Signal::HUP);
    relay.err("issued, valid until ");
    server.wait_until_ready();
    let root = pebble.root();
    assert_eq!(server.get(NAME, &root).as_deref(), Ok("ok"));
    assert_eq!(pebble.orders(), 1);
    assert_eq!(relay.count_err("no answer from"), 1);
    for (file, mode) in [("acme_account", 0o600), ("acme_certificate", 0o600), ("", 0o700)] {
        let found = fs::metadata(server.file(file)).unwrap().mode() & 0o7777;
        assert_eq!(found, mode, "{file}: {found:o}");
    }
    // Nobody but the authority gets a proof, and it only while it validates.
    for name in [NAME, "other.example"] {
        let proof = server.certificate(name, &["acme-tls/1"]);
        assert!(proof.as_ref().is_err_and(|error| error.contains("AccessDenied")), "{proof:?}");
    }
    let first = server.certificate(NAME, &[]).unwrap();
    assert_eq!(server.certificate(NAME, &["http/1.1", "acme-tls/1"]), Ok(first.clone()));
    relay.stop(Signal::TERM).code(0);

    // Without an authority, the stored certificate is enough.
    pebble.kill();
    let relay = server.start(NAME, &pebble);
    relay.err(&format!("certificate for {NAME}: valid until "));
    server.wait_until_ready();
    assert_eq!(server.certificate(NAME, &["http/1.1"]), Ok(first.clone()));
    relay.stop(Signal::TERM).code(0).no_error("no answer").no_error("asking");

    // A further name needs a new one, and the old one serves until then.
    let names = format!("{NAME},b.example");
    let relay = server.start(&names, &pebble);
    relay.err("no answer from https://");
    assert_eq!(server.certificate(NAME, &[]), Ok(first.clone()));
    pebble.start();
    relay.signal(Signal::HUP);
    relay.err("issued, valid until ");
    let root = pebble.root();
    for name in [NAME, "b.example"] {
        assert_eq!(server.get(name, &root).as_deref(), Ok("ok"));
    }
    assert!(server.get("c.example", &root).is_err());
    relay.stop(Signal::TERM).code(0);
}

#[test]
fn renews_a_certificate_in_time_and_keeps_the_old_one_meanwhile() {
    if !is_tested() {
        return;
    }
    let server = Server::new();
    // Renewed after six seconds.
    let mut pebble = Pebble::new(server.http.port(), json!({ "certificateValidityPeriod": 9 }));
    pebble.start();
    let relay = server.start(NAME, &pebble);
    relay.err("issued, valid until ");
    let first = server.certificate(NAME, &[]).unwrap();
    let stored = fs::read(server.file("acme_certificate")).unwrap();
    until("it is renewed", || server.certificate(NAME, &[]).is_ok_and(|now| now != first));
    relay.until("it is told", |lines| {
        (lines.err.iter().filter(|line| line.contains("issued, ")).count() == 2).then_some(())
    });
    assert_ne!(fs::read(server.file("acme_certificate")).unwrap(), stored);

    pebble.kill();
    let second = server.certificate(NAME, &[]).unwrap();
    let line = relay.err("no answer from");
    assert!(line.contains("the one in force is valid until "), "{line}");
    // It is served even when it has expired, because an error about that is clear; but the server is not ready.
    until("it expires", || server.readiness().starts_with("acme: the certificate has expired: no"));
    assert_eq!(server.certificate(NAME, &[]), Ok(second.clone()));
    assert_eq!(relay.count_err("no answer from"), 1);
    pebble.start();
    relay.signal(Signal::HUP);
    until("it is replaced", || server.certificate(NAME, &[]).is_ok_and(|now| now != second));
    server.wait_until_ready();
}

#[test]
fn says_once_why_there_is_no_certificate_and_does_not_insist() {
    if !is_tested() {
        return;
    }
    let server = Server::new();
    // Nobody listens at the port where names are validated.
    let blocked = json!({ "domainBlocklist": ["blocked.example"] });
    let mut pebble = Pebble::new(free().port(), blocked);
    pebble.start();
    let other = Authority::new();
    let (directory, ca) = (pebble.directory(), pebble.ca());
    let not_acme = directory.replace("/dir", "/nothing");
    for (names, directory, ca, parts) in [
        (NAME, &directory, &ca, ["could not validate relay.example", "port 443", "in 5m"]),
        ("a.blocked.example", &directory, &ca, ["the authority refuses", "--acme-domain", "in 5m"]),
        (NAME, &directory, &other.file(), ["unknown authority", "--acme-ca", "in 5s"]),
        (NAME, &not_acme, &ca, ["no answer from", "404", "in 5s"]),
    ] {
        let before = pebble.orders();
        let relay = server.command(names, directory, ca).start();
        let line = relay.err("next attempt in ");
        let minutes = |part: &str| part == "in 5m" && line.contains("next attempt in 6m");
        let seconds = |part: &str| part == "in 5s" && line.contains("next attempt in 6s");
        for part in parts {
            assert!(line.contains(part) || minutes(part) || seconds(part), "{part}: {line}");
        }
        // A second attempt that fails in the same way adds no line.
        let has_asked = pebble.orders() > before;
        relay.signal(Signal::HUP);
        if has_asked {
            until("it asks again", || pebble.orders() == before + 2);
        }
        until("the reason is told", || {
            server.readiness().starts_with("acme: no certificate yet: ")
        });
        let done = relay.stop(Signal::TERM).code(0);
        let told = done.err.iter().filter(|line| line.contains("next attempt")).count();
        assert_eq!(told, 1, "{done}");
    }
}

/// An authority that gives the same answer to every request.
struct Fake(SocketAddr, Authority);

impl Fake {
    fn new(answer: &'static str) -> Self {
        let authority = Authority::new();
        let config = authority.good().server_config();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        // The thread ends with the test program.
        thread::spawn(move || {
            for socket in listener.incoming() {
                let (mut socket, config) = (socket.unwrap(), Arc::clone(&config));
                thread::spawn(move || {
                    let mut connection = ServerConnection::new(config).unwrap();
                    let mut stream = Stream::new(&mut connection, &mut socket);
                    let _ = stream.read(&mut [0; 4096]);
                    let _ = stream.write_all(answer.as_bytes());
                    let endless = answer.ends_with("endless\r\n\r\n");
                    while endless && stream.write_all(&[b' '; 1 << 16]).is_ok() {}
                    let _ = stream.read(&mut [0; 4096]);
                });
            }
        });
        Self(at, authority)
    }
}

#[test]
fn broken_and_hostile_authorities_stop_nobody() {
    const LIMITED: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 5000\r\n\
        content-type: application/problem+json\r\ncontent-length: 75\r\n\r\n\
        {\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"later\\u001b[2J\"}";
    for (answer, parts) in [
        // A directory whose answer is a problem is no directory, and the wait that it demands counts.
        (LIMITED, ["it is no ACME directory", "next attempt in 1h 23m 20s"]),
        (
            "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
            ["it answers 502 Bad Gateway", "next attempt in "],
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull",
            ["it is no ACME directory", "--acme-directory"],
        ),
        ("HTTP/1.1 200 OK\r\nendless\r\n\r\n", ["no answer from", "next attempt in "]),
        ("HTTP/1.1 200 OK\r\nx: endless\r\n\r\n", ["no answer from", "length limit"]),
        ("\0\u{1b}[2J", ["no answer from", "next attempt in "]),
    ] {
        let (server, Fake(at, authority)) = (Server::new(), Fake::new(answer));
        let directory = format!("https://{at}/directory");
        let relay = server.command(NAME, &directory, &authority.file()).start();
        let line = relay.err("next attempt in ");
        assert!(parts.iter().all(|part| line.contains(part)), "{parts:?}: {line}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
        xcher(["who", "--relay", &relay.out("relay ")]).run().code(0).quiet();
        relay.stop(Signal::TERM).code(0);
    }
}

#[test]
fn rejects_what_cannot_be_used_before_listening() {
    let authority = Authority::new();
    let good = authority.pair("good", for_names(&[NAME]));
    let (certificate, key) = (good.certificate.to_str().unwrap(), good.key.to_str().unwrap());
    let domain = ["--acme-domain", NAME];
    for (options, parts) in [
        (vec!["--acme-email", "a@b.example"], ["--acme-email", "--acme-domain"]),
        (vec!["--acme-directory", "https://a.example"], ["--acme-directory", "--acme-domain"]),
        (vec!["--acme-domain", "192.0.2.1"], ["--acme-domain", "relay.example"]),
        (vec!["--acme-domain", "*.relay.example"], ["--acme-domain", "host name"]),
        ([&domain[..], &["--acme-directory", "http://a.example"]].concat(), ["https://", ""]),
        ([&domain[..], &["--acme-ca", "/no-such-file"]].concat(), ["cannot read", "/no-such-file"]),
        (
            [&domain[..], &["--tls-cert", certificate, "--tls-key", key]].concat(),
            ["--tls-cert", "use one of them"],
        ),
    ] {
        for command in
            [&["relay", "--listen", "127.0.0.1:0"][..], &["bridge", "--relay", "127.0.0.1:1"]]
        {
            let run = xcher(command).args(&options).run().code(2).out(&[]);
            assert!(parts.iter().all(|part| run.err.join("\n").contains(part)), "{run}");
        }
    }
    let off = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "off"]).args(domain).run();
    off.code(2).one_error(&["--acme-domain", "--http"]);

    let data = tempdir().unwrap();
    let pem = [fs::read(&good.key).unwrap(), fs::read(&good.certificate).unwrap()].concat();
    let write = |name: &str, bytes: &[u8], mode: u32| {
        let at = data.path().join(name);
        fs::write(&at, bytes).unwrap();
        fs::set_permissions(&at, Permissions::from_mode(mode)).unwrap();
        at
    };
    let run = |option: &str| {
        let run = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", option]);
        run.args(domain)
            .args(["--acme-directory", "https://127.0.0.1:1/"])
            .arg_data(data.path())
            .run()
    };
    for (name, bytes, mode, part) in [
        ("acme_account", &b"no key"[..], 0o600, "does not contain a private key"),
        ("acme_account", &pem, 0o644, "has permissions 0644"),
        ("acme_certificate", &pem, 0o604, "has permissions 0604"),
        ("acme_certificate", b"", 0o600, "no certificate in PEM found"),
        ("acme_certificate", &pem[..pem.len() / 3], 0o600, "acme_certificate: "),
        ("acme_certificate", b"\xff\xfe", 0o600, "expected text in PEM"),
    ] {
        let file = write(name, bytes, mode);
        for option in ["--check", "--json"] {
            run(option).code(2).one_error(&[name, part]);
        }
        assert_eq!(fs::read(&file).unwrap(), bytes);
        fs::remove_file(file).unwrap();
    }
    let checked = run("--check").code(0).quiet();
    assert!(checked.out.contains(&format!("acme-domain = \"{NAME}\"")), "{checked}");
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
}

/// The account is not created again and again, and a certificate is not thrown away.
#[test]
fn a_full_disk_costs_no_certificate() {
    if !is_tested() {
        return;
    }
    let server = Server::new();
    let mut pebble = Pebble::new(server.http.port(), json!({}));
    pebble.start();
    let data = server.data.path().to_str().unwrap();
    // One block for the relay's key, and none for the account.
    const SCRIPT: &str =
        r#"mount -t tmpfs -o size=4k,mode=700 tmpfs "$1" || exit 77; shift; exec "$@""#;
    let relay = Xcher::other("unshare")
        .args(["--mount", "sh", "-c", SCRIPT, "sh", data, env!("CARGO_BIN_EXE_xcher")])
        .args(["relay", "--listen", "127.0.0.1:0", "--acme-domain", NAME, "--data-dir", data])
        .args(["--http", &server.http.to_string(), "--admin", &server.admin.to_string()])
        .args(["--acme-directory", &pebble.directory(), "--acme-ca"])
        .args([pebble.ca()])
        .start();
    let mounted = relay.until("a mounted file system", |lines| {
        let asks = lines.err.iter().any(|line| line.contains("next attempt"));
        if lines.has_ended() { Some(false) } else { asks.then_some(true) }
    });
    if !mounted {
        return not_tested("a full disk, without mounts");
    }
    relay.err("acme_account\": No space left on device");
    assert_eq!(pebble.orders(), 0);
    let resize = |size: &str| {
        let resized = Command::new("nsenter")
            .args(["--mount", "--target", &relay.id().to_string()])
            .args(["mount", "-o", &format!("remount,{size}"), data])
            .status();
        assert!(resized.unwrap().success());
        relay.signal(Signal::HUP);
    };
    // One block for the account, and none for the certificate, which serves all the same.
    resize("size=8k");
    relay.err("because it cannot be stored: ");
    assert_eq!(server.get(NAME, &pebble.root()).as_deref(), Ok("ok"));
    assert_eq!((server.readiness().as_str(), pebble.orders()), ("ready", 1));
    resize("size=1m");
    relay.err(&format!("certificate for {NAME}: valid until "));
    assert_eq!(pebble.orders(), 1);
}

#[test]
fn a_bridge_obtains_one_as_well_and_reload_says_what_needs_a_restart() {
    if !is_tested() {
        return;
    }
    let server = Server::new();
    let mut pebble = Pebble::new(server.http.port(), json!({}));
    pebble.start();
    let home = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "off"]).start();
    let config = tempdir().unwrap().keep().join("config.toml");
    let write = |names: &str| fs::write(&config, format!("acme-domain = [{names}]\n")).unwrap();
    write(&format!("{NAME:?}"));
    let bridge = xcher(["bridge", "--relay", &home.out("relay "), "--config"])
        .args([&config])
        .args(["--http", &server.http.to_string(), "--acme-email", "admin@relay.example"])
        .args(["--acme-directory", &pebble.directory(), "--acme-ca"])
        .args([pebble.ca()])
        .arg_data(&server.file(""))
        .start();
    bridge.err("issued, valid until ");
    assert_eq!(server.get(NAME, &pebble.root()).as_deref(), Ok("ok"));
    write(&format!("{NAME:?}, \"b.example\""));
    bridge.signal(Signal::HUP);
    bridge.err("--acme-domain has changed; restart to apply it");
    bridge.stop(Signal::TERM).code(0);
    fs::remove_dir_all(config.parent().unwrap()).unwrap();
}
