//! Reads the first line of a stream (section 10.2).

use std::io;

use tokio::io::AsyncReadExt as _;
use xcher_core::tunnel::FirstLineBuffer;

use super::stream::Stream;

/// Reads a stream's first line and not a byte more: what follows is the connection's.
///
/// # Errors
///
/// If the stream ends earlier, or the line is too long or not UTF-8.
pub async fn read_first_line(stream: &mut Stream) -> io::Result<String> {
    let mut buffer = FirstLineBuffer::default();
    loop {
        let byte = stream.read_u8().await?;
        if let (_, Some(line)) = buffer.receive(&[byte]).map_err(io::Error::other)? {
            return Ok(line);
        }
    }
}
