//! Where a relay is: at a port of its own, or behind a bridge.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use tokio_tungstenite::tungstenite::http::Uri;

/// What `--relay` names: `HOST:PORT`, or the URL of a bridge. It shows as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayAddress {
    text: String,
    bridge: Option<BridgeUrl>,
}

/// Where a bridge's WebSocket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BridgeUrl {
    /// `ws://` or `wss://`, and all that follows.
    pub(super) url: String,
    pub(super) tls: bool,
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// What a bridge has its WebSocket at, below the page (section 10.1).
const TUNNEL: &str = "xcher";

impl RelayAddress {
    /// Where the bridge is that the relay is reached through, if it is.
    pub(super) fn bridge(&self) -> Option<&BridgeUrl> {
        self.bridge.as_ref()
    }
}

impl From<SocketAddr> for RelayAddress {
    fn from(address: SocketAddr) -> Self {
        Self { text: address.to_string(), bridge: None }
    }
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for RelayAddress {
    type Err = String;

    /// Reads `HOST:PORT`, `ws[s]://HOST[:PORT]/PATH`, or the `http[s]://` URL of a bridge's page.
    ///
    /// # Errors
    ///
    /// What was expected.
    fn from_str(text: &str) -> Result<Self, String> {
        let bridge = match text.split_once("://") {
            Some((scheme, rest)) => {
                let url = BridgeUrl::parse(&scheme.to_ascii_lowercase(), rest);
                Some(url.ok_or("expected the URL of a bridge, such as wss://relay.example/xcher")?)
            }
            None if is_host_and_port(text) => None,
            None => {
                return Err("expected HOST:PORT, such as 127.0.0.1:9247, or the URL of a bridge, \
                            such as wss://relay.example/xcher"
                    .to_owned());
            }
        };
        Ok(Self { text: text.to_owned(), bridge })
    }
}

impl BridgeUrl {
    fn parse(scheme: &str, rest: &str) -> Option<Self> {
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
        // A secret has no place in an address, and nothing else is asked for in that way.
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
            "/" => format!("/{TUNNEL}"),
            // A page that was named by its file, or by the folder that it is in.
            path if is_page => format!("{}{TUNNEL}", &path[..=path.rfind('/')?]),
            path => path.to_owned(),
        };
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let (url, host) = (format!("{scheme}://{authority}{path}"), bare.to_owned());
        Some(Self { url, tls, host, port })
    }
}

fn is_host_and_port(text: &str) -> bool {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
    matches!(port.and_then(|port| port.parse::<u16>().ok()), Some(1..))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_bridge_that_a_url_names() {
        for (text, url, host, port) in [
            ("ws://127.0.0.1:9248/xcher", "ws://127.0.0.1:9248/xcher", "127.0.0.1", 9248),
            ("ws://a.example", "ws://a.example/xcher", "a.example", 80),
            ("wss://a.example/xcher", "wss://a.example/xcher", "a.example", 443),
            ("wss://a.example/b/c", "wss://a.example/b/c", "a.example", 443),
            ("wss://[2001:db8::1]/xcher", "wss://[2001:db8::1]/xcher", "2001:db8::1", 443),
            ("WS://[::1]:9248/", "ws://[::1]:9248/xcher", "::1", 9248),
            ("http://127.0.0.1:9248/", "ws://127.0.0.1:9248/xcher", "127.0.0.1", 9248),
            ("https://a.example", "wss://a.example/xcher", "a.example", 443),
            ("https://a.example:444/#alice", "wss://a.example:444/xcher", "a.example", 444),
            ("https://a.example/b/", "wss://a.example/b/xcher", "a.example", 443),
            ("https://a.example/b/index.html", "wss://a.example/b/xcher", "a.example", 443),
            ("https://a.example/xcher", "wss://a.example/xcher", "a.example", 443),
        ] {
            let address: RelayAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            let bridge = address.bridge.unwrap();
            assert_eq!((bridge.url.as_str(), bridge.host.as_str()), (url, host), "{text}");
            assert_eq!((bridge.port, bridge.tls), (port, url.starts_with("wss")), "{text}");
        }
    }

    #[test]
    fn the_port_of_a_relay() {
        for text in ["127.0.0.1:9247", "[::1]:9247", "relay.example:1"] {
            assert_eq!(text.parse::<RelayAddress>().unwrap().bridge, None);
        }
    }

    #[test]
    fn what_is_neither() {
        for text in [
            "",
            "h",
            ":1",
            "h:0",
            "h:65536",
            "ws://",
            "ws:///xcher",
            "wss://:443/xcher",
            "wss://h:0/xcher",
            "wss://h:65536/xcher",
            "wss://h:/xcher",
            "wss://me:secret@h/xcher",
            "wss://h/xcher?token=x",
            "wss://[::1/xcher",
            "wss://a b/xcher",
            "ftp://h/xcher",
            "://h",
        ] {
            let fault = text.parse::<RelayAddress>().unwrap_err();
            assert!(fault.starts_with("expected "), "{text}: {fault}");
        }
    }
}
