//! Someone who answers in another's place, at any point of the handshake, of the safety words and of
//! the code: nothing but what the other side really said leads to an end.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::code::{Code, CodeError, Prover, Verifier};
use xcher_core::secure::{Entropy, Handshake, Identity, Keys, Safety, Side};
use xcher_core_fuzz::assert_printable;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// The place of the line that is replaced: three of the handshake, three of the words, four of
    /// the code.
    line: u8,
    with: With<'a>,
    prologue: &'a [u8],
}

#[derive(Arbitrary, Debug)]
enum With<'a> {
    Text(&'a str),
    /// Base64 of these, cut or filled up to what fits there.
    Bytes(&'a [u8]),
    /// What was said, with these added to it, bit by bit.
    Changed(&'a [u8]),
}

/// How long each line is, in bytes before base64.
const LENGTHS: [usize; 10] = [32, 96, 64, 32, 16, 16, 33, 33, 32, 32];

fuzz_target!(|input: Input| {
    let mut line = 0;
    let replaced = usize::from(input.line) % LENGTHS.len();
    let mut differs = false;
    let result = talk(input.prologue, &mut |said| {
        let place = line;
        line += 1;
        if place != replaced {
            return said;
        }
        let text = match input.with {
            With::Text(text) => text.to_owned(),
            With::Bytes(bytes) => {
                let mut bytes = bytes.to_vec();
                bytes.resize(LENGTHS[place], 0);
                base64(&bytes)
            }
            With::Changed(change) => {
                let mut bytes = unbase64(&said);
                assert_eq!(bytes.len(), LENGTHS[place]);
                for (byte, change) in bytes.iter_mut().zip(change) {
                    *byte ^= change;
                }
                base64(&bytes)
            }
        };
        differs = text != said;
        text
    });
    assert_eq!(result.is_err(), differs, "{result:?}");
    if let Err(why) = result {
        assert_printable(&why);
    }
});

/// Every line passes through `wire`. Whether all ended well, words and code included.
fn talk(prologue: &[u8], wire: &mut impl FnMut(String) -> String) -> Result<(), String> {
    let host = |side, number| {
        let mut entropy = Entropy::new([number; 32]);
        Handshake::new(side, &Identity::new([number; 32]), prologue, &mut entropy)
    };
    let (mut a, mut b) = (host(Side::Caller, 1), host(Side::Callee, 2));
    let said = |error: &dyn std::error::Error| error.to_string();
    b.read(&wire(a.write().expect("its turn"))).map_err(|error| said(&error))?;
    // A weak key is noticed only where it is used.
    let second = wire(b.write().map_err(|error| said(&error))?);
    a.read(&second).map_err(|error| said(&error))?;
    b.read(&wire(a.write().expect("its turn"))).map_err(|error| said(&error))?;
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
    // Three bytes of a hash: that they are the same by chance, no fuzzer waits for.
    if a.words() == b.words() { Ok(()) } else { Err("other words".to_owned()) }
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
        let mut sum = [0; 4];
        sum[1..=three.len()].copy_from_slice(three);
        let sum = u32::from_be_bytes(sum);
        for at in 0..4 {
            let letter = LETTERS[(sum >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= three.len() { letter.into() } else { '=' });
        }
    }
    text
}

fn unbase64(text: &str) -> Vec<u8> {
    let (mut bytes, mut sum, mut bits) = (Vec::new(), 0u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let six = LETTERS.iter().position(|known| *known == letter).expect("base64");
        (sum, bits) = (sum << 6 | six as u32, bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push((sum >> bits) as u8);
        }
    }
    bytes
}
