//! Servers under a service manager: systemd's notifications and sockets, and the files for it in native/packaging.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod system;

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use system::PATIENCE;
use system::authority::Authority;
use system::nats_operator::NatsOperator;
use system::not_tested;
use system::process::{Process, Xcher, xcher};
use tempfile::{TempDir, tempdir};

/// What a server tells its service manager.
struct Notifications(UnixDatagram, TempDir);

impl Notifications {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket, folder)
    }

    fn start(&self, command: &[&str]) -> Process {
        xcher(command).env("NOTIFY_SOCKET", self.1.path().join("notify")).start()
    }

    fn next(&self) -> String {
        let mut bytes = [0; 1 << 10];
        let length = self.0.recv(&mut bytes).expect("a notification");
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }
}

#[test]
fn tells_the_service_manager_when_it_is_ready_reloads_and_stops() {
    let relay = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "off"]).start();
    let home = relay.out("relay ");
    for command in [
        &["relay", "--listen", "127.0.0.1:0"][..],
        &["relay", "--listen", "127.0.0.1:0", "--http", "off"],
        &["bridge", "--relay", &home, "--http", "127.0.0.1:0"],
    ] {
        let manager = Notifications::new();
        let server = manager.start(command);
        assert_eq!(manager.next(), "READY=1\n", "{command:?}");
        // Ready means that it answers.
        let port = match command[0] {
            "bridge" => server.out("http http://").trim_end_matches('/').to_owned(),
            _ => server.out("relay "),
        };
        TcpStream::connect(port).unwrap();
        server.signal(Signal::HUP);
        let reloads = manager.next();
        assert!(reloads.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloads:?}");
        assert_eq!(manager.next(), "READY=1\n", "{command:?}");
        server.stop(Signal::TERM).code(0);
        assert_eq!(manager.next(), "STOPPING=1\n", "{command:?}");
    }
}

#[test]
fn runs_without_the_service_manager_it_was_promised() {
    let gone = tempdir().unwrap().path().join("gone");
    let relay = xcher(["relay", "--listen", "127.0.0.1:0"]).env("NOTIFY_SOCKET", gone).start();
    TcpStream::connect(relay.out("relay ")).unwrap();
    relay.err("cannot reach the service manager at NOTIFY_SOCKET");
    relay.stop(Signal::TERM).code(0);
}

/// Returns an address that was free a moment ago: the activator cannot tell which one it chose.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Builds a command line that listens, and starts `command` once the first client comes.
fn activate(options: &[String], command: &[&str], data: &Path) -> Option<Xcher> {
    if Command::new("systemd-socket-activate").arg("--version").output().is_err() {
        not_tested("sockets of a service manager, without systemd-socket-activate");
        return None;
    }
    let no_config = format!("--setenv=XDG_CONFIG_HOME={}", data.join("none").display());
    let activate = Xcher::other("systemd-socket-activate").args(options).args([no_config]);
    Some(
        activate
            .args([env!("CARGO_BIN_EXE_xcher")])
            .args(command)
            .args(["--data-dir", data.to_str().unwrap()]),
    )
}

fn listen_at(addresses: &[SocketAddr]) -> Vec<String> {
    addresses.iter().map(|address| format!("--listen={address}")).collect()
}

/// Connects as soon as the activator listens.
fn connect(activated: &Process, address: SocketAddr) -> TcpStream {
    activated.err(&format!("Listening on {address}"));
    TcpStream::connect(address).unwrap()
}

#[test]
fn takes_the_sockets_of_the_service_manager_in_their_order() {
    let data = tempdir().unwrap();
    let (listen, http) = (free(), free());
    let Some(relay) = activate(&listen_at(&[listen, http]), &["relay"], data.path()) else {
        return;
    };
    let relay = relay.start();
    // A client that came before the server is not lost.
    let _first = connect(&relay, http);
    assert_eq!(relay.out("relay "), listen.to_string());
    assert_eq!(relay.out("http "), format!("http://{http}/"));
    xcher(["who", "--relay", &listen.to_string()]).run().code(0).quiet();
    let page = format!("http://{http}/");
    xcher(["who", "--relay", &page]).run().code(0).quiet();
    relay.stop(Signal::TERM).code(0);
}

