//! The files to be fetched, counted and compared with what exists.

use std::collections::HashMap;
use std::fmt::Write as _;

use xcher_core::{FileName, HumanSize, Kind, Size, Stat};

use super::file_count::file_count;
use crate::cli::exit::CliError;
use crate::cli::listing_spool::{ListingReader, ListingSpool, spool_error};
use crate::cli::target::{Target, is_hidden};
use crate::files::{Inbox, IncompleteDownload, IncompleteDownloads, OnConflict};

/// Files shown at a time.
const PAGE: u64 = 20;

pub(crate) struct Manifest {
    listing: ListingReader,
    inbox: Option<Inbox>,
    on_conflict: OnConflict,
    /// All files, with the texts.
    pub(super) files: u64,
    /// The texts, which are printed and need no place on the disk, and their bytes.
    texts: u64,
    text_bytes: u64,
    to: Target,
    /// Files shown so far.
    shown: u64,
    /// Bytes of the files to fetch, as far as their sizes are known.
    pub(super) bytes: u64,
    /// Files to fetch whose sizes are unknown.
    pub(super) unknown: u64,
    /// Bytes of the files to fetch that incomplete downloads hold.
    partial: u64,
    /// Files that exist already.
    pub(super) here: u64,
    /// Files whose names other files have.
    pub(super) taken: u64,
    /// Files that would be hidden at the top level of the folder, and the first of them by number.
    hidden: u64,
    first_hidden: Vec<(u64, FileName)>,
    /// Free bytes on the disk, if known.
    pub(super) free: Option<u64>,
}

/// The files of a list, as decided.
pub(crate) struct Chosen {
    pub(crate) wanted: ListingSpool,
    pub(crate) rest: ListingSpool,
}

/// The file that has the name of one to fetch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    None,
    Same,
    Other,
}

impl Manifest {
    pub(super) fn new(
        spool: ListingSpool,
        inbox: Option<Inbox>,
        to: &Target,
    ) -> Result<Self, CliError> {
        Self::of(spool.read().map_err(spool_error)?, inbox, to)
    }

    fn of(listing: ListingReader, inbox: Option<Inbox>, to: &Target) -> Result<Self, CliError> {
        let mut manifest = Self {
            listing,
            free: inbox.as_ref().and_then(|inbox| inbox.free_space().ok()),
            inbox,
            on_conflict: to.taking.on_conflict,
            files: 0,
            texts: 0,
            text_bytes: 0,
            to: to.clone(),
            shown: 0,
            bytes: 0,
            unknown: 0,
            partial: 0,
            here: 0,
            taken: 0,
            hidden: 0,
            first_hidden: Vec::new(),
        };
        let partial = partial_downloads(to);
        while let Some((name, size, stat)) = manifest.listing.next().map_err(spool_error)? {
            manifest.count(&name, size, stat, &partial);
        }
        manifest.listing.rewind().map_err(spool_error)?;
        Ok(manifest)
    }

    fn count(&mut self, name: &FileName, size: Size, stat: Stat, partial: &PartialDownloads) {
        self.files += 1;
        if self.to.prints(stat) {
            self.texts += 1;
            self.text_bytes = self.text_bytes.saturating_add(size.bytes());
            return;
        }
        if is_hidden(name) {
            self.hidden += 1;
            if (self.first_hidden.len() as u64) < PAGE {
                self.first_hidden.push((self.files, name.clone()));
            }
        }
        match self.existing(name, size, stat) {
            Existing::Same => {
                self.here += 1;
                return;
            }
            Existing::Other => {
                self.taken += 1;
                if matches!(self.on_conflict, OnConflict::Skip | OnConflict::Fail) {
                    return;
                }
            }
            Existing::None => {}
        }
        self.unknown += u64::from(size.is_unknown());
        self.bytes = self.bytes.saturating_add(size.bytes());
        let kept = partial.get(name.as_str()).filter(|(whole, _)| *whole == size.bytes());
        self.partial = self.partial.saturating_add(kept.map_or(0, |(_, bytes)| *bytes));
    }

    fn existing(&self, name: &FileName, size: Size, stat: Stat) -> Existing {
        let inbox = self.inbox.as_ref().filter(|_| !self.to.prints(stat));
        let Some(inbox) = inbox.filter(|inbox| inbox.exists(name)) else {
            return Existing::None;
        };
        let keeps = self.on_conflict == OnConflict::Rename;
        match size.exact() {
            Some(size)
                if (keeps || stat.kind == Kind::Folder) && inbox.has(name, size, stat.into()) =>
            {
                Existing::Same
            }
            _ => Existing::Other,
        }
    }

    /// Returns the files that do not exist yet.
    pub(super) fn missing(&mut self) -> Result<ListingSpool, CliError> {
        let mut missing = ListingSpool::new().map_err(spool_error)?;
        self.listing.rewind().map_err(spool_error)?;
        while let Some((name, size, stat)) = self.listing.next().map_err(spool_error)? {
            if self.existing(&name, size, stat) != Existing::Same {
                missing.push(&name, size, stat).map_err(spool_error)?;
            }
        }
        Ok(missing)
    }

    /// Returns the bytes that the disk is short of for another list, if it is.
    pub(super) fn space_short_for(
        &self,
        spool: &mut ListingSpool,
        to: &Target,
    ) -> Result<Option<u64>, CliError> {
        let listing = spool.reread().map_err(spool_error)?;
        Ok(Self::of(listing, self.inbox.clone(), to)?.space_short())
    }

    /// Returns the bytes that the disk is short of, if it is.
    pub(super) fn space_short(&self) -> Option<u64> {
        let more = self.bytes.saturating_sub(self.partial);
        self.free.and_then(|free| more.checked_sub(free)).filter(|short| *short > 0)
    }

