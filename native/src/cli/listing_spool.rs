//! A listing kept on disk, so that a million entries take no memory.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write as _};

use xcher_core::{FileName, Size, Stat};

use crate::cli::exit::{CliError, ExitCode};

/// The most bytes of a listing on disk: some five million entries with names of usual length. Other
/// programs need the temporary folder, too, and the peer decides how long its listing is.
const MAX_BYTES: u64 = 512 << 20;

/// A listing being written.
pub(crate) struct ListingSpool {
    file: BufWriter<File>,
    count: u64,
    bytes: u64,
    names: usize,
    /// Bytes that can still be written.
    room: u64,
}

/// A listing being read back.
pub(crate) struct ListingReader {
    file: BufReader<File>,
    line: String,
}

impl ListingSpool {
    /// Creates an empty listing in an unnamed temporary file.
    pub(crate) fn new() -> io::Result<Self> {
        Self::within(MAX_BYTES)
    }

    fn within(room: u64) -> io::Result<Self> {
        let file = BufWriter::new(tempfile::tempfile()?);
        Ok(Self { file, count: 0, bytes: 0, names: 0, room })
    }

    /// Appends an entry.
    ///
    /// # Errors
    ///
    /// The system's; [`io::ErrorKind::FileTooLarge`] if the listing is too long.
    pub(crate) fn push(&mut self, name: &FileName, size: Size, stat: Stat) -> io::Result<()> {
        // A name contains neither tabs nor line ends.
        let modified = stat.modified.map_or_else(|| "-".into(), |seconds| seconds.to_string());
        let mode = stat.mode();
        let line = format!("{modified}\t{mode}\t{size}\t{name}\n");
        let Some(room) = self.room.checked_sub(line.len() as u64) else {
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.room = room;
        self.count += 1;
        self.bytes = self.bytes.saturating_add(size.bytes());
        self.names = self.names.saturating_add(name.as_str().len());
        self.file.write_all(line.as_bytes())
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Returns the bytes of all names together.
    pub(crate) fn names(&self) -> usize {
        self.names
    }

    /// Returns the bytes of all files together.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the entries; none can be appended after this. The file position is shared with
    /// [`read`](Self::read), which starts again at the first entry.
    pub(crate) fn reread(&mut self) -> io::Result<ListingReader> {
        self.file.flush()?;
        let mut file = self.file.get_ref().try_clone()?;
        file.rewind()?;
        Ok(ListingReader { file: BufReader::new(file), line: String::new() })
    }

    /// Ends writing, and reads the entries.
    pub(crate) fn read(self) -> io::Result<ListingReader> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(ListingReader { file: BufReader::new(file), line: String::new() })
    }
}

/// Explains an error of the temporary file, which has no name to mention.
pub(crate) fn spool_error(error: io::Error) -> CliError {
    if error.kind() == io::ErrorKind::FileTooLarge {
        let most = MAX_BYTES >> 20;
        let message = format!(
            "the list of files exceeds {most} MiB; name the files or folders that you want instead"
        );
        return CliError::new(ExitCode::Policy, message);
    }
    let folder = std::env::temp_dir();
    CliError::new(
        ExitCode::Incomplete,
        format!("cannot store the list of files in {folder:?}: {error}"),
    )
}

impl ListingReader {
    /// Goes back to the first entry.
    pub(crate) fn rewind(&mut self) -> io::Result<()> {
        self.file.rewind()
    }

    /// Returns the next entry.
    pub(crate) fn next(&mut self) -> io::Result<Option<(FileName, Size, Stat)>> {
        self.line.clear();
        if self.file.read_line(&mut self.line)? == 0 {
            return Ok(None);
        }
        let parsed = parse(self.line.trim_end_matches('\n'));
        parsed.map(Some).ok_or_else(|| io::Error::other("the temporary listing was modified"))
    }
}

fn parse(line: &str) -> Option<(FileName, Size, Stat)> {
    let mut fields = line.splitn(4, '\t');
    let modified = match fields.next()? {
        "-" => None,
        seconds => Some(seconds.parse().ok()?),
    };
    let stat = Stat::with_mode(modified, fields.next()?)?;
    let size = Size::parse(fields.next()?)?;
    Some((FileName::new(fields.next()?).ok()?, size, stat))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: Stat = Stat {
        modified: Some(-7),
        kind: xcher_core::Kind::File,
        executable: true,
        private: true,
        text: false,
    };

    #[test]
    fn an_endless_listing_does_not_fill_the_disk() -> io::Result<()> {
        let mut spool = ListingSpool::within(10_000)?;
        let name = FileName::new("a/".repeat(400).trim_end_matches('/')).expect("valid");
        let size = Size::parse("1").expect("valid");
        let error = (0..10_000_000).find_map(|_| spool.push(&name, size, STAT).err());
        assert_eq!(error.map(|error| error.kind()), Some(io::ErrorKind::FileTooLarge));
        assert_eq!(spool.count(), 12);
        let mut listed = spool.reread()?;
        while listed.next()?.is_some() {}
        assert!(listed.file.stream_position()? <= 10_000);
        Ok(())
    }

    #[test]
    fn reads_back_what_was_written() -> io::Result<()> {
        let mut spool = ListingSpool::new()?;
        let files = [("a b/c", "12"), ("java.avi", "700mb"), ("träd", "0")];
        for (name, size) in files {
            let name = FileName::new(name).expect("valid");
            spool.push(&name, Size::parse(size).expect("valid"), STAT)?;
        }
        assert_eq!(spool.count(), 3);
        let mut listed = spool.read()?;
        for (name, size) in files {
            let (read, read_size, stat) = listed.next()?.expect("one more");
            assert_eq!(stat, STAT);
            assert_eq!((read.as_str(), read_size.to_string().as_str()), (name, size));
        }
        assert!(listed.next()?.is_none());
        Ok(())
    }
}
