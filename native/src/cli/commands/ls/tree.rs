//! A listing as a tree: two passes over the sorted listing, the first for the sizes of folders.

use xcher_core::{FileName, HumanSize, Kind};

use super::line::aligned;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::sorted_listing::SortedListing;
use crate::cli::ui::output::Output;

/// The most folders of a tree: a name of 1 KB can have 500 of its own, and their sizes are kept in memory.
const MAX_FOLDERS: usize = 4 << 20;
/// Levels that are indented; a deeper one is shown at the last.
const MAX_INDENTED: usize = 32;

/// Prints a tree.
pub(super) fn print(mut listing: SortedListing, output: &Output) -> Result<(), CliError> {
    let mut totals = totals(&mut listing)?.into_iter();
    listing.rewind()?;
    let mut open = OpenFolders::default();
    let show = |size: &str, depth: usize, name: &str| {
        let indent = "  ".repeat(depth.min(MAX_INDENTED));
        output.result(format_args!("{size}  {indent}{name}")).map_err(CliError::unwritten)
    };
    while let Some((name, size, stat)) = listing.next()? {
        let kept = open.move_to(&name, stat.kind);
        for depth in kept..open.0.len() {
            let size = HumanSize(totals.next().unwrap_or_default());
            let size = format!("{:>11}", size.to_string());
            show(&size, depth, &format!("{}/", open.0[depth]))?;
        }
        if stat.kind != Kind::Folder {
            show(&aligned(size, stat.kind), open.0.len(), name.last_part())?;
        }
    }
    Ok(())
}

/// Returns the bytes in each folder, in the order in which they are shown.
fn totals(listing: &mut SortedListing) -> Result<Vec<u64>, CliError> {
    let mut totals = Vec::new();
    let (mut open, mut at) = (OpenFolders::default(), Vec::new());
    while let Some((name, size, stat)) = listing.next()? {
        at.truncate(open.move_to(&name, stat.kind));
        for _ in at.len()..open.0.len() {
            if totals.len() == MAX_FOLDERS {
                let text = format!("more than {MAX_FOLDERS} folders; leave out --tree");
                return Err(CliError::new(ExitCode::Policy, text));
            }
            at.push(totals.len());
            totals.push(0u64);
        }
        for folder in &at {
            if let Some(total) = totals.get_mut(*folder) {
                *total = total.saturating_add(size.bytes());
            }
        }
    }
    Ok(totals)
}

/// The names of the folders that contain the current entry, from the outermost on.
#[derive(Default)]
struct OpenFolders(Vec<String>);

impl OpenFolders {
    /// Moves to an entry. Returns how many of the folders stay open.
    fn move_to(&mut self, name: &FileName, kind: Kind) -> usize {
        let mut parts: Vec<_> = name.parts().collect();
        if kind != Kind::Folder {
            parts.pop();
        }
        let same = self.0.iter().zip(&parts).take_while(|(open, part)| open == *part).count();
        self.0.truncate(same);
        self.0.extend(parts[same..].iter().map(|part| (*part).to_owned()));
        same
    }
}
