//! Names of subjects in NATS.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use xcher_core::registry::{RelayId, RequestId, Subject};

/// The name of a cluster: 1 to 64 ASCII letters, digits, `-` and `_`, so that it is one part of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterName(Arc<str>);

/// A text is not the name of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterNameError(());

/// The longest name of a cluster in bytes.
const MAX_NAME_LEN: usize = 64;
/// What all subjects of relays begin with.
const PREFIX: &str = "xcher";

impl FromStr for ClusterName {
    type Err = ClusterNameError;

    fn from_str(text: &str) -> Result<Self, ClusterNameError> {
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let fits = (1..=MAX_NAME_LEN).contains(&text.len()) && text.bytes().all(is_allowed);
        fits.then(|| Self(text.into())).ok_or(ClusterNameError(()))
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ClusterNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a name of 1 to {MAX_NAME_LEN} letters, digits, `-` and `_`")
    }
}

impl std::error::Error for ClusterNameError {}

/// The names of subjects of one cluster, for one of its relays.
#[derive(Clone)]
pub(super) struct Subjects {
    /// Ends with a dot.
    all: Arc<str>,
    /// The subject of answers to this relay's requests, without their numbers. Ends with a dot.
    inbox: Arc<str>,
}

impl Subjects {
    pub(super) fn new(cluster: &ClusterName, relay: RelayId) -> Self {
        let all = format!("{PREFIX}.{cluster}.");
        let inbox = format!("{all}i.{relay}.");
        Self { all: all.into(), inbox: inbox.into() }
    }

    pub(super) fn name(&self, subject: &Subject) -> String {
        format!("{}{}", self.all, subject.name())
    }

    /// Returns where the answer to a request is sent.
    pub(super) fn inbox(&self, request: RequestId) -> String {
        format!("{}{}", self.inbox, request.0)
    }

    /// Returns the subscription that receives all answers.
    pub(super) fn inbox_of_all(&self) -> String {
        format!("{}*", self.inbox)
    }

    /// Returns the request that a message to this subject answers.
    pub(super) fn answered(&self, subject: &str) -> Option<RequestId> {
        subject.strip_prefix(&*self.inbox)?.parse().ok().map(RequestId)
    }

    /// True if a request may have its answer there: at a relay of this cluster.
    pub(super) fn is_inbox(&self, subject: &str) -> bool {
        let rest = subject.strip_prefix(&*self.all).and_then(|rest| rest.strip_prefix("i."));
        rest.is_some_and(|rest| !rest.contains(['*', '>']))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ClusterName {
        text.parse().expect(text)
    }

    #[test]
    fn names_are_one_part_of_a_subject() {
        for good in ["xcher", "Net-1", "a_b", &"n".repeat(64)] {
            assert!(good.parse::<ClusterName>().is_ok(), "{good}");
        }
        for bad in ["", "a.b", "a*", ">", "a b", "ä", "a\n", &"n".repeat(65)] {
            assert!(bad.parse::<ClusterName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn answers_arrive_below_the_prefix_of_the_cluster() {
        let subjects = Subjects::new(&name("net"), RelayId([7; 8]));
        let inbox = subjects.inbox(RequestId(12));
        assert_eq!(inbox, "xcher.net.i.0707070707070707.12");
        assert_eq!(subjects.answered(&inbox), Some(RequestId(12)));
        assert!(subjects.is_inbox(&inbox));
        let other = Subjects::new(&name("net"), RelayId([8; 8]));
        assert_eq!(other.answered(&inbox), None);
        assert!(other.is_inbox(&inbox));
        for not in
            ["xcher.net.all", "xcher.other.i.0707070707070707.12", "xcher.net.i.>", "_INBOX.x"]
        {
            assert!(!subjects.is_inbox(not), "{not}");
        }
    }

    #[test]
    fn no_nick_reaches_another_subject() {
        let subjects = Subjects::new(&name("net"), RelayId([7; 8]));
        for nick in ["*", ">", "a.b", "..", "all", "r.0707070707070707", "a b\r\nSUB > 1", "é😀"]
        {
            let name = subjects.name(&Subject::Nick(nick.into()));
            let encoded = name.strip_prefix("xcher.net.n.").expect(&name);
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            assert!(!encoded.is_empty() && encoded.bytes().all(is_plain), "{nick} {name}");
        }
    }
}
