//! The hook of `--hook`, which decides about connections, nicks and tunnels.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use system::authority::{Authority, for_names};
use system::guarded_relay::GuardedRelay;
use system::hook_server::HookServer;
use system::process::xcher;
use system::relay::by;
use system::wire::Conn;
use tempfile::tempdir;

const YES: &str = r#"{"allow":true}"#;

#[test]
fn a_hook_decides_about_connections_nicks_and_tunnels() {
    let hook = HookServer::start(|asked| {
        Some(match (asked["event"].as_str()?, asked["nick"].as_str(), asked["key"].as_str()) {
            ("nick", Some("bob"), None) => r#"{"allow":false,"need_key":true}"#.to_owned(),
            ("nick", Some("eve"), _) => r#"{"allow":false,"reason":"no\nsubscription"}"#.to_owned(),
            _ => YES.to_owned(),
        })
    });
    let folder = tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "open-sesame\n").unwrap();
    let relay = GuardedRelay::start(
        "",
        &["--hook", &hook.url(), "--hook-token-file", token.to_str().unwrap()],
    );
    let bob = relay.share("bob", "bob");
    bob.out("online ");
    let key = relay.hosts()[0]["key"].as_str().unwrap().to_owned();
    let of_bob: Vec<_> = hook.asked().into_iter().filter(|asked| asked["nick"] == "bob").collect();
    let asked = |key: Value| json!({"event": "nick", "address": "127.0.0.1", "nick": "bob", "key": key, "user": null});
    assert_eq!(of_bob, [asked(Value::Null), asked(json!(key))]);
    let eve = relay.host("eve", &["share", "--nick", "eve"]).args([relay.at("s")]).run();
    eve.error(&["refused: ", "subscription"]);
    // The number of a code is a secret.
    let send = relay.host("amy", &["send"]).args([relay.at("s/file")]).start();
    send.err("in another terminal: ");
    assert!(hook.asked().iter().any(|asked| asked["nick"] == "code"));
    let all = hook.requests();
    for (head, body) in &all {
        assert!(head.contains("authorization: bearer open-sesame"), "{head}");
        let nick = body["nick"].as_str().unwrap_or_default();
        assert!(nick.is_empty() || nick.bytes().any(|b| !b.is_ascii_digit()), "{body}");
    }
    // A tunnel is asked about once, and not its connection to the relay again.
    let before = hook.asked().len();
    xcher(by(&relay.relay.tunnel())).args(["check", "bob", "s/file"]).run().code(0);
    let events: Vec<_> = hook.asked()[before..].iter().map(|it| it["event"].clone()).collect();
    assert_eq!(events, ["tunnel", "nick"]);
    // A new token is sent after SIGHUP.
    fs::write(&token, "open-barley\n").unwrap();
    relay.relay.process.signal(Signal::HUP);
    relay.relay.process.err("the hook gets the new token now");
    relay.host("amy", &["who"]).run().code(0);
    let last = hook.requests().pop().unwrap().0;
    assert!(last.contains("authorization: bearer open-barley"), "{last}");
}

#[test]
fn a_hook_that_dies_under_load_stops_nobody_who_is_there() {
    let hook = HookServer::start(|_| Some(YES.to_owned()));
    let relay = GuardedRelay::start("", &["--hook", &hook.url()]);
    let bob = relay.share("bob", "bob");
    bob.out("online ");
    let mut clients: Vec<_> = (0..50).map(|_| Conn::to(relay.relay.address)).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        client.say(format!("X_NICK host-{at}\n"));
        if at == 25 {
            hook.die();
        }
    }
    let mut admitted: Vec<_> = Vec::new();
    for (at, client) in clients.iter_mut().enumerate() {
        match client.line() {
            Some(line) if line == format!("X_NICK host-{at} YES") => admitted.push(at),
            Some(line) => assert!(line.contains("cannot find out if you may use it"), "{line}"),
            None => panic!("host-{at} was not answered"),
        }
    }
    assert!(admitted.len() < 50, "the hook died");
    // Those who are there call each other, and the relay is ready for others.
    if let Some(at) = admitted.first() {
        let caller = &mut clients[*at];
        caller.say("X_INIT bob 127.0.0.1 5000\nX_PING 1\n");
        assert_eq!(caller.line().unwrap(), "X_PONG 1");
    }
    let status = relay.operator(&["status"]).run().code(0);
    assert!(status.out.contains(&"ready        yes".to_owned()), "{status}");
    let tunnel = relay.relay.tunnel();
    xcher(by(&tunnel)).args(["who"]).run().code(3).one_error(&["503"]);
}

