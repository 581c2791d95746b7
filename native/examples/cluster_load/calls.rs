//! Calls a second between hosts at two relays, beside requests a second of NATS alone.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::runtime::{Builder, Runtime};

use crate::host::{Host, own_ip};
use crate::nats::Nats;
use crate::relay::start_here;

const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_secs(2);

/// Measures both in turn, with the same numbers under way.
pub(crate) fn measure() {
    let nats = Nats::start(1);
    let (_first, near) = start_here(&nats.urls());
    let (_second, far) = start_here(&nats.urls());
    for window in [1, 64, 512] {
        let runtime = runtime();
        let mut pairs = runtime.block_on(pairs(near, far, window));
        let mut raw = Raw::start(&nats.urls(), window);
        let mut figures = Vec::new();
        for _ in 0..ROUNDS {
            let requests = raw.run();
            let (calls, left) = runtime.block_on(call_each(pairs));
            pairs = left;
            figures.push((requests, calls));
        }
        figures.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
        let (requests, calls) = figures[ROUNDS / 2];
        println!(
            "{window} under way: {calls:.0} calls/s, {requests:.0} requests/s of NATS alone: {:.2} \
             (of {ROUNDS} rounds {:.2} to {:.2})",
            calls / requests,
            figures[0].1 / figures[0].0,
            figures[ROUNDS - 1].1 / figures[ROUNDS - 1].0,
        );
    }
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
                    "X_CALL a512-100 127.1.0.1 own,named here\nX_INIT b512-100 127.1.0.1 4000\n";
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
