//! The nicks online, of which no two look alike (section 5.2).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::ops::Bound;

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::skeleton;

use super::ConnId;
use crate::{Nick, RelayPacket};

/// The registered nicks, no two of which look alike.
#[derive(Default)]
pub(super) struct Nicks {
    by_nick: BTreeMap<Nick, ConnId>,
    /// The forms of each listed nick. Nicks of codes have no forms: else a look-alike of one would reveal
    /// if it is online.
    by_form: BTreeMap<Box<str>, Nick>,
    /// Bytes of the list of all listed nicks.
    list_bytes: usize,
}

impl Nicks {
    /// Returns the holder of this nick, or of one that differs only in the case of ASCII letters.
    ///
    /// # Errors
    ///
    /// The registered look-alike, if there is one.
    pub(super) fn find_callee(&self, text: &str) -> Result<ConnId, Option<&Nick>> {
        if let Some(conn) = self.by_nick.get(text) {
            return Ok(*conn);
        }
        let nick = Nick::parse(text).map_err(|_| None)?;
        match self.find_similar(&nick) {
            Some((holder, conn)) if holder.eq_ignore_case(&nick) => Ok(conn),
            similar => Err(similar.map(|(holder, _)| holder)),
        }
    }

    /// Returns the registered nick that this one looks like, and its holder.
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
        self.list_bytes += listed_len(&nick);
        self.by_nick.insert(nick, conn);
    }

    pub(super) fn remove(&mut self, nick: &Nick) {
        if self.by_nick.remove(nick).is_none() {
            return;
        }
        self.list_bytes -= listed_len(nick);
        if !nick.is_one_time() {
            for form in forms(nick) {
                self.by_form.remove(&form);
            }
        }
    }

    /// Returns the number of nicks.
    pub(super) fn len(&self) -> usize {
        self.by_nick.len()
    }

    /// Returns all nicks and their holders.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Nick, ConnId)> {
        self.by_nick.iter().map(|(nick, conn)| (nick, *conn))
    }

    /// Returns the bytes of the list of all nicks.
    pub(super) fn list_bytes(&self) -> usize {
        self.list_bytes
    }

    /// Returns the listed nicks that begin with `prefix` and come after `after`, in order.
    pub(super) fn page<'a>(
        &'a self,
        prefix: &'a str,
        after: &str,
    ) -> impl Iterator<Item = &'a Nick> {
        let from = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
        let nicks = self.by_nick.range::<str, _>((from, Bound::Unbounded)).map(|(nick, _)| nick);
        nicks
            .take_while(move |nick| nick.as_str().starts_with(prefix))
            .filter(|nick| !nick.is_one_time())
    }

    /// Returns the nicks after `after` in order, or all of them.
    pub(super) fn after(&self, after: Option<&Nick>) -> impl Iterator<Item = &Nick> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_nick.range::<Nick, _>((after, Bound::Unbounded)).map(|(nick, _)| nick)
    }
}

/// Returns the bytes that a nick adds to a list.
fn listed_len(nick: &Nick) -> usize {
    let line = RelayPacket::WhoNick(nick.as_str()).to_line();
    if nick.is_one_time() { 0 } else { line.len() }
}

/// Returns the forms of a nick; two nicks look alike if they share one. The first is the mapping of
/// UsernameCaseMapped (RFC 8265, section 3.3). The others are skeletons (UTS 39, section 4) of the nick as
/// written and in lower case: `I` looks like `l`, but its lower case does not.
pub(super) fn forms(nick: &Nick) -> [Box<str>; 3] {
    forms_of_text(nick.as_str())
}

/// As [`forms`], of a part of a nick.
pub(super) fn forms_of_text(text: &str) -> [Box<str>; 3] {
    let folded = folded(text);
    let drawn = skeleton(text).collect::<String>();
    let lower = skeleton(&folded).collect::<String>();
    [folded, drawn, lower].map(String::into_boxed_str)
}

/// Maps width, then case, then normalizes. Keeps what the profile forbids without mapping, such as emoji.
fn folded(text: &str) -> String {
    let has_other_width = |c| matches!(c, '\u{ff00}'..='\u{ffef}');
    let width = |c: char| -> String {
        match has_other_width(c) {
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

    fn look_alike(one: &str, other: &str) -> bool {
        let mut nicks = Nicks::default();
        nicks.insert(nick(one), ConnId(1));
        let similar = nicks.find_similar(&nick(other)).is_some();
        nicks.remove(&nick(one));
        assert!(nicks.by_nick.is_empty() && nicks.by_form.is_empty() && nicks.list_bytes == 0);
        similar
    }

    #[test]
    fn a_skeleton_is_its_own_skeleton() {
        // So two nicks that share a form share a skeleton, and relays need no other subjects (section 23.1).
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let once = skeleton(c.encode_utf8(&mut [0; 4])).collect::<String>();
            assert_eq!(skeleton(&once).collect::<String>(), once, "{c:?}");
        }
    }

    #[test]
    fn look_alikes_are_detected_in_both_directions() {
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
            assert!(look_alike(one, other) && look_alike(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("kim", "tim"),
            ("asa", "åsa"),
            ("bob", "bobo"),
            ("日本", "日木"),
            ("😀", "😁"),
            ("alice-1000", "alice-2000"),
        ] {
            assert!(!look_alike(one, other) && !look_alike(other, one), "{one} {other}");
        }
    }

    #[test]
    fn a_nick_of_a_code_has_no_look_alikes() {
        assert!(look_alike("4821", "4821"));
        for other in ["482l", "４８２１", "4B21", "4822"] {
            assert!(!look_alike("4821", other) && !look_alike(other, "4821"), "{other}");
        }
    }

    #[test]
    fn find_callee_ignores_ascii_case_but_not_look_alikes() {
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
