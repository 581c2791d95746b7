//! Measures sealing and opening the records of a file with each available cipher:
//! `cargo bench --package xcher-core --features ring --bench records`.
//!
//! One sample processes 256 MiB; four times its duration is the time per GiB.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use xcher_core::secure::record::{HEAD_LEN, TAG_LEN};
use xcher_core::secure::{Cipher, Entropy, Handshake, Identity, Keys, Side};

const TEXT_LEN: usize = 65_504;
const RECORDS: usize = (256 << 20) / TEXT_LEN;
const CIPHERS: [Cipher; 2] = [Cipher::ChaCha20Poly1305, Cipher::Aes256Gcm];

fn main() {
    divan::main();
}

fn keys() -> (Keys, Keys) {
    let host = |side, number| {
        let mut entropy = Entropy::new([number; 32]);
        Handshake::new(side, &Identity::new([number; 32]), b"", &mut entropy)
    };
    let (mut a, mut b) = (host(Side::Caller, 1), host(Side::Callee, 2));
    b.read(&a.write().expect("its turn")).expect("a message");
    a.read(&b.write().expect("its turn")).expect("a message");
    b.read(&a.write().expect("its turn")).expect("a message");
    (a.finish().expect("the end").0, b.finish().expect("the end").0)
}

#[divan::bench(args = CIPHERS, sample_count = 10, sample_size = 1)]
fn seal(bencher: Bencher, cipher: &Cipher) {
    let (keys, _) = keys();
    let Ok(mut sealer) = keys.data(Side::Caller, 0, *cipher).sealer() else { return };
    let mut record = vec![7; HEAD_LEN + TEXT_LEN + TAG_LEN];
    bencher.counter(BytesCount::new(RECORDS * TEXT_LEN)).bench_local(|| {
        for _ in 0..RECORDS {
            sealer.seal(black_box(&mut record)).expect("a record");
        }
    });
}

/// Opens a copy, because opening works in place; creating the copy is not measured.
#[divan::bench(args = CIPHERS, sample_count = 10, sample_size = 1)]
fn open(bencher: Bencher, cipher: &Cipher) {
    let (a, b) = keys();
    if !cipher.is_available() {
        return;
    }
    let mut sealer = a.data(Side::Caller, 0, *cipher).sealer().expect("available");
    let mut sealed = vec![7; (HEAD_LEN + TEXT_LEN + TAG_LEN) * RECORDS];
    for record in sealed.chunks_mut(HEAD_LEN + TEXT_LEN + TAG_LEN) {
        sealer.seal(record).expect("a record");
    }
    bencher
        .counter(BytesCount::new(RECORDS * TEXT_LEN))
        .with_inputs(|| {
            let opener = b.data(Side::Caller, 0, *cipher).opener().expect("available");
            (sealed.clone(), opener)
        })
        .bench_local_refs(|(sealed, opener)| {
            for record in sealed.chunks_mut(HEAD_LEN + TEXT_LEN + TAG_LEN) {
                black_box(opener.open(record).expect("a record"));
            }
        });
}
