//! Who is online, and that no two nicks could be taken for one another (section 5.2).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::ops::Bound;

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::skeleton;

use super::ConnId;
use crate::{Nick, RelayPacket};

/// The nicks that connections have, no two of which look alike.
#[derive(Default)]
pub(super) struct Nicks {
    by_nick: BTreeMap<Nick, ConnId>,
    /// Each form of each nick that is listed. A code is compared digit by digit alone: else a nick that
    /// looks like one would tell whether the code is there.
    by_form: BTreeMap<Box<str>, Nick>,
    /// Bytes of a list of all that are listed.
    list_bytes: usize,
}

impl Nicks {
    /// Whose this very nick is, or one that differs in the case of ASCII letters alone.
    ///
    /// # Errors
    ///
    /// The nick that is there and could be taken for it, if there is one.
    pub(super) fn find_callee(&self, text: &str) -> Result<ConnId, Option<&Nick>> {
        if let Some(conn) = self.by_nick.get(text) {
            return Ok(*conn);
        }
        let nick = Nick::parse(text).map_err(|_| None)?;
        match self.find_similar(&nick) {
            Some((holder, conn)) if holder.eq_ignore_case(&nick) => Ok(conn),
            find_similar => Err(find_similar.map(|(holder, _)| holder)),
        }
    }

    /// The nick that this one could be taken for, and whose it is.
    pub(super) fn find_similar(&self, nick: &Nick) -> Option<(&Nick, ConnId)> {
        let holder = match nick.is_one_time() {
            true => nick,
            false => forms(nick).iter().find_map(|form| self.by_form.get(form))?,
        };
        self.by_nick.get_key_value(holder).map(|(nick, conn)| (nick, *conn))
    }

    /// Gives a nick that no other nick looks like.
    pub(super) fn insert(&mut self, nick: Nick, conn: ConnId) {
        if !nick.is_one_time() {
            for form in forms(&nick) {
                self.by_form.insert(form, nick.clone());
            }
        }
        self.list_bytes += listed_bytes(&nick);
        self.by_nick.insert(nick, conn);
    }

    pub(super) fn remove(&mut self, nick: &Nick) {
        if self.by_nick.remove(nick).is_none() {
            return;
        }
        self.list_bytes -= listed_bytes(nick);
        if !nick.is_one_time() {
            for form in forms(nick) {
                self.by_form.remove(&form);
            }
        }
    }

    /// Bytes of a list of all nicks.
    pub(super) fn list_bytes(&self) -> usize {
        self.list_bytes
    }

    /// All nicks in order, those after `after` or from the first on.
    pub(super) fn after(&self, after: Option<&Nick>) -> impl Iterator<Item = &Nick> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_nick.range::<Nick, _>((after, Bound::Unbounded)).map(|(nick, _)| nick)
    }
}

/// Bytes that a nick adds to a list.
fn listed_bytes(nick: &Nick) -> usize {
    let line = RelayPacket::WhoNick(nick.as_str()).to_line();
    if nick.is_one_time() { 0 } else { line.len() }
}

/// The forms of a nick; two nicks look alike where they share one. The first is what UsernameCaseMapped of
/// RFC 8265 (section 3.3) compares by. The others are skeletons (UTS 39, section 4), of the nick as it is
/// drawn and in lower case: `I` looks like `l`, and its lower case does not.
fn forms(nick: &Nick) -> [Box<str>; 3] {
    let folded = folded(nick.as_str());
    let drawn = skeleton(nick.as_str()).collect::<String>();
    let lower = skeleton(&folded).collect::<String>();
    [folded, drawn, lower].map(String::into_boxed_str)
}

/// Maps width, then case, then normalizes. What the profile only forbids, such as emoji, stays.
fn folded(text: &str) -> String {
    let is_of_other_width = |c| matches!(c, '\u{ff00}'..='\u{ffef}');
    let width = |c: char| -> String {
        match is_of_other_width(c) {
            true => core::iter::once(c).nfkc().collect(),
            false => c.into(),
        }
    };
    text.chars().map(width).collect::<String>().to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nick(text: &str) -> Nick {
        Nick::parse(text).expect(text)
    }

    fn are_alike(one: &str, other: &str) -> bool {
        let mut nicks = Nicks::default();
        nicks.insert(nick(one), ConnId(1));
        let find_similar = nicks.find_similar(&nick(other)).is_some();
        nicks.remove(&nick(one));
        assert!(nicks.by_nick.is_empty() && nicks.by_form.is_empty() && nicks.list_bytes == 0);
        find_similar
    }

    #[test]
    fn nicks_that_look_alike_are_alike_both_ways() {
        for (one, other) in [
            ("kim", "Kim"),
            ("kim", "KIM"),
            ("kim", "ｋｉｍ"),
            ("kim", "kіm"),
            ("paypal", "раураl"),
            ("klm", "kIm"),
            ("bob1", "bobl"),
            ("åsa", "a\u{30a}sa"),
            ("Åsa", "åsa"),
            ("ΣΟΣ", "σος"),
            ("rnary", "mary"),
            ("ｶﾅ", "カナ"),
            ("é😀", "É😀"),
        ] {
            assert!(are_alike(one, other) && are_alike(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("kim", "tim"),
            ("asa", "åsa"),
            ("bob", "bobo"),
            ("日本", "日木"),
            ("😀", "😁"),
            ("alice-1000", "alice-2000"),
        ] {
            assert!(!are_alike(one, other) && !are_alike(other, one), "{one} {other}");
        }
    }

    #[test]
    fn a_code_is_alike_to_nothing_but_itself() {
        assert!(are_alike("4821", "4821"));
        for other in ["482l", "４８２１", "4B21", "4822"] {
            assert!(!are_alike("4821", other) && !are_alike(other, "4821"), "{other}");
        }
    }

    #[test]
    fn a_call_reaches_a_nick_in_any_case_and_no_look_alike() {
        let mut nicks = Nicks::default();
        nicks.insert(nick("Kim"), ConnId(7));
        nicks.insert(nick("4821"), ConnId(8));
        nicks.insert(nick("Åsa"), ConnId(9));
        for (called, whose) in [
            ("Kim", Some(7)),
            ("kim", Some(7)),
            ("KIM", Some(7)),
            ("ÅSA", Some(9)),
            ("åsa", None),
            ("kіm", None),
            ("ｋｉｍ", None),
            ("4821", Some(8)),
            ("482l", None),
            ("no nick", None),
        ] {
            assert_eq!(nicks.find_callee(called).ok(), whose.map(ConnId), "{called}");
        }
    }
}
