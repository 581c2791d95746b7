//! The events of `--json` (README, "For programs").

use serde::Serialize;

use crate::admin::{HostLine, Reloaded, Status};
use crate::cli::ui::finding::Finding;

/// An event. Fields that do not apply are left out.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum JsonEvent<'a> {
    /// This process's relay listens.
    Relay { address: String },
    /// This process's bridge listens.
    Http { url: String },
    /// STUN is served at this UDP port.
    Stun { address: String },
    /// This process's operator is served.
    Admin { address: String },
    /// The state of a relay or bridge.
    Status(&'a Status),
    /// How many an operator disconnected.
    Disconnected { connections: usize, tunnels: usize },
    /// A new token of a user, and its hash.
    Token {
        token: &'a str,
        hash: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
    },
    /// A host at a relay, as its operator sees it.
    Host(&'a HostLine),
    /// A ban in force.
    Ban {
        banned: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds_left: Option<u64>,
    },
    /// What an account, or all tunnels together, have carried in this month.
    Quota {
        #[serde(skip_serializing_if = "Option::is_none")]
        account: Option<&'a str>,
        bytes: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<u64>,
    },
    /// What a relay or bridge has read again.
    Reloaded(&'a Reloaded),
    /// This host is registered at the relay.
    Online { nick: &'a str },
    /// The connection to the relay is lost.
    Offline {
        kind: &'static str,
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_seconds: Option<f64>,
    },
    /// A cut, after which the command resumes by itself for at most so long.
    Resuming { reason: String, seconds: f64 },
    /// A nick that is online.
    Nick { nick: &'a str },
    /// A session; `state` is call, open, ended, failed or refused.
    Session(Session<'a>),
    /// Words that both users of a session can compare.
    #[serde(rename = "safety-words")]
    SafetyWords { session: u64, words: &'a str },
    /// An entry of a listing; `size` is a number of bytes, or text such as "700mb".
    File {
        session: u64,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<Size>,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<&'static str>,
        /// UTC in RFC 3339.
        #[serde(skip_serializing_if = "Option::is_none")]
        modified: Option<String>,
        #[serde(skip_serializing_if = "is_false")]
        executable: bool,
        #[serde(skip_serializing_if = "is_false")]
        private: bool,
    },
    /// The end of a listing.
    Listing { session: u64, files: u64 },
    /// The answer to `xcher check`.
    Checked { session: u64, name: &'a str, shared: bool },
    /// A file that the peer offers.
    Offered {
        session: u64,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<Size>,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<&'static str>,
    },
    /// The end of an offer.
    Offer { session: u64, files: u64 },
    /// The peer does not support offers: nothing was offered.
    NotOffered { session: u64 },
    /// The peer declined an offered file.
    Declined { session: u64, name: &'a str },
    /// The code is invalid after ten wrong tries.
    CodeDead {},
    /// A new code, to be given to the receiver.
    Code {
        code: String,
        command: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        link: Option<&'a str>,
    },
    /// Files to fetch, before consent: their number and bytes, those of unknown size, those that exist
    /// already, names that are taken, and free bytes on the disk.
    Manifest {
        files: u64,
        bytes: u64,
        #[serde(skip_serializing_if = "is_zero")]
        unknown: u64,
        here: u64,
        taken: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        free: Option<u64>,
    },
    /// A text that the peer sent.
    Text { session: u64, transfer: u64, name: &'a str, text: &'a str },
    /// A file that is not fetched because it exists already.
    Here { session: u64, name: &'a str, path: String },
    /// An entry that is left out: of this host by its path, of the peer by its name.
    Left {
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        reason: &'static str,
        text: String,
    },
    /// A shared file that `share --watch` noticed; `state` is new or changed.
    Change {
        state: &'static str,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<Size>,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<&'static str>,
    },
    /// A requested or offered file that is not fetched, with its session; or an incomplete download that
    /// is not removed.
    Skipped {
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<u64>,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        reason: &'static str,
        text: String,
    },
    /// A file of this host that is sent under an escaped name.
    Escaped { name: &'a str, path: String },
    /// The files sent, summed up: the peer confirmed that it stored `confirmed` of them.
    Sent { files: u64, confirmed: u64, bytes: u64, here: u64, declined: u64, missing: u64 },
    /// What became of one receiver of `send --to-many`: `state` is complete, incomplete or declined;
    /// `complete` receivers have everything now, `of` those that the code is for.
    Receiver {
        session: u64,
        state: &'static str,
        files: u64,
        bytes: u64,
        complete: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        of: Option<u32>,
    },
    /// The result of `get`: bytes of earlier attempts are among `bytes`, and not in `rate`, the average
    /// bytes a second.
    Summary {
        session: u64,
        files: u64,
        bytes: u64,
        #[serde(skip_serializing_if = "is_zero")]
        resumed: u64,
        here: u64,
        skipped: u64,
        failed: u64,
        seconds: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        rate: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<&'static str>,
    },
    /// A file that the peer wanted and does not have; `state` as in `delivered`.
    Missing { name: &'a str, state: &'static str, reason: String },
    /// The result of a file that the peer requested; `state` is stored, handed-over, not-stored, unsent
    /// or unconfirmed.
    Delivered {
        session: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        transfer: Option<u64>,
        name: &'a str,
        bytes: u64,
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The number of files that the peer wants in addition, and of those it has already.
    Wanted { session: u64, files: u64, bytes: u64, here: u64 },
    /// A transfer; `state` is started, progress, finished, failed or kept.
    Transfer(Transfer<'a>),
    /// A peer's key; `state` is known, pinned or forgotten.
    Pin { state: &'static str, nick: &'a str, key: String, since: String, relay: &'a str },
    /// This host's own public key.
    Me { key: String },
    /// Something that `doctor` has checked.
    Finding(&'a Finding),
    /// An incomplete download.
    Partial {
        name: &'a str,
        bytes: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        age_seconds: u64,
        in_use: bool,
        path: String,
    },
    /// An incomplete download that was removed.
    Cleared { name: &'a str, bytes: u64, path: String },
    /// The incomplete downloads removed, summed up.
    Freed { files: u64, bytes: u64 },
    /// An observation without consequences.
    Notice { text: String },
    /// The command failed; it exits with `code`.
    Error { code: u8, reason: &'a str },
}

/// The fields of a session event.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Session<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<u64>,
    pub(super) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nick: Option<&'a str>,
    /// The path: direct or bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<&'static str>,
    /// True if both hosts are behind one NAT, and the session stays there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) near: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) private: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    /// The status of the key: pinned, first, code or no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) known: Option<&'static str>,
    /// The device that the peer says it is: phone, tablet, computer or terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// The fields of a transfer event.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Transfer<'a> {
    pub(super) transfer: u64,
    pub(super) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) direction: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The number of other files in the same batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) more: Option<u64>,
}

/// Exact bytes, or the peer's round figure.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Size {
    Bytes(u64),
    About(String),
}

fn is_false(is: &bool) -> bool {
    !*is
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
