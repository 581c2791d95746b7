//! From many small files to one socket (section 18).

use std::fs::File;
use std::io::Read as _;
use std::net::TcpStream;
use std::sync::atomic::AtomicU64;

use xcher_core::secure::SecureError;
use xcher_core::stream::Seal;

use super::Brake;
use super::send::{SendEnd, to_the_end, write};

/// Bytes that are sealed before they are written.
const AHEAD: usize = 256 << 10;

/// Sends files of these sizes in bytes, each as `open` gives it, and then the end of the stream. What
/// cannot be opened, or has another size, is told as not sent. `sent` counts bytes of files.
pub fn send_batch<T>(
    socket: &TcpStream,
    files: &[(T, u64)],
    open: impl Fn(&T, u64) -> Option<File>,
    seal: Seal,
    sent: &AtomicU64,
    cancelled: &Brake,
) -> SendEnd {
    to_the_end(socket, || {
        seal_out(socket, files, open, seal, sent, cancelled).unwrap_or_else(|end| end)
    })
}

fn seal_out<T>(
    socket: &TcpStream,
    files: &[(T, u64)],
    open: impl Fn(&T, u64) -> Option<File>,
    seal: Seal,
    sent: &AtomicU64,
    cancelled: &Brake,
) -> Result<SendEnd, SendEnd> {
    let secure = |error: SecureError| SendEnd::SecureError(error);
    let mut sender = seal.batch_sender().map_err(secure)?;
    let (mut sealed, mut bytes, mut total, mut told) = (Vec::new(), Vec::new(), 0, 0);
    for (name, size) in files {
        let whole = open(name, *size).is_some_and(|file| read_whole(file, *size, &mut bytes));
        sender.file(whole.then_some(&bytes), &mut sealed).map_err(secure)?;
        total += size;
        if sealed.len() >= AHEAD {
            write(socket, &sealed, |taken| total.min(told + taken as u64), sent, cancelled)?;
            told = total;
            sealed.clear();
        }
    }
    sender.finish(&mut sealed).map_err(secure)?;
    write(socket, &sealed, |taken| total.min(told + taken as u64), sent, cancelled)?;
    Ok(SendEnd::Whole)
}

/// Whether the file has so many bytes, no more and no fewer.
fn read_whole(file: File, size: u64, bytes: &mut Vec<u8>) -> bool {
    bytes.clear();
    let read = file.take(size.saturating_add(1)).read_to_end(bytes);
    read.is_ok_and(|read| read as u64 == size)
}
