//! The URL of an IRC channel that is used as relay: `ircs://irc.example/#files`.

use std::fmt;
use std::net::Ipv6Addr;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use xcher_core::irc::Channel;

/// The ports of IRC with TLS (RFC 7194) and without.
const TLS_PORT: u16 = 6697;
const CLEARTEXT_PORT: u16 = 6667;

/// The characters to escape in the canonical form of a channel. It has neither spaces nor control characters.
const IN_A_CHANNEL: &AsciiSet = &CONTROLS.add(b'%');

/// A server and a channel, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IrcUrl {
    pub(crate) tls: bool,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) channel: Channel,
}

impl IrcUrl {
    /// Returns true for the schemes `irc` and `ircs`.
    pub(crate) fn is_scheme(scheme: &str) -> bool {
        scheme.eq_ignore_ascii_case("irc") || scheme.eq_ignore_ascii_case("ircs")
    }

    /// Parses what follows `irc://` or `ircs://`. The channel may be percent-encoded, and its `#` be left out, as
    /// in URLs that IRC clients open.
    ///
    /// # Errors
    ///
    /// The expected form.
    pub(crate) fn parse(scheme: &str, rest: &str) -> Result<Self, String> {
        let expected = || {
            "expected the URL of an IRC channel, such as ircs://irc.example/#files; account and passwords \
             have options of their own"
                .to_owned()
        };
        let tls = scheme.eq_ignore_ascii_case("ircs");
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
                let port = port.parse().ok().filter(|port| is_number && *port > 0);
                (host, port.ok_or_else(expected)?)
            }
            _ => (authority, if tls { TLS_PORT } else { CLEARTEXT_PORT }),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bare {
            Some(bare) if bare.parse::<Ipv6Addr>().is_ok() => bare,
            None if is_host(host) => host,
            _ => return Err(expected()),
        };
        if path.is_empty() {
            return Err(format!(
                "the URL names no channel; add one, such as {scheme}://{authority}/#files"
            ));
        }
        let path = percent_decode_str(path).decode_utf8().map_err(|_| expected())?;
        let channel = match path.starts_with(['#', '&']) {
            true => Channel::parse(&path),
            false => Channel::parse(&format!("#{path}")),
        };
        let channel = channel.map_err(|error| error.to_string())?;
        Ok(Self { tls, host: host.to_owned(), port, channel })
    }
}

/// The canonical form: host and channel in lower case, without a default port.
impl fmt::Display for IrcUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = if self.tls { ("ircs", TLS_PORT) } else { ("irc", CLEARTEXT_PORT) };
        match self.host.parse::<Ipv6Addr>() {
            Ok(ip) => write!(f, "{scheme}://[{ip}]")?,
            Err(_) => write!(f, "{scheme}://{}", self.host.to_ascii_lowercase())?,
        }
        if self.port != default {
            write!(f, ":{}", self.port)?;
        }
        let channel = self.channel.as_str().to_ascii_lowercase();
        write!(f, "/{}", utf8_percent_encode(&channel, IN_A_CHANNEL))
    }
}

fn is_host(host: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    host.starts_with(|c: char| c.is_ascii_alphanumeric()) && host.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(text: &str) -> Result<IrcUrl, String> {
        let (scheme, rest) = text.split_once("://").unwrap();
        assert!(IrcUrl::is_scheme(scheme), "{text}");
        IrcUrl::parse(scheme, rest)
    }

    #[test]
    fn all_forms_of_a_channel_have_one_canonical_form() {
        for (canonical, texts) in [
            (
                "ircs://irc.example/#files",
                &[
                    "ircs://irc.example/#files",
                    "IRCS://Irc.Example:6697/#Files",
                    "ircs://irc.example/%23files",
                    "ircs://irc.example/files",
                ][..],
            ),
            (
                "irc://irc.example/#files",
                &["irc://irc.example/#files", "irc://irc.example:6667/files"],
            ),
            (
                "ircs://irc.example:7000/##a",
                &["ircs://irc.example:07000/##A", "ircs://irc.example:7000/%23%23a"],
            ),
            ("irc://[::1]/&here", &["irc://[0::1]/&here", "irc://[::1]:6667/%26here"]),
            ("irc://127.0.0.1/#a/b", &["irc://127.0.0.1/#a/b", "irc://127.0.0.1/a%2Fb"]),
            ("ircs://h/#tr%C3%A4d", &["ircs://h/#träd", "ircs://h/tr%c3%a4d"]),
            ("ircs://h/#100%25", &["ircs://h/#100%25", "ircs://h/#100%"]),
            ("ircs://h/#a?b#c", &["ircs://h/#a?b#c"]),
        ] {
            for text in texts {
                assert_eq!(parse(text).unwrap().to_string(), canonical, "{text}");
            }
            assert_eq!(parse(canonical).unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn rejects_other_urls() {
        for text in [
            "irc://",
            "ircs:///#files",
            "ircs://h",
            "ircs://h/",
            "ircs://h/#",
            "ircs://h/#a b",
            "ircs://h/#a%20b",
            "ircs://h/#a,b",
            "ircs://h/#a,needkey",
            "ircs://h/#a%0d%0aQUIT",
            "ircs://h/#a%00",
            "ircs://h/#a%07b",
            "ircs://h/#a%FF",
            "ircs://h/#a\u{202e}b",
            "ircs://h:0/#a",
            "ircs://h:+1/#a",
            "ircs://h:65536/#a",
            "ircs://h:/#a",
            "ircs://:6697/#a",
            "ircs://me@h/#a",
            "ircs://me:secret@h/#a",
            "ircs://::1/#a",
            "ircs://[h]/#a",
            "ircs://-h/#a",
            "ircs://a b/#a",
            "ircs://h\n/#a",
            &format!("ircs://h/#{}", "a".repeat(200)),
        ] {
            parse(text).unwrap_err();
        }
        let error = parse("ircs://h").unwrap_err();
        assert!(error.contains("ircs://h/#files"), "{error}");
        let error = parse("ircs://me:secret@h/#a").unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }
}
