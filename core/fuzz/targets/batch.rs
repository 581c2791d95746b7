//! The bytes of a batch (section 18) that a dishonest peer seals: any text, in records of any length.
//! What comes of it is what a plainer reader finds, in any pieces, and no more files than were asked for.

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
    /// Lengths of the files that were asked for.
    sizes: Vec<u16>,
    said: Vec<Said>,
    /// How the text is cut into records.
    record: u16,
    /// Whether the end is told.
    ends: bool,
}

#[derive(Arbitrary, Debug)]
enum Said {
    /// As an honest peer says it.
    File,
    Missing,
    Bytes(Vec<u8>),
}

#[derive(Debug, PartialEq)]
enum File {
    Whole(Vec<u8>),
    Missing,
    Altered,
}

type Outcome = (Vec<(usize, File)>, bool);

fuzz_target!(|input: Input| {
    let sizes: Vec<u64> = input.sizes.iter().take(6).map(|size| u64::from(*size % 600)).collect();
    let mut honest = sizes.iter().enumerate();
    let mut text = Vec::new();
    for said in input.said.iter().take(16) {
        match (said, honest.next()) {
            (Said::File, Some((at, size))) => {
                let bytes = vec![at as u8; *size as usize];
                text.push(1);
                text.extend(&bytes);
                if input.verify {
                    text.extend(Hasher::new().update(&bytes).finalize().as_bytes());
                }
            }
            (Said::Missing, _) => text.push(0),
            (Said::Bytes(bytes), _) => text.extend(bytes),
            (Said::File, None) => text.extend([1, 2, 3]),
        }
    }
    with_keys(|a, b| {
        let sealed = seal(a, &text, usize::from(input.record), input.ends);
        let whole = receive(b, &input, &sizes, &[&sealed]);
        assert_eq!(whole, receive(b, &input, &sizes, &split(input.seed, &sealed)));
        assert_eq!(whole, receive(b, &input, &sizes, &split(0, &sealed)));
        assert_eq!(whole, plainly(&input, &sizes, text.into()));
    });
});

fn seal(keys: &Keys, text: &[u8], length: usize, ends: bool) -> Vec<u8> {
    let mut sealer = keys.data(Side::Caller, 3, Cipher::default()).sealer().expect("everyone's");
    let mut sealed = Vec::new();
    // Not too many of them.
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
    let mut receiver = seal.batch_receiver(sizes.to_vec()).expect("everyone's");
    let mut files = Vec::new();
    let error = |error: SecureError| assert_printable(&error.to_string());
    for piece in pieces {
        let came = receiver.receive(piece, |at, arrived| {
            files.push((
                at,
                match arrived {
                    BatchItem::Complete(bytes) => File::Whole(bytes.to_vec()),
                    BatchItem::NotSent => File::Missing,
                    BatchItem::Corrupt => File::Altered,
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

/// File by file, of all that was said.
fn plainly(input: &Input, sizes: &[u64], mut text: VecDeque<u8>) -> Outcome {
    let mut files = Vec::new();
    let mut take =
        |count: usize| (count <= text.len()).then(|| text.drain(..count).collect::<Vec<u8>>());
    for (at, size) in sizes.iter().enumerate() {
        let Some(first) = take(1) else { return (files, false) };
        if first == [0] {
            files.push((at, File::Missing));
            continue;
        }
        let digest = if input.verify { 32 } else { 0 };
        let Some(mut bytes) = take(*size as usize + digest) else { return (files, false) };
        let theirs = bytes.split_off(*size as usize);
        let ours = Hasher::new().update(&bytes).finalize();
        let same = !input.verify || theirs == ours.as_bytes();
        files.push((at, if same { File::Whole(bytes) } else { File::Altered }));
    }
    (files, take(1).is_none() && input.ends)
}
