//! Limits on what untrusted peers and clients can make a host or a relay store, do or wait for
//! (section 8).

use core::time::Duration;

pub use crate::before_module::PARTIAL_EXPIRY;

/// Bytes of the longest line, including its end (section 2.1).
pub const MAX_LINE_LEN: usize = 8192;
/// Bytes of the longest file name (section 2.2).
pub const MAX_NAME_LEN: usize = 1024;
/// Bytes of the longest part of a file name between slashes (section 2.2).
pub const MAX_PART_LEN: usize = 255;
/// Characters of the longest nick (section 2.3).
pub const MAX_NICK_CHARS: usize = 32;
/// Bytes of the longest token of a user (section 5.11).
pub const MAX_TOKEN_LEN: usize = 256;

/// Limits of a [`Peer`](crate::Peer). The defaults are those of section 8.
///
/// Later versions may add fields: start from `Limits::default()`.
///
/// ```
/// use core::time::Duration;
/// use xcher_core::Limits;
///
/// let limits = Limits { open_timeout: Duration::from_secs(10), sessions: 8, ..Limits::default() };
/// assert_eq!(limits.transfers, Limits::default().transfers);
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    /// Time from X_INIT to the peer's connection, and from a dial to its result.
    pub open_timeout: Duration,
    /// Time from X_REQUEST to the data connection.
    pub accept_timeout: Duration,
    /// Time from a new connection to its first line.
    pub first_line_timeout: Duration,
    /// Time a data connection may carry no bytes; applies to a stream of unknown length once its session
    /// has ended.
    pub stall_timeout: Duration,
    /// Time a question may stay unanswered, counted from the last line received.
    pub answer_timeout: Duration,
    /// Time a session without pending work may stay silent.
    pub idle_timeout: Duration,
    /// Time the relay may stay silent; the host pings it after half of this.
    pub relay_timeout: Duration,
    /// Concurrent transfers of a session in each direction; more are queued.
    pub transfers: usize,
    /// Concurrent transfers from this host over all sessions; one caller may use as many as are free.
    pub concurrent_sends: usize,
    /// Bytes per second that a transfer from this host must average, checked after ten minutes; a stream
    /// of unknown length is exempt.
    pub min_rate: u64,
    /// Queued requests of this host in a session.
    pub pending_requests: usize,
    /// Queued questions of the peer in a session; above this nothing more is read.
    pub questions: usize,
    /// Bytes written to a control connection and not yet sent; above this no question is answered.
    pub unsent: usize,
    /// Concurrent sessions. One caller may use as many as are free, which is half of them if it is alone.
    pub sessions: usize,
    /// Connections queued at a listener while another is verified.
    pub spare_connections: usize,
    /// Connections at a listener that have not presented their ticket; a new one replaces the oldest.
    pub unproven_connections: usize,
    /// Dials per minute that X_INITs from unknown hosts can cause.
    pub dials_per_minute: u32,
    /// Dials per minute that one caller can cause.
    pub dials_per_caller: u32,
    /// Dials per minute to addresses behind this host's own NAT that lead to no caller (section 5.7).
    pub near_dials_per_minute: u32,
    /// Entries of one listing of the peer, and of all its offers in a session.
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
            near_dials_per_minute: 8,
            entries: 10_000_000,
        }
    }
}

impl Limits {
    /// Returns the defaults with one timeout for everything that has not begun: a connection, a session, a data
    /// connection. An answer or a transfer under way gets twice that time.
    pub fn with_timeout(timeout: Duration) -> Self {
        let patience = timeout.saturating_mul(2);
        Self {
            open_timeout: timeout,
            accept_timeout: timeout,
            first_line_timeout: timeout,
            answer_timeout: patience,
            stall_timeout: patience,
            ..Self::default()
        }
    }
}

/// Limits of a [`Registry`](crate::Registry). The defaults are those of section 8.
///
/// Later versions may add fields: start from `RelayLimits::default()`, as with [`Limits`].
#[derive(Clone, Debug)]
pub struct RelayLimits {
    /// Connections in total.
    pub connections: usize,
    /// Connections from one address.
    pub per_address: usize,
    /// Time a connection may have no nick.
    pub nick_timeout: Duration,
    /// Time a connection may stay silent before the relay pings it, and again before it closes it.
    pub silence_timeout: Duration,
    /// Attempts of a connection to get a nick.
    pub nick_tries: u32,
    /// Erroneous packets after which the relay closes a connection.
    pub errors: u32,
    /// X_INIT, X_MEET and X_WHO packets per minute from one connection.
    pub asks_per_minute: u32,
    /// Bytes per minute of answers to X_WHO, X_ADDR and X_PING to one address; each answer counts 256 bytes
    /// more than it has. The one answer to X_CAPS of a connection does not count.
    pub answer_bytes_per_minute: u32,
    /// Burst of calls from one address to absent nicks, and of nicks of digits that it asks for.
    pub guesses: u32,
    /// Time after which one of the [`guesses`](Self::guesses) is available again.
    pub guess_interval: Duration,
    /// Time the holder of a nick may stay silent while the same host claims the nick over another
    /// connection (section 5.6).
    pub claim_timeout: Duration,
    /// Bytes written to a connection and not yet sent; the relay closes a client that exceeds this.
    pub unsent: usize,
    /// Concurrent allocations of one connection; the registry ignores more.
    pub allocations: usize,
    /// Invitations of one caller that wait for its callees (section 5.8). It is refused more.
    pub invitations: usize,
    /// The same, of all callers at one address. Also those of one callee: the oldest of its most frequent
    /// caller makes room for another.
    pub invitations_per_address: usize,
    /// Time from an invitation to the rendezvous of both hosts.
    pub invitation_timeout: Duration,
    /// Time that both hosts keep their rendezvous.
    pub rendezvous_timeout: Duration,
    /// True if an X_INIT may name any address, without the checks of section 6.
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
            invitations: 4,
            invitations_per_address: 64,
            invitation_timeout: Duration::from_secs(60),
            rendezvous_timeout: Duration::from_secs(10),
            any_address: false,
        }
    }
}
