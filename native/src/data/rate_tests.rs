#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use xcher_core::session::Extensions;

use super::sealed_tests::{Pair, sealing};
use super::send::by_copy as send_by_copy;
use super::tests::{bytes, content, file, sockets, unlimited};
use super::*;

const RATE: u64 = 1 << 20;
/// Half a second's worth.
const SIZE: u64 = RATE / 2;

fn rate(bytes: u64) -> Rate {
    Rate::new(NonZeroU64::new(bytes))
}

/// Returns the most bytes that may have passed since then: the rate, the burst and one turn.
fn allowed(since: Instant) -> u64 {
    (RATE as f64 * (since.elapsed().as_secs_f64() + 0.25 + 0.07)) as u64
}

/// Reads to the end, and asserts that no bytes arrive sooner than the limit allows.
fn watch(mut from: impl Read, since: Instant, passed: &AtomicU64) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), vec![0; 4096]);
    loop {
        let got = from.read(&mut piece).unwrap();
        if got == 0 {
            return all;
        }
        all.extend_from_slice(&piece[..got]);
        let passed = passed.fetch_add(got as u64, Ordering::Relaxed) + got as u64;
        assert!(passed <= allowed(since), "{passed} bytes after {:?}", since.elapsed());
    }
}

/// Asserts that so many bytes took the time that the limit demands.
#[track_caller]
fn assert_slow(took: Duration, bytes: u64) {
    let least = Duration::from_secs_f64(bytes as f64 / RATE as f64 - 0.25 - 0.07);
    assert!(took >= least && took < least * 20, "{bytes} bytes in {took:?}");
}

#[test]
fn every_kind_of_sending_keeps_the_rate() {
    let mut pair = Pair::new(Extensions::VERIFY);
    let whole = bytes(SIZE);
    for way in 0..6 {
        let (theirs, ours) = sockets();
        let (throttle, sent, passed) =
            (Throttle::new(&rate(RATE)), AtomicU64::new(0), AtomicU64::new(0));
        let [seal, _] = pair.seals();
        let began = Instant::now();
        let came = thread::scope(|scope| {
            scope.spawn(|| {
                let (from, to) = (file(&whole), &theirs);
                let from = || {
                    std::io::Seek::rewind(&mut &from).unwrap();
                    &from
                };
                let end = match way {
                    0 => send_now(to, from(), SIZE, &sent, &throttle),
                    1 => send_by_copy(to, from(), 0, SIZE, &sent, &throttle),
                    2 => send_sealed(to, from(), SIZE, sealing(seal), &sent, &throttle),
                    3 => send_pipe(to, from(), None, &sent, &throttle, |_| {}),
                    4 => send_pipe(to, from(), Some(seal), &sent, &throttle, |_| {}),
                    _ => {
                        let files = [(0, SIZE / 2), (1, SIZE / 2)];
                        let half = |at: &u64, size: u64| {
                            let from = (at * size) as usize;
                            let mut half = file(&whole[from..from + size as usize]);
                            std::io::Seek::rewind(&mut half)
                                .map(|()| half)
                                .map_err(|e| e.to_string())
                        };
                        send_batch(to, &files, half, &mut Vec::new(), seal, &sent, &throttle)
                    }
                };
                drop(theirs);
                assert!(matches!(end, SendEnd::Complete), "{way}: {end:?}");
            });
            watch(&ours, began, &passed)
        });
        assert_slow(began.elapsed(), SIZE);
        assert_eq!(sent.into_inner(), SIZE, "{way}");
        assert!(![0, 1, 3].contains(&way) || came == whole, "{way}");
    }
}

