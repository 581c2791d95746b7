//! Calls a second between hosts at two relays, beside requests a second of NATS alone.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::runtime::{Builder, Runtime};

use crate::hops;
use crate::host::{Host, own_ip};
use crate::nats::Nats;
use crate::relay::start_here;

const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_secs(2);

/// Measures all in turn, with the same numbers under way.
pub(crate) fn measure() {
    let nats = Nats::start(1);
    let urls = nats.urls();
    let (_first, near) = start_here(&urls);
    let (_second, far) = start_here(&urls);
    let (near_hop, far_hop) = (hops::start(&urls), hops::start(&urls));
    for window in [1, 64, 512] {
        let runtime = runtime();
        let mut of_relays = runtime.block_on(pairs(near, far, window));
        let mut of_hops = runtime.block_on(pairs(near_hop, far_hop, window));
        let mut raw = Raw::start(&urls, window);
        let (mut requests, mut passed, mut calls) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let rate;
            requests.push(raw.run());
            (rate, of_hops) = runtime.block_on(call_each(of_hops));
            passed.push(rate);
            let rate;
            (rate, of_relays) = runtime.block_on(call_each(of_relays));
            calls.push(rate);
        }
        println!(
            "{window} under way: {:.0} calls/s; {:.0} requests/s of NATS alone: {}; {:.0} lines/s passed on without \
             rules: {}, which is {} of NATS alone",
            median(&calls),
            median(&requests),
            ratio(&calls, &requests),
            median(&passed),
            ratio(&calls, &passed),
            ratio(&passed, &requests),
        );
    }
}

fn median(figures: &[f64]) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Compares what was measured in the same round: the median, and the range.
fn ratio(these: &[f64], those: &[f64]) -> String {
    let mut ratios: Vec<_> = these.iter().zip(those).map(|(this, that)| this / that).collect();
    ratios.sort_by(f64::total_cmp);
    let [least, .., most] = ratios[..] else { unreachable!("several rounds") };
    format!("{:.2} ({least:.2} to {most:.2})", median(&ratios))
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

struct Pair {
    number: usize,
    caller: Host,
    callee: Host,
    calls: u64,
}

async fn pairs(near: std::net::SocketAddr, far: std::net::SocketAddr, count: usize) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for number in 0..count {
        let mut caller = Host::connect(near, number).await.unwrap();
        let mut callee = Host::connect(far, number).await.unwrap();
        assert!(caller.join(&format!("a{count}-{number}")).await.unwrap());
        assert!(callee.join(&format!("b{count}-{number}")).await.unwrap());
        pairs.push(Pair { number, caller, callee, calls: 0 });
    }
    pairs
}

/// Lets each caller call its callee again and again. Returns the calls a second.
async fn call_each(pairs: Vec<Pair>) -> (f64, Vec<Pair>) {
    let (start, count) = (Instant::now(), pairs.len());
    let callers = pairs.into_iter().map(|mut pair| async move {
        pair.calls = 0;
        let (ip, number) = (own_ip(pair.number), pair.number);
        let init = format!("X_INIT b{count}-{number} {ip} 4000\n");
        let mut line = String::new();
        while start.elapsed() < TIME {
            pair.caller.say(&init).await.unwrap();
            line.clear();
            pair.callee.line(&mut line).await.unwrap();
            assert_eq!(line, init);
            pair.calls += 1;
        }
        pair
    });
    let pairs: Vec<_> = callers.collect::<FuturesUnordered<_>>().collect().await;
    let calls: u64 = pairs.iter().map(|pair| pair.calls).sum();
    (calls as f64 / start.elapsed().as_secs_f64(), pairs)
}

/// Requests and answers of the same client library, on a thread for each side.
struct Raw {
    runtime: Runtime,
    client: async_nats::Client,
    window: usize,
}

impl Raw {
    fn start(urls: &str, window: usize) -> Self {
        let servers: Vec<_> = urls.split(',').map(str::to_owned).collect();
        let (to, ready) = (servers.clone(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            runtime().block_on(async move {
                let client = async_nats::connect(to).await.unwrap();
                let mut requests = client.subscribe(format!("raw{window}")).await.unwrap();
                client.flush().await.unwrap();
                ready.0.send(()).unwrap();
                while let Some(request) = requests.next().await {
                    client
                        .publish(request.reply.unwrap(), "YES 127.0.0.1 - -".into())
                        .await
                        .unwrap();
                }
            });
        });
        ready.1.recv().unwrap();
        let runtime = runtime();
        let client = runtime.block_on(async_nats::connect(servers)).unwrap();
        Self { runtime, client, window }
    }

    fn run(&mut self) -> f64 {
        let (client, window) = (&self.client, self.window);
        self.runtime.block_on(async {
            let start = Instant::now();
            let workers = (0..window).map(|_| async {
                let mut requests = 0_u64;
                let text =
                    "X_CALL 00000000000000aa-1 a512-100 127.1.0.1 own,named here\nX_INIT b512-100 127.1.0.1 4000\n";
                while start.elapsed() < TIME {
                    client.request(format!("raw{window}"), text.into()).await.unwrap();
                    requests += 1;
                }
                requests
            });
            let done: Vec<u64> = workers.collect::<FuturesUnordered<_>>().collect().await;
            done.iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64()
        })
    }
}
