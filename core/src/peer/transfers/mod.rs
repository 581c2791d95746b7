//! The transfers of a host: files that it fetches, files that it serves, and the members of batches.

mod batch;
mod fetch;
mod fetch_request;
mod resume;
mod serve;

use alloc::boxed::Box;
use core::time::Duration;

use litemap::LiteMap;

pub(crate) use batch::{Batch, Member};
pub(crate) use fetch::{Fetch, FetchStage};
pub(crate) use fetch_request::FetchRequest;
pub(crate) use resume::Resume;
pub(crate) use serve::{SLOW_AFTER, Serve, ServeStage};

use super::{Error, TransferId};
use crate::{Limits, Size};

/// One transfer.
pub(crate) enum Transfer {
    Fetch(Box<Fetch>),
    Serve(Box<Serve>),
    /// A file that another transfer brings.
    Member(Box<Member>),
}

impl Transfer {
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Fetch(fetch) => fetch.deadline,
            Self::Serve(serve) => serve.deadline,
            Self::Member(_) => None,
        }
    }

    pub(crate) fn timed_out(&self, limits: &Limits) -> Error {
        match self {
            Self::Fetch(fetch) => fetch.timed_out(limits),
            Self::Serve(serve) => serve.timed_out(limits),
            Self::Member(_) => Error::Cancelled,
        }
    }
}

/// All transfers of a host, by their ids.
#[derive(Default)]
pub(crate) struct Transfers(LiteMap<TransferId, Transfer>);

impl Transfers {
    pub(crate) fn add_fetch(&mut self, id: TransferId, fetch: Fetch) {
        self.0.insert(id, Transfer::Fetch(Box::new(fetch)));
    }

    pub(crate) fn add_serve(&mut self, id: TransferId, serve: Serve) {
        self.0.insert(id, Transfer::Serve(Box::new(serve)));
    }

    /// Makes a fetch the member of a batch: its file keeps its id.
    pub(crate) fn make_member(&mut self, id: TransferId, member: Member) {
        self.0.insert(id, Transfer::Member(Box::new(member)));
    }

    pub(crate) fn get(&self, id: TransferId) -> Option<&Transfer> {
        self.0.get(&id)
    }

    pub(crate) fn fetch(&self, id: TransferId) -> Option<&Fetch> {
        match self.0.get(&id)? {
            Transfer::Fetch(fetch) => Some(fetch),
            _ => None,
        }
    }

    pub(crate) fn fetch_mut(&mut self, id: TransferId) -> Option<&mut Fetch> {
        match self.0.get_mut(&id)? {
            Transfer::Fetch(fetch) => Some(fetch),
            _ => None,
        }
    }

    pub(crate) fn serve(&self, id: TransferId) -> Option<&Serve> {
        match self.0.get(&id)? {
            Transfer::Serve(serve) => Some(serve),
            _ => None,
        }
    }

    pub(crate) fn serve_mut(&mut self, id: TransferId) -> Option<&mut Serve> {
        match self.0.get_mut(&id)? {
            Transfer::Serve(serve) => Some(serve),
            _ => None,
        }
    }

    pub(crate) fn member(&self, id: TransferId) -> Option<&Member> {
        match self.0.get(&id)? {
            Transfer::Member(member) => Some(member),
            _ => None,
        }
    }

    pub(crate) fn member_mut(&mut self, id: TransferId) -> Option<&mut Member> {
        match self.0.get_mut(&id)? {
            Transfer::Member(member) => Some(member),
            _ => None,
        }
    }

    pub(crate) fn take_fetch(&mut self, id: TransferId) -> Option<Box<Fetch>> {
        self.fetch(id)?;
        match self.0.remove(&id)? {
            Transfer::Fetch(fetch) => Some(fetch),
            _ => None,
        }
    }

    pub(crate) fn take_serve(&mut self, id: TransferId) -> Option<Box<Serve>> {
        self.serve(id)?;
        match self.0.remove(&id)? {
            Transfer::Serve(serve) => Some(serve),
            _ => None,
        }
    }

    pub(crate) fn take_member(&mut self, id: TransferId) -> Option<Box<Member>> {
        self.member(id)?;
        match self.0.remove(&id)? {
            Transfer::Member(member) => Some(member),
            _ => None,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (TransferId, &Transfer)> {
        self.0.iter().map(|(id, transfer)| (*id, transfer))
    }

    pub(crate) fn fetches(&self) -> impl Iterator<Item = (TransferId, &Fetch)> {
        self.iter().filter_map(|(id, transfer)| match transfer {
            Transfer::Fetch(fetch) => Some((id, &**fetch)),
            _ => None,
        })
    }

    pub(crate) fn serves(&self) -> impl Iterator<Item = (TransferId, &Serve)> {
        self.iter().filter_map(|(id, transfer)| match transfer {
            Transfer::Serve(serve) => Some((id, &**serve)),
            _ => None,
        })
    }

    pub(crate) fn fetches_mut(&mut self) -> impl Iterator<Item = (TransferId, &mut Fetch)> {
        self.0.iter_mut().filter_map(|(id, transfer)| match transfer {
            Transfer::Fetch(fetch) => Some((*id, &mut **fetch)),
            _ => None,
        })
    }

    pub(crate) fn serves_mut(&mut self) -> impl Iterator<Item = &mut Serve> {
        self.0.iter_mut().filter_map(|(_, transfer)| match transfer {
            Transfer::Serve(serve) => Some(&mut **serve),
            _ => None,
        })
    }

    pub(crate) fn first(&self) -> Option<TransferId> {
        self.0.first().map(|(id, _)| *id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The earliest moment at which one of them is late.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.0.values().filter_map(Transfer::deadline).min()
    }
}

/// Returns the moment until which a moving transfer must move again. A stream of unknown length can
/// pause for as long as its session is open, which shows that the peer is still there.
pub(crate) fn stall_deadline(size: Size, has_session: bool, until: Duration) -> Option<Duration> {
    (!(has_session && size.is_unknown())).then_some(until)
}
