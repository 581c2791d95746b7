#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use xcher_core::secure::{Entropy, Identity, SecureError, Side};
use xcher_core::session::{Event, Extensions, Terms};
use xcher_core::stream::{Digests, Hasher, Seal};
use xcher_core::{Limits, Session};

use super::tests::{bytes, content, file, sockets, unlimited};
use super::*;

const MIB: u64 = 1 << 20;

/// Both ends of an encrypted session.
pub(super) struct Pair {
    sessions: [Session; 2],
    requests: u64,
}

impl Pair {
    pub(super) fn new(extensions: Extensions) -> Self {
        let limits = Limits::default();
        let mut written = [Vec::new(), Vec::new()];
        let mut number = 0;
        let mut sessions = [Side::Caller, Side::Callee].map(|side| {
            number += 1;
            let terms = Terms {
                code: None,
                side,
                identity: Arc::new(Identity::new([number; 32])),
                entropy: Entropy::new([number; 32]),
                extensions: extensions.with(Extensions::SECURE),
                device: None,
                require_encryption: true,
                expected_key: None,
                callee_nick: None,
            };
            Session::negotiate(&limits, terms, &mut written[usize::from(number) - 1])
        });
        let mut agreed = 0;
        for turn in 0.. {
            let (from, to) = (turn % 2, (turn + 1) % 2);
            let bytes = std::mem::take(&mut written[from]);
            sessions[to].receive(&bytes);
            while let Some(event) = sessions[to].next_event(&mut written[to]).unwrap() {
                if let Event::Agreed { .. } = event {
                    sessions[to].proceed(&mut Vec::new());
                    agreed += 1;
                }
            }
            if agreed == 2 {
                break;
            }
        }
        Self { sessions, requests: 0 }
    }

    /// Returns both ends' seals for the next file.
    pub(super) fn seals(&mut self) -> [Seal; 2] {
        let number = self.requests;
        self.requests += 1;
        [0, 1].map(|at| self.sessions[at].data_seal(Side::Caller, number).unwrap())
    }
}

fn kinds() -> [Extensions; 3] {
    let verify = Extensions::VERIFY;
    [Extensions::default(), verify, verify.with(Extensions::AES)]
}

/// Receives while `peer` uses the other end.
fn receive_from(
    seal: Seal,
    limit: u64,
    peer: impl FnOnce(TcpStream) + Send,
) -> (ReceiveEnd, Option<Digests>, Vec<u8>) {
    let (theirs, ours) = sockets();
    let (to, received) = (tempfile::tempfile().unwrap(), AtomicU64::new(0));
    let (end, digests) = thread::scope(|scope| {
        scope.spawn(|| peer(theirs));
        let end = receive_sealed(
            &ours,
            &to,
            Some(limit),
            sealing(seal),
            &received,
            &BufferBudget::default(),
            &unlimited(),
        );
        // Ends a peer that still sends.
        let _ = ours.shutdown(Shutdown::Both);
        end
    });
    let content = content(to);
    assert_eq!(received.into_inner(), content.len() as u64);
    (end, digests, content)
}

/// Returns a file's bytes as they are sent.
fn sealed(seal: Seal, bytes: &[u8]) -> Vec<u8> {
    let (theirs, mut ours) = sockets();
    let from = file(bytes);
    thread::scope(|scope| {
        scope.spawn(move || {
            let (size, sent) = (bytes.len() as u64, AtomicU64::new(0));
            let end = send_sealed(&theirs, &from, size, sealing(seal), &sent, &unlimited());
            assert!(matches!(end, SendEnd::Complete), "{end:?}");
            assert_eq!(sent.into_inner(), size);
        });
        let mut sealed = Vec::new();
        ours.read_to_end(&mut sealed).unwrap();
        sealed
    })
}

#[test]
fn files_of_every_size_arrive_complete_with_their_digest() {
    for extensions in kinds() {
        let mut pair = Pair::new(extensions);
        let edges = [0, 1, 31, 32, 33, 32_767, 32_768, 32_769, 131_072, 131_104];
        for size in edges.into_iter().chain([MIB, 9 * MIB + 7]) {
            let (expected, [to, from]) = (bytes(size), pair.seals());
            let (end, digests, got) = receive_from(to, size, |socket| {
                let (file, sent) = (file(&expected), AtomicU64::new(0));
                let end = send_sealed(&socket, &file, size, sealing(from), &sent, &unlimited());
                assert!(matches!(end, SendEnd::Complete), "{end:?}");
                assert_eq!(sent.into_inner(), size);
            });
            assert!(matches!(end, ReceiveEnd::Eof { bytes } if bytes == size), "{end:?}");
            assert!(got == expected, "{size} bytes differ");
            let verify = extensions.has(Extensions::VERIFY);
            assert_eq!(digests.is_some_and(|digests| digests.agree()), verify);
        }
    }
}

/// Receives a file whose bytes were changed on the way. The bytes kept must be a prefix of the file.
fn open_changed(
    pair: &mut Pair,
    whole: &[u8],
    change: impl FnOnce(Vec<u8>) -> Vec<u8>,
) -> SecureError {
    let [to, from] = pair.seals();
    let changed = change(sealed(from, whole));
    let (end, digests, got) = receive_from(to, whole.len() as u64, move |mut socket| {
        // The connection may be closed as soon as the first byte is wrong.
        let _ = socket.write_all(&changed);
    });
    assert!(digests.is_none() && whole.starts_with(&got));
    match end {
        ReceiveEnd::SecureError(error) => error,
        end => panic!("expected a SecureError, got {end:?}"),
    }
}

