//! The STUN servers that the page names to browsers, which make links by them (PROTOCOL.md, section 24).

use std::net::IpAddr;
#[cfg(feature = "cli")]
use std::net::Ipv6Addr;

#[cfg(feature = "cli")]
use super::host_name::{host_name, normalize};

/// The STUN servers of the page.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageStun {
    /// Those that the operator names.
    pub(crate) urls: Vec<String>,
    /// The UDP port of the server's own, at each of its addresses.
    pub(crate) port: Option<u16>,
}

impl PageStun {
    /// Returns the URLs for a page that was loaded from `host`: what the operator names goes before the own one, which may
    /// not be where the page seems to be, as behind a proxy.
    pub(super) fn urls_at(&self, host: &str) -> Vec<String> {
        match self.port {
            Some(port) if self.urls.is_empty() => vec![format!("stun:{}:{port}", bracketed(host))],
            _ => self.urls.clone(),
        }
    }
}

/// Parses the URL of a STUN server (RFC 7064).
///
/// # Errors
///
/// For any other text; TURN's says why there is no need for it.
#[cfg(feature = "cli")]
pub(crate) fn stun_url(text: &str) -> Result<String, String> {
    let wrong = || {
        "not the URL of a STUN server, such as stun:stun.example or stun:192.0.2.1:3478".to_owned()
    };
    let (scheme, rest) = text.split_once(':').ok_or_else(wrong)?;
    match &*scheme.to_ascii_lowercase() {
        "stun" => {}
        "turn" | "turns" => {
            let text = "TURN is not needed: what finds no direct path takes the bridge; name a STUN \
                        server, such as stun:stun.example";
            return Err(text.to_owned());
        }
        _ => return Err(wrong()),
    }
    // An IPv6 address has colons of its own, within brackets.
    let (host, port) = match rest.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let inner = normalize(host);
    let is_ipv6 = host.starts_with('[') && inner.parse::<Ipv6Addr>().is_ok();
    if !is_ipv6 && host_name(host).is_err() {
        return Err(wrong());
    }
    let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong));
    let port = port.transpose()?.map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("stun:{}{port}", bracketed(&inner)))
}

/// Returns a host as URLs have it.
fn bracketed(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V6(_)) => format!("[{host}]"),
        _ => host.to_owned(),
    }
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn reads_urls_of_stun_servers() {
        for (text, url) in [
            ("stun:stun.example", "stun:stun.example"),
            ("stun:stun.example:3478", "stun:stun.example:3478"),
            ("STUN:Stun.Example.:19302", "stun:stun.example:19302"),
            ("stun:192.0.2.1", "stun:192.0.2.1"),
            ("stun:[2001:db8::1]", "stun:[2001:db8::1]"),
            ("stun:[2001:db8::1]:9", "stun:[2001:db8::1]:9"),
        ] {
            assert_eq!(stun_url(text).unwrap(), url, "{text}");
        }
        for text in [
            "",
            "stun.example",
            "stun:",
            "stun::3478",
            "stun:a:0",
            "stun:a:65536",
            "stun:a:x",
            "stun:a:",
            "stun://stun.example",
            "stun:a b",
            "stun:user@a",
            "stun:2001:db8::1",
            "stun:[a]",
            "stun:[192.0.2.1]",
            "stun:a?transport=udp",
            "stuns:stun.example",
            "http://stun.example",
        ] {
            let error = stun_url(text).unwrap_err();
            assert!(error.contains("not the URL of a STUN server"), "{text}: {error}");
        }
        for text in ["turn:turn.example", "turns:turn.example:5349", "TURN:a?transport=tcp"] {
            let error = stun_url(text).unwrap_err();
            assert!(error.contains("the bridge"), "{text}: {error}");
        }
    }

    #[test]
    fn what_the_operator_names_replaces_the_own_server() {
        let urls_at = |urls: &[&str], port, host| {
            let urls = urls.iter().map(|&url| url.to_owned()).collect();
            PageStun { urls, port }.urls_at(host).join(" ")
        };
        assert_eq!(urls_at(&[], None, "relay.example"), "");
        assert_eq!(urls_at(&[], Some(3478), "relay.example"), "stun:relay.example:3478");
        assert_eq!(urls_at(&[], Some(9), "2001:db8::1"), "stun:[2001:db8::1]:9");
        assert_eq!(urls_at(&["stun:a", "stun:b"], Some(9), "relay.example"), "stun:a stun:b");
        assert_eq!(urls_at(&["stun:a"], None, "relay.example"), "stun:a");
    }
}
