//! The URL of the hook.

use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::Scheme;

/// The URL of a hook: `http://` or `https://`, without a user and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookUrl(Uri);

impl HookUrl {
    pub(super) fn uri(&self) -> &Uri {
        &self.0
    }

    /// Returns it for the log, without its query, which may be secret.
    pub(super) fn shown(&self) -> String {
        let (scheme, authority) = (self.0.scheme_str(), self.0.authority());
        let authority = authority.map(hyper::http::uri::Authority::as_str).unwrap_or_default();
        format!("{}://{authority}{}", scheme.unwrap_or_default(), self.0.path())
    }
}

impl FromStr for HookUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = "not a URL such as http://127.0.0.1:8080/xcher or https://auth.example/xcher";
        let uri: Uri = text.parse().map_err(|_| error.to_owned())?;
        let has_scheme = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&uri.scheme());
        let host = uri.authority().filter(|authority| !authority.host().is_empty());
        match host {
            Some(authority) if authority.as_str().contains('@') => {
                Err("a URL with a user; name the file of a token instead".to_owned())
            }
            Some(_) if has_scheme => Ok(Self(uri)),
            _ => Err(error.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn reads_urls_and_refuses_users() {
        for text in ["http://127.0.0.1:8080/xcher", "https://auth.example/a?b=c", "http://[::1]/"] {
            assert!(text.parse::<HookUrl>().is_ok(), "{text}");
        }
        let secret = "https://auth.example/a?key=secret".parse::<HookUrl>().unwrap();
        assert_eq!(secret.shown(), "https://auth.example/a");
        for text in ["", "127.0.0.1:8080", "ftp://a/", "unix:/a", "http://", "http://u:p@a/", "/a"]
        {
            assert!(text.parse::<HookUrl>().is_err(), "{text}");
        }
    }
}
