//! Two sides in one place, and everything that someone between them could do.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use super::record::{HEAD, MAX_PLAIN, MAX_RECORD, TAG};
use super::*;

const PROLOGUE: &[u8] =
    b"X_CHK //xcher/2\nX_CHK //xcher/2 YES\nX_CAPS secure\nX_CAPS secure code\n";

/// Both sides of a handshake, each with its own key and prologue.
fn sides(prologues: [&[u8]; 2]) -> (Handshake, Handshake) {
    let side = |side, number: u8, prologue| {
        let identity = Identity::new([number; 32]);
        Handshake::new(side, &identity, prologue, &mut Entropy::new([number ^ 0xff; 32]))
    };
    (side(Side::Caller, 1, prologues[0]), side(Side::Called, 2, prologues[1]))
}

type End = (Keys, Sealer, Opener);

/// A session that nobody disturbs.
pub(crate) fn session() -> (End, End) {
    let (mut a, mut b) = sides([PROLOGUE; 2]);
    b.read(&a.write().unwrap()).unwrap();
    a.read(&b.write().unwrap()).unwrap();
    b.read(&a.write().unwrap()).unwrap();
    (a.finish().unwrap(), b.finish().unwrap())
}

/// All that an opener makes of `bytes` in pieces of `size`.
fn open_all(opener: &mut Opener, bytes: &[u8], size: usize) -> Result<Vec<u8>, SecureError> {
    let mut text = Vec::new();
    for mut piece in bytes.chunks(size) {
        while let Some(plain) = opener.receive(&mut piece)? {
            text.extend_from_slice(plain);
        }
        assert!(piece.is_empty());
    }
    Ok(text)
}

/// The same of a data connection, its end included.
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
    let mut record = vec![0xaa; HEAD + text.len() + TAG];
    record[HEAD..HEAD + text.len()].copy_from_slice(text);
    sealer.seal(&mut record).unwrap();
    record
}

fn ciphers() -> impl Iterator<Item = Cipher> {
    [Cipher::ChaCha20Poly1305, Cipher::Aes256Gcm].into_iter().filter(|cipher| cipher.is_available())
}

#[test]
fn two_sides_agree_and_know_each_other() {
    let (mut a, mut b) = sides([PROLOGUE; 2]);
    assert!(a.is_my_turn() && !b.is_my_turn());
    assert_eq!((a.remote_key(), b.remote_key()), (None, None));
    assert_eq!(b.write(), Err(SecureError::OutOfTurn));
    b.read(&a.write().unwrap()).unwrap();
    assert_eq!(a.write(), Err(SecureError::OutOfTurn));
    assert_eq!((a.is_finished(), b.remote_key()), (false, None));
    a.read(&b.write().unwrap()).unwrap();
    assert_eq!(a.remote_key(), Some(Identity::new([2; 32]).public()));
    b.read(&a.write().unwrap()).unwrap();
    assert_eq!(b.remote_key(), Some(Identity::new([1; 32]).public()));
    assert!(a.is_finished() && b.is_finished() && !a.is_my_turn() && !b.is_my_turn());
    assert_eq!(a.write(), Err(SecureError::OutOfTurn));

    let ((a, mut from_a, mut to_a), (b, mut from_b, mut to_b)) =
        (a.finish().unwrap(), b.finish().unwrap());
    assert_eq!(a.hash(), b.hash());
    assert_eq!((a.side(), b.side()), (Side::Caller, Side::Called));
    assert_eq!(a.remote_key(), Identity::new([2; 32]).public());
    for text in ["X_FILELIST\n", "", "X_CHK a\nX_CHK b\n"] {
        let (mut there, mut back) = (Vec::new(), Vec::new());
        from_a.seal(text.as_bytes(), &mut there).unwrap();
        from_b.seal(text.as_bytes(), &mut back).unwrap();
        assert!(there.is_empty() == text.is_empty() && (there.is_empty() || there != back));
        assert_eq!(open_all(&mut to_b, &there, 1).unwrap(), text.as_bytes());
        assert_eq!(open_all(&mut to_a, &back, 7).unwrap(), text.as_bytes());
    }
}

