//! Sends a batch: many small files over one socket (section 18).

use std::fs::File;
use std::io::Read as _;
use std::net::TcpStream;
use std::sync::atomic::AtomicU64;

use xcher_core::secure::SecureError;
use xcher_core::stream::Seal;

use super::send::{complete_or_reset, write};
use super::{Mark, SendEnd, Throttle};

/// Bytes encrypted before they are written to the socket.
const WRITE_THRESHOLD: usize = 256 << 10;

/// Sends files of these sizes in bytes, each opened by `open`, and then the end of the stream. Leaves out
/// a file that cannot be opened or has another size, and adds its position and the reason to `unsent`.
/// `sent` counts bytes of files.
pub(crate) fn send_batch<T>(
    socket: &TcpStream,
    files: &[(T, u64)],
    open: impl Fn(&T, u64) -> Result<File, String>,
    unsent: &mut Vec<(usize, Box<str>)>,
    seal: Seal,
    sent: &AtomicU64,
    throttle: &Throttle,
) -> SendEnd {
    complete_or_reset(socket, || {
        seal_out(socket, files, open, unsent, seal, sent, throttle).unwrap_or_else(|end| end)
    })
}

fn seal_out<T>(
    socket: &TcpStream,
    files: &[(T, u64)],
    open: impl Fn(&T, u64) -> Result<File, String>,
    unsent: &mut Vec<(usize, Box<str>)>,
    seal: Seal,
    sent: &AtomicU64,
    throttle: &Throttle,
) -> Result<SendEnd, SendEnd> {
    let secure = |error: SecureError| SendEnd::SecureError(error);
    let mut sender = seal.batch_sender().map_err(secure)?;
    let (mut sealed, mut bytes, mut total, mut written) = (Vec::new(), Vec::new(), 0, 0);
    for (at, (name, size)) in files.iter().enumerate() {
        let read = open(name, *size).and_then(|file| read_complete(file, *size, &mut bytes));
        sender.file(read.is_ok().then_some(&bytes), &mut sealed).map_err(secure)?;
        if let Err(why) = read {
            unsent.push((at, why.into()));
        }
        total += size;
        if sealed.len() >= WRITE_THRESHOLD {
            write(socket, &sealed, |taken| total.min(written + taken as u64), sent, throttle)?;
            written = total;
            sealed.clear();
        }
    }
    sender.finish(&mut sealed).map_err(secure)?;
    write(socket, &sealed, |taken| total.min(written + taken as u64), sent, throttle)?;
    Ok(SendEnd::Complete)
}

/// Reads a file that must have exactly `size` bytes and not change meanwhile.
fn read_complete(file: File, size: u64, bytes: &mut Vec<u8>) -> Result<(), String> {
    bytes.clear();
    let mark = Mark::of(&file).map_err(|error| format!("the file cannot be read: {error}"))?;
    match (&file).take(size.saturating_add(1)).read_to_end(bytes) {
        Ok(read) if read as u64 != size => {
            Err("the file's size changed while it was sent".to_owned())
        }
        Ok(_) => match mark.end(&file) {
            SendEnd::Complete => Ok(()),
            _ => Err("the file changed while it was sent".to_owned()),
        },
        Err(error) => Err(format!("the file cannot be read: {error}")),
    }
}
