//! Regenerates `tests/vectors/secure.json`: `secure_vectors FILE`.
//!
//! Builds the handshake, the records and the words from the underlying libraries alone, as PROTOCOL.md
//! describes them, so that the crate and its vectors do not share an error.

use blake3::Hasher;
use chacha20poly1305::{AeadInPlace as _, ChaCha20Poly1305, KeyInit as _};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState};
use xcher_core::code::{Prover, Verifier};
use xcher_core::secure::{Entropy, Handshake, Identity, Keys, Safety, SafetyWords, Side};

const PROLOGUE: &str = "X_INIT bob\nX_CHK //xcher/2\nX_CHK //xcher/2 YES\nX_CAPS secure code aes\nX_CAPS secure verify aes\n";
const CONTROL: [(&str, &str); 5] = [
    ("A", "X_FILELIST\n"),
    ("B", "X_FILELIST a b 7\nX_FILELIST EOF EOF\n"),
    ("A", "X_REQUEST a b 7 40001\n"),
    ("B", "X_"),
    ("B", "END\n"),
];
/// The records of each file without the last one: a text and its number of repetitions.
const FILES: [&[(&str, usize)]; 5] =
    [&[], &[("a", 1)], &[("a", 65_519)], &[("first", 1), ("second", 1)], &[("xcher ", 4000)]];
const CODE: &str = "4821-crossover-clockwork-universe";

/// Seeds: the secret key, and the entropy for the handshake, the words and the code.
const CALLER: [u8; 4] = [0x11, 0x21, 0x31, 0x41];
const CALLEE: [u8; 4] = [0x12, 0x22, 0x32, 0x42];

fn main() -> std::io::Result<()> {
    let Some(file) = std::env::args_os().nth(1) else {
        return Err(std::io::Error::other("usage: secure_vectors FILE"));
    };
    let mut text = serde_json::to_string_pretty(&vectors())?;
    text.push('\n');
    std::fs::write(file, text)
}

fn vectors() -> Value {
    let (mut a, mut b) = (noise(CALLER, true), noise(CALLEE, false));
    let mut messages = Vec::new();
    for turn in 0..3 {
        let (from, to) = if turn % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
        let mut message = [0; 96];
        let length = from.write_message(&[], &mut message).expect("its turn");
        to.read_message(&message[..length], &mut []).expect("a message");
        messages.push(base64(&message[..length]));
    }
    let hash = *a.get_handshake_hash().first_chunk::<32>().expect("32 bytes");
    let (first, second) = a.dangerously_get_raw_split();
    json!({
        "prologue": PROLOGUE,
        "caller": host_json(CALLER),
        "called": host_json(CALLEE),
        "handshake": {
            "messages": messages,
            "hash": hex(&hash),
            "first key": hex(&first),
            "second key": hex(&second),
        },
        "control": control(&first, &second),
        "data": data(&first, &second, &hash),
        "safety": safety(&hash),
        "code": code(),
    })
}

fn noise([secret, entropy, ..]: [u8; 4], caller: bool) -> HandshakeState {
    let params = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse().expect("a name");
    let secret = [secret; 32];
    let builder = Builder::with_resolver(params, Box::new(Ephemeral([entropy; 32])))
        .local_private_key(&secret)
        .and_then(|builder| builder.prologue(PROLOGUE.as_bytes()))
        .expect("said once");
    if caller { builder.build_initiator() } else { builder.build_responder() }.expect("complete")
}

/// Snow's own primitives, with the first 32 bytes of this entropy as the ephemeral key.
struct Ephemeral([u8; 32]);

impl CryptoResolver for Ephemeral {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Ephemeral(self.0)))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

impl Random for Ephemeral {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), snow::Error> {
        bytes.copy_from_slice(&Entropy::new(self.0).bytes::<32>());
        Ok(())
    }
}

fn host_json([secret, handshake, safety, code]: [u8; 4]) -> Value {
    json!({
        "secret": hex(&[secret; 32]),
        "public": Identity::new([secret; 32]).public().to_string(),
        "handshake entropy": hex(&[handshake; 32]),
        "safety entropy": hex(&[safety; 32]),
        "code entropy": hex(&[code; 32]),
    })
}

fn control(first: &[u8; 32], second: &[u8; 32]) -> Value {
    let mut next = [0, 0];
    let record = |(side, text): (&str, &str)| {
        let (key, next) = if side == "A" { (first, &mut next[0]) } else { (second, &mut next[1]) };
        let bytes = record(|nonce, text| chacha(key, nonce, text), *next, false, text.as_bytes());
        *next += 1;
        json!({ "side": side, "text": text, "record": hex(&bytes) })
    };
    CONTROL.map(record).into()
}

