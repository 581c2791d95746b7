//! Which pages may open a tunnel: only they, because a browser lends every page its reach.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::{Authority, Uri};
use xcher_core::Quoted;

use super::host_name::bare;

/// A scheme, a host and a port, as a browser names where a page came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Reads `https://example.org:8443`; none for anything else, and so for `null`.
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let (host, port) = host_and_port(uri.authority()?, &scheme)?;
        (uri.path().len() <= 1 && uri.query().is_none()).then_some(Self { scheme, host, port })
    }

    /// # Errors
    ///
    /// What was expected and what came.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| {
            format!("expected an origin such as https://example.org, got {}", Quoted(text))
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether `Host` names the same; whether by TLS or not is not known behind a proxy.
    fn is_at(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        host_and_port(&authority, &self.scheme)
            .is_some_and(|(host, port)| host == self.host && port == self.port)
    }
}

/// Lets an origin such as `https://example.org` through as it is.
///
/// # Errors
///
/// What was expected and what came.
pub fn origin(text: &str) -> Result<String, String> {
    Origin::read(text).map(|_| text.to_owned())
}

/// Whether whoever asks may: a page of ours, a page of an allowed origin, or no page at all. A page is
/// ours if it came from what `Host` names, which [`super::host_name`] has found to be here.
///
/// # Errors
///
/// What was expected and what came.
pub(super) fn check(headers: &HeaderMap, allowed: &[Origin]) -> Result<(), String> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let parsed = origin.to_str().ok().and_then(Origin::parse);
    if origins.next().is_none()
        && parsed.is_some_and(|origin| origin.is_at(host) || allowed.contains(&origin))
    {
        return Ok(());
    }
    let got = String::from_utf8_lossy(origin.as_bytes());
    Err(format!("expected an origin of {} or an allowed one, got {}", Quoted(host), Quoted(&got)))
}

fn host_and_port(authority: &Authority, scheme: &str) -> Option<(String, Option<u16>)> {
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return None;
    }
    let usual = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    Some((bare(authority.host()), authority.port_u16().or(usual)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn same_host_and_port_whatever_the_scheme() {
        for (origin, host) in [
            ("http://a.example", "a.example"),
            ("https://a.example", "A.example:443"),
            ("https://a.example:8443", "a.example:8443"),
            ("http://[::1]:9248", "[::1]:9248"),
        ] {
            assert!(Origin::parse(origin).unwrap().is_at(host), "{origin} {host}");
        }
        for (origin, host) in [
            ("http://a.example", "b.example"),
            ("https://a.example", "a.example:80"),
            ("http://a.example:9248", "a.example"),
            ("http://a.example", ""),
            ("http://a.example.evil.example", "a.example"),
        ] {
            assert!(!Origin::parse(origin).unwrap().is_at(host), "{origin} {host}");
        }
    }

    #[test]
    fn what_is_no_origin() {
        for text in
            ["", "null", "*", "a.example", "http://", "http://a@b", "http://a/b", "http://a/?b"]
        {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
    }
}
