//! How many files and sockets this process may have open, and what that allows.

/// What a host has open beside its transfers.
const BESIDE: u64 = 20;
/// What one transfer has open: its sockets, its file and the folders on the way to it.
const OF_TRANSFER: u64 = 10;
/// What one file has open that waits among others for its name.
const OF_FILE: u64 = 2;

/// Takes as many descriptors as the system lets this process have: every connection needs one. Where
/// it will not give them, that is told when they run out.
#[cfg(feature = "cli")]
pub(crate) fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// How many transfers may be under way, at most `most`.
pub(crate) fn transfers(most: usize) -> usize {
    share(limit(), OF_TRANSFER, most)
}

/// How many files of such a transfer may be open before they get their names, at most `most`.
pub(crate) fn files_of_transfer(transfers: usize, most: usize) -> usize {
    let left = limit().saturating_sub(OF_TRANSFER * transfers as u64);
    share(left, OF_FILE * transfers as u64, most)
}

fn share(limit: u64, of_one: u64, most: usize) -> usize {
    let fit = limit.saturating_sub(BESIDE) / of_one.max(1);
    usize::try_from(fit).unwrap_or(most).clamp(1, most.max(1))
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
        assert_eq!(share(32, OF_TRANSFER, 16), 1);
        assert_eq!(share(0, OF_TRANSFER, 16), 1);
        assert_eq!(share(64, OF_TRANSFER, 16), 4);
        assert_eq!(share(1 << 20, OF_TRANSFER, 16), 16);
        assert_eq!(share(u64::MAX, OF_FILE, 128), 128);
    }
}
