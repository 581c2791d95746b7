//! The limit on open files and sockets of this process, and the number of transfers it allows.

/// Descriptors that a host uses besides its transfers.
const RESERVED: u64 = 20;
/// Descriptors of one transfer: its sockets, its file and the folders on the way to it.
const PER_TRANSFER: u64 = 10;
/// Descriptors of one file of a batch that waits to be renamed.
const PER_FILE: u64 = 2;

/// Raises the limit as far as the system permits: every connection needs a descriptor. A failure is reported
/// when descriptors run out.
#[cfg(feature = "cli")]
pub(crate) fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// Returns how many transfers may run at once, at most `max`.
pub(crate) fn transfers(max: usize) -> usize {
    share(limit(), PER_TRANSFER, max)
}

/// Returns how many files of each transfer may be open before they are renamed, at most `max`.
pub(crate) fn files_of_transfer(transfers: usize, max: usize) -> usize {
    let left = limit().saturating_sub(PER_TRANSFER * transfers as u64);
    share(left, PER_FILE * transfers as u64, max)
}

fn share(limit: u64, each: u64, max: usize) -> usize {
    let fit = limit.saturating_sub(RESERVED) / each.max(1);
    usize::try_from(fit).unwrap_or(max).clamp(1, max.max(1))
}

#[cfg(unix)]
fn limit() -> u64 {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(not(unix))]
fn limit() -> u64 {
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_descriptors_allow_little_and_many_allow_everything() {
        assert_eq!(share(32, PER_TRANSFER, 16), 1);
        assert_eq!(share(0, PER_TRANSFER, 16), 1);
        assert_eq!(share(64, PER_TRANSFER, 16), 4);
        assert_eq!(share(1 << 20, PER_TRANSFER, 16), 16);
        assert_eq!(share(u64::MAX, PER_FILE, 128), 128);
    }
}
