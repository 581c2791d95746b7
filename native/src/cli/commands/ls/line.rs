//! A line of a listing: for programs with tabs and exact numbers, for people aligned.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use xcher_core::{FileName, HumanSize, Kind, Size, Stat};

/// The way in which lines are written.
#[derive(Clone, Copy)]
pub(super) struct Style {
    long: bool,
    for_people: bool,
}

impl Style {
    pub(super) fn new(long: bool, for_people: bool) -> Self {
        Self { long, for_people }
    }

    pub(super) fn line(self, name: &FileName, size: Size, stat: Stat) -> String {
        let slash = if stat.kind == Kind::Folder { "/" } else { "" };
        let modified = stat.modified.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        match (self.for_people, self.long) {
            (false, false) => format!("{}\t{name}{slash}", exact(size)),
            (false, true) => {
                let modified = modified.and_then(|at| at.format(&Rfc3339).ok());
                let modified = modified.as_deref().unwrap_or("-");
                format!("{}\t{modified}\t{}\t{name}{slash}", exact(size), stat.mode())
            }
            (true, false) => format!("{}  {name}{slash}", aligned(size, stat.kind)),
            (true, true) => {
                let modified = modified.map_or_else(|| "-".to_owned(), minutes);
                let size = aligned(size, stat.kind);
                format!("{:2}  {size}  {modified:16}  {name}{slash}", stat.mode())
            }
        }
    }
}

/// Shows a size, aligned to the right.
pub(super) fn aligned(size: Size, kind: Kind) -> String {
    let text = match kind {
        Kind::Folder => "-".to_owned(),
        _ if size.is_unknown() => "?".to_owned(),
        _ => HumanSize(size.bytes()).to_string(),
    };
    format!("{text:>11}")
}

fn exact(size: Size) -> String {
    if size.is_unknown() { "?".to_owned() } else { size.to_string() }
}

fn minutes(at: OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    format!("{date} {:02}:{:02}", time.hour(), time.minute())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn line(long: bool, for_people: bool, size: &str, modified: Option<i64>, mode: &str) -> String {
        let (name, size) = (FileName::new("a b").unwrap(), Size::parse(size).unwrap());
        Style::new(long, for_people).line(&name, size, Stat::with_mode(modified, mode).unwrap())
    }

    #[test]
    fn lines_show_what_the_peer_told() {
        let time = Some(1_795_000_000);
        assert_eq!(line(false, false, "1536", time, "x"), "1536\ta b");
        assert_eq!(line(false, false, "0", time, "d"), "0\ta b/");
        assert_eq!(line(true, false, "1536", time, "xp"), "1536\t2026-11-18T11:06:40Z\txp\ta b");
        assert_eq!(line(true, false, "700mb", None, "-"), "700mb\t-\t-\ta b");
        assert_eq!(line(false, true, "1536", time, "-"), "   1.50 KiB  a b");
        assert_eq!(line(false, true, "0", time, "dp"), "          -  a b/");
        assert_eq!(line(true, true, "7", time, "l"), "l           7 B  2026-11-18 11:06  a b");
        // Beyond the years that can be shown.
        assert_eq!(line(true, false, "7", Some(i64::MAX), "p"), "7\t-\tp\ta b");
    }
}
