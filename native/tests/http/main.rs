//! The bridge's HTTP server on real sockets.

#![allow(clippy::unwrap_used)]

mod carrying;
mod hostile;
mod opening;
#[path = "../../../tests/system/pace.rs"]
mod pace;
mod page;
#[path = "../patience/mod.rs"]
mod patience;
mod stopping;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use patience::{PATIENCE, timeout};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use xcher::http::{Access, HttpConfig, WsBytes, run};

const SUBPROTOCOL: (&str, &str) = ("sec-websocket-protocol", "xcher.tunnel.1");

type Client = WebSocketStream<TcpStream>;

fn with(access: Access) -> HttpConfig {
    HttpConfig { access, ..HttpConfig::default() }
}

struct Front {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    done: JoinHandle<io::Result<()>>,
    /// The tunnels that `run` passed on.
    tunnels: mpsc::UnboundedReceiver<(WsBytes, SocketAddr)>,
}

impl Front {
    /// Starts a server whose tunnels last as long as their bytes are kept.
    async fn start(config: HttpConfig) -> Self {
        let (give, tunnels) = mpsc::unbounded_channel();
        let tunnel = move |bytes, from| {
            let given = give.send((bytes, from));
            async move { drop(given) }
        };
        Self::serve(config, tunnel, tunnels).await
    }

    async fn serve<F, Fut>(
        config: HttpConfig,
        tunnel: F,
        tunnels: mpsc::UnboundedReceiver<(WsBytes, SocketAddr)>,
    ) -> Self
    where
        F: Fn(WsBytes, SocketAddr) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let done = tokio::spawn(run(listener, config, tunnel, stopped));
        Self { addr, stop, done, tunnels }
    }

    /// Starts a server whose tunnels echo every byte.
    async fn echo(config: HttpConfig) -> Self {
        let tunnel = async |bytes: WsBytes| {
            let (mut from, mut to) = tokio::io::split(bytes);
            let _ = tokio::io::copy(&mut from, &mut to).await;
            let _ = to.shutdown().await;
        };
        let tunnel = move |bytes, _| tunnel(bytes);
        Self::serve(config, tunnel, mpsc::unbounded_channel().1).await
    }

    /// Sends a request and returns the response.
    async fn ask(&self, request: &str) -> String {
        self.ask_by(&self.addr.to_string(), request).await
    }

    /// As [`Self::ask`], with this host name.
    async fn ask_by(&self, host: &str, request: &str) -> String {
        let mut socket = TcpStream::connect(self.addr).await.unwrap();
        let request = format!("{request}\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    }

    async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1")).await
    }

    /// Opens a tunnel, or returns the status and text of the refusal.
    async fn open(&self, headers: &[(&'static str, &str)]) -> Result<Client, (u16, String)> {
        let mut request = format!("ws://{}/xcher", self.addr).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let socket = TcpStream::connect(self.addr).await.unwrap();
        match timeout(PATIENCE, client_async(request, socket)).await.unwrap() {
            Ok((client, answer)) => {
                assert_eq!(answer.headers()["sec-websocket-protocol"], "xcher.tunnel.1");
                assert!(!answer.headers().contains_key("sec-websocket-extensions"));
                Ok(client)
            }
            Err(Error::Http(answer)) => {
                let text = answer.body().as_deref().unwrap_or_default();
                Err((answer.status().as_u16(), String::from_utf8_lossy(text).into_owned()))
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// Opens a tunnel and returns both ends.
    async fn both(&mut self) -> (Client, WsBytes) {
        let client = self.open(&[SUBPROTOCOL]).await.unwrap();
        (client, self.given().await.0)
    }

    async fn given(&mut self) -> (WsBytes, SocketAddr) {
        timeout(PATIENCE, self.tunnels.recv()).await.unwrap().unwrap()
    }
}

/// Returns the code of the next message, a Close.
async fn close_code(client: &mut Client) -> CloseCode {
    match timeout(PATIENCE, client.next()).await.unwrap() {
        Some(Ok(Message::Close(Some(frame)))) => frame.code,
        other => panic!("expected a Close, got {other:?}"),
    }
}

fn numbered(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + (i >> 8) + (i >> 16)) as u8).collect()
}
