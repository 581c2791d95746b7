//! Who may use a relay and its bridge: the lists of `--access`, and the hook of `--hook`.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use system::patience::until;
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::tree;
use system::wire::Conn;
use tempfile::{TempDir, tempdir};

/// A relay with an operator and a file of lists.
struct Guarded {
    relay: Relay,
    folder: TempDir,
}

impl Guarded {
    fn start(lists: &str, options: &[&str]) -> Self {
        let folder = tempdir().unwrap();
        let (file, admin) = (folder.path().join("access.toml"), folder.path().join("admin.sock"));
        fs::write(&file, lists).unwrap();
        tree::write(&folder.path().join("s"), [("file", "12345")]);
        let admin = format!("unix:{}", admin.display());
        let own = ["--http", "127.0.0.1:0", "--access", file.to_str().unwrap(), "--admin", &admin];
        let relay = Relay::start_with(&[&own, options].concat());
        Self { relay, folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the lists, and waits until the relay says this.
    fn reload(&self, lists: &str, expected: &str) -> String {
        fs::write(self.at("access.toml"), lists).unwrap();
        self.relay.process.signal(Signal::HUP);
        self.relay.process.err(expected)
    }

    fn operator(&self, args: &[&str]) -> Xcher {
        let admin = format!("unix:{}", self.at("admin.sock").display());
        xcher(["relay"]).args(args).args(["--admin", &admin])
    }

    /// Builds a command of the host whose keys are in the folder of this name.
    fn host(&self, keys: &str, args: &[&str]) -> Xcher {
        let by = by(&self.relay.address.to_string()).map(str::to_owned);
        xcher(args).args(by).env("XCHER_DATA_DIR", self.at(keys))
    }

    fn share(&self, keys: &str, nick: &str) -> Process {
        self.host(keys, &["share", "--nick", nick]).args([self.at("s")]).start()
    }

    /// Returns the key by which the relay knows the host whose keys are in this folder.
    fn key(&self, keys: &str) -> String {
        let nick = format!("{keys}-asks");
        let share = self.share(keys, &nick);
        share.out("online ");
        until("its key is known", || self.hosts().iter().any(|host| host["key"].is_string()));
        let hosts = self.hosts();
        let host = hosts.iter().find(|host| host["nick"] == nick.as_str()).unwrap();
        let key = host["key"].as_str().unwrap().to_owned();
        share.stop(Signal::TERM).code(0);
        key
    }

    fn hosts(&self) -> Vec<Value> {
        self.operator(&["nicks", "--json"]).run().code(0).events()
    }

    /// Asks the HTTP port for the page. Returns the status.
    fn get(&self, path: &str, forwarded: &str) -> u16 {
        let url = self.relay.process.out("http http://");
        let mut socket = Conn::to(url.trim_end_matches('/').parse().unwrap());
        socket.say(format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{forwarded}\r\n"
        ));
        let status = socket.lines().first().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        status.unwrap_or(0)
    }
}

fn forwarded(hops: &str) -> String {
    format!("X-Forwarded-For: {hops}\r\n")
}

#[test]
fn a_reserved_nick_is_its_hosts_alone_and_a_reload_closes_what_is_forbidden() {
    let relay = Guarded::start("", &[]);
    let key = relay.key("bob");
    // The host can ask for its key, too.
    let doctor = relay.host("bob", &["doctor", "--json", "--no-lan"]).run();
    let doctor = doctor.events();
    assert_eq!(doctor[0]["host_key"], key.as_str(), "{doctor:?}");
    let lists = format!("[reserved]\nbob = [\"{key}\"]\n[nicks]\ndeny = [\"admin*\"]\n");
    relay.reload(&lists, "the new lists are in force");
    let bob = relay.share("bob", "bob");
    bob.out("online ");
    let line = relay.relay.process.err("packet=\"X_NICK\"");
    assert!(line.contains(" nick "), "{line}");
    let key_of_bob = |lines: &system::process::Lines| {
        let mut all = lines.err.iter();
        let own = all.find(|line| line.contains(" nick id=") && line.contains("nick=\"bob\""))?;
        own.contains(&format!("key={key}")).then_some(())
    };
    relay.relay.process.until("the key in the line of the nick", key_of_bob);
    for nick in ["bob", "BOB", "bоb"] {
        let eve = relay.host("eve", &["share", "--nick", nick]).args([relay.at("s")]).run();
        eve.error(&["is reserved, and not for your host's key"]);
    }
    relay
        .host("eve", &["share", "--nick", "аdmin-1"])
        .args([relay.at("s")])
        .run()
        .error(&["this relay does not allow this nick"]);
    // A host of the base protocol gets another nick.
    let mut plain = Conn::to(relay.relay.address);
    plain.say("X_NICK bob\nX_NICK amy\n");
    assert_eq!(plain.line().unwrap(), "X_NICK bob NO");
    assert_eq!(plain.line().unwrap(), "X_NICK amy YES");
    // A bad file changes nothing and says where it is bad.
    let error = relay.reload("[keys]\n\ndeny = [\"AAAA\"]\n", "the old lists stay in force");
    assert!(error.contains("access.toml:3: expected a key of 44 characters"), "{error}");
    plain.say("X_PING 1\n");
    assert_eq!(plain.line().unwrap(), "X_PONG 1");
    let denied = format!("[keys]\ndeny = [\"{key}\"]\n[nicks]\nallow = [\"team-*\"]\n");
    let note = relay.reload(&denied, "closed connections to the relay: 2");
    assert!(note.contains("tunnels: 0"), "{note}");
    assert_eq!(
        plain.line().unwrap(),
        "X_ERR - refused: this relay does not allow this nick, or one like it"
    );
    bob.err("has not allowed your host's key");
    relay.relay.process.err("outcome=\"not_allowed\"");
}

#[test]
fn networks_hold_at_the_relay_the_page_the_bridge_and_behind_a_proxy() {
    let lists = "[networks]\ndeny = [\"203.0.113.0/24\", \"2001:db8::/32\"]\n";
    let relay = Guarded::start(lists, &["--trusted-proxy", "127.0.0.1"]);
    for path in ["/", "/config.json", "/address", "/xcher"] {
        for client in
            ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8::7", "198.51.100.1, 203.0.113.9"]
        {
            assert_eq!(relay.get(path, &forwarded(client)), 403, "{path} {client}");
        }
        // What the client wrote itself comes before what the proxy added.
        for client in ["198.51.100.1", "203.0.113.9, 198.51.100.1"] {
            assert_ne!(relay.get(path, &forwarded(client)), 403, "{path} {client}");
        }
    }
    relay.reload("[networks]\ndeny = [\"::ffff:127.0.0.1\"]\n", "the new lists are in force");
    assert_eq!(relay.get("/", ""), 403);
    assert_eq!(
        Conn::to(relay.relay.address).line().unwrap(),
        "X_ERR - refused: this relay is not open to your address"
    );
    let tunnel = relay.relay.tunnel();
    xcher(by(&tunnel)).args(["who"]).run().code(3).one_error(&["403"]);
    // The proxy's clients are others.
    assert_eq!(relay.get("/", &forwarded("8.8.8.8")), 200);
    drop(relay);
    // Whoever is no trusted proxy is a client, whatever it says.
    let relay = Guarded::start("[networks]\nallow = [\"8.8.8.8\"]\n", &[]);
    for header in ["", &forwarded("8.8.8.8"), &forwarded("8.8.8.8, 8.8.8.8")] {
        for path in ["/", "/xcher"] {
            assert_eq!(relay.get(path, header), 403, "{path} {header}");
        }
    }
}

#[test]
fn a_reload_closes_tunnels_that_are_forbidden() {
    let relay = Guarded::start("", &[]);
    let share = xcher(by(&relay.relay.tunnel())).args(["share", "--nick", "bob"]);
    let share = share.args([relay.at("s")]).start();
    share.out("online ");
    relay.reload("[nicks]\ndeny = [\"bob\"]\n", "to the relay: 1, tunnels: 1");
    share.err("this relay does not allow this nick");
    let line = relay.relay.process.err(" tunnel id=1 ");
    assert!(line.contains("outcome=\"kicked\""), "{line}");
}

#[test]
fn only_known_keys_are_admitted_and_codes_are_not() {
    let relay = Guarded::start("", &[]);
    let key = relay.key("bob");
    relay.reload(&format!("[keys]\nallow = [\"{key}\"]\n"), "the new lists are in force");
    let bob = relay.share("bob", "bob");
    bob.out("online ");
    let who = relay.host("bob", &["who"]).run().code(0);
    assert!(who.out.iter().any(|nick| nick == "bob"), "{who}");
    let eve = relay.host("eve", &["who"]).run();
    eve.error(&["yours has shown none"]);
    let eve = relay.host("eve", &["check", "bob", "s/file"]).run();
    eve.error(&["has not allowed your host's key"]);
    let send = relay.host("bob", &["send"]).args([relay.at("s/file")]).run();
    send.error(&["so it has no codes"]);
    let mut plain = Conn::to(relay.relay.address);
    plain.say("X_WHO\n");
    assert!(plain.line().unwrap().starts_with("X_ERR X_WHO refused:"));
}

#[test]
fn check_and_start_refuse_a_bad_file_with_its_line() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("access.toml");
    for (text, why) in [
        ("[network]\n", "access.toml:1: unknown field `network`"),
        (
            "[networks]\nallow = [\"10.0.0.0/33\"]\n",
            "access.toml:2: expected an address, or a network",
        ),
        ("[nicks]\ndeny = [\n\"a*b\"]\n", "access.toml:3: expected a nick"),
    ] {
        fs::write(&file, text).unwrap();
        let relay = |more: &[&str]| xcher(["relay", "--listen", "127.0.0.1:0"]).args(more);
        let access = ["--access", file.to_str().unwrap()];
        relay(&access).args(["--check"]).run().code(2).one_error(&[why]);
        relay(&access).run().code(2).one_error(&[why]);
    }
    let none = folder.path().join("none.toml");
    let relay = xcher(["relay", "--check", "--access", none.to_str().unwrap()]);
    relay.run().code(2).one_error(&["cannot read", "none.toml"]);
    let hook = xcher(["relay", "--check", "--hook", "http://127.0.0.1:9/", "--access"]);
    fs::write(&file, "").unwrap();
    hook.args([&file]).run().code(0);
    xcher(["relay", "--check", "--hook", "ftp://a/"]).run().code(2);
    let alone = ["relay", "--check", "--hook-token-file", file.to_str().unwrap()];
    xcher(alone).run().code(2).one_error(&["without --hook"]);
}