#[test]
fn detects_a_cut_or_change_at_every_byte() {
    for extensions in kinds() {
        let mut pair = Pair::new(extensions);
        let whole = bytes(40);
        let [_, seal] = pair.seals();
        let length = sealed(seal, &whole).len();
        for at in 0..length {
            let cut = open_changed(&mut pair, &whole, |mut sealed| {
                sealed.truncate(at);
                sealed
            });
            assert!(matches!(cut, SecureError::Truncated { .. }), "cut at {at}: {cut:?}");
            open_changed(&mut pair, &whole, |mut sealed| {
                sealed[at] ^= 1;
                sealed
            });
        }
        let more = open_changed(&mut pair, &whole, |sealed| [&sealed[..], &[0]].concat());
        assert_eq!(more, SecureError::AfterEnd);
        // Records that are swapped, duplicated or missing.
        let whole = bytes(3 * 32_768);
        let record = 32_768 + 18;
        for order in [&[1, 0, 2][..], &[0, 0, 1, 2], &[0, 2]] {
            let wrong = open_changed(&mut pair, &whole, |sealed| {
                let records = order.iter().flat_map(|n| &sealed[n * record..(n + 1) * record]);
                records.chain(&sealed[3 * record..]).copied().collect()
            });
            assert!(matches!(wrong, SecureError::InvalidRecord { .. }), "{order:?}: {wrong:?}");
        }
    }
}

#[test]
fn discards_bytes_above_the_limit() {
    let mut pair = Pair::new(Extensions::VERIFY);
    for (size, limit) in [(33, 32), (64, 32), (100_000, 99_999), (1, 0), (MIB, 300_000)] {
        let (whole, [to, from]) = (bytes(size), pair.seals());
        let sealed = sealed(from, &whole);
        let (end, _, got) = receive_from(to, limit, move |mut socket| {
            let _ = socket.write_all(&sealed);
        });
        assert!(matches!(end, ReceiveEnd::Excess { bytes } if bytes == limit), "{end:?}");
        assert!(got == whole[..limit as usize]);
    }
}

#[test]
fn a_file_that_shrank_or_was_cancelled_does_not_look_complete() {
    let mut pair = Pair::new(Extensions::VERIFY);
    let [to, from] = pair.seals();
    let (end, _, got) = receive_from(to, 200_000, |socket| {
        let (file, sent) = (file(&bytes(150_000)), AtomicU64::new(0));
        let end = send_sealed(&socket, &file, 200_000, sealing(from), &sent, &unlimited());
        assert!(matches!(end, SendEnd::FileShrank { sent: 131_072 }), "{end:?}");
    });
    assert!(matches!(end, ReceiveEnd::SocketError(_)), "{end:?}");
    assert!(bytes(150_000).starts_with(&got));

    // More than any socket's buffers take, so it cannot end by itself.
    let from = tempfile::tempfile().unwrap();
    from.set_len(1 << 30).unwrap();
    let (ours, mut theirs) = sockets();
    let (sent, throttle) = (AtomicU64::new(0), unlimited());
    let [_, seal] = pair.seals();
    let end = thread::scope(|scope| {
        let thread =
            scope.spawn(|| send_sealed(&ours, &from, 1 << 30, sealing(seal), &sent, &throttle));
        while sent.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        throttle.stop();
        thread.join().unwrap()
    });
    assert!(matches!(end, SendEnd::SocketError(_)), "{end:?}");
    drop(ours);
    let error = theirs.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn peers_silent_inside_a_record_do_not_block_others() {
    let (mut pair, buffers) = (Pair::new(Extensions::VERIFY), BufferBudget::default());
    let content_of_all = bytes(50_000);
    thread::scope(|scope| {
        let mut silent = Vec::new();
        for _ in 0..16 {
            let [to, from] = pair.seals();
            let sealed = sealed(from, &content_of_all);
            let (mut theirs, ours) = sockets();
            // One record and half of another.
            theirs.write_all(&sealed[..40_000]).unwrap();
            silent.push((theirs, ours.try_clone().unwrap()));
            let (buffers, received) = (&buffers, Arc::new(AtomicU64::new(0)));
            let counted = Arc::clone(&received);
            scope.spawn(move || {
                let file = tempfile::tempfile().unwrap();
                receive_sealed(&ours, &file, None, sealing(to), &counted, buffers, &unlimited())
            });
            while received.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
        }
        let [to, from] = pair.seals();
        let sealed = sealed(from, &content_of_all);
        let (mut theirs, ours) = sockets();
        theirs.write_all(&sealed).unwrap();
        drop(theirs);
        let (file, received) = (tempfile::tempfile().unwrap(), AtomicU64::new(0));
        let (end, digests) =
            receive_sealed(&ours, &file, None, sealing(to), &received, &buffers, &unlimited());
        assert!(matches!(end, ReceiveEnd::Eof { bytes: 50_000 }), "{end:?}");
        assert!(digests.unwrap().agree() && content(file) == content_of_all);
        for (_, ours) in silent {
            ours.shutdown(Shutdown::Both).unwrap();
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn reports_a_full_disk_as_a_file_error() {
    let mut pair = Pair::new(Extensions::VERIFY);
    let [to, from] = pair.seals();
    let sealed = sealed(from, &bytes(MIB));
    let (mut theirs, ours) = sockets();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            let _ = theirs.write_all(&sealed);
        });
        let received = AtomicU64::new(0);
        let (end, _) = receive_sealed(
            &ours,
            &full,
            None,
            sealing(to),
            &received,
            &BufferBudget::default(),
            &unlimited(),
        );
        drop(ours);
        let ReceiveEnd::FileError(error) = end else { panic!("{end:?}") };
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        assert_eq!(received.into_inner(), 0);
    });
}

/// Starts at the first byte.
pub(super) fn sealing(seal: Seal) -> Sealing {
    Sealing { seal, prefix: Hasher::new(), mark: None }
}