    /// Lists the files that would be hidden at the top level of the folder, which the user must see first.
    pub(super) fn hidden_lines(&self, to: &Target) -> String {
        if self.hidden == 0 {
            return String::new();
        }
        let folder = to.folder.display();
        let mut text = format!("  {} would be HIDDEN in {folder}:\n", file_count(self.hidden));
        for (number, name) in &self.first_hidden {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {number}  {name}");
        }
        if self.hidden > self.first_hidden.len() as u64 {
            let _ = writeln!(text, "  … and {} more", self.hidden - self.first_hidden.len() as u64);
        }
        text
    }

    /// Lists the next files, a numbered line each.
    pub(super) fn page(&mut self) -> Result<String, CliError> {
        let mut text = String::new();
        let width = self.files.to_string().len();
        let end = self.files.min(self.shown.saturating_add(PAGE));
        while self.shown < end
            && let Some((name, size, stat)) = self.listing.next().map_err(spool_error)?
        {
            self.shown += 1;
            let note = match (self.existing(&name, size, stat), self.on_conflict) {
                (Existing::None, _) if stat.kind == Kind::Folder => match stat.private {
                    // A private folder is listed even if it has contents.
                    true => "  (a private folder)",
                    false => "  (an empty folder)",
                },
                (Existing::None, _) if stat.kind == Kind::Link => "  (a link)",
                (Existing::None, _) if self.to.prints(stat) => "  (a text, shown here)",
                (Existing::None, _) => "",
                (Existing::Same, _) => "  (exists already)",
                (Existing::Other, OnConflict::Rename) => "  (name taken: gets a number)",
                (Existing::Other, OnConflict::Overwrite) => "  (REPLACES the existing file)",
                (Existing::Other, OnConflict::Skip) => "  (name taken: skipped)",
                (Existing::Other, OnConflict::Fail) => "  (name taken: fails)",
            };
            let number = self.shown;
            let size = match size.is_unknown() {
                true => "?".to_owned(),
                false => HumanSize(size.bytes()).to_string(),
            };
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {number:>width$}  {size:>10}  {name}{note}");
        }
        if self.has_more() {
            let _ = writeln!(text, "  … and {} more", self.files - self.shown);
        }
        Ok(text)
    }

    pub(super) fn has_more(&self) -> bool {
        self.shown < self.files
    }

    /// Sums up in one line.
    pub(super) fn total(&self, to: &Target) -> String {
        let files = self.files - self.texts - self.here;
        let texts = match self.texts {
            1 => "1 text".to_owned(),
            texts => format!("{texts} texts"),
        };
        let texts = format!("{texts}, {}", HumanSize(self.text_bytes));
        let mut text = match (self.texts, files + self.here) {
            (1.., 0) => return format!("  {texts}\n"),
            (1.., _) => format!("  {texts}; {}, {}", file_count(files), self.size()),
            (0, _) => format!("  {}, {}", file_count(files), self.size()),
        };
        if self.partial > 0 {
            let _ = write!(text, " ({} of it downloaded already)", HumanSize(self.partial));
        }
        match self.here {
            0 => {}
            1 => text.push_str("; 1 file exists already"),
            here => drop(write!(text, "; {here} files exist already")),
        }
        match self.taken {
            0 => {}
            1 => text.push_str("; 1 name is taken"),
            taken => drop(write!(text, "; {taken} names are taken")),
        }
        if let Some(free) = self.free {
            let _ = write!(text, "; {} free in {}", HumanSize(free), to.folder.display());
        }
        text.push('\n');
        text
    }

    /// Returns the size of all files to fetch, in words.
    fn size(&self) -> String {
        match (self.unknown, self.bytes) {
            (0, bytes) => HumanSize(bytes).to_string(),
            (_, 0) => "size unknown".to_owned(),
            (unknown, bytes) => format!("{} and {unknown} of unknown size", HumanSize(bytes)),
        }
    }

    /// Returns the bytes of the files and texts to fetch, as far as their sizes are known.
    pub(super) fn all_bytes(&self) -> u64 {
        self.bytes.saturating_add(self.text_bytes)
    }

    /// Returns true if there are texts and nothing else.
    pub(super) fn has_only_texts(&self) -> bool {
        self.texts > 0 && self.texts == self.files
    }

    /// Splits the files into those that `includes` returns true for, given number, name and metadata, and the rest.
    pub(super) fn select(
        &mut self,
        includes: impl Fn(u64, &FileName, Stat) -> bool,
    ) -> Result<Chosen, CliError> {
        let [mut wanted, mut rest] =
            [ListingSpool::new().map_err(spool_error)?, ListingSpool::new().map_err(spool_error)?];
        self.listing.rewind().map_err(spool_error)?;
        let mut number = 0;
        while let Some((name, size, stat)) = self.listing.next().map_err(spool_error)? {
            number += 1;
            let spool = if includes(number, &name, stat) { &mut wanted } else { &mut rest };
            spool.push(&name, size, stat).map_err(spool_error)?;
        }
        // Showing pages starts over.
        self.listing.rewind().map_err(spool_error)?;
        self.shown = 0;
        Ok(Chosen { wanted, rest })
    }
}

/// Incomplete downloads by name: the file's size, and the bytes kept.
type PartialDownloads = HashMap<String, (u64, u64)>;

fn partial_downloads(to: &Target) -> PartialDownloads {
    let list = IncompleteDownloads::open(&to.folder).and_then(|unfinished| unfinished.list());
    let known = |leftover: IncompleteDownload| {
        leftover.size.map(|size| (leftover.name, (size, leftover.bytes)))
    };
    list.unwrap_or_default().into_iter().filter_map(known).collect()
}
