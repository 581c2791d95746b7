//! An attacker that replaces any line of the handshake, of the safety words or of the code: only
//! the lines that the peer really sent succeed.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::code::{Code, CodeError, Prover, Verifier};
use xcher_core::secure::{Entropy, Handshake, Identity, Keys, Safety, Side};
use xcher_core_fuzz::assert_printable;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// The index of the replaced line: three of the handshake, three of the words, four of the code.
    line: u8,
    with: With<'a>,
    prologue: &'a [u8],
}

#[derive(Arbitrary, Debug)]
enum With<'a> {
    Text(&'a str),
    /// Base64 of these bytes, cut or padded to the expected length.
    Bytes(&'a [u8]),
    /// The original bytes XOR these.
    Changed(&'a [u8]),
}

/// The length of each line, in bytes before base64.
const LENGTHS: [usize; 10] = [32, 96, 64, 32, 16, 16, 33, 33, 32, 32];

fuzz_target!(|input: Input| {
    let mut line = 0;
    let replaced = usize::from(input.line) % LENGTHS.len();
    let mut differs = false;
    let result = exchange(input.prologue, &mut |sent| {
        let place = line;
        line += 1;
        if place != replaced {
            return sent;
        }
        let text = match input.with {
            With::Text(text) => text.to_owned(),
            With::Bytes(bytes) => {
                let mut bytes = bytes.to_vec();
                bytes.resize(LENGTHS[place], 0);
                base64(&bytes)
            }
            With::Changed(change) => {
                let mut bytes = unbase64(&sent);
                assert_eq!(bytes.len(), LENGTHS[place]);
                for (byte, change) in bytes.iter_mut().zip(change) {
                    *byte ^= change;
                }
                base64(&bytes)
            }
        };
        differs = text != sent;
        text
    });
    assert_eq!(result.is_err(), differs, "{result:?}");
    if let Err(why) = result {
        assert_printable(&why);
    }
});

/// Passes every line through `wire`. Succeeds if the handshake, the words and the code do.
fn exchange(prologue: &[u8], wire: &mut impl FnMut(String) -> String) -> Result<(), String> {
    let host = |side, number| {
        let mut entropy = Entropy::new([number; 32]);
        Handshake::new(side, &Identity::new([number; 32]), prologue, &mut entropy)
    };
    let (mut a, mut b) = (host(Side::Caller, 1), host(Side::Callee, 2));
    let text = |error: &dyn std::error::Error| error.to_string();
    b.read(&wire(a.write().expect("its turn"))).map_err(|error| text(&error))?;
    // A weak key is detected only when it is used.
    let second = wire(b.write().map_err(|error| text(&error))?);
    a.read(&second).map_err(|error| text(&error))?;
    b.read(&wire(a.write().expect("its turn"))).map_err(|error| text(&error))?;
    let ((a, ..), (b, ..)) = (a.finish().expect("the end"), b.finish().expect("the end"));
    assert_eq!(a.hash(), b.hash());
    words(&a, &b, wire)?;
    code(&a, &b, wire).map_err(|error| error.to_string())
}

fn words(a: &Keys, b: &Keys, wire: &mut impl FnMut(String) -> String) -> Result<(), String> {
    let mut a = Safety::new(a, &mut Entropy::new([3; 32]));
    let mut b = Safety::new(b, &mut Entropy::new([4; 32]));
    b.read(&wire(a.write().expect("its turn"))).map_err(|error| error.to_string())?;
    a.read(&wire(b.write().expect("its turn"))).map_err(|error| error.to_string())?;
    b.read(&wire(a.write().expect("its turn"))).map_err(|error| error.to_string())?;
    // The words are three bytes of a hash, which do not match by chance while fuzzing.
    if a.words() == b.words() { Ok(()) } else { Err("different words".to_owned()) }
}

fn code(a: &Keys, b: &Keys, wire: &mut impl FnMut(String) -> String) -> Result<(), CodeError> {
    let code: Code = "4821-crossover-clockwork-universe".parse().expect("a code");
    let mut a = Prover::new(&code, a, &mut Entropy::new([5; 32]));
    let mut b = Verifier::new(&code, b, &mut Entropy::new([6; 32]));
    let first = wire(a.start().to_owned());
    let answer = wire(b.answer(&first)?);
    let proof = wire(a.answer(&answer)?);
    let proof = wire(b.confirm(&proof)?);
    a.confirm(&proof)
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut word = [0; 4];
        word[1..=three.len()].copy_from_slice(three);
        let word = u32::from_be_bytes(word);
        for at in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= three.len() { letter.into() } else { '=' });
        }
    }
    text
}

fn unbase64(text: &str) -> Vec<u8> {
    let (mut bytes, mut word, mut bits) = (Vec::new(), 0u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let six = LETTERS.iter().position(|known| *known == letter).expect("base64");
        (word, bits) = (word << 6 | six as u32, bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits) as u8);
        }
    }
    bytes
}
