//! The paths of transferred files on this host, for events.

use std::collections::{HashMap, HashSet};

use xcher_core::FileName;
use xcher_core::peer::{Direction, Event};

use crate::cli::target::Target;
use crate::files::Shares;

pub(super) struct TransferPaths {
    shares: Shares,
    target: Option<Target>,
    /// Paths of active transfers: progress events carry no name.
    active: HashMap<u64, String>,
    /// Active transfers of texts that are printed and get no path.
    printed: HashSet<u64>,
}

impl TransferPaths {
    pub(super) fn unknown() -> Self {
        Self {
            shares: Shares::nothing(),
            target: None,
            active: HashMap::new(),
            printed: HashSet::new(),
        }
    }

    pub(super) fn sends(&mut self, shares: Shares) {
        self.shares = shares;
    }

    pub(super) fn receives_into(&mut self, target: Target) {
        self.target = Some(target);
    }

    /// Records that a transfer brings a text that is printed.
    pub(super) fn prints(&mut self, transfer: u64) {
        self.printed.insert(transfer);
    }

    /// Returns the path of an event's file. While a file is received, that is where it will be stored unless
    /// the name is taken by then.
    pub(super) fn of(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Started { transfer, .. } if self.printed.contains(&transfer.0) => None,
            Event::Started { transfer, direction, name, .. } => {
                let path = self.path(*direction, name)?;
                self.active.insert(transfer.0, path.clone());
                Some(path)
            }
            Event::Progress { transfer, .. } => self.active.get(&transfer.0).cloned(),
            Event::Finished { transfer, direction, name, .. }
            | Event::Failed { transfer, direction, name, .. } => {
                self.active.remove(&transfer.0);
                if self.printed.remove(&transfer.0) {
                    return None;
                }
                self.path(*direction, name)
            }
            _ => None,
        }
    }

    fn path(&self, direction: Direction, name: &FileName) -> Option<String> {
        match direction {
            Direction::Receive => Some(self.target.as_ref()?.path_text(name)),
            Direction::Send => Some(self.shares.path(name)?.display().to_string()),
        }
    }
}
