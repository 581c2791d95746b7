//! Data connections that are altered, truncated, extended or opened with another key.

use alloc::vec;
use alloc::vec::Vec;

use super::record::{HEAD_LEN, MAX_PLAIN_LEN, MAX_RECORD_LEN, TAG_LEN};
use super::*;

/// Opens `bytes` in chunks of `size` and returns the file, if it is complete.
fn open_data(key: DataKey, bytes: &[u8], size: usize) -> Result<Vec<u8>, SecureError> {
    let (mut opener, mut text) = (key.opener()?, Vec::new());
    for mut piece in bytes.chunks(size) {
        while let Some(plain) = opener.receive(&mut piece)? {
            text.extend_from_slice(plain);
        }
    }
    opener.close()?;
    Ok(text)
}

fn record(sealer: &mut DataSealer, text: &[u8]) -> Vec<u8> {
    let mut record = vec![0xaa; HEAD_LEN + text.len() + TAG_LEN];
    record[HEAD_LEN..HEAD_LEN + text.len()].copy_from_slice(text);
    sealer.seal(&mut record).unwrap();
    record
}

fn ciphers() -> impl Iterator<Item = Cipher> {
    [Cipher::ChaCha20Poly1305, Cipher::Aes256Gcm].into_iter().filter(|cipher| cipher.is_available())
}

#[test]
fn a_file_round_trips_in_place_and_at_any_split() {
    let ((a, ..), (b, ..)) = session();
    let texts = [&b"a"[..], &[7; 1000], &[8; MAX_PLAIN_LEN]];
    for cipher in ciphers() {
        let mut sealer = a.data(Side::Callee, 3, cipher).sealer().unwrap();
        let mut records: Vec<_> = texts.map(|text| record(&mut sealer, text)).into();
        records.push(sealer.finish().unwrap().to_vec());
        let bytes = records.concat();
        for size in [1, 100, bytes.len()] {
            let key = b.data(Side::Callee, 3, cipher);
            assert_eq!(open_data(key, &bytes, size).unwrap(), texts.concat());
        }
        let mut opener = b.data(Side::Callee, 3, cipher).opener().unwrap();
        for (record, text) in records.iter_mut().zip(texts) {
            let head = *record.first_chunk().unwrap();
            assert_eq!(record::length(head).unwrap() + HEAD_LEN, record.len());
            assert!(!opener.is_finished());
            assert_eq!(opener.open(record).unwrap(), text);
        }
        assert_eq!(opener.close(), Err(SecureError::Truncated { records: 3 }));
        assert_eq!(opener.open(records.last_mut().unwrap()).unwrap(), []);
        assert!(opener.is_finished() && opener.close().is_ok());
        assert_eq!(opener.open(&mut records[0].clone()), Err(SecureError::AfterEnd));
    }
}

#[test]
fn a_file_with_any_flipped_bit_or_missing_byte_is_rejected() {
    let ((a, ..), (b, ..)) = session();
    for cipher in ciphers() {
        let mut sealer = a.data(Side::Caller, 0, cipher).sealer().unwrap();
        let mut bytes = [record(&mut sealer, b"one"), record(&mut sealer, b"two")].concat();
        bytes.extend(sealer.finish().unwrap());
        let open = |bytes: &[u8]| open_data(b.data(Side::Caller, 0, cipher), bytes, 10);
        assert_eq!(open(&bytes).unwrap(), b"onetwo");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            open(&changed).unwrap_err();
        }
        for length in 0..bytes.len() {
            let records = [21, 42].iter().filter(|end| length >= **end).count() as u64;
            assert_eq!(open(&bytes[..length]), Err(SecureError::Truncated { records }), "{length}");
        }
        for after in [&[0][..], &[0, 16], &bytes] {
            assert_eq!(open(&[&bytes, after].concat()), Err(SecureError::AfterEnd));
        }
        let (first, rest) = bytes.split_at(21);
        let (second, last) = rest.split_at(21);
        for (order, wrong) in [
            ([first, last, &[]], 1),
            ([last, &[], &[]], 0),
            ([second, first, last], 0),
            ([first, first, last], 1),
        ] {
            let expected = Err(SecureError::InvalidRecord { record: wrong });
            assert_eq!(open(&order.concat()), expected);
        }
        assert_eq!(open(&[0, 15]), Err(SecureError::RecordLength { got: 15 }));
    }
}

