//! The URL of a bridge.

use tokio_tungstenite::tungstenite::http::Uri;
use xcher_core::tunnel::PATH;

use super::host_syntax::{canonical_host, escaped, without_brackets};

/// The URL of a bridge's WebSocket, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BridgeUrl {
    /// The URL, with `ws://` or `wss://`.
    pub(crate) url: String,
    pub(crate) tls: bool,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// The WebSocket's path relative to the page's folder (section 10.1).
const TUNNEL: &str = PATH.split_at(1).1;

impl BridgeUrl {
    /// Returns one form for all ways to write this URL.
    pub(super) fn canonical(&self) -> String {
        let (scheme, default) = if self.tls { ("wss", 443) } else { ("ws", 80) };
        let path = self.url.splitn(4, '/').nth(3).unwrap_or(TUNNEL);
        let port = if self.port == default { String::new() } else { format!(":{}", self.port) };
        format!("{scheme}://{}{port}/{}", canonical_host(&self.host), escaped(path))
    }

    /// Returns the URL of the page, if the WebSocket has the default path.
    pub(super) fn page(&self) -> Option<String> {
        // `ws` becomes `http`, `wss` becomes `https`.
        self.folder()?.strip_prefix("ws").map(|rest| format!("http{rest}"))
    }

    /// Returns the URL without the name of the WebSocket, if that has the default path.
    fn folder(&self) -> Option<&str> {
        self.url.strip_suffix(TUNNEL).filter(|folder| folder.ends_with('/'))
    }

    /// Returns the path of another resource of the bridge, if its WebSocket has the default path.
    #[cfg(feature = "cli")]
    pub(crate) fn path_of(&self, name: &str) -> Option<String> {
        Some(format!("/{}{name}", self.folder()?.splitn(4, '/').nth(3)?))
    }

    /// Returns the host and the port as the `Host` of a request names them.
    #[cfg(feature = "cli")]
    pub(crate) fn authority(&self) -> &str {
        self.url.split('/').nth(2).unwrap_or_default()
    }

    /// Parses what follows the scheme and `://`.
    pub(super) fn parse(scheme: &str, rest: &str) -> Option<Self> {
        let (tls, is_page) = match scheme {
            "ws" => (false, false),
            "wss" => (true, false),
            "http" => (false, true),
            "https" => (true, true),
            _ => return None,
        };
        let scheme = if tls { "wss" } else { "ws" };
        let uri: Uri = format!("{scheme}://{rest}").parse().ok()?;
        let authority = uri.authority()?;
        // Refused: secrets do not belong in an address, and a bridge needs no user or query.
        if authority.as_str().contains('@') || authority.host().is_empty() || uri.query().is_some()
        {
            return None;
        }
        let port = match authority.as_str()[authority.host().len()..].strip_prefix(':') {
            None => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(port) => port.parse().ok().filter(|&port| port > 0)?,
        };
        let path = match uri.path() {
            "/" => PATH.to_owned(),
            // A page, by the URL of its file or of its folder.
            path if is_page => format!("{}{TUNNEL}", &path[..=path.rfind('/')?]),
            path => path.to_owned(),
        };
        let host = authority.host();
        let bare = without_brackets(host);
        let (url, host) = (format!("{scheme}://{authority}{path}"), bare.to_owned());
        Some(Self { url, tls, host, port })
    }
}
