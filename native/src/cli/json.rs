//! `--json`: one object a line on standard output (README, "For programs").

use serde::Serialize;
use xcher_core::delivery::Outcome;
use xcher_core::peer::{Direction, Error, Event, KeyStatus, Security};
use xcher_core::{Kind, Stat};

use super::privacy::why_plain;
use super::report;
use crate::host::Told;

/// A line of `--json`. Fields that do not apply are left out.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Line<'a> {
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
pub(super) struct Session<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<u64>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nick: Option<&'a str>,
    /// Which way it goes: direct or bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Whether the key is pinned, the first, or no.
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// What there is to say of a transfer.
#[derive(Debug, Default, Serialize)]
pub(super) struct Transfer<'a> {
    transfer: u64,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Other files that go with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<u64>,
}

/// Exact bytes, or the other side's round figure.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Size {
    Bytes(u64),
    About(String),
}

impl Size {
    /// `None` where it is not known.
    fn of(size: xcher_core::Size) -> Option<Self> {
        match size.exact() {
            Some(bytes) => Some(Self::Bytes(bytes)),
            None if size.is_unknown() => None,
            None => Some(Self::About(size.to_string())),
        }
    }
}

/// Nothing for a file.
fn kind(stat: Stat) -> Option<&'static str> {
    match stat.kind {
        Kind::File => None,
        Kind::Folder => Some("folder"),
        Kind::Link => Some("link"),
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<'a> Line<'a> {
    /// The line for what a host told; `file` is where the file of a transfer is on this host.
    pub(super) fn of(told: &'a Told, file: Option<String>) -> Option<Self> {
        match told {
            Told::Peer(event) => Some(Self::of_event(event, file)),
            Told::Kept { transfer, session, path, bytes } => Some(Self::Transfer(Transfer {
                bytes: Some(*bytes),
                path: Some(path.display().to_string()),
                ..transfer_line(transfer.0, "kept").of(session.0, Direction::Receive)
            })),
            Told::Skipped(skipped) => Some(Self::Left {
                session: None,
                name: None,
                path: Some(skipped.path.display().to_string()),
                reason: skipped.why.as_str(),
                text: skipped.why.to_string(),
            }),
            Told::Escaped(escaped) => Some(Self::Escaped {
                name: escaped.name.as_str(),
                path: escaped.path.display().to_string(),
            }),
            // On the owner's terminal only.
            Told::NotPinned { .. } | Told::OtherRelay { .. } => None,
        }
    }

    /// What became of files that were sent.
    pub(super) fn sent(outcome: &Outcome) -> Self {
        Self::Sent {
            files: outcome.delivered(),
            confirmed: outcome.stored,
            bytes: outcome.bytes,
            here: outcome.already_present,
            declined: outcome.declined,
            missing: outcome.missing_count(),
        }
    }

    fn of_event(event: &'a Event, file: Option<String>) -> Self {
        match event {
            Event::Online { nick } => Self::Online { nick: nick.as_str() },
            Event::Offline { error, retry } => Self::Offline {
                kind: error.kind().as_str(),
                reason: error.to_string(),
                retry_seconds: retry.map(|wait| wait.as_secs_f64()),
            },
            Event::Nick { nick } => Self::Nick { nick: nick.as_str() },
            Event::NicksEnd => Self::Notice { text: "that is everyone" },
            Event::Call { session, from, nick } => Self::Session(Session {
                peer: Some(from.to_string()),
                nick: nick.as_ref().map(|nick| nick.as_str()),
                ..session_line(Some(session.0), "call", None)
            }),
            Event::CallRefused { from, error } => Self::Session(Session {
                peer: Some(from.to_string()),
                ..session_line(None, "refused", Some(error))
            }),
            Event::Opened { session, peer, nick, path, security, .. } => Self::Session(Session {
                peer: Some(peer.to_string()),
                nick: nick.as_ref().map(|nick| nick.as_str()),
                path: Some(path.as_str()),
                ..open_line(session.0, *security)
            }),
            Event::SafetyWords { session, words } => {
                Self::SafetyWords { session: session.0, words }
            }
            Event::OpenFailed { session, error } => {
                Self::Session(session_line(Some(session.0), "failed", Some(error)))
            }
            Event::Ended { session, error } => {
                Self::Session(session_line(Some(session.0), "ended", error.as_ref()))
            }
            Event::Entry { session, name, size, stat } => Self::File {
                session: session.0,
                name: name.as_str(),
                size: Size::of(*size),
                kind: kind(*stat),
            },
            Event::InvalidEntry { why, .. } | Event::Notice { text: why, .. } => {
                Self::Notice { text: why }
            }
            Event::ListEnd { session, entries } => {
                Self::Listing { session: session.0, files: *entries }
            }
            Event::Offered { session, name, size, stat } => Self::Offered {
                session: session.0,
                name: name.as_str(),
                size: Size::of(*size),
                kind: kind(*stat),
            },
            Event::OfferEnd { session, entries } => {
                Self::Offer { session: session.0, files: *entries }
            }
            Event::LeftOut { session, left } => Self::Left {
                session: Some(session.0),
                name: Some(left.name.as_str()),
                path: None,
                reason: left.reason.as_str(),
                text: left.reason.to_string(),
            },
            Event::InvalidOffer { why, .. } => Self::Notice { text: why },
            Event::NotOffered { session, .. } => Self::NotOffered { session: session.0 },
            Event::Declined { session, name } => Self::Declined { session: session.0, name },
            Event::CodeExhausted => Self::CodeDead {},
            Event::Checked { session, name, yes } => {
                Self::Checked { session: session.0, name, shared: *yes }
            }
            Event::Started { transfer, session, direction, name, size, from, more } => {
                Self::Transfer(Transfer {
                    name: Some(name.as_str()),
                    size: Size::of(*size),
                    bytes: (*from > 0).then_some(*from),
                    path: file,
                    more: (*more > 0).then_some(*more),
                    ..transfer_line(transfer.0, "started").of(session.0, *direction)
                })
            }
            Event::Progress { transfer, session, direction, bytes } => Self::Transfer(Transfer {
                bytes: Some(*bytes),
                path: file,
                ..transfer_line(transfer.0, "progress").of(session.0, *direction)
            }),
            Event::Delivered { session, transfer, name, bytes, delivery } => Self::Delivered {
                session: session.0,
                transfer: transfer.map(|transfer| transfer.0),
                name: name.as_str(),
                bytes: *bytes,
                state: report::state(delivery),
                reason: (!delivery.is_done()).then(|| delivery.to_string()),
            },
            Event::Wanted { session, want } => Self::Wanted {
                session: session.0,
                files: want.files,
                bytes: want.bytes,
                here: want.already_stored,
            },
            Event::Finished { transfer, session, direction, name, bytes } => {
                Self::Transfer(Transfer {
                    name: Some(name.as_str()),
                    bytes: Some(*bytes),
                    path: file,
                    ..transfer_line(transfer.0, "finished").of(session.0, *direction)
                })
            }
            Event::Failed { transfer, session, direction, name, error } => {
                Self::Transfer(Transfer {
                    name: Some(name.as_str()),
                    path: file,
                    kind: Some(error.kind().as_str()),
                    reason: Some(error.to_string()),
                    ..transfer_line(transfer.0, "failed").of(session.0, *direction)
                })
            }
        }
    }
}

fn open_line<'a>(session: u64, security: Security) -> Session<'a> {
    let line = session_line(Some(session), "open", None);
    match security {
        Security::Encrypted { key, status: known } => {
            let known = match known {
                KeyStatus::Pinned => "pinned",
                KeyStatus::FirstSeen => "first",
                KeyStatus::ByCode => "code",
                KeyStatus::Unpinned => "no",
            };
            Session { private: Some(true), key: Some(key.to_string()), known: Some(known), ..line }
        }
        Security::Unencrypted(why) => {
            Session { private: Some(false), reason: Some(why_plain(why).to_owned()), ..line }
        }
    }
}

fn session_line<'a>(
    session: Option<u64>,
    state: &'static str,
    error: Option<&Error>,
) -> Session<'a> {
    let (kind, reason) = (error.map(|error| error.kind().as_str()), error.map(Error::to_string));
    Session { session, state, kind, reason, ..Session::default() }
}

impl Transfer<'_> {
    fn of(self, session: u64, direction: Direction) -> Self {
        let direction = match direction {
            Direction::Receive => "receive",
            Direction::Send => "send",
        };
        Self { session: Some(session), direction: Some(direction), ..self }
    }
}

fn transfer_line<'a>(transfer: u64, state: &'static str) -> Transfer<'a> {
    Transfer { transfer, state, ..Transfer::default() }
}
