//! The WebSocket to a bridge, as a stream of bytes (section 10.1).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, TryStreamExt as _, future};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::either::Either;
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};
use xcher_core::Quoted;
use xcher_core::tunnel::SUBPROTOCOL;

use super::tls_roots::Trust;
use crate::relay_address::BridgeUrl;

/// How long the bridge may take from the connection to its WebSocket.
const ANSWER: Duration = Duration::from_secs(10);
/// The longest message: the bridge sends none that is longer.
const MESSAGE: usize = 1 << 20;

/// A WebSocket's bytes, and this end and the bridge's of its connection.
pub(super) struct WebSocket<S> {
    pub(super) bytes: S,
    pub(super) ends: (SocketAddr, SocketAddr),
}

/// Opens the WebSocket at `bridge`, over TLS where its URL says so.
///
/// # Errors
///
/// If there is none, it is not the one that was named, or it refuses.
pub(super) async fn connect(
    bridge: &BridgeUrl,
    token: Option<&str>,
    trust: &Trust,
) -> io::Result<WebSocket<impl AsyncRead + AsyncWrite + Send + Unpin + use<>>> {
    let mut request = bridge.url.as_str().into_client_request().map_err(io::Error::other)?;
    let headers = request.headers_mut();
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().map_err(io::Error::other)?;
        headers.insert(AUTHORIZATION, value);
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE))
        .max_frame_size(Some(MESSAGE))
        .max_write_buffer_size(4 * MESSAGE);

    let socket = TcpStream::connect((bridge.host.as_str(), bridge.port)).await?;
    socket.set_nodelay(true)?;
    let ends = (socket.local_addr()?, socket.peer_addr()?);
    let handshakes = async {
        let socket = match bridge.tls {
            true => Either::Left(trust.connect(&bridge.host, socket).await?),
            false => Either::Right(socket),
        };
        let connect = tokio_tungstenite::client_async_with_config(request, socket, Some(config));
        connect.await.map_err(refusal)
    };
    let silent = |_| io::Error::new(io::ErrorKind::TimedOut, "the bridge does not answer");
    let (socket, _) = timeout(ANSWER, handshakes).await.map_err(silent)??;
    Ok(WebSocket { bytes: bytes(socket), ends })
}

/// What the bridge answered in place of a WebSocket, in its own words.
fn refusal(error: Error) -> io::Error {
    match error {
        Error::Http(response) => {
            let said = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            let said = Quoted(said.trim());
            io::Error::other(format!("the bridge said {}: {said}", response.status()))
        }
        error => io::Error::other(error),
    }
}

/// The bytes of the binary messages, one after the other.
fn bytes<S>(socket: WebSocketStream<S>) -> impl AsyncRead + AsyncWrite + Send + Unpin + use<S>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let (sink, messages) = socket.split();
    let read = messages.map_err(io::Error::other).try_filter_map(|message| {
        future::ready(match message {
            Message::Binary(bytes) => Ok(Some(bytes)),
            Message::Text(_) => Err(io::Error::other("expected a binary message, got a text")),
            _ => Ok(None),
        })
    });
    let write = sink.sink_map_err(io::Error::other);
    let write = write.with(|bytes: Bytes| future::ready(io::Result::Ok(Message::Binary(bytes))));
    tokio::io::join(StreamReader::new(read), SinkWriter::new(CopyToBytes::new(write)))
}
