//! Values of options: how text is parsed into them.

use std::net::IpAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::RangeInclusive;

use clap::ValueEnum;
use clap::builder::BoolishValueParser;
use ipnet::IpNet;
use xcher_core::Size;

use crate::files::{Links, OnConflict};

/// A choice of `--via`.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum PathChoice {
    /// Directly, or through the bridge if that fails
    Auto,
    /// Directly only
    Direct,
    /// Through the bridge only
    Bridge,
}

/// A choice of `--on-conflict`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ConflictChoice {
    /// Keep both: the new file becomes `name (1).ext`
    Rename,
    /// Replace the old file once the new one is complete
    Overwrite,
    /// Keep the old file and do not fetch the new one
    Skip,
    /// Keep the old file and fail
    Fail,
}

impl From<ConflictChoice> for OnConflict {
    fn from(choice: ConflictChoice) -> Self {
        match choice {
            ConflictChoice::Rename => Self::Rename,
            ConflictChoice::Overwrite => Self::Overwrite,
            ConflictChoice::Skip => Self::Skip,
            ConflictChoice::Fail => Self::Fail,
        }
    }
}

/// A choice of `--links`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LinksChoice {
    /// Leave them out, and report it
    Skip,
    /// Share their targets, if inside the same shared folder
    Follow,
    /// Share them as links, if their targets are inside the same shared folder
    Keep,
}

impl From<LinksChoice> for Links {
    fn from(choice: LinksChoice) -> Self {
        match choice {
            LinksChoice::Skip => Self::Skip,
            LinksChoice::Follow => Self::Follow,
            LinksChoice::Keep => Self::Keep,
        }
    }
}

/// Parses a switch: a variable or a file sets it with `1`, `true`, `yes` or `on`.
pub(super) fn switch() -> BoolishValueParser {
    BoolishValueParser::new()
}

/// The lowest rate of a host: each of sixteen transfers at a time still moves well within a minute, which
/// is the peer's patience.
const MIN_HOST_RATE: u64 = 16 << 10;

/// Parses a host's rate, in bytes a second.
pub(super) fn host_rate(text: &str) -> Result<NonZeroU64, String> {
    rate_from(text, MIN_HOST_RATE)
        .ok_or_else(|| "not a rate of 16kb or more a second, such as 500kb or 2mb".to_owned())
}

/// Parses a bridge's rate, in bytes a second.
pub(super) fn bridge_rate(text: &str) -> Result<NonZeroU64, String> {
    rate_from(text, 1)
        .ok_or_else(|| "not a rate in bytes a second, such as 500kb or 10mb".to_owned())
}

/// Parses a number of bytes a month.
pub(super) fn quota(text: &str) -> Result<NonZeroU64, String> {
    rate_from(text, 1).ok_or_else(|| "not a number of bytes, such as 100gb or 2tb".to_owned())
}

fn rate_from(text: &str, min: u64) -> Option<NonZeroU64> {
    Size::parse(text).map(Size::bytes).filter(|bytes| *bytes >= min).and_then(NonZeroU64::new)
}

/// Parses a number of bytes, exact or round.
pub(super) fn size(text: &str) -> Result<Size, String> {
    let size = Size::parse(text).filter(|size| !size.is_unknown());
    size.ok_or_else(|| "not a number of bytes, such as 1000000 or 500mb".to_owned())
}

/// Parses `LOW-HIGH`, both included.
pub(super) fn port_range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let parsed = text.split_once('-').and_then(|(low, high)| {
        let (low, high) = (low.parse::<u16>().ok()?, high.parse::<u16>().ok()?);
        (1024 <= low && low <= high).then_some(low..=high)
    });
    parsed
        .ok_or_else(|| "not a range LOW-HIGH of ports from 1024 up, such as 40000-40999".to_owned())
}

/// The most threads of a server: more than almost every machine has processors.
const MAX_THREADS: usize = 1024;

/// Parses a number of threads.
pub(super) fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let count = text.parse().ok().filter(|count: &NonZeroUsize| count.get() <= MAX_THREADS);
    count.ok_or_else(|| format!("not a number of threads from 1 to {MAX_THREADS}"))
}

/// Parses an IP address or network.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let one = text.parse::<IpAddr>().map(|ip| IpNet::from(ip.to_canonical()));
    one.or_else(|_| text.parse())
        .map_err(|_| "not an IP address, nor a network such as 10.0.0.0/24".to_owned())
}
