//! The example of RFC 8439, section 2.8.2, and flipped bits.

use crate::{Aead, Cipher};

const TEXT: &[u8; 114] = b"Ladies and Gentlemen of the class of '99: If I could offer you \
only one tip for the future, sunscreen would be it.";
const AAD: [u8; 12] = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
const NONCE: [u8; 12] = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
const TAG: [u8; 16] = [
    0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a, 0x7e, 0x90, 0x2e, 0xcb, 0xd0, 0x60, 0x06, 0x91,
];

fn key() -> [u8; 32] {
    core::array::from_fn(|at| 0x80 + at as u8)
}

#[test]
fn seal_reproduces_the_example_of_rfc_8439() {
    let aead = Aead::new(&key(), Cipher::ChaCha20Poly1305).expect("every build has this cipher");
    let mut text = *TEXT;
    assert_eq!(aead.seal(NONCE, &AAD, &mut text), TAG);
    assert_eq!(text[..8], [0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb]);
    assert!(aead.open(NONCE, &AAD, &mut text, TAG));
    assert_eq!(&text, TEXT);
}

#[test]
fn open_rejects_any_flipped_bit() {
    for cipher in [Cipher::ChaCha20Poly1305, Cipher::Aes256Gcm] {
        let Some(aead) = Aead::new(&key(), cipher) else {
            assert!(!cipher.is_available());
            continue;
        };
        assert!(cipher.is_available());
        let mut sealed = *TEXT;
        let tag = aead.seal(NONCE, &AAD, &mut sealed);
        let opens = |nonce, aad: &[u8], text: &[u8; 114], tag| {
            let mut text = *text;
            aead.open(nonce, aad, &mut text, tag)
        };
        assert!(opens(NONCE, &AAD, &sealed, tag));
        let flip = |bytes: &mut [u8], bit: usize| bytes[bit / 8] ^= 1 << (bit % 8);
        for bit in 0..96 {
            let (mut nonce, mut aad) = (NONCE, AAD);
            flip(&mut nonce, bit);
            flip(&mut aad, bit);
            assert!(!opens(nonce, &AAD, &sealed, tag) && !opens(NONCE, &aad, &sealed, tag));
        }
        for bit in 0..128 {
            let mut tag = tag;
            flip(&mut tag, bit);
            assert!(!opens(NONCE, &AAD, &sealed, tag));
        }
        for bit in 0..8 * sealed.len() {
            let mut text = sealed;
            flip(&mut text, bit);
            assert!(!opens(NONCE, &AAD, &text, tag));
        }
        assert!(!opens(NONCE, &AAD[1..], &sealed, tag));
    }
}
