//! Every bound on what a stranger can make a host hold, do or wait for.

use core::time::Duration;

/// The longest line, in bytes, its end included (section 2.1).
pub const MAX_LINE_LEN: usize = 8192;
/// The longest file name, in bytes (section 2.2).
pub const MAX_NAME_LEN: usize = 1024;
/// The longest part of a file name between slashes, in bytes (section 2.2).
pub const MAX_PART_LEN: usize = 255;
/// The longest nick, in characters (section 2.3).
pub const MAX_NICK_CHARS: usize = 32;
/// Time after its last change at which a partial file is removed: 7 days.
pub const PARTIAL_EXPIRY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What a [`Peer`](crate::Peer) bears. The defaults are section 8's.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From X_INIT to the other side's connection, and from a dial to its end.
    pub open_timeout: Duration,
    /// From X_REQUEST to the data connection.
    pub accept_timeout: Duration,
    /// How long a connection, once made, may stay silent before its first line.
    pub first_line_timeout: Duration,
    /// How long a data connection may stand still; one of unknown size, once its session is gone.
    pub stall_timeout: Duration,
    /// How long an unanswered question waits, counted from the last line that came.
    pub answer_timeout: Duration,
    /// How long a session with nothing running may stay silent.
    pub idle_timeout: Duration,
    /// How long the relay may stay silent; half of it passes before a ping asks.
    pub relay_timeout: Duration,
    /// Files on the way at once in a session, each way; more wait their turn.
    pub transfers: usize,
    /// Files on the way from this host at once, of all sessions; one caller may have as many as are
    /// free.
    pub concurrent_sends: usize,
    /// Bytes a second that a file on its way from this host has to average, looked at after ten
    /// minutes; one of unknown size need not.
    pub min_rate: u64,
    /// Requests of ours that wait their turn in a session.
    pub pending_requests: usize,
    /// Questions of the other side's that wait in a session; beyond it nothing more is read.
    pub questions: usize,
    /// Bytes written to a control connection and not yet sent, above which no question is answered.
    pub unsent: usize,
    /// Sessions at once. One caller may have as many as are free: half of them where it is alone.
    pub sessions: usize,
    /// Connections to a listener that wait while another is tried.
    pub spare_connections: usize,
    /// Connections to a listener that have not shown their ticket; the oldest gives way to the next.
    pub unproven_connections: usize,
    /// Dials a minute that X_INITs of strangers can cause.
    pub dials_per_minute: u32,
    /// The same of one caller.
    pub dials_per_caller: u32,
    /// Entries in one list of the other side's.
    pub entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open_timeout: Duration::from_secs(30),
            accept_timeout: Duration::from_secs(30),
            first_line_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(60),
            answer_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(600),
            relay_timeout: Duration::from_secs(60),
            transfers: 16,
            concurrent_sends: 256,
            min_rate: 128,
            pending_requests: 1024,
            questions: 256,
            unsent: 256 << 10,
            sessions: 64,
            spare_connections: 4,
            unproven_connections: 32,
            dials_per_minute: 240,
            dials_per_caller: 60,
            entries: 10_000_000,
        }
    }
}

/// What a [`Registry`](crate::Registry) bears. The defaults are section 8's.
#[derive(Clone, Debug)]
pub struct RelayLimits {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address.
    pub per_address: usize,
    /// How long a connection may be without a nick.
    pub nick_timeout: Duration,
    /// How long a connection may be silent before it is pinged, and then again before it is closed.
    pub silence_timeout: Duration,
    /// Tries for a nick.
    pub nick_tries: u32,
    /// Packets with a fault, after which a connection is closed.
    pub errors: u32,
    /// X_INIT and X_WHO a minute from one connection.
    pub asks_per_minute: u32,
    /// Bytes of answers to X_WHO, X_ADDR, X_PING and X_CAPS a minute to one address, each answer
    /// counted with 256 more.
    pub answer_bytes_per_minute: u32,
    /// Calls from one address to nicks that are not there, and nicks of digits that it asks for: how
    /// many at once.
    pub guesses: u32,
    /// The time in which one of the [`guesses`](Self::guesses) comes back.
    pub guess_interval: Duration,
    /// The longest that whoever has a nick may be silent while its host asks for it by another
    /// connection.
    pub claim_timeout: Duration,
    /// Bytes written to a connection and not yet sent; a client that reads slower is closed.
    pub unsent: usize,
    /// Addresses lent to one connection at once; more are not taken.
    pub allocations: usize,
    /// Whether an X_INIT may name any address at all: section 6 is then not applied.
    pub any_address: bool,
}

impl Default for RelayLimits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            per_address: 256,
            nick_timeout: Duration::from_secs(60),
            silence_timeout: Duration::from_secs(30),
            nick_tries: 5,
            errors: 16,
            asks_per_minute: 600,
            answer_bytes_per_minute: 32 << 20,
            guesses: 10,
            guess_interval: Duration::from_secs(1),
            claim_timeout: Duration::from_secs(3),
            unsent: 256 << 10,
            allocations: 64,
            any_address: false,
        }
    }
}