#[test]
fn every_kind_of_receiving_keeps_the_rate() {
    let mut pair = Pair::new(Extensions::VERIFY);
    let size = 2 * SIZE;
    let whole = bytes(size);
    for way in 0..4 {
        let (mut theirs, ours) = sockets();
        let (throttle, received) = (Throttle::new(&rate(RATE)), AtomicU64::new(0));
        let (buffers, to, [ours_sealed, seal]) =
            (BufferBudget::default(), tempfile::tempfile().unwrap(), pair.seals());
        let began = Instant::now();
        thread::scope(|scope| {
            let whole = &whole;
            scope.spawn(move || {
                let (from, sent) = (file(whole), AtomicU64::new(0));
                match way {
                    // By copying, and through a kernel pipe.
                    0 | 1 => theirs.write_all(whole).unwrap(),
                    2 => {
                        drop(send_sealed(&theirs, &from, size, sealing(seal), &sent, &unlimited()))
                    }
                    _ => {
                        let files = [(0, size / 8); 8];
                        let open = |_: &u64, size: u64| {
                            let mut part = file(&whole[..size as usize]);
                            std::io::Seek::rewind(&mut part)
                                .map(|()| part)
                                .map_err(|e| e.to_string())
                        };
                        let unsent = &mut Vec::new();
                        drop(send_batch(&theirs, &files, open, unsent, seal, &sent, &unlimited()));
                    }
                }
            });
            let limit = Some(if way == 0 { size - 1 } else { size });
            match way {
                0 | 1 => drop(receive(&ours, &to, limit, &received, &buffers, &throttle)),
                2 => {
                    let sealing = sealing(ours_sealed);
                    let end =
                        receive_sealed(&ours, &to, limit, sealing, &received, &buffers, &throttle);
                    assert!(matches!(end.0, ReceiveEnd::Eof { .. }), "{end:?}");
                }
                _ => {
                    let receiver = ours_sealed.batch_receiver(vec![size / 8; 8]).unwrap();
                    let end = receive_batch(&ours, receiver, &buffers, &throttle, |_, _| {}, || {});
                    assert!(matches!(end, ReceiveEnd::Eof { .. }), "{end:?}");
                }
            }
            // Ends a peer that still sends.
            drop(ours);
        });
        assert_slow(began.elapsed(), size);
        assert!(way == 3 || whole.starts_with(&content(to)), "{way}");
        assert!(throttle.moves() > 10, "{way}");
    }
}

#[test]
fn sixteen_transfers_share_one_rate() {
    let shared = rate(RATE);
    let whole = bytes(SIZE / 8);
    let passed = AtomicU64::new(0);
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..16 {
            let (theirs, ours) = sockets();
            let throttle = Throttle::new(&shared);
            let (whole, passed) = (&whole, &passed);
            scope.spawn(move || {
                let (from, size, sent) = (file(whole), whole.len() as u64, AtomicU64::new(0));
                assert!(matches!(
                    send_now(&theirs, &from, size, &sent, &throttle),
                    SendEnd::Complete
                ));
            });
            scope.spawn(move || assert!(watch(&ours, began, passed) == *whole));
        }
    });
    assert_slow(began.elapsed(), 2 * SIZE);
}

#[test]
fn a_transfer_that_waits_for_a_turn_stops_at_once() {
    let slow = rate(1);
    // Spends the budget of a long time.
    assert!(Throttle::new(&slow).wait_turn(1).is_ok());
    for sends in [true, false] {
        let (mut theirs, ours) = sockets();
        theirs.write_all(&[0; 1000]).unwrap();
        let (throttle, moved, from) = (Throttle::new(&slow), AtomicU64::new(0), file(&bytes(1000)));
        let began = Instant::now();
        thread::scope(|scope| {
            let transfer = scope.spawn(|| match sends {
                true => drop(send_now(&ours, &from, 1000, &moved, &throttle)),
                false => {
                    let to = tempfile::tempfile().unwrap();
                    drop(receive(&ours, &to, None, &moved, &BufferBudget::default(), &throttle));
                }
            });
            throttle.stop();
            transfer.join().unwrap();
        });
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(moved.into_inner(), 0);
    }
}
