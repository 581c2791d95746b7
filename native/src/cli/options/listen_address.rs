//! The address that a server listens on, as people write it.

use std::net::{Ipv4Addr, SocketAddr};

use crate::relay_address::DEFAULT_PORT;

/// A bridge's listening address, or none if it is off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpAddress(pub(crate) Option<SocketAddr>);

/// The port of a bridge whose address names none.
pub(crate) const DEFAULT_HTTP_PORT: u16 = 9248;

/// Parses the address of a relay.
pub(super) fn relay_address(text: &str) -> Result<SocketAddr, String> {
    parse(text, DEFAULT_PORT).ok_or_else(|| format!("not {}", forms(DEFAULT_PORT)))
}

/// Parses the address of a bridge, or `off`.
pub(super) fn http_address(text: &str) -> Result<HttpAddress, String> {
    if text == "off" {
        return Ok(HttpAddress(None));
    }
    let address = parse(text, DEFAULT_HTTP_PORT).map(|address| HttpAddress(Some(address)));
    address.ok_or_else(|| format!("not off, nor {}", forms(DEFAULT_HTTP_PORT)))
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
            assert_eq!(relay_address(text).unwrap(), address.parse().unwrap(), "{text}");
            let http = http_address(text).unwrap().0.unwrap().to_string();
            assert_eq!(http, address.replace("9247", "9248"), "{text}");
        }
        assert!(http_address("off").unwrap().0.is_none());
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
