//! Checks the host name of a request. A page of another site whose name server points here (DNS rebinding)
//! sends that site's name, which is not accepted.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use xcher_core::Quoted;

use super::Front;
use super::connection::Ends;
use super::counts::TunnelOutcome;

/// The configured names of this server, besides its addresses and `localhost`.
#[derive(Clone, Debug, Default)]
pub(super) struct HostNames(Vec<String>);

impl HostNames {
    /// # Errors
    ///
    /// For a text that cannot be a host name.
    pub(super) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        names.into_iter().map(host_name).collect::<Result<_, _>>().map(Self)
    }

    fn contains(&self, host: &str) -> bool {
        self.0.iter().any(|name| name == host)
    }
}

/// Parses a host name.
///
/// # Errors
///
/// For a text that cannot be a host name.
pub fn host_name(text: &str) -> Result<String, String> {
    let name = normalize(text);
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if !name.is_empty() && name.bytes().all(is_valid) {
        return Ok(name);
    }
    Err(format!("expected a host name such as relay.example, got {}", Quoted(text)))
}

/// Lets a request pass only with a name of this server.
pub(super) async fn check(
    State(front): State<Arc<Front>>,
    request: Request,
    next: Next,
) -> Response {
    let socket_ip = request.extensions().get::<Ends>().map(|ends| ends.from.ip().to_canonical());
    match requested_host(request.headers()) {
        Some(host) if front.has_name(&host) => next.run(request).await,
        host => {
            let got = host.unwrap_or_else(|| "none".to_owned());
            let error = format!(
                "{} is not a host name of this bridge: use its IP address, or add the name to its \
                 host names\n",
                Quoted(&got)
            );
            if let Some(ip) = socket_ip {
                front.counts.refuse(ip, TunnelOutcome::HostName, error.trim_end());
            }
            (StatusCode::MISDIRECTED_REQUEST, error).into_response()
        }
    }
}

impl Front {
    fn has_name(&self, host: &str) -> bool {
        let rules = self.rules.load();
        needs_no_name_server(host)
            || rules.host_names.contains(host)
            || rules.allow_origin.iter().any(|origin| origin.host() == host)
            || self.tls.as_ref().is_some_and(|tls| tls.is_for(host))
    }
}

/// Returns the host of the only `Host` header, without its port; an IPv6 address without its brackets.
pub(crate) fn requested_host(headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    let authority: Authority = host.to_str().ok()?.parse().ok()?;
    let has_user = authority.as_str().contains('@');
    (!has_user && !authority.host().is_empty()).then(|| normalize(authority.host()))
}

/// Normalizes a host for comparison: lower case, without the root's dot and the brackets of an address.
pub(super) fn normalize(host: &str) -> String {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match inner {
        Some(inner) if inner.parse::<Ipv6Addr>().is_ok() => inner.to_owned(),
        _ => host,
    }
}

/// True for a host that is not looked up at a name server.
pub(crate) fn needs_no_name_server(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn host_of(host: &str) -> Option<String> {
        requested_host(&HeaderMap::from_iter([(HOST, host.parse().unwrap())]))
    }

    #[test]
    fn returns_the_host_without_its_port() {
        for (header, expected) in [
            ("Relay.Example:9248", "relay.example"),
            ("relay.example.", "relay.example"),
            ("[::1]:9248", "::1"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert_eq!(host_of(header).as_deref(), Some(expected), "{header}");
        }
        for header in ["", "a b", "user@relay.example", "http://relay.example"] {
            assert_eq!(host_of(header), None, "{header}");
        }
        assert_eq!(requested_host(&HeaderMap::new()), None);
        let mut twice = HeaderMap::new();
        twice.append(HOST, "a".parse().unwrap());
        twice.append(HOST, "localhost".parse().unwrap());
        assert_eq!(requested_host(&twice), None);
    }

    #[test]
    fn recognizes_hosts_that_need_no_name_server() {
        for host in ["localhost", "a.localhost", "127.0.0.1", "::1", "192.168.1.9"] {
            assert!(needs_no_name_server(host), "{host}");
        }
        for host in
            ["rebound.example", "127.0.0.1.rebound.example", "localhost.example", "2130706433"]
        {
            assert!(!needs_no_name_server(host), "{host}");
        }
    }

    #[test]
    fn accepts_only_host_names() {
        assert!(HostNames::new(["relay.example", "RELAY"]).unwrap().contains("relay"));
        for text in ["", "http://relay.example", "relay.example:80", "a b", "*"] {
            assert!(HostNames::new([text]).is_err(), "{text}");
        }
    }
}
