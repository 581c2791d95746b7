//! A tunnel's streams, as a bridge and its clients both use them (section 10): yamux over one byte
//! stream, the memory that this takes, and copying between a stream and what it is connected to.

mod copy;
mod endpoint;
mod first_line;
mod frame_header;
mod meter;
mod mux;
mod stream;

#[cfg(feature = "bridge")]
pub(crate) use copy::copy_both;
pub(crate) use endpoint::Endpoint;
pub use first_line::read_first_line;
pub use mux::{Opener, multiplex};
pub use stream::Stream;
pub use yamux::Mode;
