//! Prepares what the servers contain.

#![allow(clippy::print_stdout)]

/// Puts the page into the binary.
#[cfg(feature = "bridge")]
#[path = "build/page.rs"]
mod page;

fn main() {
    #[cfg(feature = "bridge")]
    page::embed();
}
