//! TLS between the front's sockets and HTTP.

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
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::server::TlsStream;

use super::certificate::Certificate;
use super::connection_limit::Places;

/// How the front speaks TLS, 1.2 or 1.3. Clones are the same.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
    handshakes: Arc<Places>,
}

/// The longest that a handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// Handshakes at a time: each may hold some tens of KiB. As many as there are connections that are not
/// tunnels, among which the oldest gives way.
const HANDSHAKES: usize = super::CONNECTIONS;
/// The same, of one client.
const HANDSHAKES_PER_ADDRESS: usize = 64;
/// How long who spoke no TLS has to take the answer.
const LINGER: Duration = Duration::from_secs(1);

/// What whoever speaks plain HTTP is told, as a browser shows it.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
    content-length: 66\r\nconnection: close\r\n\r\n\
    expected TLS (an address with https:// or wss://), got plain HTTP\n";

impl Tls {
    /// With this certificate chain and its key, both PEM; they are read again when they change.
    ///
    /// # Errors
    ///
    /// The file, and what was expected of it.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, String> {
        let certificate = Arc::new(Certificate::load(chain, key)?);
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let mut config =
            config.with_no_client_auth().with_cert_resolver(Arc::clone(&certificate) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // The clients keep what resumes a session, so that it costs no memory here.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = ring::Ticketer::new().map_err(|error| error.to_string())?;
        let handshakes = Places::new(HANDSHAKES, HANDSHAKES_PER_ADDRESS);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self(Arc::new(Shared { acceptor, certificate, handshakes })))
    }

    /// Reads both files again. Returns whether the certificate is another than when this was last
    /// called.
    ///
    /// # Errors
    ///
    /// The file, and what was expected of it. The certificate stays as it was.
    pub fn read_again(&self) -> Result<bool, String> {
        self.0.certificate.read_again()
    }

    /// Whether the certificate is for this host.
    pub(super) fn is_for(&self, host: &str) -> bool {
        self.0.certificate.is_for(host)
    }

    /// Shakes hands with `client`; none is a proxy, which stands for many. Who speaks plain HTTP is
    /// told so.
    ///
    /// # Errors
    ///
    /// If that fails, takes longer than 10 s, or too many others are at it.
    pub(super) async fn accept(
        &self,
        socket: TcpStream,
        client: Option<IpAddr>,
    ) -> io::Result<TlsStream<TcpStream>> {
        let Ok(_place) = self.0.handshakes.take(client) else {
            return Err(io::Error::other("too many handshakes at a time"));
        };
        let handshake = async {
            let mut first = [0];
            // Every method of HTTP begins with a letter; no record of TLS does.
            if socket.peek(&mut first).await? == 1 && first[0].is_ascii_alphabetic() {
                refuse_plain(socket).await;
                return Err(io::Error::other("expected TLS, got plain HTTP"));
            }
            self.0.acceptor.accept(socket).await
        };
        timeout(HANDSHAKE_WITHIN, handshake).await.unwrap_or_else(|_| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "expected a handshake within 10 s"))
        })
    }
}

/// Answers, and waits for the client to close: closed with bytes unread, the connection would be
/// reset, and the client might never see why.
async fn refuse_plain(mut socket: TcpStream) {
    let answer = async {
        socket.write_all(PLAIN).await?;
        socket.shutdown().await?;
        while socket.read(&mut [0; 1024]).await? > 0 {}
        io::Result::Ok(())
    };
    // Whoever is gone needs no answer.
    let _ = timeout(LINGER, answer).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_as_long_as_it_says() {
        let text = String::from_utf8_lossy(PLAIN);
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
    }
}
