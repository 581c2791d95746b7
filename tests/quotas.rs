//! Quotas of a relay's bridge: what hosts and operators notice, and what survives the process.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use system::process::{Done, Process, Xcher, xcher};
use system::relay::by;
use system::tree;
use tempfile::{TempDir, tempdir};

/// A folder with a relay's configuration, data and operator's socket, and files to share.
struct Site(TempDir);

/// A relay of a site.
struct Running {
    process: Process,
    address: SocketAddr,
    tunnel: String,
    admin: String,
}

impl Site {
    fn new(config: &str) -> Self {
        let site = Self(tempdir().unwrap());
        tree::write(&site.path("s"), [("one", tree::bytes(1, 5_000_000))]);
        tree::write(&site.path("t"), [("two", tree::bytes(2, 300_000))]);
        site.configure(config);
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn configure(&self, config: &str) {
        fs::write(self.path("config.toml"), config).unwrap();
    }

    fn options(&self, socket: &str) -> Vec<String> {
        let [config, data, socket] =
            ["config.toml", "data", socket].map(|name| self.path(name).display().to_string());
        let admin = format!("unix:{socket}");
        let all = ["relay", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--admin", &admin];
        let all = [&all[..], &["--config", &config, "--data-dir", &data]].concat();
        all.into_iter().map(str::to_owned).collect()
    }

    fn relay(&self, socket: &str) -> Xcher {
        xcher(self.options(socket))
    }

    fn start(&self) -> Running {
        self.start_at("admin.sock")
    }

    fn start_at(&self, socket: &str) -> Running {
        self.running(self.relay(socket).start(), socket)
    }

    /// Starts a relay whose data is on a disk of this size, in a namespace of its own. Returns the path of the data
    /// there; `None` where this system does not allow mounts.
    #[cfg(target_os = "linux")]
    fn start_on_disk(&self, size: &str) -> Option<(Running, PathBuf)> {
        const SCRIPT: &str = r#"
            mount -t tmpfs -o "size=$1,mode=700" tmpfs "$2" || exit 77
            shift 2
            exec "$@"
        "#;
        let data = self.path("data");
        fs::create_dir(&data).unwrap();
        for namespace in [&["--mount"][..], &["--mount", "--map-root-user"]] {
            let process = Xcher::other("unshare").args(namespace);
            let process = process.args(["sh", "-c", SCRIPT, "sh", size]).args([&data]);
            let process = process.args([env!("CARGO_BIN_EXE_xcher")]);
            let process = process.args(self.options("admin.sock")).start();
            let has_started = process.until("a relay, or no mount", |lines| {
                let has_started = lines.out.iter().any(|line| line.starts_with("relay "));
                (has_started || lines.has_ended()).then_some(has_started)
            });
            if has_started {
                let root = PathBuf::from(format!("/proc/{}/root", process.id()));
                let data = root.join(data.strip_prefix("/").unwrap());
                return Some((self.running(process, "admin.sock"), data));
            }
        }
        system::not_tested("this system does not allow mounts, not even in a private namespace");
        None
    }

    fn running(&self, process: Process, socket: &str) -> Running {
        let address = process.out("relay ").parse().unwrap();
        let tunnel = format!("ws://{}xcher", process.out("http http://"));
        let admin = format!("unix:{}", self.path(socket).display());
        Running { process, address, tunnel, admin }
    }

    /// Returns what is in the file of quotas; null if it is missing.
    fn file(&self) -> Value {
        quotas_in(&self.path("data"))
    }

    /// Returns what is in files that were damaged.
    fn kept(&self) -> Vec<String> {
        let files = fs::read_dir(self.path("data")).unwrap().map(|entry| entry.unwrap().path());
        let kept = files.filter(|path| path.to_str().unwrap().contains(".damaged-"));
        kept.map(|path| fs::read_to_string(path).unwrap()).collect()
    }
}

fn quotas_in(data: &Path) -> Value {
    let text = fs::read(data.join("quotas.json"));
    text.map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap())
}

impl Running {
    fn operator(&self, args: &[&str]) -> Done {
        xcher(["relay"]).args(args).args(["--admin", &self.admin]).run()
    }

    /// Returns the total, and each account.
    fn quotas(&self) -> Vec<Value> {
        self.operator(&["quotas", "--json"]).code(0).events()
    }

    fn total(&self) -> u64 {
        self.quotas()[0]["bytes"].as_u64().unwrap()
    }

    /// Shares over the bridge, or directly where that is possible.
    fn share(&self, nick: &str, folder: &Path) -> Process {
        let share = xcher(["--relay", &self.tunnel, "share", "--nick", nick]).args([folder]);
        let share = share.start();
        share.out("online ");
        share
    }

