//! The address of a relay: a TCP port, with TLS or without, the URL of its bridge, an IRC channel, or the local network.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio_tungstenite::tungstenite::http::Uri;
use xcher_core::irc::Channel;
use xcher_core::peer::{Path, PathPolicy};
use xcher_core::tunnel::PATH;

use crate::irc_url::IrcUrl;

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

/// The address of a relay's port with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsAddress {
    /// A name or an address, without brackets, as the certificate has it.
    pub(crate) host: String,
    pub(crate) port: u16,
}

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

/// Stands for the local network.
const LAN: &str = "lan";
/// The port of a relay whose address names none.
pub(crate) const DEFAULT_PORT: u16 = 9247;
/// The port of a relay with TLS whose address names none.
pub(crate) const DEFAULT_TLS_PORT: u16 = 9250;
/// The name of the protocol in TLS (RFC 7301).
pub(crate) const RELAY_ALPN: &[u8] = b"xcher";
/// The scheme of an address with TLS.
const TLS: &str = "tls";

/// The length of the longest name in DNS (RFC 1035, section 2.3.4).
const MAX_HOST_LEN: usize = 253;

/// The WebSocket's path relative to the page's folder (section 10.1).
const TUNNEL: &str = PATH.split_at(1).1;

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
    /// WebSocket, for IRC the channel in lower case. It is printable ASCII without spaces, does not begin with `#`, and is its own canonical
    /// form.
    pub fn canonical(&self) -> String {
        let escape = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
        match &self.kind {
            Kind::Lan => LAN.to_owned(),
            Kind::Irc(url) => url.to_string(),
            Kind::Tls(TlsAddress { host, port }) => {
                format!("{TLS}://{}:{port}", canonical_host(&escape(host)))
            }
            Kind::Bridge(BridgeUrl { url, tls, host, port }) => {
                let (scheme, default) = if *tls { ("wss", 443) } else { ("ws", 80) };
                let path = url.splitn(4, '/').nth(3).unwrap_or(TUNNEL);
                let port = if *port == default { String::new() } else { format!(":{port}") };
                format!("{scheme}://{}{port}/{}", canonical_host(&escape(host)), escape(path))
            }
            Kind::Tcp => {
                // Parsing ensured both parts, and that the port is a number.
                let (host, port) = self.text.rsplit_once(':').unwrap_or((&self.text, ""));
                let port =
                    port.parse().map_or_else(|_| port.to_owned(), |port: u16| port.to_string());
                format!("{}:{port}", canonical_host(&escape(host)))
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
        let BridgeUrl { url, .. } = self.bridge()?;
        let folder = url.strip_suffix(TUNNEL).filter(|folder| folder.ends_with('/'))?;
        // `ws` becomes `http`, `wss` becomes `https`.
        folder.strip_prefix("ws").map(|rest| format!("http{rest}"))
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

    /// Parses `lan`, `HOST:PORT`, `HOST` for port 9247, `tls://HOST[:PORT]`, `ws[s]://HOST[:PORT]/PATH`, the `http[s]://` URL of a
    /// bridge's page, or `irc[s]://HOST[:PORT]/#CHANNEL`. An IPv6 address has brackets.
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

impl TlsAddress {
    /// Returns `HOST:PORT`.
    #[cfg(feature = "cli")]
    pub(crate) fn socket(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// Returns the host as a URL has it.
    #[cfg(feature = "cli")]
    pub(crate) fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }

    fn parse(rest: &str) -> Option<Self> {
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

impl BridgeUrl {
    /// Returns the path of another resource of the bridge, if its WebSocket has the default path.
    #[cfg(feature = "cli")]
    pub(crate) fn path_of(&self, name: &str) -> Option<String> {
        let folder = self.url.strip_suffix(TUNNEL).filter(|folder| folder.ends_with('/'))?;
        Some(format!("/{}{name}", folder.splitn(4, '/').nth(3)?))
    }

    /// Returns the host and the port as the `Host` of a request names them.
    #[cfg(feature = "cli")]
    pub(crate) fn authority(&self) -> &str {
        self.url.split('/').nth(2).unwrap_or_default()
    }

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

/// Characters that are invisible, or mark a comment at the start of a line.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'#');

fn canonical_host(host: &str) -> String {
    let bare = without_brackets(host);
    match bare.parse::<Ipv6Addr>() {
        Ok(ip) => format!("[{ip}]"),
        // An IPv6 address with a zone.
        Err(_) if bare.contains(':') => format!("[{}]", bare.to_ascii_lowercase()),
        Err(_) => bare.to_ascii_lowercase(),
    }
}

fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_port = matches!(port.parse::<u16>(), Ok(1..));
    // The last part of an IPv6 address is not a port.
    let is_host = !host.contains(':') || is_ipv6(without_brackets(host));
    is_port && is_host && !host.is_empty()
}

/// Returns true if `text` can only be a host: a name, an IPv4 address, or an IPv6 address in brackets. A number
/// alone is rather a port.
fn is_host(text: &str) -> bool {
    if text.starts_with('[') {
        return is_ipv6(without_brackets(text));
    }
    let is_allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let starts_well = text.starts_with(char::is_alphanumeric);
    starts_well && text.len() <= MAX_HOST_LEN && text.chars().all(is_allowed) && !is_number
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Returns true for an IPv6 address, with or without a zone.
fn is_ipv6(text: &str) -> bool {
    text.split('%').next().is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn parses_urls_of_bridges() {
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
            let bridge = address.bridge().unwrap();
            assert_eq!((bridge.url.as_str(), bridge.host.as_str()), (url, host), "{text}");
            assert_eq!((bridge.port, bridge.tls), (port, url.starts_with("wss")), "{text}");
        }
    }

    #[test]
    fn returns_the_page_of_a_bridge() {
        for (text, page) in [
            ("http://127.0.0.1:9248/", Some("http://127.0.0.1:9248/")),
            ("ws://127.0.0.1:9248/xcher", Some("http://127.0.0.1:9248/")),
            ("https://a.example/b/#alice", Some("https://a.example/b/")),
            ("wss://[2001:db8::1]/xcher", Some("https://[2001:db8::1]/")),
            ("wss://a.example/other", None),
            ("wss://a.example/notxcher", None),
            ("127.0.0.1:9247", None),
        ] {
            let address: RelayAddress = text.parse().unwrap();
            assert_eq!(address.page().as_deref(), page, "{text}");
        }
    }

    #[cfg(feature = "cli")]
    #[test]
    fn returns_paths_beside_the_web_socket() {
        for (text, path, authority) in [
            ("http://127.0.0.1:9248/", Some("/address"), "127.0.0.1:9248"),
            ("https://a.example/b/#alice", Some("/b/address"), "a.example"),
            ("wss://[2001:db8::1]/xcher", Some("/address"), "[2001:db8::1]"),
            ("wss://a.example/other", None, "a.example"),
        ] {
            let address = text.parse::<RelayAddress>().unwrap();
            let bridge = address.bridge().unwrap();
            assert_eq!(bridge.path_of("address").as_deref(), path, "{text}");
            assert_eq!(bridge.authority(), authority);
        }
    }

    #[test]
    fn parses_hosts_with_ports() {
        for text in ["127.0.0.1:9247", "[::1]:9247", "relay.example:1"] {
            let address = text.parse::<RelayAddress>().unwrap();
            assert_eq!((address.tcp(), address.to_string().as_str()), (Some(text), text));
        }
    }

    #[test]
    fn direct_paths_include_hole_punching() {
        let policy =
            |relay: &str, only| relay.parse::<RelayAddress>().expect(relay).path_policy(only);
        let direct = Some(PathPolicy::Only(Path::Direct));
        for relay in ["192.0.2.1:9247", "http://192.0.2.1:9248/"] {
            assert_eq!(policy(relay, Some(Path::Direct)), direct);
            assert_eq!(policy(relay, Some(Path::Punched)), direct);
        }
        assert_eq!(policy("192.0.2.1:9247", None), direct);
        assert_eq!(policy("192.0.2.1:9247", Some(Path::Bridge)), None);
        assert_eq!(policy("http://192.0.2.1:9248/", None), Some(PathPolicy::Auto));
    }

    #[test]
    fn parses_ports_with_tls() {
        for (text, host, port, canonical) in [
            ("tls://relay.example", "relay.example", 9250, "tls://relay.example:9250"),
            ("TLS://Relay.example:443", "Relay.example", 443, "tls://relay.example:443"),
            ("tls://[::1]", "::1", 9250, "tls://[::1]:9250"),
            ("tls://[0::1]:9", "0::1", 9, "tls://[::1]:9"),
            ("tls://192.0.2.1:9", "192.0.2.1", 9, "tls://192.0.2.1:9"),
        ] {
            let address: RelayAddress = text.parse().unwrap();
            let tls = address.tls().unwrap();
            assert_eq!((tls.host.as_str(), tls.port), (host, port), "{text}");
            assert_eq!(
                (address.to_string().as_str(), address.canonical().as_str()),
                (text, canonical)
            );
            assert!(address.tcp().is_none() && address.bridge().is_none(), "{text}");
            let again: RelayAddress = canonical.parse().unwrap();
            assert_eq!(again.canonical(), canonical);
            assert_eq!(address.path_policy(None), Some(PathPolicy::Only(Path::Direct)));
        }
        for text in
            ["tls://", "tls://:9", "tls://h:0", "tls://h/x", "tls://me@h", "tls://a b:9", "tls://9"]
        {
            let error = text.parse::<RelayAddress>().unwrap_err();
            assert!(error.starts_with("expected tls://HOST:PORT"), "{text}: {error}");
        }
    }

    #[test]
    fn only_tls_and_this_machine_are_confidential() {
        let is_confidential =
            |text: &str| text.parse::<RelayAddress>().expect(text).is_confidential();
        for text in [
            "tls://relay.example",
            "https://relay.example/",
            "wss://192.0.2.1/xcher",
            "ircs://irc.example/#files",
            "127.0.0.1:9247",
            "[::1]:9247",
            "[::ffff:127.0.0.1]:9247",
            "http://127.0.0.1:9248/",
            "irc://[::1]/#files",
        ] {
            assert!(is_confidential(text), "{text}");
        }
        for text in [
            "relay.example",
            "localhost",
            "192.0.2.1:9247",
            "127.0.0.1.relay.example:9247",
            "localhost.relay.example:9247",
            "http://relay.example/",
            "ws://[2001:db8::1]/xcher",
            "irc://irc.example/#files",
            "lan",
        ] {
            assert!(!is_confidential(text), "{text}");
        }
    }

    #[test]
    fn a_host_alone_means_the_default_port() {
        for host in ["h", "127.0.0.1", "192.168.1.5", "[::1]", "[fe80::1%eth0]", "bücher.example"]
        {
            let address: RelayAddress = host.parse().unwrap();
            assert_eq!(address.tcp(), Some(format!("{host}:9247").as_str()));
            assert_eq!(address.to_string(), format!("{host}:9247"));
        }
    }

    #[test]
    fn all_forms_of_an_address_have_one_canonical_form() {
        for (canonical, texts) in [
            ("lan", &["lan"][..]),
            ("127.0.0.1:9247", &["127.0.0.1:9247", "127.0.0.1:09247", "127.0.0.1:+9247"]),
            ("127.0.0.1:9247", &["127.0.0.1"]),
            ("relay.example:9247", &["relay.example", "Relay.Example", "relay.example:9247"]),
            ("relay.example:1", &["relay.example:1", "Relay.EXAMPLE:1"]),
            ("[::1]:9247", &["[::1]:9247", "[0:0::1]:9247", "::1:9247", "[::1]"]),
            ("[fe80::1%eth0]:9247", &["fe80::1%eth0:9247", "[fe80::1%eth0]:9247"]),
            ("%23a%20b%c3%a9:1", &["#a bé:1", "%23a%20b%C3%A9:1"]),
            (
                "ws://127.0.0.1:9248/xcher",
                &["ws://127.0.0.1:9248/xcher", "http://127.0.0.1:9248/", "WS://127.0.0.1:09248"],
            ),
            (
                "wss://a.example/xcher",
                &["https://A.example", "wss://a.example:443/xcher", "https://a.example/#alice"],
            ),
            (
                "ircs://a.example/#files",
                &["ircs://A.example:6697/#Files", "IRCS://a.example/files"],
            ),
            ("ws://a.example/xcher", &["http://a.example:80/index.html", "ws://a.example/"]),
            (
                "wss://[2001:db8::1]/B/c",
                &["wss://[2001:DB8:0::1]/B/c", "WSS://[2001:db8::1]:443/B/c"],
            ),
            ("wss://a.example/%C3%A9/xcher", &["https://a.example/é/", "wss://a.example/é/xcher"]),
        ] {
            for text in texts {
                let address: RelayAddress = text.parse().unwrap();
                assert_eq!(address.canonical(), canonical, "{text}");
            }
            let again: RelayAddress = canonical.parse().unwrap();
            assert_eq!(again.canonical(), canonical);
        }
    }

    #[test]
    fn a_channel_is_neither_a_port_nor_a_bridge() {
        let address: RelayAddress = "ircs://irc.example/#Files".parse().unwrap();
        assert_eq!(address.irc_channel().map(Channel::as_str), Some("#Files"));
        assert_eq!(address.to_string(), "ircs://irc.example/#Files");
        assert!(address.tcp().is_none() && address.bridge().is_none() && address.page().is_none());
        assert!(address.path_policy(Some(Path::Bridge)).is_none());
    }

    #[test]
    fn rejects_other_texts() {
        for text in [
            "",
            ":1",
            "h:",
            "h:p",
            "9247",
            "h/",
            "a b",
            "-h",
            "me@h",
            "::1",
            "fe80::1",
            "[::1",
            "[h]",
            "[::1]:",
            &"a".repeat(254),
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
            "ircs://h",
            "ircs://me:secret@h/#files",
        ] {
            let error = text.parse::<RelayAddress>().unwrap_err();
            let expects = error.starts_with("expected ") || error.contains("names no channel");
            assert!(expects && !error.contains("secret"), "{text}: {error}");
        }
    }
}
