//! Replays `vectors/secure.json`, the bytes that two hosts with known secrets exchange.
//! `examples/secure_vectors.rs` wrote it.

#![allow(clippy::unwrap_used)]

use chacha20poly1305::{AeadInPlace as _, ChaCha20Poly1305, KeyInit as _};
use serde_json::Value;
use xcher_core::code::{Code, Prover, Verifier};
use xcher_core::secure::record::{HEAD_LEN, TAG_LEN};
use xcher_core::secure::{
    Cipher, Entropy, Handshake, Identity, Keys, Opener, Safety, Sealer, Side,
};

struct Vectors(Value);

impl Vectors {
    fn read() -> Self {
        Self(serde_json::from_str(include_str!("vectors/secure.json")).unwrap())
    }

    fn entropy(&self, side: Side, what: &str) -> Entropy {
        Entropy::new(bytes(&self.0[name(side)][format!("{what} entropy")]).try_into().unwrap())
    }

    /// Both ends of the session, checked message by message.
    fn session(&self) -> [(Keys, Sealer, Opener); 2] {
        let prologue = text(&self.0["prologue"]).as_bytes();
        let [mut a, mut b] = [Side::Caller, Side::Callee].map(|side| {
            let identity = self.identity(side);
            Handshake::new(side, &identity, prologue, &mut self.entropy(side, "handshake"))
        });
        for (turn, message) in
            self.0["handshake"]["messages"].as_array().unwrap().iter().enumerate()
        {
            let (from, to) = if turn % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
            assert_eq!(from.write().unwrap(), text(message), "message {turn}");
            to.read(text(message)).unwrap();
        }
        [a.finish().unwrap(), b.finish().unwrap()]
    }

    fn identity(&self, side: Side) -> Identity {
        Identity::new(bytes(&self.0[name(side)]["secret"]).try_into().unwrap())
    }
}

fn name(side: Side) -> &'static str {
    if side == Side::Caller { "caller" } else { "called" }
}

fn side(letter: &Value) -> Side {
    if text(letter) == "A" { Side::Caller } else { Side::Callee }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = text(hex);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn keys_and_handshake() {
    let vectors = Vectors::read();
    let sessions = vectors.session();
    for (here, there) in [(Side::Caller, Side::Callee), (Side::Callee, Side::Caller)] {
        let public = vectors.identity(here).public();
        assert_eq!(public.to_string(), text(&vectors.0[name(here)]["public"]));
        let keys = &sessions[usize::from(there == Side::Callee)].0;
        assert_eq!(keys.remote_key(), public);
        assert_eq!(keys.hash()[..], bytes(&vectors.0["handshake"]["hash"]));
    }
}

/// The keys are in the file for other implementations. This crate does not reveal them, so records
/// are decrypted instead.
#[test]
fn the_keys_are_those_of_the_records() {
    let vectors = Vectors::read().0;
    let handshake = &vectors["handshake"];
    let [first, second, hash] =
        ["first key", "second key", "hash"].map(|what| bytes(&handshake[what]));
    for vector in vectors["data"].as_array().unwrap() {
        let number = vector["number"].as_u64().unwrap().to_le_bytes();
        let requester = text(&vector["requester"]).as_bytes();
        let cipher = text(&vector["cipher"]).as_bytes();
        let material = [&first[..], &second, &hash, requester, &number, cipher].concat();
        let key = blake3::derive_key("xcher 2 data key", &material);
        assert_eq!(key[..], bytes(&vector["key"]), "{vector}");
    }
    let mut next = [0u64; 2];
    for vector in vectors["control"].as_array().unwrap() {
        let (key, next) = match side(&vector["side"]) {
            Side::Caller => (&first, &mut next[0]),
            Side::Callee => (&second, &mut next[1]),
        };
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&next.to_le_bytes());
        *next += 1;
        let mut record = bytes(&vector["record"]).split_off(HEAD_LEN);
        let cipher = ChaCha20Poly1305::new(key[..].into());
        let tag = record.split_off(record.len() - TAG_LEN);
        cipher.decrypt_in_place_detached(&nonce.into(), &[], &mut record, tag[..].into()).unwrap();
        assert_eq!(record, text(&vector["text"]).as_bytes());
    }
}