#[test]
fn each_bit_of_a_handshake_counts() {
    for which in 0..3 {
        let length = [32, 96, 64][which];
        for bit in 0..length * 8 {
            let (mut a, mut b) = sides([PROLOGUE; 2]);
            let mut refused = None;
            for message in 0..3 {
                let (from, to) = if message % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
                let mut text = from.write().unwrap();
                if message == which {
                    let mut bytes = vec![0; length];
                    decode(&text, &mut bytes).unwrap();
                    bytes[bit / 8] ^= 1 << (bit % 8);
                    text = encode(&bytes);
                }
                if let Err(error) = to.read(&text) {
                    assert!(!to.is_my_turn() && to.remote_key().is_none());
                    assert_eq!(to.read(&text), Err(SecureError::OutOfTurn));
                    refused = Some((message, error));
                    break;
                }
            }
            let (message, error) = refused.expect("no changed handshake comes to its end");
            // The first message has no tag of its own: the next one shows what was done to it.
            assert_eq!(message, which.max(1), "bit {bit} of message {which}");
            assert_eq!(error, SecureError::NotThisHandshake);
        }
    }
}

#[test]
fn what_is_no_message_is_refused_at_its_length() {
    let message = sides([PROLOGUE; 2]).0.write().unwrap();
    let longer = encode(&[0; 33]);
    let shorter = encode(&[0; 31]);
    let broken = message.replace('=', "");
    let zeros = encode(&[0; 96]);
    for text in ["", "=", "NO", &longer, &shorter, &broken, &zeros, &format!(" {message}")] {
        let (_, mut b) = sides([PROLOGUE; 2]);
        let error = b.read(text).unwrap_err();
        assert!(matches!(error, SecureError::Malformed { expected: 32, .. }), "{text}: {error}");
        assert_eq!(b.read(&message), Err(SecureError::OutOfTurn), "there is no second try");
        assert_eq!(b.finish().unwrap_err(), SecureError::Unfinished);
    }
}

#[test]
fn sides_that_saw_other_lines_do_not_agree() {
    let weaker = PROLOGUE.strip_suffix(b" code\n").unwrap();
    let (mut a, mut b) = sides([PROLOGUE, weaker]);
    b.read(&a.write().unwrap()).unwrap();
    assert_eq!(a.read(&b.write().unwrap()), Err(SecureError::NotThisHandshake));
}

#[test]
fn messages_of_another_handshake_are_refused() {
    let (mut a, mut b) = sides([PROLOGUE; 2]);
    let first = a.write().unwrap();
    b.read(&first).unwrap();
    let second = b.write().unwrap();
    // Another attempt of the same caller has another ephemeral key.
    let mut entropy = Entropy::new([9; 32]);
    let mut again = Handshake::new(Side::Caller, &Identity::new([1; 32]), PROLOGUE, &mut entropy);
    again.write().unwrap();
    assert_eq!(again.read(&second), Err(SecureError::NotThisHandshake));
    // And what a host says itself is no answer to it.
    let error = a.read(&first).unwrap_err();
    assert!(matches!(error, SecureError::Malformed { expected: 96, .. }), "{error}");
}

/// The points that give the same with every secret.
const LOW_ORDER: [&str; 5] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

#[test]
fn keys_that_keep_no_secret_are_refused() {
    for hex in LOW_ORDER {
        let point: [u8; 32] =
            core::array::from_fn(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap());
        let (mut a, mut b) = sides([PROLOGUE; 2]);
        b.read(&encode(&point)).unwrap();
        assert_eq!(b.write(), Err(SecureError::WeakKey), "{hex}");
        assert!(!b.is_my_turn());

        a.write().unwrap();
        let mut second = [0; 96];
        second[..32].copy_from_slice(&point);
        assert_eq!(a.read(&encode(&second)), Err(SecureError::WeakKey), "{hex}");
    }
}

