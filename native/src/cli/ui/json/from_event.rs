//! Events for what a host reports.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use xcher_core::delivery::Outcome;
use xcher_core::peer::{Delivery, Direction, Error, Event, KeyStatus, Security, SessionId};
use xcher_core::{Device, FileName, Kind, Stat};

use super::event::{JsonEvent, Session, Size, Transfer};
use crate::cli::ui::session_security::why_unencrypted;
use crate::cli::watch::Changed;
use crate::host::HostEvent;

impl<'a> JsonEvent<'a> {
    /// Returns the event for a report; `file` is the path of a transfer's file.
    pub(crate) fn of(event: &'a HostEvent, file: Option<String>) -> Option<Self> {
        match event {
            HostEvent::Peer(event) => Some(Self::of_event(event, file)),
            HostEvent::PartialKept { transfer, session, path, bytes } => {
                Some(Self::Transfer(Transfer {
                    bytes: Some(*bytes),
                    path: Some(path.display().to_string()),
                    ..transfer_event(transfer.0, "kept").of(session.0, Direction::Receive)
                }))
            }
            HostEvent::Text { transfer, session, name, text } => Some(Self::Text {
                session: session.0,
                transfer: transfer.0,
                name: name.as_str(),
                text,
            }),
            HostEvent::NotShared(skipped) => Some(Self::Left {
                session: None,
                name: None,
                path: Some(skipped.path.display().to_string()),
                reason: skipped.why.as_str(),
                text: skipped.why.to_string(),
            }),
            HostEvent::Escaped(escaped) => Some(Self::Escaped {
                name: escaped.name.as_str(),
                path: escaped.path.display().to_string(),
            }),
            HostEvent::PortMapping(report) => Some(Self::notice(report)),
            // Of interest to a person only.
            HostEvent::PinFailed { .. } | HostEvent::RelayKeyChanged { .. } => None,
        }
    }

    /// Sums up the files sent.
    pub(crate) fn sent(outcome: &Outcome) -> Self {
        Self::Sent {
            files: outcome.delivered(),
            confirmed: outcome.stored,
            bytes: outcome.bytes,
            here: outcome.already_present,
            declined: outcome.declined,
            missing: outcome.missing_count(),
        }
    }

    /// A change of a shared file.
    pub(crate) fn changed(changed: &'a Changed) -> Self {
        Self::Change {
            state: if changed.is_new { "new" } else { "changed" },
            name: changed.name.as_str(),
            size: Size::of(changed.size),
            kind: kind(changed.kind),
        }
    }

    /// An entry of a listing.
    pub(crate) fn entry(
        session: SessionId,
        name: &'a FileName,
        size: xcher_core::Size,
        stat: Stat,
    ) -> Self {
        let at = stat.modified.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        Self::File {
            session: session.0,
            name: name.as_str(),
            size: Size::of(size),
            kind: kind_of(stat),
            modified: at.and_then(|at| at.format(&Rfc3339).ok()),
            executable: stat.executable,
            private: stat.private,
        }
    }

    pub(crate) fn notice(text: impl ToString) -> Self {
        Self::Notice { text: text.to_string() }
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
            Event::NicksEnd => Self::notice("no more nicks"),
            Event::Call { session, from, nick } => Self::Session(Session {
                peer: Some(from.to_string()),
                nick: nick.as_ref().map(|nick| nick.as_str()),
                ..session_event(Some(session.0), "call", None)
            }),
            Event::CallRefused { from, error } => Self::Session(Session {
                peer: Some(from.to_string()),
                ..session_event(None, "refused", Some(error))
            }),
            Event::Opened { session, peer, nick, path, near, security, device, .. } => {
                Self::Session(Session {
                    peer: Some(peer.to_string()),
                    nick: nick.as_ref().map(|nick| nick.as_str()),
                    path: Some(path.as_str()),
                    near: near.then_some(true),
                    device: device.map(Device::as_str),
                    ..open_event(session.0, *security)
                })
            }
            Event::SafetyWords { session, words } => {
                Self::SafetyWords { session: session.0, words }
            }
            Event::OpenFailed { session, error } => {
                Self::Session(session_event(Some(session.0), "failed", Some(error)))
            }
            Event::Ended { session, error } => {
                Self::Session(session_event(Some(session.0), "ended", error.as_ref()))
            }
            Event::Entry { session, name, size, stat } => Self::entry(*session, name, *size, *stat),
            Event::InvalidEntry { error, .. } | Event::InvalidOffer { error, .. } => {
                Self::notice(error)
            }
            Event::Notice { notice, .. } => Self::notice(notice),
            Event::ListEnd { session, entries } => {
                Self::Listing { session: session.0, files: *entries }
            }
            Event::Offered { session, name, size, stat } => Self::Offered {
                session: session.0,
                name: name.as_str(),
                size: Size::of(*size),
                kind: kind_of(*stat),
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
                    ..transfer_event(transfer.0, "started").of(session.0, *direction)
                })
            }
            Event::Progress { transfer, session, direction, bytes } => Self::Transfer(Transfer {
                bytes: Some(*bytes),
                path: file,
                ..transfer_event(transfer.0, "progress").of(session.0, *direction)
            }),
            Event::Delivered { session, transfer, name, bytes, delivery } => Self::Delivered {
                session: session.0,
                transfer: transfer.map(|transfer| transfer.0),
                name: name.as_str(),
                bytes: *bytes,
                state: delivery_state(delivery),
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
                    ..transfer_event(transfer.0, "finished").of(session.0, *direction)
                })
            }
            Event::Failed { transfer, session, direction, name, error } => {
                Self::Transfer(Transfer {
                    name: Some(name.as_str()),
                    path: file,
                    kind: Some(error.kind().as_str()),
                    reason: Some(error.to_string()),
                    ..transfer_event(transfer.0, "failed").of(session.0, *direction)
                })
            }
            // An event that this version of the command has no line for.
            event => Self::notice(format_args!("{event:?}")),
        }
    }
}

fn open_event<'a>(session: u64, security: Security) -> Session<'a> {
    let line = session_event(Some(session), "open", None);
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
            Session { private: Some(false), reason: Some(why_unencrypted(why).to_owned()), ..line }
        }
    }
}

fn session_event<'a>(
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

fn transfer_event<'a>(transfer: u64, state: &'static str) -> Transfer<'a> {
    Transfer { transfer, state, ..Transfer::default() }
}

impl Size {
    /// Returns `None` if the size is unknown.
    fn of(size: xcher_core::Size) -> Option<Self> {
        match size.exact() {
            Some(bytes) => Some(Self::Bytes(bytes)),
            None if size.is_unknown() => None,
            None => Some(Self::About(size.to_string())),
        }
    }
}

/// Returns the kind of an entry; `None` for a file.
fn kind_of(stat: Stat) -> Option<&'static str> {
    if stat.text { Some("text") } else { kind(stat.kind) }
}

/// Returns the word for a kind; `None` for a file.
fn kind(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::File => None,
        Kind::Folder => Some("folder"),
        Kind::Link => Some("link"),
    }
}

/// Returns the word for `state`.
pub(crate) fn delivery_state(fate: &Delivery) -> &'static str {
    match fate {
        Delivery::Stored => "stored",
        Delivery::HandedOver => "handed-over",
        Delivery::NotStored(_) => "not-stored",
        Delivery::Unsent(_) => "unsent",
        Delivery::Unconfirmed => "unconfirmed",
    }
}
