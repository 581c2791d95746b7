//! A shared text, which is in memory.

use std::time::SystemTime;

use xcher_core::text::{TEXT_NAME, TextError, parse_text};
use xcher_core::{FileName, Size};

use super::{Entry, Stat};

/// A message to the peer's user.
#[derive(Debug)]
pub(super) struct SharedText {
    pub(super) name: FileName,
    pub(super) text: Box<str>,
    /// The time at which it was shared.
    modified: SystemTime,
}

impl SharedText {
    /// Shares a text under the first name that is not taken.
    pub(super) fn new(text: &str, is_taken: impl Fn(&str) -> bool) -> Result<Self, TextError> {
        let text = parse_text(text.as_bytes())?.into();
        let plain = FileName::new(TEXT_NAME).expect("the name of a text is valid");
        let mut number = 0;
        let mut name = plain.clone();
        while is_taken(name.as_str()) {
            number += 1;
            name = plain.numbered(number);
        }
        Ok(Self { name, text, modified: SystemTime::now() })
    }

    pub(super) fn size(&self) -> u64 {
        self.text.len() as u64
    }

    pub(super) fn stat(&self) -> Stat {
        Stat { modified: Some(self.modified), text: true, ..Stat::default() }
    }

    /// Returns its entry in a listing.
    pub(super) fn entry(&self) -> Entry {
        Entry { name: self.name.clone(), size: Size::Exact(self.size()), stat: self.stat() }
    }
}
