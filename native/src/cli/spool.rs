//! A list of files on disk, so that a list of a million costs no memory.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write as _};

use xcher_core::{FileName, Size, Stat};

use super::exit::{Code, Failure};

/// A list being written.
pub(super) struct Spool {
    file: BufWriter<File>,
    count: u64,
    bytes: u64,
    names: usize,
}

/// The list being read back.
pub(super) struct Listed {
    file: BufReader<File>,
    line: String,
}

impl Spool {
    /// An empty list, in a temporary file that has no name.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(tempfile::tempfile()?), count: 0, bytes: 0, names: 0 })
    }

    pub(super) fn push(&mut self, name: &FileName, size: Size, stat: Stat) -> io::Result<()> {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(size.bytes());
        self.names = self.names.saturating_add(name.as_str().len());
        // A name holds no tab and no line end.
        match stat.modified {
            Some(seconds) => write!(self.file, "{seconds}")?,
            None => write!(self.file, "-")?,
        }
        let mode = if stat.executable { 'x' } else { '-' };
        writeln!(self.file, "\t{mode}\t{size}\t{name}")
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The bytes of all names together.
    pub(super) fn names(&self) -> usize {
        self.names
    }

    /// The bytes of all files together.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads what was written so far, and nothing is to be written after it. The place is shared with
    /// [`read`](Self::read), which begins at the first file again.
    pub(super) fn reread(&mut self) -> io::Result<Listed> {
        self.file.flush()?;
        let mut file = self.file.get_ref().try_clone()?;
        file.rewind()?;
        Ok(Listed { file: BufReader::new(file), line: String::new() })
    }

    /// Turns from writing to reading.
    pub(super) fn read(self) -> io::Result<Listed> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Listed { file: BufReader::new(file), line: String::new() })
    }
}

/// The list lies in a temporary file, which has no name to tell.
pub(super) fn unlisted(error: io::Error) -> Failure {
    let folder = std::env::temp_dir();
    Failure::new(Code::Incomplete, format!("cannot keep the list of files in {folder:?}: {error}"))
}

impl Listed {
    /// Goes back to the first file.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.file.rewind()
    }

    /// The next file.
    pub(super) fn next(&mut self) -> io::Result<Option<(FileName, Size, Stat)>> {
        self.line.clear();
        if self.file.read_line(&mut self.line)? == 0 {
            return Ok(None);
        }
        let parsed = parse(self.line.trim_end_matches('\n'));
        parsed.map(Some).ok_or_else(|| io::Error::other("the temporary list was changed"))
    }
}

fn parse(line: &str) -> Option<(FileName, Size, Stat)> {
    let mut fields = line.splitn(4, '\t');
    let modified = match fields.next()? {
        "-" => None,
        seconds => Some(seconds.parse().ok()?),
    };
    let stat = Stat { modified, executable: fields.next()? == "x" };
    let size = Size::parse(fields.next()?)?;
    Some((FileName::new(fields.next()?).ok()?, size, stat))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: Stat = Stat { modified: Some(-7), executable: true };

    #[test]
    fn gives_back_what_went_in() -> io::Result<()> {
        let mut spool = Spool::new()?;
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
