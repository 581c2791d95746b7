#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::destination::Destination;
use super::receive::by_copy as receive_by_copy;
use super::send::by_copy as send_by_copy;
use super::*;

const MIB: u64 = 1 << 20;

pub(super) fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (one, listener.accept().unwrap().0)
}

/// Returns a throttle without a limit that is never stopped.
pub(super) fn unlimited() -> Throttle {
    Throttle::default()
}

pub(super) fn bytes(length: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(length);
    (0..length).map(|_| random.u8(..)).collect()
}

pub(super) fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

pub(super) fn content(mut file: File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Receives while `peer` uses the other end.
fn receive_from(
    limit: Option<u64>,
    peer: impl FnOnce(TcpStream) + Send,
) -> (ReceiveEnd, Vec<u8>, u64) {
    let (theirs, ours) = sockets();
    let to = tempfile::tempfile().unwrap();
    let received = AtomicU64::new(0);
    let end = thread::scope(|scope| {
        scope.spawn(|| peer(theirs));
        receive(&ours, &to, limit, &received, &BufferBudget::default(), &unlimited())
    });
    (end, content(to), received.into_inner())
}

#[test]
fn files_of_every_size_arrive_complete() {
    for size in [0, 1, 4096, 300_000, MIB - 1, MIB, MIB + 1, 9 * MIB + 7] {
        let expected = bytes(size);
        for limit in [Some(size), None, Some(size + 1), Some(u64::MAX)] {
            let from = file(&expected);
            let sent = AtomicU64::new(0);
            let (end, got, received) = receive_from(limit, |socket| {
                assert!(matches!(
                    send_now(&socket, &from, size, &sent, &unlimited()),
                    SendEnd::Complete
                ));
            });
            assert!(matches!(end, ReceiveEnd::Eof { bytes } if bytes == size), "{end:?}");
            assert!(got == expected, "{size} bytes with limit {limit:?} differ");
            assert_eq!((received, sent.into_inner()), (size, size));
        }
    }
}

#[test]
fn copying_works_as_sendfile_and_splice_do() {
    for size in [0, 1, 300_000, 3 * MIB + 7] {
        let expected = bytes(size);
        let (theirs, ours) = sockets();
        let (from, to) = (file(&expected), tempfile::tempfile().unwrap());
        let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
        let end = thread::scope(|scope| {
            scope.spawn(|| {
                assert!(matches!(
                    send_by_copy(&theirs, &from, 0, size, &sent, &unlimited()),
                    SendEnd::Complete
                ));
                theirs.shutdown(Shutdown::Write).unwrap();
            });
            let throttle = unlimited();
            let mut to = Destination::new((&to).into(), Some(size), &received, &throttle);
            receive_by_copy(&ours, &mut to, &BufferBudget::default(), &throttle)
        });
        assert!(matches!(end, Ok(ReceiveEnd::Eof { bytes }) if bytes == size), "{end:?}");
        assert!(content(to) == expected, "{size} bytes differ");
        assert_eq!((received.into_inner(), sent.into_inner()), (size, size));
    }
}

#[test]
fn sends_no_more_bytes_than_announced() {
    let from = file(b"0123456789");
    let (end, got, _) = receive_from(None, |socket| {
        assert!(matches!(
            send_now(&socket, &from, 4, &AtomicU64::new(0), &unlimited()),
            SendEnd::Complete
        ));
    });
    assert!(matches!(end, ReceiveEnd::Eof { bytes: 4 }), "{end:?}");
    assert_eq!(got, b"0123");
}

#[test]
fn reports_too_few_bytes_as_an_end_and_too_many_as_excess() {
    for limit in [0, 5, MIB, 3 * MIB] {
        let whole = bytes(limit + 2);
        for (sends, excess) in
            [(limit / 2, false), (limit, false), (limit + 1, true), (limit + 2, true)]
        {
            let piece = &whole[..sends as usize];
            let (end, got, received) = receive_from(Some(limit), |mut socket| {
                // Refused bytes may come back as a reset.
                let _ = socket.write_all(piece);
            });
            let written = sends.min(limit);
            match end {
                ReceiveEnd::Eof { bytes } => assert!(!excess && bytes == written),
                ReceiveEnd::Excess { bytes } => assert!(excess && bytes == written),
                other => panic!("{sends} of {limit}: {other:?}"),
            }
            assert_eq!(received, written);
            assert!(got == piece[..written as usize], "{sends} of {limit} differ");
        }
    }
}

#[test]
fn a_file_that_shrank_does_not_look_complete() {
    for by_copy in [false, true] {
        let from = file(b"0123456789");
        let (end, _, _) = receive_from(Some(11), |socket| {
            let sent = AtomicU64::new(0);
            let end = match by_copy {
                true => send_by_copy(&socket, &from, 0, 11, &sent, &unlimited()),
                false => send_now(&socket, &from, 11, &sent, &unlimited()),
            };
            assert!(matches!(end, SendEnd::FileShrank { sent: 10 }), "{end:?}");
            assert_eq!(sent.into_inner(), 10);
            if by_copy {
                socket2::SockRef::from(&socket)
                    .set_linger(Some(std::time::Duration::ZERO))
                    .unwrap();
            }
        });
        assert!(matches!(end, ReceiveEnd::SocketError(_)), "{end:?}");
    }
}

#[test]
fn reports_an_unreadable_file_as_a_file_error() {
    let folder = File::open(std::env::temp_dir()).unwrap();
    let (end, _, _) = receive_from(Some(1), |socket| {
        let end = send_now(&socket, &folder, 1, &AtomicU64::new(0), &unlimited());
        assert!(matches!(end, SendEnd::FileError(_)), "{end:?}");
    });
    assert!(matches!(end, ReceiveEnd::SocketError(_)), "{end:?}");
}

#[test]
fn reports_a_peer_that_closes_early_as_a_socket_error() {
    // More than any socket's buffers take.
    let size = 1 << 30;
    let from = tempfile::tempfile().unwrap();
    from.set_len(size).unwrap();
    let (ours, theirs) = sockets();
    thread::scope(|scope| {
        scope.spawn(|| {
            (&theirs).read_exact(&mut [0; 1000]).unwrap();
            drop(theirs);
        });
        let end = send_now(&ours, &from, size, &AtomicU64::new(0), &unlimited());
        assert!(matches!(end, SendEnd::SocketError(_)), "{end:?}");
    });
}

#[test]
fn does_not_take_a_reset_for_an_end() {
    for limit in [10, 10 * MIB] {
        let (end, _, _) = receive_from(Some(limit), |mut socket| {
            socket.write_all(b"abc").unwrap();
            let linger = Some(std::time::Duration::ZERO);
            socket2::SockRef::from(&socket).set_linger(linger).unwrap();
        });
        assert!(matches!(end, ReceiveEnd::SocketError(_)), "{end:?}");
    }
}

#[test]
fn a_blocked_receive_can_be_cancelled() {
    for limit in [10, 10 * MIB] {
        let (mut theirs, ours) = sockets();
        theirs.write_all(b"abc").unwrap();
        let cancel = ours.try_clone().unwrap();
        let to = tempfile::tempfile().unwrap();
        let received = AtomicU64::new(0);
        let end = thread::scope(|scope| {
            let thread = scope.spawn(|| {
                receive(&ours, &to, Some(limit), &received, &BufferBudget::default(), &unlimited())
            });
            while received.load(Ordering::Relaxed) < 3 {
                thread::yield_now();
            }
            cancel.shutdown(Shutdown::Both).unwrap();
            thread.join().unwrap()
        });
        assert!(
            matches!(end, ReceiveEnd::Eof { bytes: 3 } | ReceiveEnd::SocketError(_)),
            "{end:?}"
        );
        assert_eq!(content(to), b"abc");
    }
}

#[test]
fn a_cancelled_send_does_not_look_complete() {
    // More than any socket's buffers take, so it cannot end by itself.
    let size = 1 << 30;
    let from = tempfile::tempfile().unwrap();
    from.set_len(size).unwrap();
    for by_copy in [false, true] {
        let (ours, mut theirs) = sockets();
        let (sent, throttle) = (AtomicU64::new(0), unlimited());
        let end = thread::scope(|scope| {
            let thread = scope.spawn(|| match by_copy {
                true => {
                    ours.set_write_timeout(Some(std::time::Duration::from_millis(10))).unwrap();
                    send_by_copy(&ours, &from, 0, size, &sent, &throttle)
                }
                false => send_now(&ours, &from, size, &sent, &throttle),
            });
            while sent.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            throttle.stop();
            thread.join().unwrap()
        });
        assert!(matches!(end, SendEnd::SocketError(_)), "{end:?}");
        assert!(sent.into_inner() < size);
        drop(ours);
        if !by_copy {
            let error = theirs.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
    }
}

#[test]
fn silent_peers_do_not_block_others() {
    let buffers = BufferBudget::default();
    let silent: Vec<_> = (0..16).map(|_| sockets()).collect();
    thread::scope(|scope| {
        let mut cancels = Vec::new();
        let (started, starts) = std::sync::mpsc::channel();
        for (mut theirs, ours) in silent {
            cancels.push((ours.try_clone().unwrap(), theirs.try_clone().unwrap()));
            theirs.write_all(b"a").unwrap();
            let (buffers, started) = (&buffers, started.clone());
            scope.spawn(move || {
                let received = AtomicU64::new(0);
                let to = tempfile::tempfile().unwrap();
                thread::scope(|scope| {
                    scope.spawn(|| {
                        while received.load(Ordering::Relaxed) == 0 {
                            thread::yield_now();
                        }
                        started.send(()).unwrap();
                    });
                    receive(&ours, &to, Some(2), &received, buffers, &unlimited());
                });
            });
        }
        for _ in 0..16 {
            starts.recv().unwrap();
        }
        // All sixteen have started and wait.
        let (mut theirs, ours) = sockets();
        theirs.write_all(b"hello").unwrap();
        drop(theirs);
        let to = tempfile::tempfile().unwrap();
        let end = receive(&ours, &to, Some(5), &AtomicU64::new(0), &buffers, &unlimited());
        assert!(matches!(end, ReceiveEnd::Eof { bytes: 5 }), "{end:?}");
        for (cancel, _) in cancels {
            cancel.shutdown(Shutdown::Both).unwrap();
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn reports_a_full_disk_as_a_file_error() {
    for size in [10, 3 * MIB] {
        let (mut theirs, ours) = sockets();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let content = bytes(size);
        let end = thread::scope(|scope| {
            scope.spawn(move || {
                let _ = theirs.write_all(&content);
            });
            let received = AtomicU64::new(0);
            let end = receive(
                &ours,
                &full,
                Some(size),
                &received,
                &BufferBudget::default(),
                &unlimited(),
            );
            drop(ours);
            assert_eq!(received.into_inner(), 0);
            end
        });
        let ReceiveEnd::FileError(error) = end else { panic!("{end:?}") };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_file_system_keeps_the_bytes_that_fit() {
    use crate::files::{Inbox, OnConflict};
    use std::process::Command;

    /// Unmounts even if the test fails.
    struct Mounted(tempfile::TempDir);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(folder.path());
    if !mount.output().is_ok_and(|output| output.status.success()) {
        // Mounting is not permitted here; the test above covers a full device.
        return;
    }
    let mounted = Mounted(folder);
    let inbox = Inbox::open(mounted.0.path(), OnConflict::Fail).unwrap();
    let partial = inbox.create(&xcher_core::FileName::new("big").unwrap(), None).unwrap();
    let (mut theirs, ours) = sockets();
    let received = AtomicU64::new(0);
    let end = thread::scope(|scope| {
        scope.spawn(move || {
            let _ = theirs.write_all(&bytes(4 * MIB));
        });
        let budget = BufferBudget::default();
        let end = receive(&ours, partial.file(), Some(4 * MIB), &received, &budget, &unlimited());
        drop(ours);
        end
    });
    let ReceiveEnd::FileError(error) = end else { panic!("{end:?}") };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    let kept = partial.keep().unwrap();
    assert!(kept.bytes > 0 && kept.bytes >= received.into_inner() && kept.path.exists());
}

/// Covers both ways of receiving: through a kernel pipe where there is one, and by copying.
#[test]
#[cfg(unix)]
fn is_writing_shows_that_the_reader_is_slow() {
    for limit in [3 * MIB, MIB / 2] {
        let expected = bytes(limit);
        let (theirs, ours) = sockets();
        let (mut reader, to) = io::pipe().unwrap();
        let to = File::from(std::os::fd::OwnedFd::from(to));
        let (received, throttle) = (AtomicU64::new(0), unlimited());
        thread::scope(|scope| {
            let (throttle, received) = (&throttle, &received);
            scope.spawn(|| {
                (&theirs).write_all(&expected).and_then(|()| theirs.shutdown(Shutdown::Write))
            });
            let receiving = scope.spawn(move || {
                let end =
                    receive(&ours, &to, Some(limit), received, &BufferBudget::default(), throttle);
                assert!(matches!(end, ReceiveEnd::Eof { .. }), "{end:?}");
            });
            // The pipe is full and stays so until it is read.
            let mut still = 0;
            let mut before = 0;
            while still < 20 {
                thread::sleep(std::time::Duration::from_millis(10));
                let now = received.load(Ordering::Relaxed);
                still = if throttle.is_writing() && now == before { still + 1 } else { 0 };
                before = now;
            }
            let mut got = vec![0; limit as usize];
            reader.read_exact(&mut got).unwrap();
            assert!(got == expected);
            receiving.join().unwrap();
            assert!(!throttle.is_writing());
        });
    }
}