fn data(first: &[u8; 32], second: &[u8; 32], hash: &[u8; 32]) -> Value {
    let mut all = Vec::new();
    for (cipher, files) in [("ChaCha20-Poly1305", &FILES[..]), ("AES-256-GCM", &FILES[..])] {
        for (at, texts) in files.iter().enumerate() {
            let (requester, number) = (["A", "B"][at % 2], at as u64 / 2);
            let key = Hasher::new_derive_key("xcher 2 data key")
                .update(&[&first[..], second, hash, requester.as_bytes()].concat())
                .update(&number.to_le_bytes())
                .update(cipher.as_bytes())
                .finalize();
            let seal = |nonce: [u8; 12], text: &mut [u8]| match cipher {
                "AES-256-GCM" => aes(key.as_bytes(), nonce, text),
                _ => chacha(key.as_bytes(), nonce, text),
            };
            let mut records = Vec::new();
            for (counter, (text, times)) in (0..).zip(*texts) {
                let bytes = record(seal, counter, false, text.repeat(*times).as_bytes());
                records.push(short(&bytes, json!({ "text": text, "times": times })));
            }
            let last = record(seal, texts.len() as u64, true, b"");
            records.push(short(&last, json!("last")));
            all.push(json!({
                "requester": requester,
                "number": number,
                "cipher": cipher,
                "key": hex(key.as_bytes()),
                "records": records,
            }));
        }
    }
    all.into()
}

fn safety(hash: &[u8; 32]) -> Value {
    let number = |seed| Entropy::new([seed; 32]).bytes::<16>();
    let (a, b) = (number(CALLER[2]), number(CALLEE[2]));
    let hash = Hasher::new_derive_key("xcher 2 safety words")
        .update(&[&hash[..], &a, &b].concat())
        .finalize();
    json!({
        "lines": [base64(blake3::hash(&a).as_bytes()), base64(&b), base64(&a)],
        // Uses the crate's own word lists.
        "bytes": hex(&hash.as_bytes()[..3]),
        "words": words().to_string(),
    })
}

fn words() -> SafetyWords {
    let (a, b) = keys();
    let mut a = Safety::new(&a, &mut Entropy::new([CALLER[2]; 32]));
    let mut b = Safety::new(&b, &mut Entropy::new([CALLEE[2]; 32]));
    b.read(&a.write().expect("its turn")).expect("a line");
    a.read(&b.write().expect("its turn")).expect("a line");
    a.write();
    a.words().expect("the end")
}

/// Uses the crate itself: `spake2` does not accept a fixed scalar.
fn code() -> Value {
    let (a, b) = keys();
    let code = CODE.parse().expect("a code");
    let mut prover = Prover::new(&code, &a, &mut Entropy::new([CALLER[3]; 32]));
    let mut verifier = Verifier::new(&code, &b, &mut Entropy::new([CALLEE[3]; 32]));
    let first = prover.start().to_owned();
    let second = verifier.answer(&first).expect("its turn");
    let third = prover.answer(&second).expect("its turn");
    let fourth = verifier.confirm(&third).expect("the same code");
    json!({ "code": CODE, "lines": [first, second, third, fourth] })
}

fn keys() -> (Keys, Keys) {
    let host = |side, [secret, entropy, ..]: [u8; 4]| {
        let identity = Identity::new([secret; 32]);
        Handshake::new(side, &identity, PROLOGUE.as_bytes(), &mut Entropy::new([entropy; 32]))
    };
    let (mut a, mut b) = (host(Side::Caller, CALLER), host(Side::Callee, CALLEE));
    b.read(&a.write().expect("its turn")).expect("a message");
    a.read(&b.write().expect("its turn")).expect("a message");
    b.read(&a.write().expect("its turn")).expect("a message");
    (a.finish().expect("the end").0, b.finish().expect("the end").0)
}

fn record(
    seal: impl Fn([u8; 12], &mut [u8]) -> [u8; 16],
    counter: u64,
    last: bool,
    text: &[u8],
) -> Vec<u8> {
    let mut nonce = [0; 12];
    nonce[0] = last.into();
    nonce[4..].copy_from_slice(&counter.to_le_bytes());
    let mut text = text.to_vec();
    let tag = seal(nonce, &mut text);
    let length = u16::try_from(text.len() + tag.len()).expect("a record");
    [&length.to_be_bytes()[..], &text, &tag].concat()
}

fn chacha(key: &[u8; 32], nonce: [u8; 12], text: &mut [u8]) -> [u8; 16] {
    let cipher = ChaCha20Poly1305::new(key.into());
    cipher.encrypt_in_place_detached(&nonce.into(), &[], text).expect("a record").into()
}

fn aes(key: &[u8; 32], nonce: [u8; 12], text: &mut [u8]) -> [u8; 16] {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("32 bytes"));
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), text).expect("a record");
    *tag.as_ref().first_chunk().expect("16 bytes")
}

/// Describes a long record by its length and both ends; the tag covers the rest.
fn short(record: &[u8], text: Value) -> Value {
    json!({
        "text": text,
        "length": record.len(),
        "begin": hex(&record[..record.len().min(32)]),
        "end": hex(&record[record.len().saturating_sub(32)..]),
    })
}

fn base64(bytes: &[u8]) -> String {
    use base64ct::{Base64, Encoding as _};
    let mut text = [0; 128];
    Base64::encode(bytes, &mut text).expect("96 bytes or fewer").to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
