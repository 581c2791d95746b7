//! The real address of a request's client.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;
use xcher_core::Quoted;
use xcher_core::addr::{Scope, scope};

use super::connection::Ends;

/// Returns the connection's address; or, if that is a trusted proxy's, the last address of `X-Forwarded-For` that
/// is not a trusted proxy's. Addresses before that one can be forged, so they are ignored. The port is 0
/// if the header names none.
///
/// # Errors
///
/// If a trusted proxy sent no address; or if a proxy nearby is not trusted, because all of its clients would
/// count as one.
pub(super) fn address(
    ends: Ends,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> Result<SocketAddr, String> {
    let mut client = SocketAddr::new(ends.from.ip().to_canonical(), ends.from.port());
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
    let is_near = scope(client.ip()) != Scope::Global;
    let mut is_trusted = ends.is_unix || is_proxy(client.ip(), trusted);
    if !lines.is_empty() && is_near && !is_trusted {
        let ip = client.ip();
        return Err(format!(
            "the proxy at {ip} is not trusted: add it to the bridge's trusted proxies"
        ));
    }
    let mut hops = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
    while is_trusted {
        let Some(hop) = hops.next() else { break };
        let hop = String::from_utf8_lossy(hop);
        client = parse(hop.trim()).ok_or_else(|| {
            format!("expected an address in X-Forwarded-For, got {}", Quoted(hop.trim()))
        })?;
        is_trusted = is_proxy(client.ip(), trusted);
    }
    Ok(client)
}

/// True for the address of a trusted proxy.
pub(super) fn is_proxy(ip: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&ip.to_canonical()))
}

fn parse(hop: &str) -> Option<SocketAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let ip = bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0));
    let at = ip.or_else(|_| hop.parse::<SocketAddr>()).ok()?;
    Some(SocketAddr::new(at.ip().to_canonical(), at.port()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn from(socket: &str, forwarded: &[&'static str]) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = ["127.0.0.1/32".parse().unwrap(), "10.0.0.0/24".parse().unwrap()];
        let from: SocketAddr = socket.parse().unwrap();
        let is_unix = from.port() == 0;
        let ends = Ends { from, is_unix, reached_at: from.ip() };
        address(ends, &headers, &trusted).map(|client| client.to_string())
    }

    #[test]
    fn the_last_address_that_is_not_a_proxys() {
        for (socket, forwarded, expected) in [
            ("8.8.8.8:5", &["198.51.100.1"][..], "8.8.8.8:5"),
            ("127.0.0.1:5", &[], "127.0.0.1:5"),
            ("127.0.0.1:5", &["198.51.100.1"], "198.51.100.1:0"),
            ("[::ffff:127.0.0.1]:5", &["198.51.100.1:77"], "198.51.100.1:77"),
            ("127.0.0.1:5", &["forged, 198.51.100.1, 10.0.0.1"], "198.51.100.1:0"),
            ("127.0.0.1:5", &["203.0.113.1", "198.51.100.1"], "198.51.100.1:0"),
            ("127.0.0.1:5", &["[2001:db8::1]:7"], "[2001:db8::1]:7"),
            ("127.0.0.1:5", &["2001:db8::1"], "[2001:db8::1]:0"),
        ] {
            assert_eq!(from(socket, forwarded).unwrap(), expected, "{socket} {forwarded:?}");
        }
        assert_eq!(from("10.0.0.77:5", &["198.51.100.1"]).unwrap(), "198.51.100.1:0", "a network");
        assert_eq!(
            from("127.0.0.2:0", &["198.51.100.1"]).unwrap(),
            "198.51.100.1:0",
            "a Unix socket"
        );
        assert_eq!(from("127.0.0.2:0", &[]).unwrap(), "127.0.0.2:0", "without a proxy");
        assert!(from("127.0.0.1:5", &["198.51.100.1, unknown"]).is_err());
        let near = from("10.0.1.1:5", &["198.51.100.1"]).unwrap_err();
        assert!(near.contains("the proxy at 10.0.1.1 is not trusted"), "{near}");
    }
}
