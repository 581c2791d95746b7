//! Where the files of transfers are on this host, for events to say.

use std::collections::HashMap;

use xcher_core::FileName;
use xcher_core::peer::{Direction, Event};

use crate::cli::target::Target;
use crate::files::Shares;

/// What is sent and where what is received goes, as far as it is known.
pub(crate) struct TransferPaths {
    shares: Shares,
    target: Option<Target>,
    /// Of the transfers that began and are not over: what tells how far they are has no name.
    under_way: HashMap<u64, String>,
}

impl TransferPaths {
    /// Nowhere.
    pub(crate) fn unknown() -> Self {
        Self { shares: Shares::nothing(), target: None, under_way: HashMap::new() }
    }

    pub(crate) fn sends(&mut self, shares: Shares) {
        self.shares = shares;
    }

    pub(crate) fn receives_into(&mut self, target: Target) {
        self.target = Some(target);
    }

    /// Where the file of an event of a transfer is. One that is received has the place where it is to
    /// be, which is another where that is taken when it is whole.
    pub(crate) fn of(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Started { transfer, direction, name, .. } => {
                let path = self.path(*direction, name)?;
                self.under_way.insert(transfer.0, path.clone());
                Some(path)
            }
            Event::Progress { transfer, .. } => self.under_way.get(&transfer.0).cloned(),
            Event::Finished { transfer, direction, name, .. }
            | Event::Failed { transfer, direction, name, .. } => {
                self.under_way.remove(&transfer.0);
                self.path(*direction, name)
            }
            _ => None,
        }
    }

    fn path(&self, direction: Direction, name: &FileName) -> Option<String> {
        match direction {
            Direction::Receive => Some(self.target.as_ref()?.path(name)),
            Direction::Send => Some(self.shares.path(name)?.display().to_string()),
        }
    }
}
