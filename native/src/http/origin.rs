//! Checks which page a request comes from: a browser lets every page send requests to any server.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::{Authority, Uri};
use xcher_core::Quoted;

use super::host_name::normalize;

/// A web origin: the scheme, host and port that a page came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Parses an origin such as `https://example.org:8443`; `None` for any other text, `null` included.
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let (host, port) = host_and_port(uri.authority()?, &scheme)?;
        (uri.path().len() <= 1 && uri.query().is_none()).then_some(Self { scheme, host, port })
    }

    /// # Errors
    ///
    /// For a text that is not an origin.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| {
            format!("expected an origin such as https://example.org, got {}", Quoted(text))
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// True if `Host` names the same host and port. The scheme is not compared: behind a proxy it is unknown.
    fn matches(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        host_and_port(&authority, &self.scheme)
            .is_some_and(|(host, port)| host == self.host && port == self.port)
    }
}

/// Validates an origin such as `https://example.org`, and returns it unchanged.
///
/// # Errors
///
/// For a text that is not an origin.
pub fn origin(text: &str) -> Result<String, String> {
    Origin::read(text).map(|_| text.to_owned())
}

/// Admits this server's own page, a page of an allowed origin, and a client that is not a page. A page is this
/// server's own if its origin matches `Host`, which [`super::host_name`] has checked.
///
/// # Errors
///
/// For a page of another origin.
pub(super) fn check(headers: &HeaderMap, allowed: &[Origin]) -> Result<(), String> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let parsed = origin.to_str().ok().and_then(Origin::parse);
    if origins.next().is_none()
        && parsed.is_some_and(|origin| origin.matches(host) || allowed.contains(&origin))
    {
        return Ok(());
    }
    let got = String::from_utf8_lossy(origin.as_bytes());
    Err(format!(
        "pages of {} may not open tunnels here, only those of {} and of allowed origins",
        Quoted(&got),
        Quoted(host)
    ))
}

fn host_and_port(authority: &Authority, scheme: &str) -> Option<(String, Option<u16>)> {
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return None;
    }
    let default = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    Some((normalize(authority.host()), authority.port_u16().or(default)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn matches_host_and_port_with_any_scheme() {
        for (origin, host) in [
            ("http://a.example", "a.example"),
            ("https://a.example", "A.example:443"),
            ("https://a.example:8443", "a.example:8443"),
            ("http://[::1]:9248", "[::1]:9248"),
        ] {
            assert!(Origin::parse(origin).unwrap().matches(host), "{origin} {host}");
        }
        for (origin, host) in [
            ("http://a.example", "b.example"),
            ("https://a.example", "a.example:80"),
            ("http://a.example:9248", "a.example"),
            ("http://a.example", ""),
            ("http://a.example.evil.example", "a.example"),
        ] {
            assert!(!Origin::parse(origin).unwrap().matches(host), "{origin} {host}");
        }
    }

    #[test]
    fn rejects_texts_that_are_not_origins() {
        for text in
            ["", "null", "*", "a.example", "http://", "http://a@b", "http://a/b", "http://a/?b"]
        {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
    }
}
