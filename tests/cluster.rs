//! Relays that share their nicks over Debian's nats-server.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use system::authority::Authority;
use system::nats_operator::NatsOperator;
use system::nats_server::NatsServer;
use system::not_tested;
use system::pace::Pace;
use system::patience::until;
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::tree;
use system::wire::{Conn, Port};
use tempfile::{TempDir, tempdir};

/// Starts a server, or reports that the tests of clusters cannot run here.
fn nats(settings: &str) -> Option<NatsServer> {
    NatsServer::start(settings).map_err(not_tested).ok()
}

/// Starts a relay in the cluster `net` whose key is in `keys`.
fn relay(url: &str, keys: &Path, options: &[&str]) -> Relay {
    let listen = ["relay", "--listen", "127.0.0.1:0", "--cluster-name", "net"];
    let process = xcher(listen).args(options).env("XCHER_DATA_DIR", keys);
    let process = match options.contains(&"--site") {
        true => process,
        false => process.args(["--site", "here"]),
    };
    let process = process.env("XCHER_CLUSTER", url).start();
    let address = process.out("relay ").parse().unwrap();
    Relay { process, address }
}

/// Starts two relays, and waits until they know each other.
fn two_relays(url: &str) -> ([Relay; 2], TempDir) {
    let keys = tempdir().unwrap();
    let first = relay(url, keys.path(), &[]);
    first.process.err(": connected");
    let second = relay(url, keys.path(), &[]);
    second.process.err(": connected, 2 relays");
    ([first, second], keys)
}

fn at(relay: &str, command: &[&str]) -> Xcher {
    xcher(by(relay)).args(command)
}

fn online(command: Xcher) -> Process {
    let process = command.start();
    process.out("online ");
    process
}

/// Asks for a nick; returns the answer.
fn ask(relay: &Relay, nick: &str) -> (Conn, String) {
    let mut conn = Conn::to(relay.address);
    conn.say(format!("X_NICK {nick}\n"));
    let answer = conn.line().expect("an answer");
    (conn, answer)
}

fn is_granted(relay: &Relay, nick: &str) -> bool {
    ask(relay, nick).1 == format!("X_NICK {nick} YES")
}

/// Calls a host, which the call must reach at once.
#[track_caller]
fn call(caller: &mut Conn, nick: &str, callee: &mut Conn) {
    let port = Port::open();
    let init = format!("X_INIT {nick} 127.0.0.1 {}", port.number());
    // The relay answers in order: the answer to X_WHO tells that there is none to X_INIT.
    caller.say(format!("{init}\nX_WHO\n"));
    while let Some(line) = caller.line().filter(|line| line != "X_WHO EOF") {
        assert!(!line.starts_with("X_ERR"), "{line}");
    }
    callee.hears(&init);
}

/// Waits until a relay has connected to NATS so often.
fn connected(relay: &Relay, times: usize) {
    relay.process.until("the relay to connect", |lines| {
        let count = lines.err.iter().filter(|line| line.contains(": connected")).count();
        (count >= times).then_some(())
    });
}

