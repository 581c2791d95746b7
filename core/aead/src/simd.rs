//! ChaCha20-Poly1305 (RFC 8439) with the vector instructions of WebAssembly, for which no crate has ChaCha20: four
//! blocks of the key stream at a time, one in each lane of sixteen vectors.

use core::arch::wasm32::{
    i8x16_shuffle, u32x4, u32x4_add, u32x4_shl, u32x4_shr, u32x4_shuffle, u32x4_splat, u64x2,
    u64x2_extract_lane, u64x2_shuffle, v128, v128_or, v128_xor,
};

use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit as _, UniversalHash as _};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

use crate::{Cipher, KEY_LEN, NONCE_LEN, TAG_LEN};

const BLOCK_LEN: usize = 64;
/// Bytes of the key stream that are made at a time.
const STRIDE: usize = 4 * BLOCK_LEN;
/// "expand 32-byte k" (RFC 8439, section 2.3).
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

pub(crate) struct Key([u8; KEY_LEN]);

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Key {
    pub(crate) fn new(key: &[u8; KEY_LEN], cipher: Cipher) -> Option<Self> {
        match cipher {
            Cipher::ChaCha20Poly1305 => Some(Self(*key)),
            Cipher::Aes256Gcm => None,
        }
    }

    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
    ) -> [u8; TAG_LEN] {
        let stream = KeyStream::new(&self.0, nonce);
        let hash = stream.hash();
        stream.apply(text);
        tag(hash, aad, text)
    }

    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
        expected: [u8; TAG_LEN],
    ) -> bool {
        let stream = KeyStream::new(&self.0, nonce);
        let is_authentic = tag(stream.hash(), aad, text).ct_eq(&expected).into();
        if is_authentic {
            stream.apply(text);
        }
        is_authentic
    }
}

/// Returns the tag of encrypted text (RFC 8439, section 2.8).
fn tag(mut hash: Poly1305, aad: &[u8], text: &[u8]) -> [u8; TAG_LEN] {
    hash.update_padded(aad);
    hash.update_padded(text);
    let mut lengths = [0; 16];
    lengths[..8].copy_from_slice(&(aad.len() as u64).to_le_bytes());
    lengths[8..].copy_from_slice(&(text.len() as u64).to_le_bytes());
    hash.update(&[lengths.into()]);
    hash.finalize().into()
}

/// The state of ChaCha20 for one key and nonce, without the counter: it is 0 for the key of Poly1305, and 1 where
/// the text begins. The memory of a module is smaller than what a counter of 32 bits covers.
struct KeyStream([u32; 16]);

impl KeyStream {
    fn new(key: &[u8; KEY_LEN], nonce: [u8; NONCE_LEN]) -> Self {
        let mut state = [0; 16];
        state[..4].copy_from_slice(&CONSTANTS);
        for (word, bytes) in state[4..12].iter_mut().zip(key.chunks_exact(4)) {
            *word = word_of(bytes);
        }
        for (word, bytes) in state[13..].iter_mut().zip(nonce.chunks_exact(4)) {
            *word = word_of(bytes);
        }
        Self(state)
    }

    /// Returns Poly1305 with its key (RFC 8439, section 2.6).
    fn hash(&self) -> Poly1305 {
        let mut first = [0; STRIDE];
        self.apply_at(0, &mut first);
        let hash = Poly1305::new(first[..KEY_LEN].into());
        first.zeroize();
        hash
    }

    /// Encrypts or decrypts.
    fn apply(&self, text: &mut [u8]) {
        let mut counter = 1;
        let (whole, rest) = text.as_chunks_mut::<STRIDE>();
        for stride in whole {
            self.apply_at(counter, stride);
            counter += 4;
        }
        if !rest.is_empty() {
            let mut stride = [0; STRIDE];
            stride[..rest.len()].copy_from_slice(rest);
            self.apply_at(counter, &mut stride);
            rest.copy_from_slice(&stride[..rest.len()]);
        }
    }

    /// Adds four blocks of the key stream, from this counter on.
    fn apply_at(&self, counter: u32, text: &mut [u8; STRIDE]) {
        let mut start = self.0.map(|word| u32x4_splat(word));
        start[12] = u32x4_add(u32x4_splat(counter), u32x4(0, 1, 2, 3));
        let mut state = start;
        for _ in 0..10 {
            double_round(&mut state);
        }
        for row in 0..4 {
            let words = [0, 1, 2, 3].map(|at| u32x4_add(state[4 * row + at], start[4 * row + at]));
            for (block, vector) in transposed(words).into_iter().enumerate() {
                let at = block * BLOCK_LEN + row * 16;
                add(vector, &mut text[at..at + 16]);
            }
        }
    }
}

#[inline(always)]
fn double_round(state: &mut [v128; 16]) {
    quarter_round(state, [0, 4, 8, 12]);
    quarter_round(state, [1, 5, 9, 13]);
    quarter_round(state, [2, 6, 10, 14]);
    quarter_round(state, [3, 7, 11, 15]);
    quarter_round(state, [0, 5, 10, 15]);
    quarter_round(state, [1, 6, 11, 12]);
    quarter_round(state, [2, 7, 8, 13]);
    quarter_round(state, [3, 4, 9, 14]);
}

#[inline(always)]
fn quarter_round(state: &mut [v128; 16], [a, b, c, d]: [usize; 4]) {
    state[a] = u32x4_add(state[a], state[b]);
    state[d] = v128_xor(state[d], state[a]);
    state[d] =
        i8x16_shuffle::<2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13>(state[d], state[d]);
    state[c] = u32x4_add(state[c], state[d]);
    state[b] = v128_xor(state[b], state[c]);
    state[b] = v128_or(u32x4_shl(state[b], 12), u32x4_shr(state[b], 20));
    state[a] = u32x4_add(state[a], state[b]);
    state[d] = v128_xor(state[d], state[a]);
    state[d] =
        i8x16_shuffle::<3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14>(state[d], state[d]);
    state[c] = u32x4_add(state[c], state[d]);
    state[b] = v128_xor(state[b], state[c]);
    state[b] = v128_or(u32x4_shl(state[b], 7), u32x4_shr(state[b], 25));
}

/// Turns vectors with a word of each block into vectors with words of one block.
fn transposed([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let (low_ab, high_ab) = (u32x4_shuffle::<0, 4, 1, 5>(a, b), u32x4_shuffle::<2, 6, 3, 7>(a, b));
    let (low_cd, high_cd) = (u32x4_shuffle::<0, 4, 1, 5>(c, d), u32x4_shuffle::<2, 6, 3, 7>(c, d));
    [
        u64x2_shuffle::<0, 2>(low_ab, low_cd),
        u64x2_shuffle::<1, 3>(low_ab, low_cd),
        u64x2_shuffle::<0, 2>(high_ab, high_cd),
        u64x2_shuffle::<1, 3>(high_ab, high_cd),
    ]
}

fn add(vector: v128, text: &mut [u8]) {
    let word = |at: usize| u64::from_le_bytes(core::array::from_fn(|byte| text[at + byte]));
    let sum = v128_xor(vector, u64x2(word(0), word(8)));
    text[..8].copy_from_slice(&u64x2_extract_lane::<0>(sum).to_le_bytes());
    text[8..].copy_from_slice(&u64x2_extract_lane::<1>(sum).to_le_bytes());
}

fn word_of(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(core::array::from_fn(|at| bytes[at]))
}
