//! Measures the cost of one `X_FILELIST` line from reads of 64 KiB: splitting, parsing and checking its name.
//!
//! Names and sizes vary as in a folder of photos. All lines differ, so that no branch predictor learns the
//! input.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use xcher_core::{LineBuffer, Packet, Session};

/// Bytes that a driver reads at once.
const CHUNK_LEN: usize = 64 << 10;

fn main() {
    divan::main();
}

/// Generates `bytes` of a listing; returns it with its number of lines.
fn list(bytes: usize) -> (Vec<u8>, usize) {
    use std::io::Write;
    let (mut list, mut lines, mut random) = (Vec::new(), 0, 88172645463325252u64);
    while list.len() < bytes {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (folder, image) = (random % 97, (random >> 20) as u32);
        let size = random % 100_000_000;
        writeln!(list, "X_FILELIST photos-{folder}/img_{image:08x}.jpg {size}").expect("memory");
        lines += 1;
    }
    (list, lines)
}

/// Processes 64 MiB of lines. An item in divan's table is a line: 50 Mitem/s are 20 ns per line.
fn bench(bencher: Bencher, mut read: impl FnMut(&[u8]) -> u64) {
    let (list, lines) = list(64 << 20);
    bencher.counter(ItemsCount::new(lines)).counter(BytesCount::of_slice(&list)).bench_local(
        || list.chunks(CHUNK_LEN).fold(0u64, |checksum, chunk| checksum.wrapping_add(read(chunk))),
    );
}

/// Measures the line buffer and the packets: the protocol itself.
#[divan::bench(sample_count = 15, sample_size = 1)]
fn packet(bencher: Bencher) {
    let mut buffer = LineBuffer::new();
    bench(bencher, |chunk| {
        let mut checksum = 0u64;
        buffer.receive(chunk);
        while let Some(line) = buffer.next_line().expect("lines") {
            match Packet::parse(line.text()) {
                Ok(Packet::Entry { name: Ok(name), size }) => {
                    checksum = checksum.wrapping_add(size.bytes() ^ name.as_str().len() as u64);
                }
                other => panic!("expected an entry, got {other:?}"),
            }
        }
        checksum
    });
}

/// Measures the complete session, which copies each name.
#[divan::bench(sample_count = 15, sample_size = 1)]
fn session(bencher: Bencher) {
    let limits = xcher_core::Limits { entries: u64::MAX, ..Default::default() };
    let (mut session, mut out) = (Session::new(&limits), Vec::new());
    session.list(&mut out).expect("a new session");
    bench(bencher, |chunk| {
        let mut events = 0;
        session.receive(chunk);
        while let Some(event) = session.next_event(&mut out).expect("entries") {
            black_box(event);
            events += 1;
        }
        events
    });
}
