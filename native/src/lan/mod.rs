//! Finds hosts in the local network by DNS-SD (RFC 6763) over multicast DNS (RFC 6762).
//!
//! A host that can be called runs a relay of its own and announces it as an instance of `_xcher._tcp`, named
//! after its nick. Whoever calls looks for the nick and uses that relay. Every name and address that is heard
//! is a hint only: any machine in the network can send it. A key, a code or the safety words decide.

mod announcement;
mod on_link;
mod search;

pub use announcement::{Announcement, NameTaken};
pub use search::{Answer, SEARCH_TIME, accepting, find, list};

/// The service type (RFC 6763, section 7).
const SERVICE: &str = "_xcher._tcp.local.";
/// The longest nick that can be announced, in bytes: a DNS label (RFC 6763, section 4.1.1).
pub const MAX_NICK_LEN: usize = 63;