#[test]
fn tens_of_thousands_of_entries_load_and_match() {
    let keys: Vec<_> = (0..30_000u32).map(|n| format!("\"{}\"", key_of(n))).collect();
    let networks: Vec<_> =
        (0..30_000u32).map(|n| format!("\"10.{}.{}.0/24\"", n >> 8, n & 255)).collect();
    let nicks: Vec<_> = (0..30_000).map(|n| format!("\"spam-{n}-*\"")).collect();
    let lists = format!(
        "[networks]\ndeny = [{}]\n[keys]\ndeny = [{}]\n[nicks]\ndeny = [{}]\n",
        networks.join(",\n"),
        keys.join(",\n"),
        nicks.join(",\n")
    );
    let relay = Guarded::start(&lists, &[]);
    let mut client = Conn::to(relay.relay.address);
    client.say("X_NICK spam-29999-x\nX_NICK spam-30000-x\n");
    assert!(client.line().unwrap().contains("does not allow this nick"));
    assert_eq!(client.line().unwrap(), "X_NICK spam-30000-x YES");
}

fn key_of(n: u32) -> String {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    xcher_core::secure::PublicKey::new(bytes).to_string()
}

#[test]
fn nicks_are_listed_in_pages_with_keys_and_without_codes() {
    let relay = Guarded::start("", &[]);
    let join = |nick: &str| {
        let mut client = Conn::to(relay.relay.address);
        client.say(format!("X_NICK {nick}\n"));
        assert_eq!(client.line().unwrap(), format!("X_NICK {nick} YES"));
        client
    };
    let names = ["a&b=c", "amy", "kim", "åsa"];
    let _clients: Vec<_> = names.iter().chain(&["4821"]).map(|nick| join(nick)).collect();
    let listed = relay.operator(&["nicks"]).run().code(0).quiet().out;
    let nicks: Vec<_> = listed.iter().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(nicks, names);
    assert!(listed[1].starts_with("amy\t127.0.0.1\t-\t-\t2\t"), "{listed:?}");
    let page = |query: &str| {
        let mut socket = std::os::unix::net::UnixStream::connect(relay.at("admin.sock")).unwrap();
        let request =
            format!("GET /nicks{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    let first: Value = serde_json::from_str(&page("?count=2")).unwrap();
    assert_eq!((first["hosts"].as_array().unwrap().len(), &first["next"]), (2, &json!("amy")));
    let rest: Value = serde_json::from_str(&page("?after=amy&count=3")).unwrap();
    assert_eq!((&rest["hosts"][1]["nick"], &rest["next"]), (&json!("åsa"), &Value::Null));
    for bad in ["?count=0", "?count=1001", "?count=x", "?all"] {
        assert!(page(bad).starts_with("expected ?after=NICK"), "{bad}");
    }
}

/// A hook whose answers a test decides.
struct Hook {
    at: SocketAddr,
    /// What it was asked: the head of each request in lower case, and its body.
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    is_dead: Arc<AtomicBool>,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
}

impl Hook {
    /// Answers each question with this body, or never.
    fn start(answer: impl Fn(&Value) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hook = Self {
            at: listener.local_addr().unwrap(),
            asked: Arc::default(),
            is_dead: Arc::default(),
            sockets: Arc::default(),
        };
        let (asked, is_dead) = (Arc::clone(&hook.asked), Arc::clone(&hook.is_dead));
        let (sockets, answer) = (Arc::clone(&hook.sockets), Arc::new(answer));
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                if is_dead.load(Ordering::Relaxed) {
                    return;
                }
                sockets.lock().unwrap().push(socket.try_clone().unwrap());
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                thread::spawn(move || while answer_one(&socket, &asked, &*answer).is_some() {});
            }
        });
        hook
    }

    fn url(&self) -> String {
        format!("http://{}/ask", self.at)
    }

    /// Closes its port and all connections.
    fn die(&self) {
        self.is_dead.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.at);
        for socket in self.sockets.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }
}

