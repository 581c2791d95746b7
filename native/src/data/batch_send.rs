//! From many small files to one socket (section 18).

use std::fs::File;
use std::io::Read as _;
use std::net::TcpStream;
use std::sync::atomic::AtomicU64;

use xcher_core::secure::SecureError;
use xcher_core::stream::Seal;

use super::send::{SendEnd, to_the_end, write};
use super::{Brake, Mark};

/// Bytes that are sealed before they are written.
const AHEAD: usize = 256 << 10;

/// Sends files of these sizes in bytes, each as `open` gives it, and then the end of the stream. A file
/// that cannot be opened, or has another size, is left out, and its place and the reason are added to
/// `unsent`. `sent` counts bytes of files.
pub fn send_batch<T>(
    socket: &TcpStream,
    files: &[(T, u64)],
    open: impl Fn(&T, u64) -> Result<File, String>,
    unsent: &mut Vec<(usize, Box<str>)>,
    seal: Seal,
    sent: &AtomicU64,
    cancelled: &Brake,
) -> SendEnd {
    to_the_end(socket, || {
        seal_out(socket, files, open, unsent, seal, sent, cancelled).unwrap_or_else(|end| end)
    })
}

fn seal_out<T>(
    socket: &TcpStream,
    files: &[(T, u64)],
    open: impl Fn(&T, u64) -> Result<File, String>,
    unsent: &mut Vec<(usize, Box<str>)>,
    seal: Seal,
    sent: &AtomicU64,
    cancelled: &Brake,
) -> Result<SendEnd, SendEnd> {
    let secure = |error: SecureError| SendEnd::SecureError(error);
    let mut sender = seal.batch_sender().map_err(secure)?;
    let (mut sealed, mut bytes, mut total, mut told) = (Vec::new(), Vec::new(), 0, 0);
    for (at, (name, size)) in files.iter().enumerate() {
        let whole = open(name, *size).and_then(|file| read_whole(file, *size, &mut bytes));
        sender.file(whole.is_ok().then_some(&bytes), &mut sealed).map_err(secure)?;
        if let Err(why) = whole {
            unsent.push((at, why.into()));
        }
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

/// Reads the file, which must have so many bytes, no more and no fewer, and not change meanwhile.
fn read_whole(file: File, size: u64, bytes: &mut Vec<u8>) -> Result<(), String> {
    bytes.clear();
    let mark = Mark::of(&file).map_err(|error| format!("the file cannot be read: {error}"))?;
    match (&file).take(size.saturating_add(1)).read_to_end(bytes) {
        Ok(read) if read as u64 != size => Err("its size changed while it was sent".to_owned()),
        Ok(_) => match mark.end(&file) {
            SendEnd::Whole => Ok(()),
            _ => Err("the file changed while it was sent".to_owned()),
        },
        Err(error) => Err(format!("the file cannot be read: {error}")),
    }
}
