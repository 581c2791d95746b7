//! Which names a request may ask this port by. A page of another site whose name server points here
//! (DNS rebinding) comes under that site's name: none of this port's.

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

/// The names of this port beside its addresses and `localhost`.
#[derive(Clone, Debug, Default)]
pub(super) struct HostNames(Vec<String>);

impl HostNames {
    /// # Errors
    ///
    /// What was expected, for a text that cannot be a host's name.
    pub(super) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        names.into_iter().map(host_name).collect::<Result<_, _>>().map(Self)
    }

    fn contains(&self, host: &str) -> bool {
        self.0.iter().any(|name| name == host)
    }
}

/// Reads the name of a host.
///
/// # Errors
///
/// What was expected and what came.
pub fn host_name(text: &str) -> Result<String, String> {
    let name = bare(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if !name.is_empty() && name.bytes().all(plain) {
        return Ok(name);
    }
    Err(format!("expected a host's name such as relay.example, got {}", Quoted(text)))
}

/// Lets a request pass only under a name of this port.
pub(super) async fn check(
    State(front): State<Arc<Front>>,
    request: Request,
    next: Next,
) -> Response {
    match asked_by(request.headers()) {
        Some(host) if front.goes_by(&host) => next.run(request).await,
        host => {
            let got = host.unwrap_or_else(|| "none".to_owned());
            let error = format!(
                "this bridge does not go by the name {}: use its IP address, or start it with \
                 --host-name\n",
                Quoted(&got)
            );
            (StatusCode::MISDIRECTED_REQUEST, error).into_response()
        }
    }
}

impl Front {
    fn goes_by(&self, host: &str) -> bool {
        let rules = self.rules.load();
        is_this_host_for_everyone(host)
            || rules.host_names.contains(host)
            || rules.allow_origin.iter().any(|origin| origin.host() == host)
            || self.tls.as_ref().is_some_and(|tls| tls.is_for(host))
    }
}

/// The host of the one `Host` header, without its port; an IPv6 address without its brackets.
fn asked_by(headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    let authority: Authority = host.to_str().ok()?.parse().ok()?;
    let with_user = authority.as_str().contains('@');
    (!with_user && !authority.host().is_empty()).then(|| bare(authority.host()))
}

/// As hosts are compared: lower case, without the root's dot and the brackets of an address.
pub(super) fn bare(host: &str) -> String {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match inner {
        Some(inner) if inner.parse::<Ipv6Addr>().is_ok() => inner.to_owned(),
        _ => host,
    }
}

/// Whether no name server says where that is.
fn is_this_host_for_everyone(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn asked(host: &str) -> Option<String> {
        asked_by(&HeaderMap::from_iter([(HOST, host.parse().unwrap())]))
    }

    #[test]
    fn the_host_without_its_port() {
        for (header, expected) in [
            ("Relay.Example:9248", "relay.example"),
            ("relay.example.", "relay.example"),
            ("[::1]:9248", "::1"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert_eq!(asked(header).as_deref(), Some(expected), "{header}");
        }
        for header in ["", "a b", "user@relay.example", "http://relay.example"] {
            assert_eq!(asked(header), None, "{header}");
        }
        assert_eq!(asked_by(&HeaderMap::new()), None);
        let mut twice = HeaderMap::new();
        twice.append(HOST, "a".parse().unwrap());
        twice.append(HOST, "localhost".parse().unwrap());
        assert_eq!(asked_by(&twice), None);
    }

    #[test]
    fn what_no_name_server_decides() {
        for host in ["localhost", "a.localhost", "127.0.0.1", "::1", "192.168.1.9"] {
            assert!(is_this_host_for_everyone(host), "{host}");
        }
        for host in
            ["rebound.example", "127.0.0.1.rebound.example", "localhost.example", "2130706433"]
        {
            assert!(!is_this_host_for_everyone(host), "{host}");
        }
    }

    #[test]
    fn names_are_names() {
        assert!(HostNames::new(["relay.example", "RELAY"]).unwrap().contains("relay"));
        for text in ["", "http://relay.example", "relay.example:80", "a b", "*"] {
            assert!(HostNames::new([text]).is_err(), "{text}");
        }
    }
}
