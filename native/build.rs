//! The build script: embeds the page for the HTTP server.

#![allow(clippy::print_stdout)]

#[cfg(feature = "bridge")]
#[path = "build/page.rs"]
mod page;

fn main() {
    #[cfg(feature = "bridge")]
    page::embed();
}