fn answer_one(
    socket: &TcpStream,
    asked: &Mutex<Vec<(String, Value)>>,
    answer: &dyn Fn(&Value) -> Option<String>,
) -> Option<()> {
    let mut reader = BufReader::new(socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let len = head.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    asked.lock().unwrap().push((head, body.clone()));
    let Some(answer) = answer(&body) else {
        // Until the other side gives up.
        let _ = reader.read(&mut [0]);
        return None;
    };
    let len = answer.len();
    write!(&*socket, "HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n{answer}").ok()
}

const YES: &str = r#"{"allow":true}"#;

#[test]
fn a_hook_decides_about_connections_nicks_and_tunnels() {
    let hook = Hook::start(|asked| {
        Some(match (asked["event"].as_str()?, asked["nick"].as_str(), asked["key"].as_str()) {
            ("nick", Some("bob"), None) => r#"{"allow":false,"need_key":true}"#.to_owned(),
            ("nick", Some("eve"), _) => r#"{"allow":false,"reason":"no\nsubscription"}"#.to_owned(),
            _ => YES.to_owned(),
        })
    });
    let folder = tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "open-sesame\n").unwrap();
    let relay =
        Guarded::start("", &["--hook", &hook.url(), "--hook-token-file", token.to_str().unwrap()]);
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
    let all = hook.asked.lock().unwrap().clone();
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
    let last = hook.asked.lock().unwrap().last().unwrap().0.clone();
    assert!(last.contains("authorization: bearer open-barley"), "{last}");
}

#[test]
fn a_hook_that_dies_under_load_stops_nobody_who_is_there() {
    let hook = Hook::start(|_| Some(YES.to_owned()));
    let relay = Guarded::start("", &["--hook", &hook.url()]);
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
    let hook = Hook::start(|asked| {
        let is_slow = asked["nick"].as_str().is_some_and(|nick| nick.starts_with("slow"));
        (!is_slow).then(|| YES.to_owned())
    });
    let relay = Guarded::start("", &["--hook", &hook.url(), "--hook-failure", "allow"]);
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

fn metrics(socket: &Path) -> String {
    let mut socket = std::os::unix::net::UnixStream::connect(socket).unwrap();
    socket
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}
