//! The address of a relay: a TCP port, with TLS or without, the URL of its bridge, an IRC channel, or the local network.

mod bridge_url;
mod host_syntax;
mod tls_address;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use xcher_core::irc::Channel;
use xcher_core::peer::{Path, PathPolicy};

use crate::irc_url::IrcUrl;
use host_syntax::{canonical_host, is_host, is_host_and_port, without_brackets};
use tls_address::TLS;

pub(crate) use bridge_url::BridgeUrl;
pub(crate) use tls_address::{DEFAULT_TLS_PORT, RELAY_ALPN, TlsAddress};

/// The address of a relay: `HOST:PORT`, `tls://HOST:PORT`, the URL of a bridge or of an IRC channel, or `lan`. It is
/// displayed as it was written; `HOST` alone with its port.
///
/// `lan` stands for the hosts of the local network, each of which runs a relay of its own: keys are pinned for
/// this name, because ports and addresses change there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayAddress {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Tcp,
    Tls(TlsAddress),
    Bridge(BridgeUrl),
    Irc(IrcUrl),
    /// The local network, or a relay found there.
    Lan,
}

/// Stands for the local network.
const LAN: &str = "lan";
/// The port of a relay whose address names none.
pub(crate) const DEFAULT_PORT: u16 = 9247;

impl RelayAddress {
    /// Returns `lan`, which names no relay yet.
    pub fn lan() -> Self {
        Self { text: LAN.to_owned(), kind: Kind::Lan }
    }

    /// Returns the address of a relay found in the local network.
    pub fn in_lan(address: SocketAddr) -> Self {
        Self { text: address.to_string(), kind: Kind::Lan }
    }

    /// Returns true for `lan`, and for a relay found there.
    pub fn is_lan(&self) -> bool {
        self.kind == Kind::Lan
    }

    /// Returns the IRC channel, if one is the relay (PROTOCOL.md, section 22).
    pub fn irc_channel(&self) -> Option<&Channel> {
        self.irc().map(|url| &url.channel)
    }

    /// Returns true if nobody on the way to the relay can read or change what is sent: over TLS, or within this
    /// machine. A name is not of this machine, whatever it is: a name server decides where it leads.
    pub fn is_confidential(&self) -> bool {
        let is_here = |host: &str| {
            let is_loopback = |ip: IpAddr| ip.to_canonical().is_loopback();
            without_brackets(host).parse().is_ok_and(is_loopback)
        };
        match &self.kind {
            Kind::Tls(_) => true,
            Kind::Tcp => self.text.rsplit_once(':').is_some_and(|(host, _)| is_here(host)),
            Kind::Bridge(url) => url.tls || is_here(&url.host),
            Kind::Irc(url) => url.tls || is_here(&url.host),
            Kind::Lan => false,
        }
    }

    /// Returns `HOST:PORT`; `None` for a port with TLS, for a bridge, for an IRC channel and for `lan`.
    pub fn tcp(&self) -> Option<&str> {
        let is_tcp = matches!(self.kind, Kind::Tcp | Kind::Lan) && self.text != LAN;
        is_tcp.then_some(&self.text)
    }

    /// Returns one form for all ways to write this address: the host in lower case, for a bridge the URL of its
    /// WebSocket, for IRC the channel in lower case. It is printable ASCII without spaces, does not begin with `#`, and
    /// is its own canonical form.
    pub fn canonical(&self) -> String {
        match &self.kind {
            Kind::Lan => LAN.to_owned(),
            Kind::Irc(url) => url.to_string(),
            Kind::Tls(address) => address.canonical(),
            Kind::Bridge(url) => url.canonical(),
            Kind::Tcp => {
                // Parsing ensured both parts, and that the port is a number.
                let (host, port) = self.text.rsplit_once(':').unwrap_or((&self.text, ""));
                let port =
                    port.parse().map_or_else(|_| port.to_owned(), |port: u16| port.to_string());
                format!("{}:{port}", canonical_host(host))
            }
        }
    }

    /// Returns the paths that connections may take with this relay, or only the one that is named: `None` for a
    /// path through the bridge, if there is none. A direct path includes hole punching.
    pub fn path_policy(&self, only: Option<Path>) -> Option<PathPolicy> {
        match (only, self.bridge()) {
            (Some(Path::Bridge), None) => None,
            (Some(Path::Bridge), Some(_)) => Some(PathPolicy::Only(Path::Bridge)),
            (Some(Path::Direct | Path::Punched), _) | (None, None) => {
                Some(PathPolicy::Only(Path::Direct))
            }
            (None, Some(_)) => Some(PathPolicy::Auto),
        }
    }

    /// Returns the URL of the bridge's page, if its WebSocket has the default path.
    pub fn page(&self) -> Option<String> {
        self.bridge()?.page()
    }

    /// Returns the URL of the bridge, if the relay is reached through one.
    pub(crate) fn bridge(&self) -> Option<&BridgeUrl> {
        match &self.kind {
            Kind::Bridge(url) => Some(url),
            _ => None,
        }
    }

    /// Returns the port with TLS, if the relay is reached there.
    pub(crate) fn tls(&self) -> Option<&TlsAddress> {
        match &self.kind {
            Kind::Tls(address) => Some(address),
            _ => None,
        }
    }

    /// Returns the URL of the IRC channel, if one is the relay.
    pub(crate) fn irc(&self) -> Option<&IrcUrl> {
        match &self.kind {
            Kind::Irc(url) => Some(url),
            _ => None,
        }
    }
}

impl From<SocketAddr> for RelayAddress {
    fn from(address: SocketAddr) -> Self {
        Self { text: address.to_string(), kind: Kind::Tcp }
    }
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for RelayAddress {
    type Err = String;

    /// Parses `lan`, `HOST:PORT`, `HOST` for port 9247, `tls://HOST[:PORT]`, `ws[s]://HOST[:PORT]/PATH`, the
    /// `http[s]://` URL of a bridge's page, or `irc[s]://HOST[:PORT]/#CHANNEL`. An IPv6 address has brackets.
    ///
    /// # Errors
    ///
    /// The expected forms.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == LAN {
            return Ok(Self::lan());
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let kind = if IrcUrl::is_scheme(scheme) {
                Kind::Irc(IrcUrl::parse(scheme, rest)?)
            } else if scheme.eq_ignore_ascii_case(TLS) {
                let expected = || {
                    format!(
                        "expected {TLS}://HOST:PORT, or {TLS}://HOST for port {DEFAULT_TLS_PORT}, such as \
                         {TLS}://relay.example"
                    )
                };
                Kind::Tls(TlsAddress::parse(rest).ok_or_else(expected)?)
            } else {
                let url = BridgeUrl::parse(&scheme.to_ascii_lowercase(), rest);
                let expected = "expected the URL of a bridge, such as wss://relay.example/xcher";
                Kind::Bridge(url.ok_or(expected)?)
            };
            return Ok(Self { text: text.to_owned(), kind });
        }
        let text = if is_host_and_port(text) {
            text.to_owned()
        } else if is_host(text) {
            format!("{text}:{DEFAULT_PORT}")
        } else {
            return Err(format!(
                "expected HOST:PORT, HOST for port {DEFAULT_PORT}, or the URL of a bridge, such as \
                 127.0.0.1:9247, [::1]:9247, relay.example or wss://relay.example/xcher"
            ));
        };
        Ok(Self { text, kind: Kind::Tcp })
    }
}

#[cfg(test)]
mod tests;