#[test]
fn control_records() {
    let vectors = Vectors::read();
    let [(_, mut from_a, mut to_a), (_, mut from_b, mut to_b)] = vectors.session();
    for vector in vectors.0["control"].as_array().unwrap() {
        let (sealer, opener) = match side(&vector["side"]) {
            Side::Caller => (&mut from_a, &mut to_b),
            Side::Callee => (&mut from_b, &mut to_a),
        };
        let mut out = Vec::new();
        sealer.seal(text(&vector["text"]).as_bytes(), &mut out).unwrap();
        assert_eq!(out, bytes(&vector["record"]), "{vector}");
        assert_eq!(opener.receive(&mut &out[..]).unwrap(), Some(text(&vector["text"]).as_bytes()));
    }
}

#[test]
fn data_records() {
    let vectors = Vectors::read();
    let [(a, ..), (b, ..)] = vectors.session();
    let mut seen = 0;
    for vector in vectors.0["data"].as_array().unwrap() {
        let cipher = match text(&vector["cipher"]) {
            "AES-256-GCM" => Cipher::Aes256Gcm,
            _ => Cipher::ChaCha20Poly1305,
        };
        if !cipher.is_available() {
            continue;
        }
        seen += 1;
        let (requester, number) = (side(&vector["requester"]), vector["number"].as_u64().unwrap());
        let (requested, provided) = if requester == Side::Caller { (&a, &b) } else { (&b, &a) };
        let mut sealer = provided.data(requester, number, cipher).sealer().unwrap();
        let mut opener = requested.data(requester, number, cipher).opener().unwrap();
        let (last, records) = vector["records"].as_array().unwrap().split_last().unwrap();
        for expected in records {
            let times = expected["text"]["times"].as_u64().unwrap() as usize;
            let text = text(&expected["text"]["text"]).repeat(times);
            let mut record = [&[0; HEAD_LEN], text.as_bytes(), &[0; TAG_LEN]].concat();
            sealer.seal(&mut record).unwrap();
            compare(&record, expected);
            assert_eq!(opener.receive(&mut &record[..]).unwrap(), Some(text.as_bytes()));
        }
        let record = sealer.finish().unwrap();
        compare(&record, last);
        assert_eq!(opener.receive(&mut &record[..]).unwrap(), Some(&[][..]));
        assert_eq!(opener.close(), Ok(()));
    }
    assert_eq!(seen, if Cipher::Aes256Gcm.is_available() { 10 } else { 5 });
}

fn compare(record: &[u8], expected: &Value) {
    assert_eq!(record.len() as u64, expected["length"].as_u64().unwrap());
    assert!(record.starts_with(&bytes(&expected["begin"])), "{expected}");
    assert!(record.ends_with(&bytes(&expected["end"])), "{expected}");
}

#[test]
fn safety_words() {
    let vectors = Vectors::read();
    let [(a, ..), (b, ..)] = vectors.session();
    let mut a = Safety::new(&a, &mut vectors.entropy(Side::Caller, "safety"));
    let mut b = Safety::new(&b, &mut vectors.entropy(Side::Callee, "safety"));
    for (turn, line) in vectors.0["safety"]["lines"].as_array().unwrap().iter().enumerate() {
        let (from, to) = if turn % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
        assert_eq!(from.write().unwrap(), text(line), "line {turn}");
        to.read(text(line)).unwrap();
    }
    for side in [a, b] {
        assert_eq!(side.words().unwrap().to_string(), text(&vectors.0["safety"]["words"]));
    }
}

#[test]
fn code_exchange() {
    let vectors = Vectors::read();
    let [(a, ..), (b, ..)] = vectors.session();
    let code: Code = text(&vectors.0["code"]["code"]).parse().unwrap();
    let mut prover = Prover::new(&code, &a, &mut vectors.entropy(Side::Caller, "code"));
    let mut verifier = Verifier::new(&code, &b, &mut vectors.entropy(Side::Callee, "code"));
    let lines: Vec<_> = vectors.0["code"]["lines"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(prover.start(), lines[0]);
    assert_eq!(verifier.answer(lines[0]).unwrap(), lines[1]);
    assert_eq!(prover.answer(lines[1]).unwrap(), lines[2]);
    assert_eq!(verifier.confirm(lines[2]).unwrap(), lines[3]);
    assert_eq!(prover.confirm(lines[3]), Ok(()));
}
