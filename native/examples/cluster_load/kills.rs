//! Kills each part of a cluster of three NATS servers and three relays in turn, under load.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use tempfile::tempdir;
use tokio::runtime::Builder;
use tokio::time::{sleep, sleep_until};

use crate::host::{Host, own_ip};
use crate::nats::Nats;
use crate::relay::{Program, until};

/// Time between two calls of one host.
const CALL_INTERVAL: Duration = Duration::from_secs(10);
/// The longest time that a nick may be two hosts': the interval of heartbeats, and the time for messages.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Time in which nothing is killed.
const QUIET_TIME: Duration = Duration::from_secs(8);

struct World {
    relays: RwLock<Vec<std::net::SocketAddr>>,
    hosts: usize,
    online: AtomicU64,
    calls: AtomicU64,
    delivered: AtomicU64,
    wrong: AtomicU64,
    /// Answers of the relays, by their first words.
    errors: Mutex<BTreeMap<String, u64>>,
    /// Nicks that a second host was given while the first was online, and for how long both had it while NATS ran.
    twice: Mutex<Vec<Duration>>,
    /// Since when NATS runs; `None` while no server does.
    nats_since: Mutex<Option<Instant>>,
    /// The longest of them ever, in microseconds.
    longest: AtomicU64,
}

/// Runs three relays with so many hosts each.
pub(crate) fn run(hosts_each: usize) {
    let (mut nats, keys) = (Nats::start(3), tempdir().unwrap());
    let urls = nats.urls();
    let start = |listen: &str| Program::start(listen, Some(&urls), keys.path());
    let mut relays: Vec<_> = (0..3).map(|_| Some(start("127.0.0.1:0"))).collect();
    let addresses: Vec<_> = relays.iter().flatten().map(|relay| relay.address).collect();
    let world = Arc::new(World {
        relays: RwLock::new(addresses.clone()),
        hosts: hosts_each * 3,
        online: AtomicU64::default(),
        calls: AtomicU64::default(),
        delivered: AtomicU64::default(),
        wrong: AtomicU64::default(),
        errors: Mutex::default(),
        twice: Mutex::default(),
        nats_since: Mutex::new(Some(Instant::now())),
        longest: AtomicU64::default(),
    });
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for number in 0..world.hosts {
        runtime.spawn(host(Arc::clone(&world), number));
    }
    for _ in 0..8 {
        runtime.spawn(challenge(Arc::clone(&world)));
    }
    report(&world, "start");
    for number in 0..3 {
        nats.kill(number);
        std::thread::sleep(QUIET_TIME);
        nats.start_again(number);
        report(&world, &format!("NATS server {} killed, and started 8 s later", number + 1));
    }
    for number in 0..3 {
        relays[number] = None;
        std::thread::sleep(QUIET_TIME);
        relays[number] = Some(start(&addresses[number].to_string()));
        report(&world, &format!("relay {} killed, and started 8 s later", number + 1));
    }
    *world.nats_since.lock().unwrap() = None;
    (0..3).for_each(|number| nats.kill(number));
    std::thread::sleep(QUIET_TIME);
    (0..3).for_each(|number| nats.start_again(number));
    *world.nats_since.lock().unwrap() = Some(Instant::now());
    report(&world, "all NATS servers killed, and started 8 s later");
    println!("errors: {:#?}", world.errors.lock().unwrap());
    assert_eq!(world.wrong.load(Relaxed), 0, "wrong deliveries");
    let longest = Duration::from_micros(world.longest.load(Relaxed));
    println!("longest time of a nick at two hosts while NATS ran: {longest:.1?}");
    assert!(longest <= HEARTBEAT, "a nick was two hosts' for longer than a heartbeat");
}

/// Waits until all hosts are online, and shows what has happened since the last report.
fn report(world: &World, what: &str) {
    let took = until(|| world.online.load(Relaxed) == world.hosts as u64);
    std::thread::sleep(QUIET_TIME);
    let take = |count: &AtomicU64| count.swap(0, Relaxed);
    let mut twice = std::mem::take(&mut *world.twice.lock().unwrap());
    twice.sort();
    println!(
        "{what}: all {} online after {took:.1?} more; {} calls, {} delivered, {} wrong (ever); {} nicks twice, for {:.1?}",
        world.hosts,
        take(&world.calls),
        take(&world.delivered),
        world.wrong.load(Relaxed),
        twice.len(),
        twice,
    );
}