#[test]
fn hosts_at_two_relays_exchange_files_by_nick_and_by_code() {
    let Some(nats) = nats("") else { return };
    let (relays, _keys) = two_relays(&nats.url());
    let folder = tempdir().unwrap();
    tree::write(
        &folder.path().join("s"),
        [("a b.txt", tree::bytes(1, 5)), ("c", tree::bytes(2, 300_000))],
    );
    let tcp = relays.each_ref().map(|relay| relay.address.to_string());
    let bridges = relays.each_ref().map(Relay::tunnel);
    for (number, (from, to)) in [
        (&tcp[0], &tcp[1]),
        (&bridges[1], &tcp[0]),
        (&tcp[1], &bridges[0]),
        (&bridges[0], &bridges[1]),
    ]
    .into_iter()
    .enumerate()
    {
        let shared = folder.path().join("s");
        let fetched =
            |out: &Path| assert_eq!(tree::read(out), tree::read(folder.path()), "{from} to {to}");
        // By nick, from a host that shares.
        let (out, nick) = (tempdir().unwrap(), format!("bob-{number}"));
        let bob = online(at(from, &["share", "--nick", &nick]).args([&shared]));
        let who = at(to, &["who"]).run().code(0);
        assert!(who.out.contains(&nick), "{who}");
        at(to, &["get", &nick, "--all", "-o"]).args([out.path()]).run().code(0);
        fetched(out.path());
        at(to, &["share", "--nick", &nick.to_uppercase()]).args([&shared]).run().error(&["taken"]);
        drop(bob);
        // By nick, as an offer.
        let (out, nick) = (tempdir().unwrap(), format!("kim-{number}"));
        let kim = online(at(to, &["receive", "--yes", "--nick", &nick, "-o"]).args([out.path()]));
        at(from, &["send", &nick]).args([&shared]).run().code(0);
        drop(kim);
        fetched(out.path());
        // By code.
        let out = tempdir().unwrap();
        let sender = at(from, &["send"]).args([&shared]).start();
        let code = sender.until("a code", |lines| lines.out.first().cloned());
        at(to, &["get", &code, "--yes", "-o"]).args([out.path()]).run().code(0);
        sender.wait().code(0);
        fetched(out.path());
    }
}

#[test]
fn calls_pass_byte_for_byte_and_errors_come_back() {
    let Some(nats) = nats("") else { return };
    let ([first, second], _keys) = two_relays(&nats.url());
    let (mut bob, granted) = ask(&second, "Bob");
    assert_eq!(granted, "X_NICK Bob YES");
    for alike in ["Bob", "bob", "B\u{43e}b"] {
        let (_conn, refused) = ask(&first, alike);
        assert_eq!(refused, format!("X_NICK {alike} NO"));
    }
    let (mut amy, _) = ask(&first, "amy");
    // The callee's spelling of its nick is the caller's, and odd spaces stay.
    let port = Port::open();
    let init = format!("X_INIT bOB 127.0.0.1 {}", port.number());
    amy.say(format!("{init}\n"));
    bob.hears(&init);
    amy.say(format!("X_INIT carl 127.0.0.1 {}\n", port.number()));
    let error = amy.line().unwrap();
    assert!(error.starts_with("X_ERR X_INIT ") && error.contains("carl"), "{error}");
    // Without the site, an address of a private network is none here.
    let keys = tempdir().unwrap();
    let elsewhere = relay(&nats.url(), keys.path(), &["--site", "elsewhere"]);
    elsewhere.process.err(": connected, 3 relays");
    let (mut eve, _) = ask(&elsewhere, "eve");
    eve.say(format!("X_INIT bob 127.0.0.1 {}\n", port.number()));
    let error = eve.line().unwrap();
    assert!(error.starts_with("X_ERR X_INIT "), "{error}");
    elsewhere.process.err("another relay has another key");
}

#[test]
fn nats_may_die_and_come_back_and_no_host_notices() {
    let Some(mut nats) = nats("") else { return };
    let ([first, second], _keys) = two_relays(&nats.url());
    let (mut amy, _) = ask(&first, "amy");
    let (mut ann, _) = ask(&first, "ann");
    let (mut bob, _) = ask(&second, "bob");
    call(&mut amy, "bob", &mut bob);
    nats.kill();
    first.process.err("connection lost; local hosts go on");
    second.process.err("connection lost; local hosts go on");
    // What is local goes on; a call to a host elsewhere is refused with the reason.
    call(&mut amy, "ann", &mut ann);
    let port = Port::open();
    amy.say(format!("X_INIT bob 127.0.0.1 {}\n", port.number()));
    let error = amy.line().unwrap();
    assert!(error.starts_with("X_ERR X_INIT bob cannot be reached now"), "{error}");
    let (mut new, granted) = ask(&second, "new");
    assert_eq!(granted, "X_NICK new YES");
    nats.start_again();
    connected(&first, 2);
    connected(&second, 2);
    // The same connections, and the nicks that they had, and the one given meanwhile.
    call(&mut amy, "bob", &mut bob);
    call(&mut amy, "new", &mut new);
    call(&mut bob, "ann", &mut ann);
    for nick in ["bob", "new"] {
        assert!(!is_granted(&first, nick), "{nick}");
    }
}

