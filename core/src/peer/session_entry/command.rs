//! The commands of this host's user to a peer.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::session::Extensions;
use crate::{FileName, Kind, LeftOut, MisuseError, Session, SharedFile};

/// A command that is repeated if the first connection was not the peer's.
#[derive(PartialEq)]
pub(crate) enum Command {
    List,
    Check(FileName),
    Offer(Vec<SharedFile>),
    LeaveOut(Vec<LeftOut>),
}

impl Command {
    /// Returns true if the peer knows the packets of this command. What cannot be offered is then left
    /// out silently.
    pub(crate) fn is_known_to(&self, session: &Session) -> bool {
        !matches!(self, Self::Offer(_)) || session.extensions().has(Extensions::OFFER)
    }

    /// The entries of an offer that the peer would mistake for files, and that are not offered to it.
    pub(crate) fn not_offered(&self, session: &Session) -> Vec<Box<str>> {
        match self {
            Self::Offer(files) if !session.extensions().has(Extensions::STAT) => {
                let others = files.iter().filter(|file| file.stat.kind != Kind::File);
                others.map(|file| file.name.as_str().into()).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(crate) fn send(&self, session: &mut Session, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        match self {
            Self::List => session.list(out),
            Self::Check(name) => session.check(name.borrowed(), out),
            Self::Offer(files) => {
                for SharedFile { name, size, stat } in files {
                    session.offer(name.borrowed(), *size, *stat, out)?;
                }
                session.offer_end(out)
            }
            Self::LeaveOut(left) => left.iter().try_for_each(|left| session.leave_out(left, out)),
        }
    }
}
