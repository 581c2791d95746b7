//! The TLS roots that the certificate of a bridge, a relay or an IRC server is checked against.

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
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, OtherError, RootCertStore,
};
use xcher_core::Quoted;

use crate::relay_address::RELAY_ALPN;

/// The kind of server that a certificate belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Bridge,
    Relay,
    Irc,
    /// The operator's hook of a relay.
    #[cfg(feature = "bridge")]
    Hook,
    /// A certificate authority, which issues certificates by ACME.
    #[cfg(feature = "acme")]
    Authority,
}

/// The certificate authorities that are trusted: the system's, unless a file names others.
#[derive(Clone, Debug, Default)]
pub struct TlsRoots {
    only: Option<Arc<RootCertStore>>,
    hint: Option<&'static str>,
}

impl TlsRoots {
    /// Trusts the certificates in this PEM file, and none of the system's.
    ///
    /// # Errors
    ///
    /// The file and what is wrong with it.
    pub fn only(file: &Path) -> Result<Self, String> {
        let path = file.display();
        let pem = fs::read(file).map_err(|error| format!("cannot read {path}: {error}"))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            certificate
                .map_err(|error| error.to_string())
                .and_then(|der| roots.add(der).map_err(|error| error.to_string()))
                .map_err(|why| format!("{path}: invalid certificate in PEM: {why}"))?;
        }
        if roots.is_empty() {
            return Err(format!("{path}: no certificate in PEM found"));
        }
        Ok(Self { only: Some(Arc::new(roots)), hint: None })
    }

    /// Appends this to the error about an untrusted certificate: how the user can trust it.
    #[must_use]
    pub fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Starts TLS over `socket` with `host`, and with no other host.
    ///
    /// # Errors
    ///
    /// The fault of the host's certificate, or of this system's roots.
    pub(crate) async fn connect(
        &self,
        host: &str,
        socket: TcpStream,
        service: Service,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            io::Error::other(format!("{} is not a host name or an address", Quoted(host)))
        })?;
        let config = self.config(service).map_err(io::Error::other)?;
        let connect = TlsConnector::from(Arc::new(config)).connect(name, socket);
        connect.await.map_err(|error| {
            let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
            match tls {
                Some(tls) => io::Error::other(self.explain(host, tls, service)),
                None if error.kind() == io::ErrorKind::UnexpectedEof => io::Error::other(format!(
                    "{host} closed the connection instead of answering in TLS: \
                     check the port in the {}'s URL",
                    service.name()
                )),
                None => error,
            }
        })
    }

    fn config(&self, service: Service) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match &self.only {
            Some(roots) => builder.with_root_certificates(Arc::clone(roots)),
            None => builder.with_platform_verifier().map_err(|error| {
                let text = format!(
                    "this system has no list of trusted certificate authorities ({error}): \
                     install the package ca-certificates"
                );
                self.with_hint_appended(text)
            })?,
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = match service {
            Service::Relay => vec![RELAY_ALPN.to_vec()],
            Service::Irc => Vec::new(),
            _ => vec![b"http/1.1".to_vec()],
        };
        Ok(config)
    }

    /// Explains a TLS error in one line.
    fn explain(&self, host: &str, error: &Error, service: Service) -> String {
        let certificate = match error {
            Error::InvalidCertificate(certificate) => certificate,
            Error::InvalidMessage(_) => {
                let hint = match service {
                    Service::Bridge => "a bridge without TLS has a URL with ws://",
                    Service::Relay => "a relay's port without TLS is HOST:PORT, without tls://",
                    Service::Irc => "the port for TLS is usually 6697",
                    #[cfg(feature = "bridge")]
                    Service::Hook => "a hook without TLS has a URL with http://",
                    #[cfg(feature = "acme")]
                    Service::Authority => "check the port in the directory's URL",
                };
                return format!("{host} does not use TLS on this port: {hint}");
            }
            Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
                return format!("{host} serves something else on this port: check the port");
            }
            // A server that has no certificate yet, or none for this name, says no more.
            Error::AlertReceived(AlertDescription::AccessDenied) => {
                return format!(
                    "{host} has no certificate yet: try again later, or ask who runs it"
                );
            }
            error => return format!("TLS with {host} failed: {error}"),
        };
        let fault = match certificate {
            CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
                let names: Vec<_> = presented.iter().map(|name| plain_name(name)).collect();
                format!("is for {}, not for {host}", Quoted(&names.join(", ")))
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "is for another name".to_owned()
            }
            CertificateError::ExpiredContext { time, not_after } => {
                let days = time.as_secs().saturating_sub(not_after.as_secs()) / SECONDS_PER_DAY;
                format!("expired {days} days ago")
            }
            CertificateError::Expired => "has expired".to_owned(),
            CertificateError::NotValidYetContext { time, not_before } => {
                let seconds = not_before.as_secs().saturating_sub(time.as_secs());
                let days = seconds.div_ceil(SECONDS_PER_DAY);
                format!("becomes valid in {days} days: check this machine's clock")
            }
            CertificateError::NotValidYet => {
                "is not valid yet: check this machine's clock".to_owned()
            }
            CertificateError::UnknownIssuer => {
                let text = "is self-signed or by an unknown authority".to_owned();
                self.with_hint_appended(text)
            }
            CertificateError::BadSignature => "has an invalid signature".to_owned(),
            CertificateError::BadEncoding => "is malformed".to_owned(),
            CertificateError::Revoked => "is revoked".to_owned(),
            CertificateError::Other(OtherError(other)) if other.to_string().contains("CaUsed") => {
                let name = service.name();
                format!("is a certificate authority's own: the {name} needs one with CA:FALSE")
            }
            other => {
                tracing::debug!(?other, "certificate rejected");
                "is invalid".to_owned()
            }
        };
        format!("the certificate of {host} {fault}")
    }

    fn with_hint_appended(&self, text: String) -> String {
        self.hint.map_or(text.clone(), |hint| format!("{text}; {hint}"))
    }
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Relay => "relay",
            Self::Irc => "server",
            #[cfg(feature = "bridge")]
            Self::Hook => "hook",
            #[cfg(feature = "acme")]
            Self::Authority => "directory",
        }
    }
}

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// Returns the name in a text such as `DnsName("relay.example")`, as the TLS library writes names.
fn plain_name(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}