#[test]
fn a_record_rejected_in_place_has_no_second_attempt() {
    let ((a, ..), (b, ..)) = session();
    for cipher in ciphers() {
        let mut sealer = a.data(Side::Caller, 0, cipher).sealer().unwrap();
        let mut sealed = record(&mut sealer, b"mine");
        let mut opener = b.data(Side::Caller, 0, cipher).opener().unwrap();
        let mut changed = sealed.clone();
        changed[HEAD_LEN] ^= 1;
        for record in [&mut changed, &mut sealed] {
            assert_eq!(opener.open(record), Err(SecureError::InvalidRecord { record: 0 }));
        }
        assert_eq!(opener.close(), Err(SecureError::Truncated { records: 0 }));
    }
}

#[test]
fn each_data_connection_has_its_own_key() {
    let ((a, ..), (b, ..)) = session();
    let (_, (other, ..)) = session_of(3, 2);

    let mut sealer = a.data(Side::Caller, 0, Cipher::default()).sealer().unwrap();
    let mut bytes = record(&mut sealer, b"mine");
    bytes.extend(sealer.finish().unwrap());
    assert_eq!(open_data(b.data(Side::Caller, 0, Cipher::default()), &bytes, 9).unwrap(), b"mine");
    let mut keys = vec![
        b.data(Side::Callee, 0, Cipher::default()),
        b.data(Side::Caller, 1, Cipher::default()),
        b.data(Side::Caller, 1 << 32, Cipher::default()),
        other.data(Side::Caller, 0, Cipher::default()),
    ];
    if Cipher::Aes256Gcm.is_available() {
        keys.push(b.data(Side::Caller, 0, Cipher::Aes256Gcm));
    } else {
        let key = b.data(Side::Caller, 0, Cipher::Aes256Gcm);
        assert_eq!(key.opener().unwrap_err(), SecureError::CipherUnavailable);
    }
    for key in keys {
        let expected = Err(SecureError::InvalidRecord { record: 0 });
        assert_eq!(open_data(key, &bytes, 9), expected);
    }
}

/// Only a holder of the key can create these records.
#[test]
fn only_the_last_record_has_the_end_mark() {
    let key = secret::Secret([5; 32]);
    for cipher in ciphers() {
        let open = |text: &[u8], last| {
            let mut chain = record::Chain::new(&key, cipher).unwrap();
            let mut record = vec![0; HEAD_LEN + text.len() + TAG_LEN];
            record[HEAD_LEN..HEAD_LEN + text.len()].copy_from_slice(text);
            chain.seal(&mut record, last).unwrap();
            open_data(DataKey::new(key.clone(), cipher), &record, 4)
        };
        assert_eq!(open(b"", true), Ok(vec![]));
        assert_eq!(open(b"", false), Err(SecureError::EmptyRecord { record: 0 }));
        assert_eq!(open(b"a", true), Err(SecureError::InvalidRecord { record: 0 }));
    }
}

#[test]
fn a_buffer_of_invalid_length_stays_unchanged() {
    let ((a, ..), (b, ..)) = session();
    for got in
        [0, 1, HEAD_LEN, HEAD_LEN + TAG_LEN - 1, HEAD_LEN + TAG_LEN, HEAD_LEN + MAX_RECORD_LEN + 1]
    {
        let mut buffer = vec![1; got];
        let mut sealer = a.data(Side::Caller, 0, Cipher::default()).sealer().unwrap();
        assert_eq!(sealer.seal(&mut buffer), Err(SecureError::BufferLength { got }));
        assert!(buffer.iter().all(|byte| *byte == 1));
        let mut opener = b.data(Side::Caller, 0, Cipher::default()).opener().unwrap();
        opener.open(&mut buffer).unwrap_err();
    }
}

#[test]
fn a_key_is_exhausted_before_a_nonce_repeats() {
    for cipher in ciphers() {
        let mut chain = record::Chain::new(&secret::Secret([5; 32]), cipher).unwrap();
        chain.next = u64::MAX - 1;
        let mut record = [0; HEAD_LEN + 1 + TAG_LEN];
        assert_eq!(chain.seal(&mut record, false), Ok(()));
        assert_eq!(chain.seal(&mut record, false), Err(SecureError::Exhausted));
        assert_eq!(chain.open(&mut record, false), Err(SecureError::Exhausted));
    }
}
