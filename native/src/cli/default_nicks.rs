//! The nicks to try where the user has named none.

use xcher_core::Nick;

/// Returns `first`, and then `base` with some numbers, in case it is taken.
pub(super) fn with_numbers(first: Option<Nick>, base: &str) -> Vec<Nick> {
    let numbered =
        (0..4).filter_map(|_| Nick::parse(&format!("{base}-{}", fastrand::u32(1000..10_000))).ok());
    first.into_iter().chain(numbered).collect()
}
