//! Whose word is taken for it that a bridge is the one that was named.

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error, OtherError, RootCertStore};
use xcher_core::Quoted;

/// The authorities whose certificates are believed: the system's, unless a file names others.
#[derive(Clone, Debug, Default)]
pub struct Trust(Option<Arc<RootCertStore>>);

impl Trust {
    /// The certificates in this PEM file, and none of the system's.
    ///
    /// # Errors
    ///
    /// The file and what was expected of it.
    pub fn only(file: &Path) -> Result<Self, String> {
        let at = file.display();
        let pem = fs::read(file).map_err(|error| format!("cannot read {at}: {error}"))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            certificate
                .map_err(|error| error.to_string())
                .and_then(|der| roots.add(der).map_err(|error| error.to_string()))
                .map_err(|why| format!("{at}: expected certificates in PEM, got {why}"))?;
        }
        if roots.is_empty() {
            return Err(format!("{at}: expected a certificate in PEM, got none"));
        }
        Ok(Self(Some(Arc::new(roots))))
    }

    /// Speaks TLS over `socket`, with `host` and nobody else.
    ///
    /// # Errors
    ///
    /// What was expected of the other end, or of this system, and what there was.
    pub(super) async fn connect(
        &self,
        host: &str,
        socket: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            io::Error::other(format!("expected a host's name or address, got {}", Quoted(host)))
        })?;
        let config = self.config().map_err(io::Error::other)?;
        let connect = TlsConnector::from(Arc::new(config)).connect(name, socket);
        connect.await.map_err(|error| {
            let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
            match tls {
                Some(tls) => io::Error::other(explain(host, tls)),
                None if error.kind() == io::ErrorKind::UnexpectedEof => {
                    io::Error::other("expected TLS, got the end of the connection")
                }
                None => error,
            }
        })
    }

    fn config(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match &self.0 {
            Some(roots) => builder.with_root_certificates(Arc::clone(roots)),
            None => builder.with_platform_verifier().map_err(|error| {
                format!(
                    "expected this system's list of trusted authorities, got none ({error}): \
                     install it (ca-certificates), or name one with --tls-ca"
                )
            })?,
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// What is wrong with a bridge's TLS, in one line.
fn explain(host: &str, error: &Error) -> String {
    let certificate = match error {
        Error::InvalidCertificate(certificate) => certificate,
        Error::InvalidMessage(_) => {
            return "expected TLS, got something else: a bridge without TLS is at ws://".to_owned();
        }
        error => return format!("expected TLS with {host}, got: {error}"),
    };
    let day = 24 * 60 * 60;
    let got = match certificate {
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            format!("one for {}", Quoted(&presented.join(", ")))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "one for someone else".to_owned()
        }
        CertificateError::ExpiredContext { time, not_after } => {
            let days = time.as_secs().saturating_sub(not_after.as_secs()) / day;
            format!("one that expired {days} days ago")
        }
        CertificateError::Expired => "one that has expired".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            let days = not_before.as_secs().saturating_sub(time.as_secs()).div_ceil(day);
            format!("one that is valid only in {days} days")
        }
        CertificateError::UnknownIssuer => {
            "one of an unknown issuer; --tls-ca names another to trust".to_owned()
        }
        CertificateError::BadSignature => "one that its issuer did not sign".to_owned(),
        CertificateError::Other(OtherError(other)) if other.to_string().contains("CaUsed") => {
            "an authority's own (CA:TRUE)".to_owned()
        }
        other => format!("one that is no good: {other}"),
    };
    format!("expected a certificate for {host}, got {got}")
}
