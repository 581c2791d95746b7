//! The least that a relay over NATS can be: it passes lines on, and knows no rules. What it costs beside requests of
//! NATS alone is the price of two more connections, to the caller and to the callee.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;

use futures_util::StreamExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

/// Runs one on a thread of its own until this process ends.
pub(crate) fn start(urls: &str) -> SocketAddr {
    let servers: Vec<_> = urls.split(',').map(str::to_owned).collect();
    let (started, start) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let client = async_nats::connect(servers).await.unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            started.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (host, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(host, client.clone()));
            }
        });
    });
    start.recv().unwrap()
}

async fn serve(host: TcpStream, client: async_nats::Client) -> io::Result<()> {
    host.set_nodelay(true)?;
    let (lines, mut host) = host.into_split();
    let mut lines = BufReader::new(lines);
    let mut line = String::new();
    lines.read_line(&mut line).await?;
    let nick = line.trim_end().strip_prefix("X_NICK ").unwrap();
    let mut calls = client.subscribe(format!("hop.{nick}")).await.unwrap();
    client.flush().await.unwrap();
    host.write_all(format!("X_NICK {nick} YES\n").as_bytes()).await?;
    line.clear();
    loop {
        tokio::select! {
            read = lines.read_line(&mut line) => {
                if read? == 0 {
                    return Ok(());
                }
                let nick = line.split(' ').nth(1).unwrap();
                client.request(format!("hop.{nick}"), line.clone().into()).await.unwrap();
                line.clear();
            }
            Some(call) = calls.next() => {
                host.write_all(&call.payload).await?;
                client.publish(call.reply.unwrap(), "YES 127.0.0.1 - -".into()).await.unwrap();
            }
        }
    }
}
