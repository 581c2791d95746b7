//! The bytes of a batch (section 18) that a dishonest peer encrypts: any plaintext, in records of any length.
//! The receiver finds what a simple reader finds, with every split, and no more files than were requested.

#![no_main]

use std::collections::VecDeque;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::batch::BatchItem;
use xcher_core::secure::record::{HEAD_LEN, TAG_LEN};
use xcher_core::secure::{Cipher, Keys, SecureError, Side};
use xcher_core::stream::{Hasher, Seal};
use xcher_core_fuzz::{assert_printable, split, with_keys};

#[derive(Arbitrary, Debug)]
struct Input {
    seed: u8,
    verify: bool,
    /// Lengths of the requested files.
    sizes: Vec<u16>,
    parts: Vec<Part>,
    /// Length of the records.
    record: u16,
    /// True if the last record is sent.
    ends: bool,
}

#[derive(Arbitrary, Debug)]
enum Part {
    /// A file as an honest peer sends it.
    File,
    Missing,
    Bytes(Vec<u8>),
}

#[derive(Debug, PartialEq)]
enum File {
    Complete(Vec<u8>),
    NotSent,
    Corrupt,
}

type Outcome = (Vec<(usize, File)>, bool);

fuzz_target!(|input: Input| {
    let sizes: Vec<u64> = input.sizes.iter().take(6).map(|size| u64::from(*size % 600)).collect();
    let mut honest = sizes.iter().enumerate();
    let mut text = Vec::new();
    for part in input.parts.iter().take(16) {
        match (part, honest.next()) {
            (Part::File, Some((at, size))) => {
                let bytes = vec![at as u8; *size as usize];
                text.push(1);
                text.extend(&bytes);
                if input.verify {
                    text.extend(Hasher::new().update(&bytes).finalize().as_bytes());
                }
            }
            (Part::Missing, _) => text.push(0),
            (Part::Bytes(bytes), _) => text.extend(bytes),
            (Part::File, None) => text.extend([1, 2, 3]),
        }
    }
    with_keys(|a, b| {
        let sealed = seal(a, &text, usize::from(input.record), input.ends);
        let whole = receive(b, &input, &sizes, &[&sealed]);
        assert_eq!(whole, receive(b, &input, &sizes, &split(input.seed, &sealed)));
        assert_eq!(whole, receive(b, &input, &sizes, &split(0, &sealed)));
        assert_eq!(whole, read_simply(&input, &sizes, text.into()));
    });
});

fn seal(keys: &Keys, text: &[u8], length: usize, ends: bool) -> Vec<u8> {
    let mut sealer =
        keys.data(Side::Caller, 3, Cipher::default()).sealer().expect("a common cipher");
    let mut sealed = Vec::new();
    // At most about a hundred records.
    for piece in text.chunks(length.clamp(1 + text.len() / 100, 16_000)) {
        let mut record = [&[0; HEAD_LEN], piece, &[0; TAG_LEN]].concat();
        sealer.seal(&mut record).expect("a record");
        sealed.extend(record);
    }
    if ends {
        sealed.extend(sealer.finish().expect("a record"));
    }
    sealed
}

fn receive(keys: &Keys, input: &Input, sizes: &[u64], pieces: &[&[u8]]) -> Outcome {
    let seal = Seal::new(keys.data(Side::Caller, 3, Cipher::default()), input.verify);
    let mut receiver = seal.batch_receiver(sizes.to_vec()).expect("a common cipher");
    let mut files = Vec::new();
    let error = |error: SecureError| assert_printable(&error.to_string());
    for piece in pieces {
        let came = receiver.receive(piece, |at, arrived| {
            files.push((
                at,
                match arrived {
                    BatchItem::Complete(bytes) => File::Complete(bytes.to_vec()),
                    BatchItem::NotSent => File::NotSent,
                    BatchItem::Corrupt => File::Corrupt,
                },
            ));
        });
        if let Err(broken) = came {
            error(broken);
            return (files, false);
        }
    }
    let whole = receiver.finish().map_err(error).is_ok();
    (files, whole)
}

/// Reads file by file from the complete plaintext.
fn read_simply(input: &Input, sizes: &[u64], mut text: VecDeque<u8>) -> Outcome {
    let mut files = Vec::new();
    let mut take =
        |count: usize| (count <= text.len()).then(|| text.drain(..count).collect::<Vec<u8>>());
    for (at, size) in sizes.iter().enumerate() {
        let Some(first) = take(1) else { return (files, false) };
        if first == [0] {
            files.push((at, File::NotSent));
            continue;
        }
        if first != [1] {
            return (files, false);
        }
        let digest = if input.verify { 32 } else { 0 };
        let Some(mut bytes) = take(*size as usize + digest) else { return (files, false) };
        let theirs = bytes.split_off(*size as usize);
        let ours = Hasher::new().update(&bytes).finalize();
        let same = !input.verify || theirs == ours.as_bytes();
        files.push((at, if same { File::Complete(bytes) } else { File::Corrupt }));
    }
    (files, take(1).is_none() && input.ends)
}