    fn get(&self, nick: &str, into: &Path) -> Done {
        let get = xcher(by(&self.tunnel)).args(["get", nick, "--all", "-o"]);
        get.args([into]).run()
    }

    /// Makes it save what it has counted: it looks for this account in the file.
    fn save(&self) {
        self.operator(&["quotas", "reset", "192.0.2.1"]).code(1);
    }

    /// Carries 300 kB from one tunnel into another.
    fn carry(&self, site: &Site) {
        let out = tempdir().unwrap();
        let bob = xcher(by(&self.tunnel)).args(["share", "--nick", "bob"]).args([site.path("t")]);
        let bob = bob.start();
        bob.out("online ");
        self.get("bob", out.path()).code(0);
    }
}

#[test]
fn used_up_quota_cuts_a_file_that_resumes_later_and_leaves_hosts_online() {
    let site = Site::new("address-quota = \"2mb\"\n");
    let relay = site.start();
    let bob = relay.share("bob", &site.path("s"));
    let out = tempdir().unwrap();
    relay.get("bob", out.path()).code(1);
    assert_eq!(tree::partials(out.path()).len(), 1, "what came is kept");
    assert!(!tree::read(out.path()).contains_key("s/one"), "a cut file is not complete");
    // No new tunnel, with the reason.
    let who = xcher(by(&relay.tunnel)).args(["who"]).run();
    who.code(3).one_error(&["429", "your address has used up the", "come back on"]);
    // Whoever is online stays, and connects directly.
    let direct = tempdir().unwrap();
    let tcp = relay.address.to_string();
    let get = xcher(["--relay", &tcp, "get", "bob", "--all", "-o"]).args([direct.path()]).run();
    get.code(0);
    assert_eq!(tree::read(direct.path())["s/one"].len(), 5_000_000);
    assert!(!bob.seen_err("offline"), "bob was online all the time");

    let quotas = relay.quotas();
    assert_eq!(quotas.len(), 2, "{quotas:?}");
    assert_eq!(quotas[1]["account"], "127.0.0.1");
    let (used, limit) =
        (quotas[1]["bytes"].as_u64().unwrap(), quotas[1]["limit"].as_u64().unwrap());
    assert!(used >= limit && used < 2 * limit, "{quotas:?}");
    let text = relay.operator(&["quotas"]).code(0).quiet();
    assert!(text.out[0].starts_with("total\t") && text.out[0].ends_with("no limit"), "{text}");
    assert!(text.out[1].starts_with("127.0.0.1\t"), "{text}");
    let status = relay.operator(&["status"]).code(0);
    assert!(status.out.iter().any(|line| line.starts_with("quota        ")), "{status}");
    relay.process.err("outcome=\"quota\"");

    // More is in force at once, and the file goes on where it was cut.
    site.configure("address-quota = \"100mb\"\n");
    let reload = relay.operator(&["reload"]).code(0);
    reload.out(&["now in force: --address-quota"]);
    relay.get("bob", out.path()).code(0);
    assert!(tree::read(out.path())["s/one"] == tree::bytes(1, 5_000_000));
    let after = relay.quotas()[1]["bytes"].as_u64().unwrap();
    assert!(after < used + 2 * 4_500_000, "it was resumed: {used}, then {after}");

    relay.operator(&["quotas", "reset", "192.0.2.1"]).code(1).one_error(&["has used nothing"]);
    relay.operator(&["quotas", "reset", "a b"]).code(4).one_error(&["is not an address"]);
    relay.operator(&["quotas", "reset", "127.0.0.1"]).code(0);
    // What passes now is counted anew; the total stays.
    let quotas = relay.quotas();
    assert!(quotas.get(1).is_none_or(|it| it["bytes"].as_u64().unwrap() < 100_000), "{quotas:?}");
    assert!(quotas[0]["bytes"].as_u64().unwrap() >= after, "{quotas:?}");
    relay.operator(&["quotas", "reset", "all"]).code(0);
    assert!(relay.total() < 100_000);
}

/// A user's quota is the user's wherever the user is, and nobody else's.
#[test]
fn user_has_a_quota_of_its_own() {
    let site = Site::new("address-quota = \"1gb\"\n");
    let (token, users) = (site.path("token"), site.path("users.toml"));
    let made = xcher(["relay", "token", "amy"]).run().code(0);
    fs::write(&token, format!("{}\n", made.out[0])).unwrap();
    let entry = made.out[1..].join("\n");
    fs::write(&users, format!("{entry}\nquota = \"2mb\"\n[anonymous]\n")).unwrap();
    let relay = site.relay("admin.sock").args(["--users"]).args([&users]).start();
    let tunnel = format!("ws://{}xcher", relay.out("http http://"));
    let admin = format!("unix:{}", site.path("admin.sock").display());
    let bob = xcher(by(&tunnel)).args(["share", "--nick", "bob"]).args([site.path("s")]).start();
    bob.out("online ");
    let amy = |args: &[&str]| xcher(by(&tunnel)).args(["--token-file"]).args([&token]).args(args);
    let out = tempdir().unwrap();
    amy(&["get", "bob", "--all", "-o", out.path().to_str().unwrap()]).run().code(1);
    amy(&["who"]).run().code(3).one_error(&["429", "your token has used up the"]);
    xcher(by(&tunnel)).args(["who"]).run().code(0);
    let quotas = || xcher(["relay", "quotas", "--json", "--admin", &admin]).run().code(0).events();
    let of_amy = quotas().into_iter().find(|it| it["account"] == "user/amy").unwrap();
    assert!(of_amy["bytes"].as_u64() >= of_amy["limit"].as_u64(), "{of_amy}");
    // A larger one in the file is in force at the next reload.
    fs::write(&users, format!("{entry}\nquota = \"100mb\"\n[anonymous]\n")).unwrap();
    xcher(["relay", "reload", "--admin", &admin]).run().code(0);
    amy(&["get", "bob", "--all", "-o", out.path().to_str().unwrap()]).run().code(0);
    xcher(["relay", "quotas", "reset", "user/amy", "--admin", &admin]).run().code(0);
    relay.stop(Signal::TERM).code(0);
}

#[test]
fn what_is_used_survives_an_end_and_a_kill() {
    let site = Site::new("total-quota = \"1gb\"\naddress-quota = \"1gb\"\n");
    let relay = site.start();
    relay.carry(&site);
    let used = relay.total();
    assert!(used > 600_000, "both tunnels count: {used}");
    relay.process.stop(Signal::TERM).code(0);
    let file = site.file();
    assert!(file["total"].as_u64().unwrap() >= used, "{file}");
    assert!(file["addresses"]["127.0.0.1"].as_u64().unwrap() >= used, "{file}");

    let relay = site.start();
    assert!(relay.total() >= used);
    relay.carry(&site);
    let both = relay.total();
    assert!(both >= used + 600_000);
    // It is saved while the process runs, within half a minute.
    for _ in 0..600 {
        if site.file()["total"].as_u64().unwrap() >= both {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(relay.process.stop(Signal::KILL));
    let relay = site.start();
    assert!(relay.total() >= both, "{} of {both}", relay.total());
    // One that is used up stays so.
    drop(relay.process.stop(Signal::TERM));
    site.configure("total-quota = \"1mb\"\n");
    let relay = site.start();
    let who = xcher(by(&relay.tunnel)).args(["who"]).run();
    who.code(3).one_error(&["429", "this bridge has used up the"]);
}

#[test]
fn processes_that_overlap_add_up() {
    let site = Site::new("address-quota = \"1gb\"\n");
    let (old, new) = (site.start_at("old.sock"), site.start_at("new.sock"));
    for relay in [&old, &new, &old] {
        relay.carry(&site);
    }
    old.process.stop(Signal::TERM).code(0);
    let first = site.file()["total"].as_u64().unwrap();
    assert!(first >= 1_200_000, "{first}");
    new.process.stop(Signal::TERM).code(0);
    let both = site.file()["total"].as_u64().unwrap();
    assert!((1_800_000..2_500_000).contains(&both), "{first}, then {both}");
}

#[test]
fn damaged_file_is_kept_and_said_and_never_taken_for_zero_silently() {
    let site = Site::new("address-quota = \"1gb\"\n");
    fs::create_dir(site.path("data")).unwrap();
    fs::set_permissions(site.path("data"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    let file = site.path("data/quotas.json");
    fs::write(&file, "{\"version\":1,").unwrap();
    let private = |path: &Path| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(path, mode).unwrap();
    };
    private(&file);
    site.relay("admin.sock").args(["--check"]).run().code(2).one_error(&["is damaged"]);
    assert!(site.kept().is_empty(), "a check changes nothing");
    let relay = site.start();
    relay.process.err("is damaged");
    assert_eq!(site.kept(), ["{\"version\":1,"]);
    relay.carry(&site);
    let used = relay.total();
    // While it runs: what this process knows is not lost.
    fs::write(&file, "rubbish").unwrap();
    private(&file);
    let done = relay.process.stop(Signal::TERM).code(0);
    assert_eq!(done.err.iter().filter(|line| line.contains("is damaged")).count(), 2, "{done}");
    assert_eq!(site.kept().len(), 2);
    assert!(site.file()["total"].as_u64().unwrap() >= used);
}

#[test]
fn without_a_place_for_the_file_counting_goes_on() {
    let site = Site::new("address-quota = \"2mb\"\n");
    let relay = site.start();
    relay.carry(&site);
    // A folder where the new file is to be written, as a full disk: it fails again and again.
    fs::create_dir(site.path("data/quotas.json.new")).unwrap();
    (0..3).for_each(|_| relay.save());
    relay.process.err("cannot write");
    let _bob = relay.share("carol", &site.path("s"));
    let out = tempdir().unwrap();
    relay.get("carol", out.path()).code(1);
    fs::remove_dir(site.path("data/quotas.json.new")).unwrap();
    let done = relay.process.stop(Signal::TERM).code(0);
    let said = done.err.iter().filter(|line| line.contains("cannot write"));
    assert_eq!(said.count(), 1, "said once: {done}");
    assert!(site.file()["total"].as_u64().unwrap() >= 2_000_000);
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_stops_nobody_and_what_is_used_meanwhile_is_stored_later() {
    let site = Site::new("address-quota = \"1gb\"\n");
    let Some((relay, data)) = site.start_on_disk("64k") else { return };
    let stored = || quotas_in(&data)["total"].as_u64().unwrap();
    let fill = || {
        let mut file = fs::File::create(data.join("filler")).unwrap();
        std::io::copy(&mut std::io::repeat(0), &mut file).unwrap_err();
    };
    relay.carry(&site);
    relay.save();
    let before = stored();
    assert!(before > 600_000, "{before}");
    fill();
    for _ in 0..2 {
        relay.carry(&site);
        relay.save();
    }
    let said = relay.process.err("No space left on device");
    assert!(said.contains("quotas.json") && said.contains("counted in memory only"), "{said}");
    assert_eq!(stored(), before, "the file is whole");
    let used = relay.total();
    assert!(used >= before + 1_200_000, "{before}, then {used}");
    let status = relay.operator(&["status"]).code(0);
    assert!(status.out.contains(&"ready        yes".to_owned()), "{status}");

    fs::remove_file(data.join("filler")).unwrap();
    system::patience::until("all is stored, and once", || {
        relay.save();
        stored() == relay.total()
    });
    relay.process.err("quotas are saved again");
    // What an end forgets is said, also if it was said that nothing could be saved.
    fill();
    relay.carry(&site);
    relay.save();
    let done = relay.process.stop(Signal::TERM).code(0);
    let no_space = done.err.iter().filter(|line| line.contains("No space left on device"));
    assert_eq!(no_space.count(), 3, "{done}");
    done.error(&["quotas.json", "No space left on device", "is forgotten"]);
}

#[test]
fn without_a_quota_nothing_is_kept_about_anybody() {
    let site = Site::new("");
    let relay = site.start();
    relay.carry(&site);
    assert_eq!(relay.quotas().len(), 1, "the total only");
    let status = relay.operator(&["status", "--json"]).code(0);
    assert_eq!(status.events()[0].get("quota"), None);
    relay.process.stop(Signal::TERM).code(0);
    assert_eq!(site.file(), Value::Null);
    // One quota that is set later begins to be kept then.
    let relay = site.start();
    site.configure("total-quota = \"1gb\"\n");
    relay.operator(&["reload"]).code(0);
    relay.carry(&site);
    relay.process.stop(Signal::TERM).code(0);
    assert!(site.file()["total"].as_u64().unwrap() > 600_000);
    assert_eq!(site.file()["addresses"], json!({}), "addresses only with a quota for them");
}

#[test]
fn bridge_alone_has_quotas_too() {
    let site = Site::new("");
    let relay = system::relay::Relay::start_with(&["--http", "off"]);
    let admin = format!("unix:{}", site.path("admin.sock").display());
    let bridge = relay.xcher(["bridge", "--http", "127.0.0.1:0", "--address-quota", "1mb"]);
    let bridge = bridge.args(["--admin", &admin, "--data-dir"]).args([site.path("data")]).start();
    let tunnel = format!("ws://{}xcher", bridge.out("http http://"));
    let bob = xcher(by(&tunnel)).args(["share", "--nick", "bob"]).args([site.path("s")]).start();
    bob.out("online ");
    let out = tempdir().unwrap();
    xcher(by(&tunnel)).args(["get", "bob", "--all", "-o"]).args([out.path()]).run().code(1);
    xcher(by(&tunnel)).args(["who"]).run().code(3).one_error(&["429"]);
    let quotas = xcher(["relay", "quotas", "--json", "--admin", &admin]).run().code(0);
    assert_eq!(quotas.events()[1]["account"], "127.0.0.1");
    bridge.stop(Signal::TERM).code(0);
    assert!(site.file()["total"].as_u64().unwrap() > 1_000_000);
}
