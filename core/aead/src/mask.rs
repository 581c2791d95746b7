//! The mask of WebSocket frames (RFC 6455, section 5.3). It is no cipher, and is here because a bridge unmasks every
//! byte of a file.

/// Writes `from` without its mask to `to`, which has the same length. The mask's first byte is that of the first byte.
pub fn unmask(from: &[u8], mask: [u8; 4], to: &mut [u8]) {
    let [a, b, c, d] = mask;
    let long = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (from, last_from) = from.as_chunks::<8>();
    let (to, last_to) = to.as_chunks_mut::<8>();
    for (from, to) in from.iter().zip(to) {
        *to = (u64::from_ne_bytes(*from) ^ long).to_ne_bytes();
    }
    for ((from, to), mask) in last_from.iter().zip(last_to).zip(mask.iter().cycle()) {
        *to = from ^ mask;
    }
}

#[cfg(test)]
mod tests {
    use super::unmask;

    #[test]
    fn every_length_is_unmasked_byte_by_byte() {
        let mask = [1, 20, 0, 255];
        for len in 0..40_u8 {
            let masked: [u8; 40] = core::array::from_fn(|at| (at * 7) as u8);
            let (masked, mut plain) = (&masked[..len.into()], [0; 40]);
            unmask(masked, mask, &mut plain[..len.into()]);
            for (at, byte) in masked.iter().enumerate() {
                assert_eq!(plain[at], byte ^ mask[at % 4], "{at} of {len}");
            }
            assert!(plain[len.into()..].iter().all(|byte| *byte == 0));
        }
    }
}