#[test]
fn nicks_of_a_relay_that_dies_are_free() {
    let Some(nats) = nats("") else { return };
    let ([first, second], keys) = two_relays(&nats.url());
    let third = relay(&nats.url(), keys.path(), &[]);
    third.process.err(": connected, 3 relays");
    let (_bob, _) = ask(&second, "bob");
    let (_kim, _) = ask(&third, "kim");
    assert!(!is_granted(&first, "bob") && !is_granted(&first, "kim"));
    let pace = Pace::start();
    // One crashes, and one hangs: NATS notices that two pings have no answer.
    second.process.signal(Signal::KILL);
    third.process.signal(Signal::STOP);
    for nick in ["bob", "kim"] {
        until("the nick is free", || is_granted(&first, nick));
        let took = pace.elapsed();
        assert!(took < Duration::from_secs(12), "{nick} after {took:?}");
    }
    third.process.signal(Signal::CONT);
}

#[test]
fn relay_that_stops_frees_its_nicks_at_once_and_another_takes_its_hosts() {
    let Some(nats) = nats("") else { return };
    let ([first, second], _keys) = two_relays(&nats.url());
    let (_bob, _) = ask(&second, "bob");
    second.process.stop(Signal::TERM).code(0);
    until("the nick is free", || is_granted(&first, "bob"));
}

#[test]
fn no_nick_names_a_subject() {
    let Some(nats) = nats("") else { return };
    let ([first, second], _keys) = two_relays(&nats.url());
    let mut spy = nats.spy();
    let hostile = ["*", ">", "a.b", "xcher.net.all", "all", "r.>", "_INBOX.>", "$SYS.>"];
    let mut callees: Vec<_> = hostile.iter().map(|nick| ask(&second, nick)).collect();
    let (mut amy, _) = ask(&first, "amy");
    for (nick, (conn, granted)) in hostile.iter().zip(&mut callees) {
        assert_eq!(*granted, format!("X_NICK {nick} YES"));
        call(&mut amy, nick, conn);
    }
    spy.say("PING\r\n");
    let mut subjects = 0;
    while let Some(line) = spy.line().filter(|line| line != "PONG\r") {
        let Some(message) = line.strip_prefix("MSG ") else { continue };
        let subject = message.split(' ').next().unwrap();
        let rest = subject.strip_prefix("xcher.net.").expect(subject);
        let is_plain = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        let parts: Vec<_> = rest.split('.').collect();
        let is_known = match parts[..] {
            ["all"] => true,
            ["n" | "c" | "r", name] => is_plain(name),
            ["i", relay, number] => is_plain(relay) && is_plain(number),
            _ => false,
        };
        assert!(is_known, "{subject}");
        subjects += 1;
    }
    assert!(subjects > hostile.len(), "{subjects}");
}

#[test]
fn relay_without_nats_serves_its_hosts_and_says_once_what_is_wrong() {
    // Nothing listens there.
    let port = Port::open();
    let url = format!("nats://kim:s3cret@{}", port.address());
    drop(port);
    let keys = tempdir().unwrap();
    let relay = relay(&url, keys.path(), &["-vv"]);
    let line = relay.process.err("not reachable: ");
    assert!(
        line.contains("cluster net at nats://127.0.0.1:") && line.ends_with("local hosts go on"),
        "{line}"
    );
    let (mut amy, _) = ask(&relay, "amy");
    let (mut bob, _) = ask(&relay, "bob");
    call(&mut amy, "bob", &mut bob);
    let done = relay.process.stop(Signal::INT).code(0);
    let lines = done.err.iter().filter(|line| line.contains("not reachable")).count();
    assert_eq!(lines, 1, "{done}");
    done.no_error("s3cret").no_error("kim:");
}

