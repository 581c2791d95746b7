//! An encrypted stream that was changed on its way: with every split, the decrypted bytes are a
//! beginning of the original, and complete only if nothing was changed.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::secure::record::{HEAD_LEN, TAG_LEN};
use xcher_core::secure::{Cipher, Keys, SecureError, Side};
use xcher_core_fuzz::{assert_printable, split, with_keys};

#[derive(Arbitrary, Debug)]
struct Input {
    seed: u8,
    texts: Vec<Vec<u8>>,
    changes: Vec<Change>,
}

#[derive(Arbitrary, Debug)]
enum Change {
    Xor(u16, u8),
    Remove(u16, u16),
    Insert(u16, Vec<u8>),
    Repeat(u16, u16),
}

fuzz_target!(|input: Input| {
    with_keys(|a, b| {
        let mut sealer =
            a.data(Side::Caller, 0, Cipher::default()).sealer().expect("a common cipher");
        let (mut sealed, mut texts) = (Vec::new(), Vec::new());
        for text in input.texts.iter().filter(|text| !text.is_empty()).take(8) {
            let mut record = [&[0; HEAD_LEN], &text[..], &[0; TAG_LEN]].concat();
            sealer.seal(&mut record).expect("a record");
            sealed.extend(record);
            texts.extend(text);
        }
        sealed.extend(sealer.finish().expect("a record"));
        let changed = change(sealed.clone(), &input.changes);

        let whole = open(b, &[&changed]);
        assert_eq!(whole, open(b, &split(input.seed, &changed)));
        assert_eq!(whole, open(b, &split(0, &changed)));
        let (opened, end) = whole;
        assert!(texts.starts_with(&opened));
        assert_eq!(end.is_ok(), changed == sealed);
        assert!(end.is_err() || opened == texts);
    });
});

fn open(keys: &Keys, pieces: &[&[u8]]) -> (Vec<u8>, Result<(), SecureError>) {
    let key = keys.data(Side::Caller, 0, Cipher::default());
    let (mut opener, mut opened) = (key.opener().expect("a common cipher"), Vec::new());
    for piece in pieces {
        let mut piece = *piece;
        loop {
            match opener.receive(&mut piece) {
                Ok(Some(text)) => opened.extend_from_slice(text),
                Ok(None) => break,
                Err(error) => {
                    assert_printable(&error.to_string());
                    assert_eq!(opener.receive(&mut &[0][..]), Err(error.clone()));
                    return (opened, Err(error));
                }
            }
        }
        assert!(piece.is_empty());
    }
    (opened, opener.close())
}

fn change(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes.iter().take(8) {
        let at = |at: u16| usize::from(at) % (bytes.len() + 1);
        match change {
            Change::Xor(place, with) => {
                let place = at(*place);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= with;
                }
            }
            Change::Remove(from, length) => {
                let from = at(*from);
                let to = (from + usize::from(*length)).min(bytes.len());
                bytes.drain(from..to);
            }
            Change::Insert(place, what) => {
                let place = at(*place);
                bytes.splice(place..place, what.iter().copied());
            }
            Change::Repeat(from, length) => {
                let from = at(*from);
                let to = (from + usize::from(*length)).min(bytes.len());
                let again = bytes[from..to].to_vec();
                bytes.splice(to..to, again);
            }
        }
    }
    bytes
}
