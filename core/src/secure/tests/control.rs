//! Records of a control connection that are altered, truncated, reordered or repeated.

use alloc::vec;
use alloc::vec::Vec;

use super::record::{HEAD_LEN, MAX_PLAIN_LEN, MAX_RECORD_LEN, TAG_LEN};
use super::*;

/// Opens `bytes` in chunks of `size` and returns all text.
pub(super) fn open_all(
    opener: &mut Opener,
    bytes: &[u8],
    size: usize,
) -> Result<Vec<u8>, SecureError> {
    let mut text = Vec::new();
    for mut piece in bytes.chunks(size) {
        while let Some(plain) = opener.receive(&mut piece)? {
            text.extend_from_slice(plain);
        }
        assert!(piece.is_empty());
    }
    Ok(text)
}

#[test]
fn control_records_carry_any_text_at_any_split() {
    let text: Vec<u8> = (0..MAX_PLAIN_LEN * 2 + 1).map(|at| at as u8).collect();
    for size in [1, 2, 3, 17, 1000, MAX_RECORD_LEN, usize::MAX >> 1] {
        let ((_, mut sealer, _), (_, _, mut opener)) = session();
        let mut bytes = vec![];
        sealer.seal(&text, &mut bytes).unwrap();
        assert_eq!(bytes.len(), text.len() + 3 * (HEAD_LEN + TAG_LEN));
        assert_eq!(open_all(&mut opener, &bytes, size).unwrap(), text);
        assert!(!opener.is_half());
        assert_eq!(open_all(&mut opener, &[0, 16, 1], size).unwrap(), []);
        assert!(opener.is_half());
    }
}

#[test]
fn a_record_with_any_flipped_bit_is_rejected() {
    let ((_, mut sealer, _), _) = session();
    let mut bytes = Vec::new();
    sealer.seal(b"X_END\n", &mut bytes).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let (_, (_, _, mut opener)) = session();
        // A larger length waits for further bytes; every other change is detected at once.
        match open_all(&mut opener, &changed, 5) {
            Ok(text) => assert!(bit < 16 && text.is_empty() && opener.is_half(), "bit {bit}"),
            Err(error) => {
                let length = matches!(error, SecureError::RecordLength { .. });
                assert!(length && bit < 16 || error == SecureError::InvalidRecord { record: 0 });
                for again in [&bytes[..], &[0]] {
                    let error = Err(error.clone());
                    assert_eq!(opener.receive(&mut &again[..]), error, "no second attempt");
                }
            }
        }
    }
}

#[test]
fn records_are_accepted_once_and_in_order() {
    let records = || {
        let ((_, mut sealer, _), (_, _, opener)) = session();
        let one = |text: &str| {
            let mut bytes = Vec::new();
            sealer.seal(text.as_bytes(), &mut bytes).unwrap();
            bytes
        };
        (["a\n", "b\n", "c\n"].map(one), opener)
    };
    for (order, wrong) in [([0, 0], 1), ([1, 2], 0), ([0, 2], 1), ([2, 1], 0)] {
        let (sealed, mut opener) = records();
        let bytes = order.map(|at| sealed[at].clone()).concat();
        let expected = Err(SecureError::InvalidRecord { record: wrong });
        assert_eq!(open_all(&mut opener, &bytes, 9), expected, "{order:?}");
    }
    // The two directions have different keys.
    let ((_, mut sealer, mut opener), _) = session();
    let mut bytes = Vec::new();
    sealer.seal(b"X_END\n", &mut bytes).unwrap();
    let expected = Err(SecureError::InvalidRecord { record: 0 });
    assert_eq!(open_all(&mut opener, &bytes, 9), expected);
}