#[test]
fn relays_log_in_with_user_and_password_or_a_token() {
    let keys = tempdir().unwrap();
    for (settings, good, bad) in [
        ("authorization { user: kim, password: \"p@ss/word\" }", "kim:p%40ss%2Fword", "kim:0ther"),
        ("authorization { token: s3cret }", "s3cret", "0ther"),
    ] {
        let Some(nats) = nats(settings) else { return };
        let url = |login: &str| format!("nats://{login}@{}", nats.address);
        let good = relay(&url(good), keys.path(), &["-vv"]);
        good.process.err(": connected");
        let bad = relay(&url(bad), keys.path(), &["-vv"]);
        let line = bad.process.err("it refuses this relay: ");
        assert!(line.contains("check the user and password in --cluster"), "{line}");
        assert!(is_granted(&bad, "amy"), "local hosts go on");
        for relay in [good, bad] {
            let done = relay.process.stop(Signal::INT).code(0);
            let lines = done.err.iter().filter(|line| line.contains("refuses")).count();
            assert!(lines <= 1, "{done}");
            for secret in ["s3cret", "p@ss", "p%40ss", "0ther"] {
                assert!(
                    !done.err.iter().chain(&done.out).any(|line| line.contains(secret)),
                    "{done}"
                );
            }
        }
    }
}

#[test]
fn relays_log_in_with_credentials() {
    let (operator, other) = (NatsOperator::new(), NatsOperator::new());
    let Some(nats) = nats(&operator.settings()) else { return };
    let (keys, folder) = (tempdir().unwrap(), tempdir().unwrap());
    let url = nats.url();
    let start = |operator: &NatsOperator, subjects| {
        let (file, seed) = operator.credentials(subjects, folder.path());
        let relay = relay(&url, keys.path(), &["-vv", "--cluster-creds", file.to_str().unwrap()]);
        (relay, seed)
    };
    // These subjects are all that a relay needs.
    let (first, first_seed) = start(&operator, "xcher.net.>");
    connected(&first, 1);
    let (second, second_seed) = start(&operator, "xcher.net.>");
    second.process.err(": connected, 2 relays");
    let (mut amy, _) = ask(&first, "amy");
    let (mut bob, _) = ask(&second, "bob");
    call(&mut amy, "bob", &mut bob);
    let (stranger, stranger_seed) = start(&other, "xcher.net.>");
    let line = stranger.process.err("it refuses this relay: ");
    assert!(line.contains("--cluster-creds"), "{line}");
    // Whoever may use other subjects hears nobody, and the operator learns why.
    let (confined, confined_seed) = start(&operator, "xcher.other.>");
    let line = confined.process.err("NATS reports: ");
    assert!(line.contains("Permissions Violation"), "{line}");
    for relay in [first, second, stranger, confined] {
        let done = relay.process.stop(Signal::INT).code(0);
        for seed in [&first_seed, &second_seed, &stranger_seed, &confined_seed] {
            let shows = |line: &String| line.contains(seed);
            assert!(!done.err.iter().chain(&done.out).any(shows), "{done}");
        }
    }
}

/// Starts two servers that know each other.
fn two_nats(settings: &str) -> Option<[NatsServer; 2]> {
    let routes = [Port::open(), Port::open()].map(|port| port.address());
    let servers = routes.map(|own| {
        let [one, other] = routes;
        nats(&format!(
            "server_name: \"{own}\"\n{settings}\ncluster {{ name: net, listen: \"{own}\", \
             routes: [\"nats://{one}\", \"nats://{other}\"] }}"
        ))
    });
    let [Some(one), Some(other)] = servers else { return None };
    Some([one, other])
}

#[test]
fn relays_move_away_from_a_nats_server_that_retires() {
    let settings = "lame_duck_duration: \"30s\"\nlame_duck_grace_period: \"1s\"";
    let Some([retiring, staying]) = two_nats(settings) else { return };
    let keys = tempdir().unwrap();
    // The first relay knows the second server by the first one alone.
    let first = relay(&retiring.url(), keys.path(), &[]);
    let second = relay(&staying.url(), keys.path(), &[]);
    until("the relays know each other", || {
        let (_amy, _) = ask(&first, "amy");
        !is_granted(&second, "amy")
    });
    let (mut amy, _) = ask(&first, "kim");
    let (mut bob, _) = ask(&second, "bob");
    call(&mut amy, "bob", &mut bob);
    retiring.retire();
    first.process.err("the NATS server will stop; the connection will move to another");
    connected(&first, 2);
    call(&mut amy, "bob", &mut bob);
    call(&mut bob, "kim", &mut amy);
}