#[test]
fn control_records_hold_any_text_in_any_pieces() {
    let text: Vec<u8> = (0..MAX_PLAIN * 2 + 1).map(|at| at as u8).collect();
    for size in [1, 2, 3, 17, 1000, MAX_RECORD, usize::MAX >> 1] {
        let ((_, mut sealer, _), (_, _, mut opener)) = session();
        let mut bytes = vec![];
        sealer.seal(&text, &mut bytes).unwrap();
        assert_eq!(bytes.len(), text.len() + 3 * (HEAD + TAG));
        assert_eq!(open_all(&mut opener, &bytes, size).unwrap(), text);
        assert!(!opener.is_half());
        assert_eq!(open_all(&mut opener, &[0, 16, 1], size).unwrap(), []);
        assert!(opener.is_half());
    }
}

#[test]
fn each_bit_of_a_record_counts() {
    let ((_, mut sealer, _), _) = session();
    let mut bytes = Vec::new();
    sealer.seal(b"X_END\n", &mut bytes).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let (_, (_, _, mut opener)) = session();
        // A longer record waits for bytes that never come; all else is seen at once.
        match open_all(&mut opener, &changed, 5) {
            Ok(text) => assert!(bit < 16 && text.is_empty() && opener.is_half(), "bit {bit}"),
            Err(error) => {
                let length = matches!(error, SecureError::RecordLength { .. });
                assert!(length && bit < 16 || error == SecureError::NotThisRecord { record: 0 });
                let mut whole = &bytes[..];
                assert_eq!(opener.receive(&mut whole), Err(error), "there is no second try");
            }
        }
    }
}

#[test]
fn records_come_once_and_in_their_order() {
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
        let expected = Err(SecureError::NotThisRecord { record: wrong });
        assert_eq!(open_all(&mut opener, &bytes, 9), expected, "{order:?}");
    }
    // What goes one way is not what comes the other.
    let ((_, mut sealer, mut opener), _) = session();
    let mut bytes = Vec::new();
    sealer.seal(b"X_END\n", &mut bytes).unwrap();
    let expected = Err(SecureError::NotThisRecord { record: 0 });
    assert_eq!(open_all(&mut opener, &bytes, 9), expected);
}

#[test]
fn a_file_comes_whole_in_place_and_in_pieces() {
    let ((a, ..), (b, ..)) = session();
    let texts = [&b"a"[..], &[7; 1000], &[8; MAX_PLAIN]];
    for cipher in ciphers() {
        let mut sealer = a.data(Side::Called, 3, cipher).sealer().unwrap();
        let mut records: Vec<_> = texts.map(|text| record(&mut sealer, text)).into();
        records.push(sealer.finish().unwrap().to_vec());
        let bytes = records.concat();
        for size in [1, 100, bytes.len()] {
            let key = b.data(Side::Called, 3, cipher);
            assert_eq!(open_data(key, &bytes, size).unwrap(), texts.concat());
        }
        let mut opener = b.data(Side::Called, 3, cipher).opener().unwrap();
        for (record, text) in records.iter_mut().zip(texts) {
            let head = *record.first_chunk().unwrap();
            assert_eq!(record::length(head).unwrap() + HEAD, record.len());
            assert!(!opener.is_finished());
            assert_eq!(opener.open(record).unwrap(), text);
        }
        assert_eq!(opener.close(), Err(SecureError::Cut { records: 3 }));
        assert_eq!(opener.open(records.last_mut().unwrap()).unwrap(), []);
        assert!(opener.is_finished() && opener.close().is_ok());
        assert_eq!(opener.open(&mut records[0].clone()), Err(SecureError::AfterLast));
    }
}

#[test]
fn each_bit_and_byte_of_a_file_counts() {
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
            assert_eq!(open(&bytes[..length]), Err(SecureError::Cut { records }), "{length}");
        }
        for after in [&[0][..], &[0, 16], &bytes] {
            assert_eq!(open(&[&bytes, after].concat()), Err(SecureError::AfterLast));
        }
        let (first, rest) = bytes.split_at(21);
        let (second, last) = rest.split_at(21);
        for (order, wrong) in [
            ([first, last, &[]], 1),
            ([last, &[], &[]], 0),
            ([second, first, last], 0),
            ([first, first, last], 1),
        ] {
            let expected = Err(SecureError::NotThisRecord { record: wrong });
            assert_eq!(open(&order.concat()), expected);
        }
        assert_eq!(open(&[0, 15]), Err(SecureError::RecordLength { got: 15 }));
    }
}

