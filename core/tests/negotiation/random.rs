//! Checks random input: a side sends nothing beyond the base protocol before it received YES, and no
//! extension is in force before the handshake.

use xcher_core::secure::Side;
use xcher_core::session::Extensions;
use xcher_core::{FileName, Packet, Size, Stat};

use crate::endpoint::{Endpoint, code, terms};

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
    "X_STAT a 5 - t",
    "X_OFFER a 5",
    "X_OFFER a 5 - x",
    "X_OFFER EOF EOF",
    "X_FUTURE",
    "X_END",
    "GET / HTTP/1.1",
];

/// Returns true for a line of the base protocol.
fn is_base_protocol(line: &str) -> bool {
    match Packet::parse(line) {
        Ok(Packet::Unknown { .. }) | Err(_) => false,
        Ok(Packet::Request { port, .. }) => port != 0,
        Ok(_) => true,
    }
}

#[test]
fn no_extension_line_is_sent_before_yes() {
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
        let mut endpoint = Endpoint::new(terms);
        // Set once the first line was the YES (for A) or the probe (for B); later is too late.
        let (mut first, mut known) = (true, false);
        for _ in 0..rng.usize(1..8) {
            let line = match rng.u8(0..3) {
                0 if side == Side::Caller => LINES[1],
                0 => LINES[0],
                1 => LINES[rng.usize(3..6)],
                _ => LINES[rng.usize(..LINES.len())],
            };
            known |= first && line == LINES[usize::from(side == Side::Caller)];
            first = false;
            endpoint.receive(format!("{line}\n").as_bytes());
            act(&mut endpoint, &mut rng);
            if !known {
                let base_protocol = endpoint.lines().into_iter().all(is_base_protocol);
                assert!(base_protocol, "run {run}: {:?} after {line:?}", endpoint.lines());
            }
        }
        // No line completes the handshake.
        assert_eq!(endpoint.session.extensions(), Extensions::default(), "run {run}");
        match () {
            () if endpoint.error.is_some() => errors += 1,
            () if endpoint.agreed().is_some() => plain += 1,
            () => securing += 1,
        }
    }
    let enough = RUNS as usize / 40;
    assert!(
        [plain, errors, securing].iter().all(|runs| *runs > enough),
        "{plain} {errors} {securing}"
    );
}

/// Acts as a host does, with the extensions in force.
fn act(endpoint: &mut Endpoint, rng: &mut fastrand::Rng) {
    if endpoint.error.is_some()
        || endpoint.agreed().is_none()
        || endpoint.session.is_authenticating()
    {
        return;
    }
    let (named, name) = (endpoint.session.extensions(), FileName::parse("z").unwrap());
    let what = rng.u8(0..4);
    endpoint.act(|session, out| {
        // After X_END the session refuses.
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