#[test]
fn takes_the_sockets_of_the_service_manager_by_their_names() {
    let data = tempdir().unwrap();
    let (listen, http) = (free(), free());
    let mut options = listen_at(&[http, listen]);
    options.push("--fdname=http:listen".to_owned());
    let Some(relay) = activate(&options, &["relay"], data.path()) else { return };
    let relay = relay.start();
    let _first = connect(&relay, listen);
    assert_eq!(relay.out("relay "), listen.to_string());
    assert_eq!(relay.out("http "), format!("http://{http}/"));
    relay.stop(Signal::TERM).code(0);
}

#[test]
fn one_socket_of_the_service_manager_replaces_one_port() {
    let data = tempdir().unwrap();
    let (http, free_http) = (free(), "127.0.0.1:0");
    let mut options = listen_at(&[http]);
    options.push("--fdname=http".to_owned());
    let command = ["relay", "--listen", free_http];
    let Some(relay) = activate(&options, &command, data.path()) else { return };
    let relay = relay.start();
    let _first = connect(&relay, http);
    assert_ne!(relay.out("relay "), http.to_string());
    assert_eq!(relay.out("http "), format!("http://{http}/"));
    relay.stop(Signal::TERM).code(0);
}

#[test]
fn a_socket_of_another_kind_gets_one_clear_error() {
    let data = tempdir().unwrap();
    let address = free();
    let mut options = listen_at(&[address]);
    options.push("--datagram".to_owned());
    let Some(relay) = activate(&options, &["relay"], data.path()) else { return };
    let relay = relay.start();
    relay.err(&format!("Listening on {address}"));
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", address).unwrap();
    let done = relay.wait().code(1);
    let errors: Vec<_> = done.err.iter().filter(|line| line.contains("xcher: ")).collect();
    assert!(
        matches!(&errors[..], [error] if error.contains("no socket for --listen")
            && error.contains("ListenStream=")),
        "{done}"
    );
}

#[test]
fn numbers_of_sockets_that_nobody_gave_are_no_sockets() {
    for count in ["0", "-1", "x", "99999999999999999999", "4000000000"] {
        let relay = xcher(["relay", "--listen", "127.0.0.1:0"]).env("LISTEN_FDS", count).start();
        TcpStream::connect(relay.out("relay ")).unwrap();
        relay.stop(Signal::TERM).code(0);
    }
}

fn packaging(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name)
}

#[test]
fn systemd_accepts_the_unit_which_leaves_the_relay_few_rights() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        not_tested("the unit, without systemd-analyze");
        return;
    }
    let folder = tempdir().unwrap();
    let unit = fs::read_to_string(packaging("xcher-relay.service")).unwrap();
    // The program and its manual are not installed here.
    let unit = unit.replace("/usr/bin/xcher", env!("CARGO_BIN_EXE_xcher"));
    let unit = unit.replace("Documentation=man:xcher-relay(1)\n", "");
    let service = folder.path().join("xcher-relay.service");
    fs::write(&service, unit).unwrap();
    let socket = folder.path().join("xcher-relay.socket");
    fs::copy(packaging("xcher-relay.socket"), &socket).unwrap();
    let verified = Command::new("systemd-analyze").arg("verify").args([&service, &socket]).output();
    let verified = verified.unwrap();
    assert!(verified.status.success() && verified.stderr.is_empty(), "{verified:?}");
    // From 0, all is forbidden, to 10.
    let exposure = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20"])
        .arg(&service)
        .output()
        .unwrap();
    assert!(exposure.status.success(), "{}", String::from_utf8_lossy(&exposure.stdout));
}

