//! The bridge over loopback: the ports it allocates, and the requests it refuses.

#![allow(clippy::unwrap_used)]

mod allocating;
mod colluding;
mod endurance;
#[path = "../../../tests/system/pace.rs"]
mod pace;
#[path = "../patience/mod.rs"]
mod patience;
mod quotas;
mod rates;
mod refusals;
mod threads;

use std::future::ready;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, TryStreamExt as _};
use patience::PATIENCE;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufWriter};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Duration, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};
use xcher::bridge::{Bridge, BridgeConfig, Home, Rates};
use xcher::http::{Access, HttpConfig, WsBytes};
use xcher::relay::{Relay, RelayConfig};
use xcher::tunnel::{Mode, Opener, Stream, multiplex, read_first_line};
use xcher_core::tunnel::AllocationLimits;

const HERE: &str = "127.0.0.1:5000";
/// A client on the internet.
const FAR: &str = "8.8.8.8:5000";

/// A bridge with its HTTP server on a real port. X_INITs may name any address.
struct Front {
    addr: SocketAddr,
    run: JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.run.abort();
    }
}

impl Front {
    async fn start(mut http: HttpConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let bridge = bridge(Rates::default());
        let tunnel = move |bytes: WsBytes, client| {
            let bridge = bridge.clone();
            async move { bridge.serve(bytes, client, addr.ip()).await }
        };
        // Tests choose their clients' addresses.
        http.access.trusted_proxies = vec![addr.ip().into()];
        let run = async move {
            xcher::http::run(listener, http, tunnel, std::future::pending()).await.unwrap();
        };
        Self { addr, run: tokio::spawn(run) }
    }

    /// Opens a WebSocket of a client at this address, or returns the status of the refusal.
    async fn web_socket(
        &self,
        client: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<WebSocketStream<TcpStream>, u16> {
        let mut request = format!("ws://{}/xcher", self.addr).into_client_request().unwrap();
        let always = [("sec-websocket-protocol", "xcher.tunnel.1"), ("x-forwarded-for", client)];
        for (name, value) in always.iter().chain(headers) {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let socket = TcpStream::connect(self.addr).await.unwrap();
        socket.set_nodelay(true).unwrap();
        match soon(client_async(request, socket)).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    async fn open(&self, client: &str) -> Tunnel {
        Tunnel::over(bytes(self.web_socket(client, &[]).await.unwrap()))
    }
}

async fn front() -> Front {
    Front::start(HttpConfig::default()).await
}

/// Returns a client's binary messages as a stream of bytes.
fn bytes(
    socket: WebSocketStream<TcpStream>,
) -> impl AsyncRead + AsyncWrite + Send + Unpin + 'static {
    let (sink, messages) = socket.split();
    let read = messages.map_err(io::Error::other).try_filter_map(|message| {
        ready(Ok(match message {
            Message::Binary(bytes) => Some(bytes),
            _ => None,
        }))
    });
    let write = sink.sink_map_err(io::Error::other);
    let write = write.with(|bytes: Bytes| ready(io::Result::Ok(Message::Binary(bytes))));
    let write = BufWriter::new(SinkWriter::new(CopyToBytes::new(write)));
    tokio::io::join(StreamReader::new(read), write)
}

fn with(access: Access) -> HttpConfig {
    HttpConfig { access, ..HttpConfig::default() }
}

fn bridge(rates: Rates) -> Bridge {
    let limits = AllocationLimits { listeners: 2, ..AllocationLimits::default() };
    let config = BridgeConfig { limits, rates, ..BridgeConfig::at([127, 0, 0, 1].into()) };
    let mut relay = RelayConfig::default();
    relay.limits.any_address = true;
    Bridge::new(Relay::new(relay).unwrap(), config)
}

/// The client's side of a tunnel.
struct Tunnel {
    opener: Opener,
    inbound: mpsc::UnboundedReceiver<Stream>,
    run: JoinHandle<()>,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.run.abort();
    }
}

impl Tunnel {
    fn over(socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (sender, inbound) = mpsc::unbounded_channel();
        let (opener, run) =
            multiplex(socket, Mode::Client, move |stream| drop(sender.send(stream)));
        let run = tokio::spawn(async move { drop(run.await) });
        Self { opener, inbound, run }
    }

    /// Opens a tunnel in memory.
    fn in_memory(bridge: &Bridge, client: &str) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let (bridge, client) = (bridge.clone(), client.parse().unwrap());
        tokio::spawn(async move { bridge.serve(theirs, client, [127, 0, 0, 1].into()).await });
        Self::over(ours)
    }

    async fn say_part(&self, text: &str) -> Stream {
        let mut stream = self.opener.open().await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn say(&self, line: &str) -> Stream {
        self.say_part(&format!("{line}\n")).await
    }

    /// Opens a stream with this first line, and returns the answer.
    async fn ask(&self, line: &str) -> (Stream, String) {
        let mut stream = self.say(line).await;
        let answer = read_line(&mut stream).await;
        (stream, answer)
    }

    /// Asks repeatedly until the answer matches.
    async fn ask_until(&self, line: &str, is_right: impl Fn(&str) -> bool) {
        soon(async {
            while !is_right(&self.ask(line).await.1) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    async fn refused(&self, line: &str, because: &str) {
        let (_, answer) = self.ask(line).await;
        assert!(answer.starts_with("NO ") && answer.contains(because), "{line}: {answer}");
    }

    async fn join(&self, nick: &str) -> Stream {
        let mut relay = self.say("X_RELAY").await;
        relay.write_all(format!("X_NICK {nick}\n").as_bytes()).await.unwrap();
        assert_eq!(read_line(&mut relay).await, format!("X_NICK {nick} YES"));
        relay
    }

    async fn listen(&self) -> (Stream, SocketAddr) {
        let (stream, answer) = self.ask("X_LISTEN").await;
        let fields: Vec<_> = answer.split(' ').collect();
        assert_eq!((fields[0], fields[1]), ("X_LISTEN", "127.0.0.1"));
        (stream, format!("127.0.0.1:{}", fields[2]).parse().unwrap())
    }

    /// Listens for a call that any host may answer for a while. The first stream, the link to the relay, holds
    /// the nick, the second the listener.
    async fn await_caller(&self, nick: &str) -> ([Stream; 2], SocketAddr) {
        let mut relay = self.join(nick).await;
        let (listener, at) = self.listen().await;
        let init = format!("X_INIT {nick} {}", fields(at));
        relay.write_all(format!("{init}\n").as_bytes()).await.unwrap();
        assert_eq!(read_line(&mut relay).await, init);
        ([relay, listener], at)
    }

    async fn visitor(&mut self) -> (Stream, String) {
        let mut stream = soon(self.inbound.recv()).await.unwrap();
        let line = read_line(&mut stream).await;
        (stream, line)
    }
}

async fn soon<R>(future: impl Future<Output = R>) -> R {
    patience::timeout(PATIENCE, future).await.expect("in time")
}

/// Waits until the port is closed.
async fn wait_until_closed(at: SocketAddr) {
    soon(async {
        while TcpStream::connect(at).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn read_line(stream: &mut Stream) -> String {
    soon(read_first_line(stream)).await.unwrap()
}

fn fields(at: SocketAddr) -> String {
    format!("{} {}", at.ip(), at.port())
}

/// Alice calls Bob through the relay, and Bob receives the X_INIT.
async fn call(alice: &mut Stream, bob: &mut Stream, at: SocketAddr) {
    let init = format!("X_INIT bob {}", fields(at));
    alice.write_all(format!("{init}\n").as_bytes()).await.unwrap();
    assert_eq!(read_line(bob).await, init);
}
