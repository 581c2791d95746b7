//! A file's bytes and their sum (section 13) that a dishonest peer seals: records of any length and
//! text. All that was said before the last record of a sum's length is the file, in any pieces, and its
//! sum agrees only where that record is it.

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
    records: Vec<Said>,
    /// Whether the end is told.
    ends: bool,
}

#[derive(Arbitrary, Debug)]
enum Said {
    Bytes(Vec<u8>),
    /// As many as a sum has.
    Like([u8; 32]),
    /// The sum of all before.
    Digest,
}

/// The file, and its sums if the end came.
type Outcome = (Vec<u8>, Option<Option<Digests>>);

fuzz_target!(|input: Input| {
    let mut records: Vec<Vec<u8>> = Vec::new();
    for said in input.records.iter().take(16) {
        records.push(match said {
            Said::Bytes(bytes) if bytes.is_empty() => continue,
            Said::Bytes(bytes) => bytes.iter().copied().take(16_000).collect(),
            Said::Like(bytes) => bytes.to_vec(),
            Said::Digest => Hasher::new().update(&records.concat()).finalize().as_bytes().to_vec(),
        });
    }
    with_keys(|a, b| {
        let mut sealer = a.data(Side::Callee, 5, Cipher::default()).sealer().expect("everyone's");
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
        assert_eq!(whole, plainly(&input, &records));
    });
});

fn receive(keys: &Keys, verify: bool, pieces: &[&[u8]]) -> Outcome {
    let seal = Seal::new(keys.data(Side::Callee, 5, Cipher::default()), verify);
    let mut receiver = seal.receiver(Hasher::new()).expect("everyone's");
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

/// Record by record, of all that was said.
fn plainly(input: &Input, records: &[Vec<u8>]) -> Outcome {
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