#[test]
fn a_hook_that_never_answers_delays_only_those_it_is_asked_about() {
    let hook = HookServer::start(|asked| {
        let is_slow = asked["nick"].as_str().is_some_and(|nick| nick.starts_with("slow"));
        (!is_slow).then(|| YES.to_owned())
    });
    let relay = GuardedRelay::start("", &["--hook", &hook.url(), "--hook-failure", "allow"]);
    let bob = relay.share("bob", "bob");
    bob.out("online ");
    let mut slow: Vec<_> = (0..20).map(|_| Conn::to(relay.relay.address)).collect();
    let asked_at = Instant::now();
    for (at, client) in slow.iter_mut().enumerate() {
        client.say(format!("X_NICK slow-{at}\n"));
    }
    // Others are asked about and come in meanwhile.
    relay.host("amy", &["check", "bob", "s/file"]).run().code(0);
    let answered = asked_at.elapsed();
    for (at, client) in slow.iter_mut().enumerate() {
        assert_eq!(
            client.line().unwrap(),
            format!("X_NICK slow-{at} YES"),
            "the operator's choice"
        );
    }
    assert!(asked_at.elapsed() >= Duration::from_secs(5) && answered < asked_at.elapsed());
    let metrics = metrics(&relay.at("admin.sock"));
    let counted = |name: &str| {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert_eq!(counted("xcher_hook_requests_total{outcome=\"timed_out\"}"), 20.0, "{metrics}");
    assert!(counted("xcher_hook_requests_total{outcome=\"allowed\"}") >= 4.0);
    assert!(counted("xcher_hook_seconds_total") >= 100.0);
}

/// Starts a relay that asks this hook, and trusts this authority alone.
fn asking(hook: &str, trusted: &Authority) -> GuardedRelay {
    GuardedRelay::start_as("", |relay| {
        let relay = relay.args(["--hook", hook]).env("SSL_CERT_FILE", trusted.file());
        relay.env("SSL_CERT_DIR", trusted.folder.path().join("none"))
    })
}

#[test]
fn a_hook_over_tls_is_asked_if_its_certificate_is_trusted() {
    let authority = Authority::new();
    let hook = HookServer::start_tls(&authority.good(), |_| Some(YES.to_owned()));
    let relay = asking(&hook.url(), &authority);
    let bob = relay.share("bob", "bob");
    bob.out("online ");
    assert!(hook.asked().iter().any(|asked| asked["nick"] == "bob"));
    xcher(by(&relay.relay.tunnel())).args(["check", "bob", "s/file"]).run().code(0);
    assert!(hook.asked().iter().any(|asked| asked["event"] == "tunnel"));
    assert!(!relay.relay.process.seen_err("did not answer"));
}

#[test]
fn a_hook_whose_certificate_is_not_trusted_admits_nobody_and_the_log_says_why() {
    let (authority, other) = (Authority::new(), Authority::new());
    let yes = |_: &Value| Some(YES.to_owned());
    let of_another_name = authority.pair("other", for_names(&["hook.example"]));
    let stranger = HookServer::start_tls(&other.good(), yes);
    let misnamed = HookServer::start_tls(&of_another_name, yes);
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let without_tls = format!("https://{}/ask", plain.local_addr().unwrap());
    // As servers of HTTP answer what they do not understand.
    std::thread::spawn(move || {
        for mut socket in plain.incoming().map_while(Result::ok) {
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    for (url, why) in [
        (
            stranger.url(),
            "the certificate of 127.0.0.1 is self-signed or by an unknown authority; to trust",
        ),
        (
            misnamed.url(),
            r#"the certificate of 127.0.0.1 is for \"hook.example\", not for 127.0.0.1"#,
        ),
        (without_tls, "127.0.0.1 does not use TLS on this port: a hook without TLS has a URL with"),
    ] {
        let relay = asking(&url, &authority);
        let share = relay.host("bob", &["share", "--nick", "bob"]).args([relay.at("s")]).run();
        share.error(&["cannot find out if you may use it"]);
        xcher(by(&relay.relay.tunnel())).args(["who"]).run().code(3).one_error(&["503"]);
        let line = relay.relay.process.err("the hook did not answer a question");
        assert!(line.contains(why) && line.contains("outcome=\"unreachable\""), "{line}");
        assert!(line.contains(&format!("url=\"{url}\"")), "{line}");
    }
    for hook in [stranger, misnamed] {
        assert_eq!(hook.asked(), Vec::<Value>::new(), "nothing is told before the certificate");
    }
}

/// Another hook needs a restart, and the one in force neither gets the other's token nor loses its own.
#[test]
fn a_reload_names_what_of_the_hook_needs_a_restart() {
    let yes = |_: &Value| Some(YES.to_owned());
    let [hook, next] = [HookServer::start(yes), HookServer::start(yes)];
    let folder = tempdir().unwrap();
    let (config, token) = (folder.path().join("config.toml"), folder.path().join("token"));
    let next_token = folder.path().join("next-token");
    fs::write(&token, "open-sesame\n").unwrap();
    fs::write(&next_token, "open-barley\n").unwrap();
    let with = |hook: &HookServer, token: &Path, more: &str| {
        format!("hook = {:?}\nhook-token-file = {token:?}\n{more}", hook.url())
    };
    let start = |text: &str| {
        fs::write(&config, text).unwrap();
        GuardedRelay::start_as("", |relay| relay.args(["--config"]).args([&config]))
    };
    let first = with(&hook, &token, "");
    let relay = start(&first);
    let reload = |relay: &GuardedRelay, text: &str, code: i32| {
        fs::write(&config, text).unwrap();
        relay.operator(&["reload"]).run().code(code)
    };
    let restart = |option: &str| format!("--{option} has changed; restart to apply it");
    let all = [restart("hook"), restart("hook-failure"), restart("hook-token-file")];
    let asked_with = |token: &str| {
        relay.host("amy", &["who"]).run().code(0);
        let (head, _) = hook.requests().pop().unwrap();
        assert!(head.contains(&format!("authorization: bearer {token}\r\n")), "{head}");
    };
    let other = with(&next, &next_token, "hook-failure = \"allow\"\n");
    // Each time, until the restart.
    for _ in 0..2 {
        assert_eq!(reload(&relay, &other, 0).out, all);
        asked_with("open-sesame");
    }
    assert_eq!(reload(&relay, "", 0).out, [&all[0], &all[2]].map(String::as_str));
    asked_with("open-sesame");
    // SIGHUP says the same.
    relay.relay.process.signal(Signal::HUP);
    relay.relay.process.err(&all[0]);
    let without = reload(&relay, &format!("hook-token-file = {token:?}\n"), 1);
    without.error(&["--hook-token-file has no effect without --hook", "old token stays in force"]);
    asked_with("open-sesame");
    assert_eq!(reload(&relay, &first, 0).out, ["nothing has changed"]);
    // The same hook gets its new token, from another file or the same.
    let said = ["the hook gets the new token now", "now in force: --hook-token-file"];
    assert_eq!(reload(&relay, &with(&hook, &next_token, ""), 0).out, said);
    asked_with("open-barley");
    assert_eq!(next.asked(), Vec::<Value>::new());
    drop(relay);

    let relay = start("");
    assert_eq!(reload(&relay, &first, 0).out, [&all[0], &all[2]].map(String::as_str));
}

fn metrics(socket: &Path) -> String {
    let mut socket = std::os::unix::net::UnixStream::connect(socket).unwrap();
    socket
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}