/// Is online at one relay after another, calls others, and checks each call that it gets.
async fn host(world: Arc<World>, number: usize) {
    let nick = format!("host-{number}");
    sleep(Duration::from_millis(fastrand::u64(0..5000))).await;
    for attempt in number.. {
        let relay = world.relays.read().unwrap()[attempt % 3];
        let Ok(mut host) = Host::connect(relay, number).await else {
            sleep(Duration::from_millis(fastrand::u64(200..1000))).await;
            continue;
        };
        if host.join(&nick).await.unwrap_or(false) {
            world.online.fetch_add(1, Relaxed);
            let _ = stay(&world, &mut host, number).await;
            world.online.fetch_sub(1, Relaxed);
        }
        sleep(Duration::from_millis(fastrand::u64(200..1000))).await;
    }
}

async fn stay(world: &World, host: &mut Host, number: usize) -> std::io::Result<()> {
    let own_nick = format!("host-{number}");
    let mut next = tokio::time::Instant::now() + CALL_INTERVAL.mul_f64(fastrand::f64());
    let mut line = String::new();
    loop {
        let heard = tokio::select! {
            heard = host.line(&mut line) => Some(heard),
            () = sleep_until(next) => None,
        };
        match heard {
            None => {
                next += CALL_INTERVAL;
                let callee = fastrand::usize(..world.hosts);
                // The port names the callee, so that it can check the delivery.
                let (ip, port) = (own_ip(number), 1024 + callee % 60_000);
                host.say(&format!("X_INIT host-{callee} {ip} {port}\n")).await?;
                world.calls.fetch_add(1, Relaxed);
                continue;
            }
            Some(heard) => heard?,
        }
        let text = line.trim_end();
        let fields: Vec<_> = text.split(' ').collect();
        if let ["X_INIT", nick, _, port] = fields[..] {
            let is_mine = nick == own_nick && port == (1024 + number % 60_000).to_string();
            let counter = if is_mine { &world.delivered } else { &world.wrong };
            counter.fetch_add(1, Relaxed);
        } else if let Some(error) = text.strip_prefix("X_ERR ") {
            let kind: Vec<_> =
                error.split(' ').filter(|word| !word.starts_with("host-")).take(6).collect();
            *world.errors.lock().unwrap().entry(kind.join(" ")).or_default() += 1;
        }
        line.clear();
    }
}

/// Asks for nicks of others again and again. If both have one, measures for how long.
async fn challenge(world: Arc<World>) {
    for attempt in 0.. {
        sleep(Duration::from_millis(fastrand::u64(50..250))).await;
        // A pair of its own, of which the first is online before the second asks.
        let nick = format!("pair-{}", fastrand::u64(..));
        let [one, other] = [0, 1].map(|add| world.relays.read().unwrap()[(attempt + add) % 3]);
        let number = world.hosts + 200 * fastrand::usize(1..100);
        let Ok(mut first) = Host::connect(one, number).await else { continue };
        if !first.join(&nick).await.unwrap_or(false) {
            continue;
        }
        let Ok(mut second) = Host::connect(other, number).await else { continue };
        if !second.join(&nick).await.unwrap_or(false) {
            continue;
        }
        let (began, mut line) = (Instant::now(), String::new());
        // Both wait for the end of one of them.
        let ended = async {
            let mut text = String::new();
            tokio::select! {
                () = async { while first.line(&mut line).await.is_ok() {} } => {}
                () = async { while second.line(&mut text).await.is_ok() {} } => {}
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(60), ended).await;
        // Without NATS a nick is given to whoever asks.
        if let Some(since) = *world.nats_since.lock().unwrap() {
            let time = since.max(began).elapsed();
            world.twice.lock().unwrap().push(time);
            world.longest.fetch_max(time.as_micros() as u64, Relaxed);
        }
    }
}
