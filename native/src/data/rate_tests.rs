#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use xcher_core::session::Extensions;

use super::sealed_tests::{Two, sealing};
use super::send::by_copy as send_by_copy;
use super::tests::{bytes, content, file, run, sockets};
use super::*;

const RATE: u64 = 1 << 20;
/// Half a second's worth.
const SIZE: u64 = RATE / 2;

fn rate(bytes: u64) -> Rate {
    Rate::new(NonZeroU64::new(bytes))
}

/// What may have gone after so long, by the limit, with what goes at once and what a turn is.
fn allowed(since: Instant) -> u64 {
    (RATE as f64 * (since.elapsed().as_secs_f64() + 0.25 + 0.07)) as u64
}

/// Reads to the end, and sees at every piece that it was not sooner than it may be.
fn watch(mut from: impl Read, since: Instant, went: &AtomicU64) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), vec![0; 4096]);
    loop {
        let got = from.read(&mut piece).unwrap();
        if got == 0 {
            return all;
        }
        all.extend_from_slice(&piece[..got]);
        let went = went.fetch_add(got as u64, Ordering::Relaxed) + got as u64;
        assert!(went <= allowed(since), "{went} bytes after {:?}", since.elapsed());
    }
}

/// How long so many bytes take at the least.
#[track_caller]
fn assert_slow(took: Duration, bytes: u64) {
    let least = Duration::from_secs_f64(bytes as f64 / RATE as f64 - 0.25 - 0.07);
    assert!(took >= least && took < least * 20, "{bytes} bytes in {took:?}");
}

#[test]
fn every_way_out_keeps_to_the_rate() {
    let mut two = Two::new(Extensions::VERIFY);
    let whole = bytes(SIZE);
    for way in 0..6 {
        let (theirs, ours) = sockets();
        let (brake, sent, went) = (Brake::new(&rate(RATE)), AtomicU64::new(0), AtomicU64::new(0));
        let [seal, _] = two.seals();
        let began = Instant::now();
        let came = thread::scope(|scope| {
            scope.spawn(|| {
                let (from, to) = (file(&whole), &theirs);
                let from = || {
                    std::io::Seek::rewind(&mut &from).unwrap();
                    &from
                };
                let end = match way {
                    0 => send_now(to, from(), SIZE, &sent, &brake),
                    1 => send_by_copy(to, from(), 0, SIZE, &sent, &brake),
                    2 => send_sealed(to, from(), SIZE, sealing(seal), &sent, &brake),
                    3 => send_pipe(to, from(), None, &sent, &brake, |_| {}),
                    4 => send_pipe(to, from(), Some(seal), &sent, &brake, |_| {}),
                    _ => {
                        let files = [(0, SIZE / 2), (1, SIZE / 2)];
                        let half = |at: &u64, size: u64| {
                            let from = (at * size) as usize;
                            let mut half = file(&whole[from..from + size as usize]);
                            std::io::Seek::rewind(&mut half)
                                .map(|()| half)
                                .map_err(|e| e.to_string())
                        };
                        send_batch(to, &files, half, &mut Vec::new(), seal, &sent, &brake)
                    }
                };
                drop(theirs);
                assert!(matches!(end, SendEnd::Whole), "{way}: {end:?}");
            });
            watch(&ours, began, &went)
        });
        assert_slow(began.elapsed(), SIZE);
        assert_eq!(sent.into_inner(), SIZE, "{way}");
        assert!(![0, 1, 3].contains(&way) || came == whole, "{way}");
    }
}

#[test]
fn every_way_in_keeps_to_the_rate() {
    let mut two = Two::new(Extensions::VERIFY);
    let size = 2 * SIZE;
    let whole = bytes(size);
    for way in 0..4 {
        let (mut theirs, ours) = sockets();
        let (brake, received) = (Brake::new(&rate(RATE)), AtomicU64::new(0));
        let (buffers, to, [ours_sealed, seal]) =
            (BufferBudget::new(), tempfile::tempfile().unwrap(), two.seals());
        let began = Instant::now();
        thread::scope(|scope| {
            let whole = &whole;
            scope.spawn(move || {
                let (from, sent) = (file(whole), AtomicU64::new(0));
                match way {
                    // By a copy, and through a pipe of the system's.
                    0 | 1 => theirs.write_all(whole).unwrap(),
                    2 => drop(send_sealed(&theirs, &from, size, sealing(seal), &sent, &run())),
                    _ => {
                        let files = [(0, size / 8); 8];
                        let open = |_: &u64, size: u64| {
                            let mut part = file(&whole[..size as usize]);
                            std::io::Seek::rewind(&mut part)
                                .map(|()| part)
                                .map_err(|e| e.to_string())
                        };
                        let unsent = &mut Vec::new();
                        drop(send_batch(&theirs, &files, open, unsent, seal, &sent, &run()));
                    }
                }
            });
            let limit = Some(if way == 0 { size - 1 } else { size });
            match way {
                0 | 1 => drop(receive(&ours, &to, limit, &received, &buffers, &brake)),
                2 => {
                    let sealing = sealing(ours_sealed);
                    let end =
                        receive_sealed(&ours, &to, limit, sealing, &received, &buffers, &brake);
                    assert!(matches!(end.0, ReceiveEnd::Eof { .. }), "{end:?}");
                }
                _ => {
                    let receiver = ours_sealed.batch_receiver(vec![size / 8; 8]).unwrap();
                    let end = receive_batch(&ours, receiver, &buffers, &brake, |_, _| {}, || {});
                    assert!(matches!(end, ReceiveEnd::Eof { .. }), "{end:?}");
                }
            }
            // One who still sends is not kept waiting.
            drop(ours);
        });
        assert_slow(began.elapsed(), size);
        assert!(way == 3 || whole.starts_with(&content(to)), "{way}");
        assert!(brake.moves() > 10, "{way}");
    }
}

#[test]
fn sixteen_at_once_share_one_rate() {
    let shared = rate(RATE);
    let whole = bytes(SIZE / 8);
    let went = AtomicU64::new(0);
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..16 {
            let (theirs, ours) = sockets();
            let brake = Brake::new(&shared);
            let (whole, went) = (&whole, &went);
            scope.spawn(move || {
                let (from, size, sent) = (file(whole), whole.len() as u64, AtomicU64::new(0));
                assert!(matches!(send_now(&theirs, &from, size, &sent, &brake), SendEnd::Whole));
            });
            scope.spawn(move || assert!(watch(&ours, began, went) == *whole));
        }
    });
    assert_slow(began.elapsed(), 2 * SIZE);
}

#[test]
fn whoever_waits_for_a_turn_is_stopped_at_once() {
    let slow = rate(1);
    // Spends what there is for a long time.
    assert!(Brake::new(&slow).turn(1).is_ok());
    for sends in [true, false] {
        let (mut theirs, ours) = sockets();
        theirs.write_all(&[0; 1000]).unwrap();
        let (brake, moved, from) = (Brake::new(&slow), AtomicU64::new(0), file(&bytes(1000)));
        let began = Instant::now();
        thread::scope(|scope| {
            let transfer = scope.spawn(|| match sends {
                true => drop(send_now(&ours, &from, 1000, &moved, &brake)),
                false => {
                    let to = tempfile::tempfile().unwrap();
                    drop(receive(&ours, &to, None, &moved, &BufferBudget::new(), &brake));
                }
            });
            brake.stop();
            transfer.join().unwrap();
        });
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(moved.into_inner(), 0);
    }
}