/// Each key of the example can be used: all of them at once pass the check of the real program.
#[test]
fn the_example_configuration_is_one() {
    let example = fs::read_to_string(packaging("relay.toml")).unwrap();
    let folder = tempdir().unwrap();
    let file = folder.path().join("relay.toml");
    let is_key = |line: &&str| {
        line.strip_prefix('#').is_some_and(|key| key.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    let keys: Vec<_> = example.lines().filter(is_key).map(|line| &line[1..]).collect();
    assert!(example.lines().all(|line| line.is_empty() || line.starts_with('#')));
    let options: Vec<_> = keys.iter().map(|key| key.split_once(" = ").unwrap().0).collect();
    let help = xcher(["relay", "--help"]).run().code(0);
    for option in help.out.iter().filter_map(|line| line.trim_start().strip_prefix("--")) {
        let option = option.split([' ', '.']).next().unwrap();
        // What makes no sense in the file of a service.
        let is_left_out = ["check", "config", "json", "help", "version"].contains(&option);
        assert!(is_left_out || options.contains(&option), "--{option} is not in the example");
    }
    let authority = Authority::new();
    let pair = authority.good();
    let token = folder.path().join("token");
    fs::write(&token, "open-sesame\n").unwrap();
    let (credentials, _) = NatsOperator::new().credentials("xcher.example.>", folder.path());
    let [empty, users] = ["access.toml", "users.toml"].map(|name| folder.path().join(name));
    fs::write(&empty, "").unwrap();
    fs::write(&users, "[anonymous]\n").unwrap();
    let authorities = authority.file();
    let files = [
        ("/etc/xcher/cert.pem", &pair.certificate),
        ("/etc/xcher/key.pem", &pair.key),
        ("/etc/xcher/token", &token),
        ("/etc/xcher/admin-token", &token),
        ("/etc/xcher/relay.creds", &credentials),
        ("/etc/xcher/nats-ca.pem", &authorities),
        ("/etc/xcher/acme-ca.pem", &authorities),
        ("/etc/xcher/access.toml", &empty),
        ("/etc/xcher/users.toml", &users),
        ("/etc/xcher/hook-token", &token),
        ("/var/lib/xcher", &folder.path().join("data")),
    ];
    let with_files = |key: &&str| {
        files.iter().fold((*key).to_owned(), |key, (example, real)| {
            key.replace(&format!("\"{example}\""), &format!("\"{}\"", real.display()))
        })
    };
    // A certificate comes from files or from an authority.
    for other in ["tls-", "acme-"] {
        let used = keys.iter().filter(|key| !key.starts_with(other));
        fs::write(&file, used.map(with_files).collect::<Vec<_>>().join("\n")).unwrap();
        let check = xcher(["relay", "--check", "--config"]).args([&file]);
        let checked = check.without("XCHER_DATA_DIR").run().code(0).quiet();
        for option in options.iter().filter(|option| !option.starts_with(other)) {
            assert!(checked.out.iter().any(|line| line.starts_with(option)), "{option}: {checked}");
        }
        assert!(checked.out.contains(&"trusted-proxy = \"127.0.0.1,10.0.0.0/24\"".to_owned()));
    }
    // The relay starts with what needs nothing of this machine.
    let needs_nothing = keys.iter().filter(|key| !key.contains("/etc/") && !key.contains("/run/"));
    let needs_nothing = needs_nothing.filter(|key| {
        !["listen", "http", "cluster", "site", "data-dir", "acme", "hook"]
            .iter()
            .any(|it| key.starts_with(it))
    });
    let needs_nothing: String = needs_nothing.map(|key| format!("{key}\n")).collect();
    fs::write(&file, format!("listen = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\n{needs_nothing}"))
        .unwrap();
    xcher(["relay", "--config"]).args([&file]).start().out("http ");
}