#[test]
fn each_data_connection_has_its_own_key() {
    let ((a, ..), (b, ..)) = session();
    let mut entropy = Entropy::new([3; 32]);
    let mut other = Handshake::new(Side::Caller, &Identity::new([1; 32]), PROLOGUE, &mut entropy);
    let (_, mut called) = sides([PROLOGUE; 2]);
    called.read(&other.write().unwrap()).unwrap();
    other.read(&called.write().unwrap()).unwrap();
    other.write().unwrap();
    let (other, ..) = other.finish().unwrap();

    let mut sealer = a.data(Side::Caller, 0, Cipher::default()).sealer().unwrap();
    let mut bytes = record(&mut sealer, b"mine");
    bytes.extend(sealer.finish().unwrap());
    assert_eq!(open_data(b.data(Side::Caller, 0, Cipher::default()), &bytes, 9).unwrap(), b"mine");
    let mut keys = vec![
        b.data(Side::Called, 0, Cipher::default()),
        b.data(Side::Caller, 1, Cipher::default()),
        b.data(Side::Caller, 1 << 32, Cipher::default()),
        other.data(Side::Caller, 0, Cipher::default()),
    ];
    if Cipher::Aes256Gcm.is_available() {
        keys.push(b.data(Side::Caller, 0, Cipher::Aes256Gcm));
    } else {
        let key = b.data(Side::Caller, 0, Cipher::Aes256Gcm);
        assert_eq!(key.opener().unwrap_err(), SecureError::NoCipher);
    }
    for key in keys {
        let expected = Err(SecureError::NotThisRecord { record: 0 });
        assert_eq!(open_data(key, &bytes, 9), expected);
    }
}

/// Only someone with the key can do these; they are no less wrong for it.
#[test]
fn the_mark_stands_on_the_last_record_alone() {
    let key = secret::Secret([5; 32]);
    for cipher in ciphers() {
        let open = |text: &[u8], last| {
            let mut chain = record::Chain::new(&key, cipher).unwrap();
            let mut record = vec![0; HEAD + text.len() + TAG];
            record[HEAD..HEAD + text.len()].copy_from_slice(text);
            chain.seal(&mut record, last).unwrap();
            open_data(DataKey::new(key.clone(), cipher), &record, 4)
        };
        assert_eq!(open(b"", true), Ok(vec![]));
        assert_eq!(open(b"", false), Err(SecureError::EmptyRecord { record: 0 }));
        assert_eq!(open(b"a", true), Err(SecureError::NotThisRecord { record: 0 }));
    }
}

#[test]
fn a_buffer_that_is_no_record_is_left_as_it_is() {
    let ((a, ..), (b, ..)) = session();
    for got in [0, 1, HEAD, HEAD + TAG - 1, HEAD + TAG, HEAD + MAX_RECORD + 1] {
        let mut buffer = vec![1; got];
        let mut sealer = a.data(Side::Caller, 0, Cipher::default()).sealer().unwrap();
        assert_eq!(sealer.seal(&mut buffer), Err(SecureError::Buffer { got }));
        assert!(buffer.iter().all(|byte| *byte == 1));
        let mut opener = b.data(Side::Caller, 0, Cipher::default()).opener().unwrap();
        opener.open(&mut buffer).unwrap_err();
    }
}

#[test]
fn a_key_is_used_up_before_a_nonce_comes_twice() {
    for cipher in ciphers() {
        let mut chain = record::Chain::new(&secret::Secret([5; 32]), cipher).unwrap();
        chain.next = u64::MAX - 1;
        let mut record = [0; HEAD + 1 + TAG];
        assert_eq!(chain.seal(&mut record, false), Ok(()));
        assert_eq!(chain.seal(&mut record, false), Err(SecureError::Exhausted));
        assert_eq!(chain.open(&mut record, false), Err(SecureError::Exhausted));
    }
}

