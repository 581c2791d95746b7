//! The addresses that servers listen on, as people write them.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use crate::net::socket_address::SocketAddress;
use crate::relay_address::{DEFAULT_PORT, DEFAULT_TLS_PORT};

/// Where a relay listens for hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenAddress {
    pub(crate) at: SocketAddress,
    /// True for a TCP port with TLS.
    pub(crate) tls: bool,
}

/// Where a bridge listens, or that it is off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HttpAddress {
    Off,
    At(SocketAddress),
}

/// The port of a bridge whose address names none.
pub(crate) const DEFAULT_HTTP_PORT: u16 = 9248;
/// That of STUN.
const DEFAULT_STUN_PORT: u16 = 3478;

impl ListenAddress {
    /// Returns a TCP port's address.
    pub(crate) fn tcp(&self) -> Option<SocketAddr> {
        match self.at {
            SocketAddress::Tcp(at) => Some(at),
            SocketAddress::Unix(_) => None,
        }
    }
}

impl HttpAddress {
    /// Returns the address, if it is not off.
    pub(super) fn at(&self) -> Option<&SocketAddress> {
        match self {
            Self::Off => None,
            Self::At(at) => Some(at),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "tls://" } else { "" };
        write!(f, "{scheme}{}", self.at)
    }
}

/// Parses an address of a relay.
pub(super) fn relay_address(text: &str) -> Result<ListenAddress, String> {
    let (tls, address, port) = match text.strip_prefix("tls://") {
        Some(address) => (true, parse(address, DEFAULT_TLS_PORT), DEFAULT_TLS_PORT),
        None => (false, parse(text, DEFAULT_PORT), DEFAULT_PORT),
    };
    let at = match (address, unix(text)) {
        (Some(at), _) => SocketAddress::Tcp(at),
        (None, Some(at)) => at,
        (None, None) => return Err(format!("not unix:PATH, tls://IP:PORT, nor {}", forms(port))),
    };
    Ok(ListenAddress { at, tls })
}

/// Parses an address of a bridge, or `off`.
pub(super) fn http_address(text: &str) -> Result<HttpAddress, String> {
    if text == "off" {
        return Ok(HttpAddress::Off);
    }
    let address = parse(text, DEFAULT_HTTP_PORT).map(SocketAddress::Tcp).or_else(|| unix(text));
    let address = address.map(HttpAddress::At);
    address.ok_or_else(|| format!("not off, unix:PATH, nor {}", forms(DEFAULT_HTTP_PORT)))
}

/// Parses the UDP address of a STUN server.
pub(super) fn stun_address(text: &str) -> Result<SocketAddr, String> {
    let port = DEFAULT_STUN_PORT;
    parse(text, port).ok_or_else(|| format!("not {}", forms(port)))
}

/// Parses `unix:PATH`.
pub(super) fn unix(text: &str) -> Option<SocketAddress> {
    let path = text.strip_prefix("unix:").filter(|path| !path.is_empty())?;
    Some(SocketAddress::Unix(path.into()))
}

/// Parses `IP:PORT`, `IP` with the default port, or `PORT` on this host alone. `localhost` is an IP here: a name
/// server must not decide who can connect.
pub(super) fn parse(text: &str, default: u16) -> Option<SocketAddr> {
    let local = Ipv4Addr::LOCALHOST;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(|port| (local, port).into());
    }
    let text = match text.strip_prefix("localhost") {
        Some(rest) => format!("{local}{rest}"),
        None => text.to_owned(),
    };
    // An IPv6 address needs brackets, so that its last part is not taken for a port.
    text.parse().or_else(|_| format!("{text}:{default}").parse()).ok()
}

pub(super) fn forms(port: u16) -> String {
    format!(
        "IP:PORT, IP or PORT, such as 127.0.0.1:{port}, localhost:{port}, 0.0.0.0, [::] or {port}"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_left_out_has_a_default() {
        for (text, address) in [
            ("127.0.0.1:9", "127.0.0.1:9"),
            ("[::1]:0", "[::1]:0"),
            ("9", "127.0.0.1:9"),
            ("0", "127.0.0.1:0"),
            ("localhost:9", "127.0.0.1:9"),
            ("localhost", "127.0.0.1:9247"),
            ("0.0.0.0", "0.0.0.0:9247"),
            ("[::]", "[::]:9247"),
            ("[fe80::1%2]", "[fe80::1%2]:9247"),
        ] {
            let relay = relay_address(text).unwrap();
            assert_eq!((relay.tcp(), relay.tls), (address.parse().ok(), false), "{text}");
            let tls = relay_address(&format!("tls://{text}")).unwrap();
            assert_eq!(tls.to_string(), format!("tls://{address}").replace("9247", "9250"));
            let HttpAddress::At(http) = http_address(text).unwrap() else { panic!("{text}") };
            assert_eq!(http.to_string(), address.replace("9247", "9248"), "{text}");
        }
        assert_eq!(http_address("off").unwrap(), HttpAddress::Off);
    }

    #[test]
    fn reads_unix_sockets() {
        let path = "unix:/run/xcher/relay.sock";
        let relay = relay_address(path).unwrap();
        assert_eq!((relay.to_string().as_str(), relay.tcp(), relay.tls), (path, None, false));
        let HttpAddress::At(http) = http_address(path).unwrap() else { panic!("{path}") };
        assert_eq!(http.to_string(), path);
        for text in ["unix:", "tls://unix:/run/relay.sock", "/run/relay.sock"] {
            assert!(relay_address(text).unwrap_err().contains("not unix:PATH"), "{text}");
        }
        assert!(http_address("tls://9").unwrap_err().contains("not off"));
    }

    #[test]
    fn rejects_other_texts() {
        for text in [
            "",
            "x",
            "+9",
            "65536",
            ":9247",
            "localhosts",
            "localhost.example:9247",
            "localhost:",
            "localhost:65536",
            "relay.example:9247",
            "::",
            "::1",
            "::1:9247",
            "0.0.0.0:x",
            "127.1",
            "http://127.0.0.1:9248/",
            " 9247",
        ] {
            for error in [relay_address(text).unwrap_err(), http_address(text).unwrap_err()] {
                assert!(error.contains("IP:PORT, IP or PORT"), "{text}: {error}");
            }
        }
        relay_address("off").unwrap_err();
    }
}
