//! Whatever is said to it, a side says nothing beyond the six packets before it was told YES, and no
//! extension is in force before there are keys.

use xcher_core::secure::Side;
use xcher_core::session::Extensions;
use xcher_core::{FileName, Packet, Size, Stat};

use crate::talker::{Talker, code, terms};

const RUNS: u64 = 20_000;

const LINES: &[&str] = &[
    "X_CHK //xcher/2",
    "X_CHK //xcher/2 YES",
    "X_CHK //xcher/2 NO",
    "X_CAPS secure verify code resume passive offer stat aes",
    "X_CAPS resume passive offer stat",
    "X_CAPS passive",
    "X_CAPS",
    "X_SECURE ",
    "X_SECURE AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "X_SECURE CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "X_SAS AAAA",
    "X_AUTH NO",
    "X_FILELIST",
    "X_FILELIST EOF EOF",
    "X_CHK a",
    "X_CHK of A NO",
    "X_REQUEST a 1 40001",
    "X_REQUEST a 1 0",
    "X_RESUME a 5 4000 5 q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=",
    "X_PORT 0 4000",
    "X_STAT a 5 - -",
    "X_OFFER a 5",
    "X_OFFER a 5 - x",
    "X_OFFER EOF EOF",
    "X_FUTURE",
    "X_END",
    "GET / HTTP/1.1",
];

/// Whether a peer of sections 1 to 4 knows it.
fn is_of_six(line: &str) -> bool {
    match Packet::parse(line) {
        Ok(Packet::Unknown { .. }) | Err(_) => false,
        Ok(Packet::Request { port, .. }) => port != 0,
        Ok(_) => true,
    }
}

#[test]
fn no_line_of_an_extension_is_said_before_yes() {
    let (mut plain, mut errors, mut securing) = (0, 0, 0);
    for run in 0..RUNS {
        let mut rng = fastrand::Rng::with_seed(run);
        let side = if rng.bool() { Side::Caller } else { Side::Callee };
        let mut terms = terms(side, run as u8);
        terms.require_encryption = rng.u8(0..8) == 0;
        if rng.u8(0..8) == 0 {
            terms.code = code("crossover-clockwork-universe");
        }
        if rng.bool() {
            terms.extensions = terms.extensions.without(Extensions::SECURE);
        }
        let mut talker = Talker::new(terms);
        // For A the YES, for B the question, and only as the first line: after that it is too late.
        let (mut first, mut known) = (true, false);
        for _ in 0..rng.usize(1..8) {
            if rng.u8(0..6) == 0 && talker.session.is_probing() {
                talker.wait();
                first = false;
            }
            let line = match rng.u8(0..3) {
                0 if side == Side::Caller => LINES[1],
                0 => LINES[0],
                1 => LINES[rng.usize(3..6)],
                _ => LINES[rng.usize(..LINES.len())],
            };
            known |= first && line == LINES[usize::from(side == Side::Caller)];
            first = false;
            talker.hear(format!("{line}\n").as_bytes());
            act(&mut talker, &mut rng);
            if !known {
                let of_six = talker.lines().into_iter().all(is_of_six);
                assert!(of_six, "run {run}: {:?} after {line:?}", talker.lines());
            }
        }
        // Nobody here knows the answer to a handshake.
        assert_eq!(talker.session.extensions(), Extensions::default(), "run {run}");
        match () {
            () if talker.error.is_some() => errors += 1,
            () if talker.agreed().is_some() => plain += 1,
            () => securing += 1,
        }
    }
    let enough = RUNS as usize / 40;
    assert!(
        [plain, errors, securing].iter().all(|runs| *runs > enough),
        "{plain} {errors} {securing}"
    );
}

/// As a host acts: what is in force is used.
fn act(talker: &mut Talker, rng: &mut fastrand::Rng) {
    if talker.error.is_some() || talker.agreed().is_none() || talker.session.is_authenticating() {
        return;
    }
    let (named, name) = (talker.session.extensions(), FileName::parse("z").unwrap());
    let what = rng.u8(0..4);
    talker.act(|session, out| {
        // After X_END nothing is said.
        let _ = match what {
            0 => session.list(out),
            1 if named.has(Extensions::OFFER) => {
                session.offer(name, Size::Exact(1), Stat::default(), out)
            }
            2 if named.has(Extensions::RESUME) => {
                session.resume(name, Size::Exact(9), 4000, (3, [7; 32]), out).map(drop)
            }
            3 => {
                let port = if named.has(Extensions::PASSIVE) { 0 } else { 4000 };
                session.request(name, Size::Exact(1), port, out).map(drop)
            }
            _ => Ok(()),
        };
    });
}
