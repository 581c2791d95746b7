//! `--limit-send` and `--limit-receive` limit the total rate of all transfers, and a bridge that of a tunnel.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::path::{Path, PathBuf};
use std::time::Duration;

use system::pace::Pace;
use system::patience;
use system::process::{Process, xcher};
use system::relay::{Relay, by};
use system::tree;
use tempfile::{TempDir, tempdir};

/// Bytes per second.
const RATE: usize = 2 << 20;

/// Starts a share with these options.
fn share(relay: &Relay, folder: &Path, options: &[&str]) -> Process {
    let share = relay.xcher(["share", "--nick", "bob"]).args(options).args([folder]).start();
    share.out("online bob");
    share
}

/// Expects that this many bytes took the time that the rate implies, and not much more.
#[track_caller]
fn assert_limited(took: Duration, pace: &Pace, bytes: usize) {
    // The limiter allows a burst of a quarter of a second.
    let min = Duration::from_secs_f64(bytes as f64 / RATE as f64 - 0.35);
    assert!(took > min && pace.elapsed() < min * 8, "{bytes} bytes in {took:?}");
}

#[test]
fn either_side_limits_the_total_rate() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    // Some files go in batches, some alone, and some are copied by the kernel.
    let sizes = (0..30).map(|_| 10_000).chain([300_000; 8]).chain([1_500_000]);
    let files = sizes.enumerate().map(|(n, size)| (format!("{n:03}"), tree::bytes(n as u64, size)));
    tree::write(&folder.path().join("s"), files);
    let all = tree::read(folder.path());
    let total = all.values().map(Vec::len).sum();
    let limits: [(&[&str], &[&str]); 2] =
        [(&["--limit-send", "2mb"], &[]), (&[], &["--limit-receive", "2mb"])];
    for (of_share, of_get) in limits {
        for plain in [&[][..], &["--plain"]] {
            let share = share(&relay, &folder.path().join("s"), &[of_share, plain].concat());
            let out = tempdir().unwrap();
            let get = relay.xcher(["get", "bob", "--all", "-o"]).args([out.path()]);
            let pace = Pace::start();
            let get = get.args(of_get).args(plain).run().code(0);
            assert_limited(get.took, &pace, total);
            assert!(tree::read(out.path()) == all, "{of_share:?} {of_get:?} {plain:?}");
            share.stop(rustix::process::Signal::TERM);
        }
    }
}

/// One file of the batch takes longer than either side's timeout for a stalled transfer.
#[test]
fn slow_transfer_does_not_time_out() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let whole = tree::bytes(7, 200_000);
    tree::write(folder.path(), [("s/a", &whole[..]), ("s/b", &whole)]);
    for (of_share, of_get) in [("--limit-send", "-q"), ("-q", "--limit-receive")] {
        let with = |option: &'static str| match option {
            "-q" => vec![option],
            option => vec![option, "32kb"],
        };
        let options = [vec!["--timeout", "2"], with(of_share)].concat();
        let share = share(&relay, &folder.path().join("s"), &options);
        let out = tempdir().unwrap();
        let get = relay.xcher(["get", "bob", "--all", "--timeout", "2", "-o"]).args([out.path()]);
        let get = get.args(with(of_get)).run().code(0);
        assert!(get.took > Duration::from_secs(10), "{:?}", get.took);
        assert!(tree::read(out.path()) == tree::read(folder.path()));
        share.stop(rustix::process::Signal::TERM);
    }
}

#[test]
fn slow_transfer_stops_within_two_seconds() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/file", tree::bytes(8, 4 << 20))]);
    let share = share(&relay, &folder.path().join("s"), &["--limit-send", "16kb"]);
    let out = tempdir().unwrap();
    let get = relay.xcher(["get", "bob", "--all", "--json", "--limit-receive", "16kb", "-o"]);
    let get = get.args([out.path()]).start();
    get.event(&[("event", "transfer"), ("state", "progress")]);
    get.stop(rustix::process::Signal::INT).code(1);
    share.stop(rustix::process::Signal::TERM);
}