#[test]
fn both_sides_see_the_same_words() {
    let ((a, ..), (b, ..)) = session();
    let (mut a, mut b) =
        (Safety::new(&a, &mut Entropy::new([1; 32])), Safety::new(&b, &mut Entropy::new([2; 32])));
    assert_eq!(b.write(), None);
    let commitment = a.write().unwrap();
    assert_eq!(a.write(), None);
    b.read(&commitment).unwrap();
    a.read(&b.write().unwrap()).unwrap();
    assert_eq!((a.words(), b.words()), (None, None));
    b.read(&a.write().unwrap()).unwrap();
    let words = a.words().unwrap();
    assert_eq!(Some(words), b.words());
    assert_eq!(words.to_string().split(' ').collect::<Vec<_>>(), words.words());
    assert_eq!(a.write(), None);
    assert_eq!(a.read(&commitment), Err(SecureError::OutOfTurn));
    assert_eq!(a.words(), None);
}

#[test]
fn the_caller_cannot_change_its_mind_about_its_number() {
    let ((a, ..), (b, ..)) = session();
    let exchange = || {
        let mut called = Safety::new(&b, &mut Entropy::new([2; 32]));
        let commitment = Safety::new(&a, &mut Entropy::new([1; 32])).write().unwrap();
        called.read(&commitment).unwrap();
        called.write().unwrap();
        called
    };
    let mut called = exchange();
    assert_eq!(called.read(&encode(&[7; 16])), Err(SecureError::NotCommitted));
    assert_eq!(called.words(), None);
    for bad in ["", "NO", &encode(&[0; 15]), &encode(&[0; 32])] {
        let mut called = exchange();
        let error = called.read(bad).unwrap_err();
        assert!(matches!(error, SecureError::Malformed { expected: 16, .. }), "{error}");
        assert_eq!((called.write(), called.words()), (None, None));
    }
}

/// Two sessions of someone in the middle, who passes the lines of the words on as they are.
#[test]
fn someone_in_between_makes_the_words_differ() {
    let meet = |a: u8, b: u8| {
        let mut caller = Handshake::new(
            Side::Caller,
            &Identity::new([a; 32]),
            PROLOGUE,
            &mut Entropy::new([a ^ 0xff; 32]),
        );
        let mut called = Handshake::new(
            Side::Called,
            &Identity::new([b; 32]),
            PROLOGUE,
            &mut Entropy::new([b ^ 0xff; 32]),
        );
        called.read(&caller.write().unwrap()).unwrap();
        caller.read(&called.write().unwrap()).unwrap();
        called.read(&caller.write().unwrap()).unwrap();
        (caller.finish().unwrap().0, called.finish().unwrap().0)
    };
    let ((alice, _), (_, bob)) = (meet(1, 66), meet(66, 2));
    let mut alice = Safety::new(&alice, &mut Entropy::new([1; 32]));
    let mut bob = Safety::new(&bob, &mut Entropy::new([2; 32]));
    bob.read(&alice.write().unwrap()).unwrap();
    alice.read(&bob.write().unwrap()).unwrap();
    bob.read(&alice.write().unwrap()).unwrap();
    assert_ne!(alice.words().unwrap(), bob.words().unwrap());
}

#[test]
fn nothing_secret_is_printed() {
    let ((keys, sealer, opener), _) = session();
    let data = keys.data(Side::Caller, 0, Cipher::default());
    let all = format!(
        "{keys:?} {sealer:?} {opener:?} {data:?} {:?} {:?}",
        keys.data(Side::Caller, 0, Cipher::default()).sealer(),
        keys.data(Side::Caller, 0, Cipher::default()).opener(),
    );
    assert!(all.contains("split: …") && all.contains("aead: …") && all.contains("key: …"), "{all}");
    let _: String = all;
}
