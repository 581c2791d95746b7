//! Connects to a bridge's WebSocket, and reads and writes it as a stream of bytes (section 10.1).

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
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::either::Either;
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};
use xcher_core::Quoted;
use xcher_core::tunnel::SUBPROTOCOL;

use super::tls_roots::{Service, TlsRoots};
use crate::relay_address::BridgeUrl;

/// Time for the bridge to complete the TLS and WebSocket handshakes.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest message that the bridge sends.
const MAX_MESSAGE_LEN: usize = 1 << 20;

/// A WebSocket's bytes, and its connection's local and remote address.
pub(crate) struct WebSocket<S> {
    pub(crate) bytes: S,
    pub(crate) addresses: (SocketAddr, SocketAddr),
}

/// Opens the WebSocket at `bridge`, over TLS if its URL demands it.
///
/// # Errors
///
/// If there is no bridge, its certificate is invalid, or it refuses.
pub(crate) async fn connect(
    bridge: &BridgeUrl,
    token: Option<&str>,
    tls_roots: &TlsRoots,
) -> io::Result<WebSocket<impl AsyncRead + AsyncWrite + Send + Unpin + use<>>> {
    let mut request = bridge.url.as_str().into_client_request().map_err(io::Error::other)?;
    let headers = request.headers_mut();
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().map_err(io::Error::other)?;
        headers.insert(AUTHORIZATION, value);
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_LEN))
        .max_frame_size(Some(MAX_MESSAGE_LEN))
        .max_write_buffer_size(4 * MAX_MESSAGE_LEN);

    let socket = TcpStream::connect((bridge.host.as_str(), bridge.port)).await?;
    socket.set_nodelay(true)?;
    let addresses = (socket.local_addr()?, socket.peer_addr()?);
    let handshakes = async {
        let socket = match bridge.tls {
            true => Either::Left(tls_roots.connect(&bridge.host, socket, Service::Bridge).await?),
            false => Either::Right(socket),
        };
        let connect = tokio_tungstenite::client_async_with_config(request, socket, Some(config));
        connect.await.map_err(explain)
    };
    let silent = |_| io::Error::new(io::ErrorKind::TimedOut, "the bridge does not answer");
    let (socket, _) = timeout(HANDSHAKE_TIMEOUT, handshakes).await.map_err(silent)??;
    Ok(WebSocket { bytes: bytes(socket), addresses })
}

/// Explains a failed WebSocket handshake, in the bridge's words if it answered.
fn explain(error: Error) -> io::Error {
    match error {
        Error::Http(response) => {
            let body = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            let body = Quoted(body.trim());
            io::Error::other(format!("the bridge answered {}: {body}", response.status()))
        }
        Error::Protocol(ProtocolError::HttparseError(_) | ProtocolError::HandshakeIncomplete) => {
            io::Error::other(
                "no bridge answers at this port: if it is a relay's TCP port, \
                 use HOST:PORT instead of a URL",
            )
        }
        error => io::Error::other(error),
    }
}

/// Returns the bytes of the binary messages as one stream.
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