/// A relay whose tunnels are slow, until the limit is lifted.
struct SlowTunnels {
    relay: Relay,
    config: PathBuf,
}

impl SlowTunnels {
    fn start(folder: &Path, rate: &str) -> Self {
        let config = folder.join("config.toml");
        std::fs::write(&config, format!("tunnel-rate = \"{rate}\"\n")).unwrap();
        let options = ["--http", "127.0.0.1:0", "--config", config.to_str().unwrap()];
        Self { relay: Relay::start_with(&options), config }
    }

    fn lift(&self) {
        std::fs::write(&self.config, "").unwrap();
        self.relay.process.signal(rustix::process::Signal::HUP);
    }
}

/// The lines that begin a transfer wait behind the bytes of others for as long as the users are willing to.
#[test]
fn transfers_that_begin_late_in_a_slow_tunnel_are_not_cut() {
    let folder = tempdir().unwrap();
    let slow = SlowTunnels::start(folder.path(), "80kb");
    let relay = &slow.relay;
    tree::write(folder.path(), [("s/file", tree::bytes(9, 3_000_000))]);
    let tunnel = relay.tunnel();
    let host = |command: &[&str]| xcher(by(&tunnel)).args(["--timeout", "300"]).args(command);
    let bob = host(&["share", "--nick", "bob"]).args([folder.path().join("s")]).start();
    bob.out("online bob");
    let outs = [(); 5].map(|()| tempdir().unwrap());
    let get =
        |out: &TempDir| host(&["get", "bob", "--all", "--json", "-o"]).args([out.path()]).start();
    let gets = outs.each_ref().map(get);
    for get in &gets {
        get.event(&[("event", "transfer"), ("state", "progress")]);
    }
    slow.lift();
    for (get, out) in gets.into_iter().zip(&outs) {
        get.wait().code(0);
        assert!(tree::read(out.path())["s/file"] == tree::read(folder.path())["s/file"]);
    }
}

/// The probe and its answer wait behind the bytes of a transfer, for longer than the 3 s after which hosts once took
/// the peer for one without encryption.
#[test]
fn session_that_begins_late_in_a_slow_tunnel_is_encrypted() {
    let folder = tempdir().unwrap();
    let slow = SlowTunnels::start(folder.path(), "60kb");
    let relay = &slow.relay;
    tree::write(folder.path(), [("s/file", tree::bytes(10, 6_000_000))]);
    let (tunnel, timeout) = (relay.tunnel(), ["--timeout", "300"]);
    let bob = xcher(by(&tunnel)).args(timeout).args(["share", "--nick", "bob"]);
    let bob = bob.args([folder.path().join("s")]).start();
    bob.out("online bob");
    let out = tempdir().unwrap();
    let get = relay.xcher(["get", "bob", "--all", "--json", "-o"]).args([out.path()]).args(timeout);
    let get = get.start();
    // Until then buffers on the way fill, behind which the session's lines wait.
    let has = || tree::partials(out.path()).values().map(Vec::len).sum::<usize>();
    patience::until("600 kB of the file arrive", || has() > 600_000);
    let ls = relay.xcher(["ls", "bob", "--nick", "amy"]).args(timeout).run().code(0);
    assert!(ls.took > Duration::from_secs(6), "the tunnel is not slow: {:?}", ls.took);
    ls.quiet().out(&["6000000\ts/file"]).session_line(&["bob ", "the session is encrypted: key "]);
    bob.err("amy (127.0.0.1) is connected through the bridge; the session is encrypted: key ");
    slow.lift();
    get.wait().code(0);
}

#[test]
fn rejects_an_invalid_rate() {
    for bad in ["0", "1kb", "16383", "-1", "2", "fast", "1.5mb"] {
        let done = xcher(["who", &format!("--limit-send={bad}")]).run().code(2);
        done.error(&["--limit-send", bad]).error(&["not a rate of 16kb or more a second"]);
    }
    xcher(["who"]).env("XCHER_LIMIT_RECEIVE", "1kb").run().code(2);
}
