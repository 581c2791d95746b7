//! A file's bytes and their digest (section 13) that a dishonest peer encrypts: records of any length and
//! plaintext. With every split, the file is everything before a last record of a digest's length, and the
//! digests agree only if that record is the file's digest.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::secure::record::{HEAD_LEN, TAG_LEN};
use xcher_core::secure::{Cipher, Keys, Side};
use xcher_core::stream::{Digests, Hasher, Seal};
use xcher_core_fuzz::{assert_printable, split, with_keys};

#[derive(Arbitrary, Debug)]
struct Input {
    seed: u8,
    verify: bool,
    records: Vec<Part>,
    /// True if the last record is sent.
    ends: bool,
}

#[derive(Arbitrary, Debug)]
enum Part {
    Bytes(Vec<u8>),
    /// As many bytes as a digest has.
    DigestLength([u8; 32]),
    /// The digest of all bytes before it.
    Digest,
}

/// The file, and its digests if the end came.
type Outcome = (Vec<u8>, Option<Option<Digests>>);

fuzz_target!(|input: Input| {
    let mut records: Vec<Vec<u8>> = Vec::new();
    for part in input.records.iter().take(16) {
        records.push(match part {
            Part::Bytes(bytes) if bytes.is_empty() => continue,
            Part::Bytes(bytes) => bytes.iter().copied().take(16_000).collect(),
            Part::DigestLength(bytes) => bytes.to_vec(),
            Part::Digest => Hasher::new().update(&records.concat()).finalize().as_bytes().to_vec(),
        });
    }
    with_keys(|a, b| {
        let mut sealer =
            a.data(Side::Callee, 5, Cipher::default()).sealer().expect("a common cipher");
        let mut sealed = Vec::new();
        for text in &records {
            let mut record = [&[0; HEAD_LEN], &text[..], &[0; TAG_LEN]].concat();
            sealer.seal(&mut record).expect("a record");
            sealed.extend(record);
        }
        if input.ends {
            sealed.extend(sealer.finish().expect("a record"));
        }
        let whole = receive(b, input.verify, &[&sealed]);
        assert_eq!(whole, receive(b, input.verify, &split(input.seed, &sealed)));
        assert_eq!(whole, receive(b, input.verify, &split(0, &sealed)));
        assert_eq!(whole, read_simply(&input, &records));
    });
});

fn receive(keys: &Keys, verify: bool, pieces: &[&[u8]]) -> Outcome {
    let seal = Seal::new(keys.data(Side::Callee, 5, Cipher::default()), verify);
    let mut receiver = seal.receiver(Hasher::new()).expect("a common cipher");
    let mut file = Vec::new();
    for piece in pieces {
        let mut piece = *piece;
        while let Some((before, text)) = receiver.receive(&mut piece).expect("the next record") {
            file.extend(before.iter().flatten());
            file.extend(text);
        }
    }
    let end = receiver.finish().inspect_err(|error| assert_printable(&error.to_string()));
    (file, end.ok())
}

/// Reads record by record from the complete plaintext.
fn read_simply(input: &Input, records: &[Vec<u8>]) -> Outcome {
    let (digest, file) = match records.split_last() {
        Some((last, before)) if input.verify && last.len() == 32 => (Some(last), before),
        _ => (None, records),
    };
    let file = file.concat();
    let digests = input.verify.then(|| Digests {
        ours: *Hasher::new().update(&file).finalize().as_bytes(),
        theirs: digest.map(|digest| digest[..].try_into().expect("as long as a digest")),
    });
    (file, input.ends.then_some(digests))
}
