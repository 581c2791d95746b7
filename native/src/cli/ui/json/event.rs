//! `--json`: one object a line on standard output (README, "For programs").

use serde::Serialize;

/// A line of `--json`. Fields that do not apply are left out.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum JsonEvent<'a> {
    /// The relay of this process listens.
    Relay { address: String },
    /// The bridge's page is here.
    Http { url: String },
    /// The relay knows this host by this nick.
    Online { nick: &'a str },
    /// The link to the relay is gone.
    Offline {
        kind: &'static str,
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_seconds: Option<f64>,
    },
    /// Someone who is online.
    Nick { nick: &'a str },
    /// A session: `state` is call, open, ended, failed or refused.
    Session(Session<'a>),
    /// What both users of a session can compare.
    #[serde(rename = "safety-words")]
    SafetyWords { session: u64, words: &'a str },
    /// One file of a listing; `size` is a number of bytes, or a text such as "700mb".
    File {
        session: u64,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<Size>,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<&'static str>,
    },
    /// A listing is complete.
    Listing { session: u64, files: u64 },
    /// The answer to a question.
    Checked { session: u64, name: &'a str, shared: bool },
    /// One file that the other side offers.
    Offered {
        session: u64,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<Size>,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<&'static str>,
    },
    /// The offer is complete.
    Offer { session: u64, files: u64 },
    /// Nothing was offered: the other side knows no offers.
    NotOffered { session: u64 },
    /// The other side does not want an offered file.
    Declined { session: u64, name: &'a str },
    /// Ten have tried wrong codes: this one lets nobody in any more.
    CodeDead {},
    /// The code that whoever is to fetch is to be told.
    Code {
        code: String,
        command: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        link: Option<&'a str>,
    },
    /// What there is to be fetched, before consent: files and bytes that would come, files of unknown
    /// size among them, what is here already, names that are taken, and bytes that are free.
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
    /// A file that is not fetched, since it is here already.
    Here { session: u64, name: &'a str, path: String },
    /// What cannot be sent: here by its path, at the other side by its name.
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
    /// What was asked for or offered and is not fetched, by its session; or an unfinished file that is
    /// not removed.
    Skipped {
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<u64>,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        reason: &'static str,
        text: String,
    },
    /// A file of this host's that goes by another name than it has.
    Escaped { name: &'a str, path: String },
    /// What was sent, together: `confirmed` of the files are stored there; of the rest it is not known.
    Sent { files: u64, confirmed: u64, bytes: u64, here: u64, declined: u64, missing: u64 },
    /// A file that the other side wanted and does not have; `state` as of `delivered`.
    Missing { name: &'a str, state: &'static str, reason: String },
    /// What became of a file that the other side requested: `state` is stored, handed-over,
    /// not-stored, unsent or unconfirmed.
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
    /// How many more files the other side wants, and how many of all it has already.
    Wanted { session: u64, files: u64, bytes: u64, here: u64 },
    /// A transfer: `state` is started, progress, finished, failed or kept.
    Transfer(Transfer<'a>),
    /// A key of someone's: `state` is known, pinned or forgotten.
    Pin { state: &'static str, nick: &'a str, key: String, since: String, relay: &'a str },
    /// This host's own public key.
    Me { key: String },
    /// What did not arrive whole.
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
    /// An unfinished file that was removed.
    Cleared { name: &'a str, bytes: u64, path: String },
    /// What was removed, together.
    Freed { files: u64, bytes: u64 },
    /// Something odd that changes nothing.
    Notice { text: &'a str },
    /// The command failed; it exits with `code`.
    Error { code: u8, reason: &'a str },
}

/// What there is to say of a session.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Session<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<u64>,
    pub(super) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nick: Option<&'a str>,
    /// Which way it goes: direct or bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) private: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    /// Whether the key is pinned, the first, or no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) known: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// What there is to say of a transfer.
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
    /// Other files that go with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) more: Option<u64>,
}

/// Exact bytes, or the other side's round figure.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Size {
    Bytes(u64),
    About(String),
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
