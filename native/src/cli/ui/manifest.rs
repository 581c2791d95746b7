//! What someone would have this host receive: counted, and compared with what is here.

use std::collections::HashMap;
use std::fmt::Write as _;

use xcher_core::peer::SessionId;
use xcher_core::{FileName, Kind, Size, Stat};

use crate::cli::exit::CliError;
use crate::cli::listing_spool::{Listed, ListingSpool, unlisted};
use crate::cli::target::{Target, is_dotted};
use crate::cli::ui::output::Output;
use crate::cli::ui::size::human_size;
use crate::cli::ui::skip_reason::SkipReason;
use crate::files::{Inbox, OnConflict, Unfinished};

/// Files shown at a time.
const PAGE: u64 = 20;

/// A list, and how it fits in.
pub(crate) struct Manifest {
    listed: Listed,
    inbox: Option<Inbox>,
    on_conflict: OnConflict,
    /// All files of the list.
    pub(crate) files: u64,
    /// Those shown so far.
    shown: u64,
    /// Bytes of those that would come, as far as that is known.
    pub(crate) bytes: u64,
    /// Of those, the files of which nobody knows how large they are.
    pub(crate) unknown: u64,
    /// Of those, the bytes that are here from an earlier try.
    begun: u64,
    /// Files that need not come.
    pub(crate) here: u64,
    /// Files whose name another one has.
    pub(crate) taken: u64,
    /// Files that land on a dot-name in the receiving folder itself, and the first of them with their
    /// numbers.
    pub(crate) dotted: u64,
    first_dotted: Vec<(u64, FileName)>,
    /// Bytes that are free, where that is known.
    pub(crate) free: Option<u64>,
}

/// The files of a list, as someone decided.
pub(crate) struct Chosen {
    pub(crate) wanted: ListingSpool,
    pub(crate) rest: ListingSpool,
}

/// Says what was not taken since it would land on a dot-name in the receiving folder itself.
pub(crate) fn tell_wary(
    output: &Output,
    session: SessionId,
    rest: &mut ListingSpool,
) -> Result<(), CliError> {
    let (count, why) = (rest.count(), SkipReason::Hidden);
    let mut listed = rest.reread().map_err(unlisted)?;
    let mut told = 0;
    while let Some((name, ..)) = listed.next().map_err(unlisted)? {
        output.skip(session, name.as_str(), None, &why);
        told += 1;
        if told <= PAGE {
            output.error(format_args!("{name}: {why}"));
        }
    }
    if count > PAGE {
        output.error(format_args!("{} more are hidden names here, and not taken", count - PAGE));
    }
    Ok(())
}

/// What is there of a file's name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    Same,
    Other,
}

impl Manifest {
    pub(crate) fn new(
        spool: ListingSpool,
        inbox: Option<Inbox>,
        to: &Target,
    ) -> Result<Self, CliError> {
        Self::of(spool.read().map_err(unlisted)?, inbox, to)
    }

    fn of(listed: Listed, inbox: Option<Inbox>, to: &Target) -> Result<Self, CliError> {
        let mut manifest = Self {
            listed,
            free: inbox.as_ref().and_then(|inbox| inbox.free_space().ok()),
            inbox,
            on_conflict: to.taking.on_conflict,
            files: 0,
            shown: 0,
            bytes: 0,
            unknown: 0,
            begun: 0,
            here: 0,
            taken: 0,
            dotted: 0,
            first_dotted: Vec::new(),
        };
        let begun = begun(to);
        while let Some((name, size, stat)) = manifest.listed.next().map_err(unlisted)? {
            manifest.count(&name, size, stat, &begun);
        }
        manifest.listed.rewind().map_err(unlisted)?;
        Ok(manifest)
    }

    fn count(&mut self, name: &FileName, size: Size, stat: Stat, begun: &Begun) {
        self.files += 1;
        if is_dotted(name) {
            self.dotted += 1;
            if (self.first_dotted.len() as u64) < PAGE {
                self.first_dotted.push((self.files, name.clone()));
            }
        }
        match self.there(name, size, stat) {
            There::Same => {
                self.here += 1;
                return;
            }
            There::Other => {
                self.taken += 1;
                if matches!(self.on_conflict, OnConflict::Skip | OnConflict::Fail) {
                    return;
                }
            }
            There::Nothing => {}
        }
        self.unknown += u64::from(size.is_unknown());
        self.bytes = self.bytes.saturating_add(size.bytes());
        let has = begun.get(name.as_str()).filter(|(whole, _)| *whole == size.bytes());
        self.begun = self.begun.saturating_add(has.map_or(0, |(_, bytes)| *bytes));
    }

    fn there(&self, name: &FileName, size: Size, stat: Stat) -> There {
        let Some(inbox) = self.inbox.as_ref().filter(|inbox| inbox.taken(name)) else {
            return There::Nothing;
        };
        let keeps = self.on_conflict == OnConflict::Rename;
        match size.exact() {
            Some(size)
                if (keeps || stat.kind == Kind::Folder) && inbox.holds(name, size, stat.into()) =>
            {
                There::Same
            }
            _ => There::Other,
        }
    }

    /// The files that are not here yet.
    pub(crate) fn missing(&mut self) -> Result<ListingSpool, CliError> {
        let mut missing = ListingSpool::new().map_err(unlisted)?;
        self.listed.rewind().map_err(unlisted)?;
        while let Some((name, size, stat)) = self.listed.next().map_err(unlisted)? {
            if self.there(&name, size, stat) != There::Same {
                missing.push(&name, size, stat).map_err(unlisted)?;
            }
        }
        Ok(missing)
    }

