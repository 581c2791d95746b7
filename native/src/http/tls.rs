//! TLS between the server's sockets and what is served: HTTP, or hosts at the relay.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use tokio_rustls::server::TlsStream;

use super::certificate::{Certificate, provider};
use super::connection_limit::ConnectionLimit;
#[cfg(feature = "acme")]
use super::issued_certificate::{CHALLENGE_PROTOCOL, IssuedCertificate};
use crate::relay_address::RELAY_ALPN;

/// The server side of TLS, 1.2 or 1.3. Clones share one certificate.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    http: TlsAcceptor,
    relay: TlsAcceptor,
    source: Source,
    handshakes: Arc<ConnectionLimit>,
}

/// Where the certificate comes from.
enum Source {
    Files(Arc<Certificate>),
    /// From an authority, while the server runs.
    #[cfg(feature = "acme")]
    Issued(Arc<IssuedCertificate>),
}

/// What is served over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// HTTP, at the bridge's port.
    Http,
    /// Hosts, at the relay's port.
    Relay,
}

impl Served {
    /// Returns its name in TLS (RFC 7301). A client that offers only others is refused: a browser cannot be made to
    /// talk to a relay, nor a host to a page.
    fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http => b"http/1.1",
            Self::Relay => RELAY_ALPN,
        }
    }

    /// Returns the answer to a client that does not use TLS.
    fn needs_tls(self) -> &'static [u8] {
        match self {
            Self::Http => NEEDS_TLS,
            Self::Relay => b"X_ERR - this port needs TLS: use an address with tls://\n",
        }
    }
}

/// Time for a handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The most handshakes at a time: each may hold some tens of KiB. As many as connections that are not tunnels,
/// of which the oldest is closed for a new one.
const MAX_HANDSHAKES: usize = super::MAX_NEWCOMERS;
/// The same, for one client.
const MAX_HANDSHAKES_PER_ADDRESS: usize = 64;
/// Time for a client without TLS to read the answer.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// The answer to plain HTTP, which a browser shows.
const NEEDS_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
    content-length: 60\r\nconnection: close\r\n\r\n\
    this port needs TLS: use an address with https:// or wss://\n";

impl Tls {
    /// Loads a certificate chain and its key, both PEM. They are reloaded when they change.
    ///
    /// # Errors
    ///
    /// The file and what is wrong with it.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, String> {
        let certificate = Arc::new(Certificate::load(chain, key)?);
        Self::with(&certificate, &[], Source::Files(Arc::clone(&certificate)))
    }

    /// Uses a certificate that is issued while the server runs. Until there is one, handshakes fail.
    ///
    /// # Errors
    ///
    /// If this system does not provide what TLS needs.
    #[cfg(feature = "acme")]
    pub(crate) fn issued(certificate: Arc<IssuedCertificate>) -> Result<Self, String> {
        // Authorities validate names at the bridge's port.
        let source = Source::Issued(Arc::clone(&certificate));
        Self::with(&certificate, &[CHALLENGE_PROTOCOL], source)
    }

    fn with<C: ResolvesServerCert + 'static>(
        certificate: &Arc<C>,
        also_at_http: &[&[u8]],
        source: Source,
    ) -> Result<Self, String> {
        let http = acceptor(certificate, &[&[Served::Http.alpn()], also_at_http].concat())?;
        let relay = acceptor(certificate, &[Served::Relay.alpn()])?;
        let handshakes = ConnectionLimit::new(MAX_HANDSHAKES, MAX_HANDSHAKES_PER_ADDRESS);
        Ok(Self(Arc::new(Shared { http, relay, source, handshakes })))
    }

    /// True if the certificate comes from files.
    pub fn has_files(&self) -> bool {
        matches!(self.0.source, Source::Files(_))
    }

    /// Loads these files in place of the previous ones, which they may be. Returns true if the certificate differs
    /// from the one at the last call.
    ///
    /// # Errors
    ///
    /// The file and what is wrong with it. The previous files and their certificate stay in use. Likewise if the
    /// certificate does not come from files.
    pub fn reload(&self, chain: &Path, key: &Path) -> Result<bool, String> {
        match &self.0.source {
            Source::Files(certificate) => certificate.reload(chain, key),
            #[cfg(feature = "acme")]
            Source::Issued(_) => Err("the certificate does not come from files".to_owned()),
        }
    }

    /// True if the certificate is valid for this host name.
    pub(super) fn is_for(&self, host: &str) -> bool {
        match &self.0.source {
            Source::Files(certificate) => certificate.is_for(host),
            #[cfg(feature = "acme")]
            Source::Issued(certificate) => certificate.is_for(host),
        }
    }

    /// Performs the handshake with `client`; `None` is a proxy, which has many clients. A client that does not use
    /// TLS gets an answer without it. Returns `None` once an authority has validated a name.
    ///
    /// # Errors
    ///
    /// If the handshake fails or takes longer than 10 s, or too many are in progress.
    pub(crate) async fn accept(
        &self,
        socket: TcpStream,
        client: Option<IpAddr>,
        served: Served,
    ) -> io::Result<Option<TlsStream<TcpStream>>> {
        let Ok(_permit) = self.0.handshakes.acquire(client) else {
            return Err(io::Error::other("too many TLS handshakes at a time"));
        };
        let handshake = async {
            let mut first = [0];
            // Every HTTP method and every packet begins with a letter; no TLS record does.
            if socket.peek(&mut first).await? == 1 && first[0].is_ascii_alphabetic() {
                refuse_plain(socket, served.needs_tls()).await;
                return Err(io::Error::other("expected TLS, got text"));
            }
            let acceptor = match served {
                Served::Http => &self.0.http,
                Served::Relay => &self.0.relay,
            };
            let stream = acceptor.accept(socket).await?;
            #[cfg(feature = "acme")]
            let Some(stream) = end_validation(stream).await else { return Ok(None) };
            Ok(Some(stream))
        };
        timeout(HANDSHAKE_TIMEOUT, handshake).await.unwrap_or_else(|_| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "expected a handshake within 10 s"))
        })
    }
}

fn acceptor<C: ResolvesServerCert + 'static>(
    certificate: &Arc<C>,
    protocols: &[&[u8]],
) -> Result<TlsAcceptor, String> {
    let config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = config.with_no_client_auth().with_cert_resolver(Arc::clone(certificate) as _);
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    // Clients keep the tickets that resume a session, so that resumption takes no memory here.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = ring::Ticketer::new().map_err(|error| error.to_string())?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Closes the connection of an authority that validates a name, and returns any other: once the authority has seen the
/// proof, nothing else is said in this protocol.
#[cfg(feature = "acme")]
async fn end_validation(mut stream: TlsStream<TcpStream>) -> Option<TlsStream<TcpStream>> {
    if stream.get_ref().1.alpn_protocol() != Some(CHALLENGE_PROTOCOL) {
        return Some(stream);
    }
    let _ = stream.shutdown().await;
    None
}

/// Answers, and waits for the client to close: a connection closed with bytes unread would be reset, and the
/// client might never receive the answer.
async fn refuse_plain(mut socket: TcpStream, text: &[u8]) {
    let answer = async {
        socket.write_all(text).await?;
        socket.shutdown().await?;
        while socket.read(&mut [0; 1024]).await? > 0 {}
        io::Result::Ok(())
    };
    // Fails only if the client has disconnected.
    let _ = timeout(LINGER_TIMEOUT, answer).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_its_content_length() {
        let text = String::from_utf8_lossy(NEEDS_TLS);
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
    }
}
