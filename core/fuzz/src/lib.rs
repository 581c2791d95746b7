//! Shared parts of the fuzz targets: splitting bytes by a seed, and the keys of a session.

mod keys;

pub use keys::with_keys;

/// Splits `bytes` into pieces whose sizes follow from `seed`: single bytes, small or large.
pub fn split(seed: u8, bytes: &[u8]) -> Vec<&[u8]> {
    let (mut pieces, mut rest, mut random) = (Vec::new(), bytes, u32::from(seed) | 0x100);
    let bound = match seed % 4 {
        0 => 1,
        1 => 16,
        2 => 300,
        _ => 9000,
    };
    while !rest.is_empty() {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let (piece, after) = rest.split_at((1 + random as usize % bound).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Asserts that a text neither acts on a terminal nor fills it.
pub fn assert_printable(text: &str) {
    assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
    assert!(text.len() < 2000, "{} bytes", text.len());
}
