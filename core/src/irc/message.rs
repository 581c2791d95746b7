//! Parses a line of an IRC server (RFC 1459, section 2.3.1, and the tags of IRCv3).

use alloc::vec::Vec;

/// The most parameters of a message.
const MAX_PARAMS: usize = 15;

/// A message. The texts are unchecked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// `nick!user@host`, or the name of the server; empty if the line names none.
    source: &'a str,
    /// A word, or three digits.
    pub(super) command: &'a str,
    params: Vec<&'a str>,
}

impl<'a> Message<'a> {
    /// Parses a line without its end; `None` if it has no command.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let mut rest = line;
        if let Some(tagged) = rest.strip_prefix('@') {
            rest = tagged.split_once(' ')?.1.trim_start_matches(' ');
        }
        let mut source = "";
        if let Some(sourced) = rest.strip_prefix(':') {
            (source, rest) = sourced.split_once(' ')?;
            rest = rest.trim_start_matches(' ');
        }
        let (command, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut params = Vec::new();
        loop {
            rest = rest.trim_start_matches(' ');
            if rest.is_empty() {
                break;
            }
            if let Some(last) = rest.strip_prefix(':') {
                params.push(last);
                break;
            }
            if params.len() + 1 == MAX_PARAMS {
                params.push(rest);
                break;
            }
            let (param, after) = rest.split_once(' ').unwrap_or((rest, ""));
            params.push(param);
            rest = after;
        }
        (!command.is_empty()).then_some(Self { source, command, params })
    }

    /// Returns the parameter at this position; an empty text if there is none.
    pub(super) fn param(&self, at: usize) -> &'a str {
        self.params.get(at).copied().unwrap_or_default()
    }

    /// Returns the last parameter, which is a text for people in most answers.
    pub(super) fn text(&self) -> &'a str {
        self.params.last().copied().unwrap_or_default()
    }

    /// Returns what follows `start` in the first parameter that begins with it.
    pub(super) fn find(&self, start: &str) -> Option<&'a str> {
        self.params.iter().find_map(|param| param.strip_prefix(start))
    }

    /// Returns the nick of the client that sent it.
    pub(super) fn nick(&self) -> &'a str {
        self.source.split(['!', '@']).next().unwrap_or_default()
    }

    /// Returns the host of the client that sent it, as the server shows it.
    pub(super) fn host(&self) -> &'a str {
        self.source.rsplit_once('@').map_or("", |(_, host)| host)
    }

    /// Returns the number of an answer.
    pub(super) fn numeric(&self) -> Option<u16> {
        let is_number =
            self.command.len() == 3 && self.command.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| self.command.parse().ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_tags_source_command_and_parameters() {
        for (line, source, command, params) in [
            ("PING", "", "PING", &[][..]),
            ("PING :", "", "PING", &[""]),
            (":s 001 kim :Welcome to IRC", "s", "001", &["kim", "Welcome to IRC"]),
            (":a!b@c PRIVMSG kim ::)", "a!b@c", "PRIVMSG", &["kim", ":)"]),
            ("@time=x;y :a!b@c  JOIN   #f ", "a!b@c", "JOIN", &["#f"]),
            ("@x PING a:b c", "", "PING", &["a:b", "c"]),
        ] {
            let message = Message::parse(line).expect(line);
            assert_eq!((message.source, message.command), (source, command), "{line}");
            assert_eq!(message.params, params, "{line}");
        }
        let many = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 :17";
        let line = alloc::format!("X {many}");
        let message = Message::parse(&line).expect("a message");
        assert_eq!((message.params.len(), message.param(14)), (15, "15 16 :17"));
    }

    #[test]
    fn rejects_lines_without_a_command() {
        for line in ["", " ", ":", ":s", ":s ", "@t", "@t ", "@t :s", "@t :s "] {
            assert_eq!(Message::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn names_the_sender() {
        let parse = |line| Message::parse(line).expect("a message");
        for (line, nick, host) in [
            (":a!b@c X", "a", "c"),
            (":a!b@c@d X", "a", "d"),
            (":a@c X", "a", "c"),
            (":irc.example X", "irc.example", ""),
            ("X", "", ""),
        ] {
            assert_eq!((parse(line).nick(), parse(line).host()), (nick, host), "{line}");
        }
        assert_eq!(parse(":s 433 * a :x").numeric(), Some(433));
        for line in [":s 43 x", ":s 4334 x", ":s +33 x", "PING"] {
            assert_eq!(parse(line).numeric(), None, "{line}");
        }
    }
}
