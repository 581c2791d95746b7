//! The address of a relay's port with TLS.

use super::host_syntax::{canonical_host, is_host, is_host_and_port, without_brackets};

/// The address of a relay's port with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsAddress {
    /// A name or an address, without brackets, as the certificate has it.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// The port of a relay with TLS whose address names none.
pub(crate) const DEFAULT_TLS_PORT: u16 = 9250;
/// The name of the protocol in TLS (RFC 7301).
pub(crate) const RELAY_ALPN: &[u8] = b"xcher";
/// The scheme of an address with TLS.
pub(super) const TLS: &str = "tls";

impl TlsAddress {
    /// Returns `HOST:PORT`.
    #[cfg(feature = "cli")]
    pub(crate) fn socket(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// Returns one form for all ways to write this address.
    pub(super) fn canonical(&self) -> String {
        format!("{TLS}://{}:{}", canonical_host(&self.host), self.port)
    }

    /// Returns the host as a URL has it.
    #[cfg(feature = "cli")]
    pub(crate) fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }

    /// Parses what follows `tls://`.
    pub(super) fn parse(rest: &str) -> Option<Self> {
        let (host, port) = if is_host(rest) {
            (rest, DEFAULT_TLS_PORT)
        } else {
            let (host, port) = rest.rsplit_once(':').filter(|_| is_host_and_port(rest))?;
            // A certificate is for a name or an address, and nothing else.
            (host, port.parse().ok().filter(|_| is_host(host))?)
        };
        Some(Self { host: without_brackets(host).to_owned(), port })
    }
}
