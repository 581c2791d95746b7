//! Links to a nick or a code, as `send`, `up` and the page show them: the URL of a bridge's page, `#`, and the
//! nick or code.

use std::borrow::Cow;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use xcher_core::Nick;
use xcher_core::code::Code;
use xcher_core::pasted::unwrapped;

use super::exit::CliError;
use super::options::Common;
use crate::irc_url::IrcUrl;
use crate::relay_address::RelayAddress;

/// A link, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The bridge of the page.
    pub(crate) relay: RelayAddress,
    /// The nick or the code, not checked.
    pub(crate) target: String,
}

impl Link {
    /// Returns true if `text` is probably meant as a link, valid or not: no nick and no code contains `/`.
    pub(crate) fn looks_like(text: &str) -> bool {
        text.contains("://")
    }
}

impl FromStr for Link {
    type Err = String;

    /// Parses a link, with the punctuation that a chat put around it.
    fn from_str(text: &str) -> Result<Self, String> {
        if IrcUrl::is_scheme(text.split("://").next().unwrap_or_default()) {
            return Err(
                "not a link: the URL of an IRC channel leads to no host; name it with --relay"
                    .into(),
            );
        }
        let (page, target) = unwrapped(text).split_once('#').unwrap_or((text, ""));
        let relay = page.parse().map_err(|error| format!("not a link: {error}"))?;
        if target.is_empty() {
            return Err(
                "the link names no nick and no code; it must end in #NICK or #CODE, such as \
                        https://relay.example/#kim"
                    .to_owned(),
            );
        }
        let target = percent_decode_str(target).decode_utf8();
        let target = target.map_err(|_| "what follows # in the link is not UTF-8")?.into_owned();
        Ok(Self { relay, target })
    }
}

/// The peer of a command that calls by nick, given as a nick or as a link to one.
#[derive(Clone, Debug)]
pub(crate) struct NickOrLink {
    pub(crate) nick: Nick,
    /// The relay of a link.
    pub(crate) relay: Option<RelayAddress>,
}

impl FromStr for NickOrLink {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (nick, relay) = match Link::looks_like(text) {
            true => {
                let link: Link = text.parse()?;
                (Cow::Owned(link.target), Some(link.relay))
            }
            false => (Cow::Borrowed(text), None),
        };
        if relay.is_some() && Code::looks_like(&nick) {
            return Err("the link has a code; fetch its files with xcher get LINK".to_owned());
        }
        Ok(Self { nick: Nick::parse(&nick).map_err(|error| error.to_string())?, relay })
    }
}

/// Returns the options with the relay of a link, if there is one, as their relay.
///
/// # Errors
///
/// A usage error if the command line names another relay.
pub(crate) fn with_relay<'a>(
    common: &'a Common,
    relay: Option<&RelayAddress>,
) -> Result<Cow<'a, Common>, CliError> {
    let Some(relay) = relay else { return Ok(Cow::Borrowed(common)) };
    if common.relay_is_typed && common.relay.canonical() != relay.canonical() {
        return Err(CliError::usage(format!(
            "the link leads to {relay}, and --relay names {}; leave out --relay",
            common.relay
        )));
    }
    Ok(Cow::Owned(common.at(relay.clone())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn parses_links_as_they_are_shown_and_pasted() {
        for (text, relay, target) in [
            ("http://127.0.0.1:9248/#kim", "http://127.0.0.1:9248/", "kim"),
            ("https://h/#4821-a-b-c", "https://h/", "4821-a-b-c"),
            ("https://h/a/b/index.html#kim", "https://h/a/b/index.html", "kim"),
            ("https://h#kim", "https://h", "kim"),
            ("ws://h/xcher#kim", "ws://h/xcher", "kim"),
            ("WSS://H/#Kim", "WSS://H/", "Kim"),
            ("http://[::1]:9248/#%C3%85sa", "http://[::1]:9248/", "Åsa"),
            ("http://h/#a%2Fb", "http://h/", "a/b"),
            ("http://h/#a#b", "http://h/", "a#b"),
            ("<http://h/#kim>", "http://h/", "kim"),
            ("(http://h/#kim).", "http://h/", "kim"),
            ("\"http://h/#kim/\",\n", "http://h/", "kim"),
            ("http://h/#kim%2E.", "http://h/", "kim."),
        ] {
            assert!(Link::looks_like(text), "{text}");
            let relay = relay.parse().unwrap();
            assert_eq!(text.parse(), Ok(Link { relay, target: target.into() }), "{text}");
        }
    }

    #[test]
    fn rejects_other_texts() {
        for text in [
            "http://h/",
            "http://h/#",
            "http://h/#.",
            "http:///#kim",
            "ftp://h/#kim",
            "://#kim",
            "http://me:secret@h/#kim",
            "http://h/?x=1#kim",
            "http://h:0/#kim",
            "http://h:99999/#kim",
            "http://h /#kim",
            "see http://h/#kim",
            "ircs://h/#kim",
            "irc://h/%23files#kim",
            "http://h/\u{1b}[2J#kim",
            "http://h/#%FF",
            "#kim",
        ] {
            assert!(text.parse::<Link>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_peer_is_a_nick_or_a_link_to_one() {
        let peer: NickOrLink = "kim".parse().unwrap();
        assert_eq!((peer.nick.as_str(), peer.relay), ("kim", None));
        let peer: NickOrLink = "http://h/#kim".parse().unwrap();
        assert_eq!((peer.nick.as_str(), peer.relay), ("kim", Some("http://h/".parse().unwrap())));
        for text in [
            "",
            "a b",
            "kim/",
            "http://h/#a%20b",
            "http://h/#a%2Fb",
            "http://h/#a%E2%80%AEb",
            "http://h/#%00",
        ] {
            let error = text.parse::<NickOrLink>().unwrap_err();
            assert!(error.starts_with("expected a nick"), "{text}: {error}");
        }
        let error =
            "http://h/#4821-crossover-clockwork-universe".parse::<NickOrLink>().unwrap_err();
        assert!(error.contains("xcher get LINK") && !error.contains("clockwork"), "{error}");
    }
}