#[test]
fn relay_that_reads_too_slowly_is_cut_off_by_nats_and_comes_back() {
    let Some(nats) = nats("max_payload: 64KB\nmax_pending: 256KB\nwrite_deadline: \"1s\"") else {
        return;
    };
    let ([first, second], _keys) = two_relays(&nats.url());
    let (mut amy, _) = ask(&first, "amy");
    let (mut bob, _) = ask(&second, "bob");
    second.process.signal(Signal::STOP);
    let mut flood = nats.client();
    let line = "x".repeat(16 << 10);
    // To the subject of the nick bob.
    let message = format!("PUB xcher.net.n.Ym9i {}\r\n{line}\r\n", line.len());
    // More than the buffers of the system hold.
    for _ in 0..1024 {
        flood.say(&message);
    }
    flood.say("PING\r\n");
    flood.hears("PONG\r");
    nats.says("Slow Consumer Detected");
    second.process.signal(Signal::CONT);
    connected(&second, 2);
    call(&mut amy, "bob", &mut bob);
    call(&mut bob, "amy", &mut amy);
    assert!(!is_granted(&first, "bob"));
}

#[test]
fn relays_check_the_certificate_of_nats() {
    let (authority, other) = (Authority::new(), Authority::new());
    let pair = authority.good();
    let (cert, key) = (pair.certificate.display(), pair.key.display());
    let Some(nats) = nats(&format!("tls {{ cert_file: \"{cert}\", key_file: \"{key}\" }}")) else {
        return;
    };
    let keys = tempdir().unwrap();
    let url = format!("tls://{}", nats.address);
    let ca = |authority: &Authority| authority.file().to_str().unwrap().to_owned();
    let good = relay(&url, keys.path(), &["--cluster-tls-ca", &ca(&authority)]);
    good.process.err(": connected");
    let bad = relay(&url, keys.path(), &["--cluster-tls-ca", &ca(&other)]);
    let line = bad.process.err("not reachable: ");
    assert!(line.contains("certificate"), "{line}");
}

#[test]
fn options_of_a_cluster_are_checked() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "not credentials").unwrap();
    let file = file.to_str().unwrap();
    let cluster = ["--cluster", "nats://127.0.0.1:1"];
    for (options, parts) in [
        (&["--cluster", "http://s3cret@h"][..], &["--cluster", "nats://"][..]),
        (&["--cluster", "nats://a:s3cret@h,nats://b:s3cret@h"], &["several users"]),
        (&["--site", "here"], &["--site needs a cluster", "--cluster"]),
        (&["--cluster-creds", file], &["--cluster-creds needs a cluster"]),
        (&[cluster[0], cluster[1], "--cluster-name", "a.b"], &["letters, digits"]),
        (&[cluster[0], cluster[1], "--site", ""], &["letters, digits"]),
        (&[cluster[0], cluster[1], "--cluster-creds", file], &["no NATS credentials"]),
        (&[cluster[0], cluster[1], "--cluster-creds", "/no/such"], &["cannot read /no/such"]),
        (&[cluster[0], cluster[1], "--cluster-tls-ca", file], &["no certificate in PEM"]),
    ] {
        for check in [&[][..], &["--check"]] {
            let done = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "off"])
                .args(options)
                .args(check)
                .run()
                .code(2);
            done.error(parts).no_error("s3cret");
        }
    }
    let secret = "nats://amy:s3cret@127.0.0.1:1";
    let done = xcher(["relay", "--check", "--cluster", secret]).run().code(0);
    assert!(done.out.contains(&"cluster = \"nats://127.0.0.1:1\"".to_owned()), "{done}");
    assert!(!done.out.iter().any(|line| line.contains("s3cret")), "{done}");
}