    /// How much room the files of another list take.
    pub(crate) fn lacks_for(
        &self,
        spool: &mut ListingSpool,
        to: &Target,
    ) -> Result<Option<u64>, CliError> {
        let read = spool.reread().map_err(unlisted)?;
        Ok(Self::of(read, self.inbox.clone(), to)?.lacks())
    }

    /// Bytes that are missing on the disk, if any are.
    pub(crate) fn lacks(&self) -> Option<u64> {
        let more = self.bytes.saturating_sub(self.begun);
        self.free.and_then(|free| more.checked_sub(free)).filter(|lacks| *lacks > 0)
    }

    /// What lands on a dot-name in the receiving folder itself: to be seen before everything else.
    pub(crate) fn dotted_lines(&self, to: &Target) -> String {
        if self.dotted == 0 {
            return String::new();
        }
        let folder = to.folder.display();
        let mut text = format!("  {} of them land on HIDDEN NAMES in {folder}:\n", self.dotted);
        for (number, name) in &self.first_dotted {
            // Writing to a text does not fail.
            let _ = writeln!(text, "  {number}  {name}");
        }
        if self.dotted > self.first_dotted.len() as u64 {
            let _ = writeln!(text, "  … and {} more", self.dotted - self.first_dotted.len() as u64);
        }
        text
    }

    /// The next files, each with its number: a line each.
    pub(crate) fn page(&mut self) -> Result<String, CliError> {
        let mut text = String::new();
        let width = self.files.to_string().len();
        let end = self.files.min(self.shown.saturating_add(PAGE));
        while self.shown < end
            && let Some((name, size, stat)) = self.listed.next().map_err(unlisted)?
        {
            self.shown += 1;
            let note = match (self.there(&name, size, stat), self.on_conflict) {
                (There::Nothing, _) if stat.kind == Kind::Folder => match stat.private {
                    // It may have something in it.
                    true => "  (a private folder)",
                    false => "  (an empty folder)",
                },
                (There::Nothing, _) if stat.kind == Kind::Link => "  (a link)",
                (There::Nothing, _) => "",
                (There::Same, _) => "  (here already)",
                (There::Other, OnConflict::Rename) => "  (the name is taken: gets a number)",
                (There::Other, OnConflict::Overwrite) => "  (REPLACES what is there)",
                (There::Other, OnConflict::Skip) => "  (the name is taken: is left out)",
                (There::Other, OnConflict::Fail) => "  (the name is taken: fails)",
            };
            let number = self.shown;
            let size = match size.is_unknown() {
                true => "?".to_owned(),
                false => human_size(size.bytes()).to_string(),
            };
            // Writing to a text does not fail.
            let _ = writeln!(text, "  {number:>width$}  {size:>10}  {name}{note}");
        }
        if self.has_more() {
            let _ = writeln!(text, "  … and {} more", self.files - self.shown);
        }
        Ok(text)
    }

    pub(crate) fn has_more(&self) -> bool {
        self.shown < self.files
    }

    /// All of it in a line.
    pub(crate) fn total(&self, to: &Target) -> String {
        let count =
            |files: u64| if files == 1 { "1 file".into() } else { format!("{files} files") };
        let mut text = format!("  {}, {}", count(self.files - self.here), self.size());
        if self.begun > 0 {
            let _ = write!(text, " ({} of that are here)", human_size(self.begun));
        }
        match self.here {
            0 => {}
            here => drop(write!(text, "; {} here already", count(here))),
        }
        match self.taken {
            0 => {}
            1 => text.push_str("; 1 name is taken"),
            taken => drop(write!(text, "; {taken} names are taken")),
        }
        if let Some(free) = self.free {
            let _ = write!(text, "; {} free in {}", human_size(free), to.folder.display());
        }
        text.push('\n');
        text
    }

    /// How much would come.
    pub(crate) fn size(&self) -> String {
        match (self.unknown, self.bytes) {
            (0, bytes) => human_size(bytes).to_string(),
            (_, 0) => "size unknown".to_owned(),
            (unknown, bytes) => format!("{} and {unknown} of unknown size", human_size(bytes)),
        }
    }

    /// The files that `takes` says yes to, by their numbers and names, and the others.
    pub(crate) fn select(
        &mut self,
        takes: impl Fn(u64, &FileName) -> bool,
    ) -> Result<Chosen, CliError> {
        let [mut wanted, mut rest] =
            [ListingSpool::new().map_err(unlisted)?, ListingSpool::new().map_err(unlisted)?];
        self.listed.rewind().map_err(unlisted)?;
        let mut number = 0;
        while let Some((name, size, stat)) = self.listed.next().map_err(unlisted)? {
            number += 1;
            let spool = if takes(number, &name) { &mut wanted } else { &mut rest };
            spool.push(&name, size, stat).map_err(unlisted)?;
        }
        // Pages begin again.
        self.listed.rewind().map_err(unlisted)?;
        self.shown = 0;
        Ok(Chosen { wanted, rest })
    }
}

/// By name, the whole length and the bytes of what earlier tries left.
type Begun = HashMap<String, (u64, u64)>;

fn begun(to: &Target) -> Begun {
    let list = Unfinished::open(&to.folder).and_then(|unfinished| unfinished.list());
    let known = |leftover: crate::files::Leftover| {
        leftover.size.map(|size| (leftover.name, (size, leftover.bytes)))
    };
    list.unwrap_or_default().into_iter().filter_map(known).collect()
}
