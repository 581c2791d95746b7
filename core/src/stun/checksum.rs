//! The FINGERPRINT attribute (RFC 8489, section 14.7).

/// Returns its value for the bytes before the attribute.
pub(super) fn fingerprint(message: &[u8]) -> u32 {
    crc32(message) ^ 0x5354_554e
}

/// The CRC-32 of ITU V.42. A message has few bytes, and few have the attribute: no table is worth its size.
fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| match crc & 1 {
            1 => (crc >> 1) ^ 0xedb8_8320,
            _ => crc >> 1,
        })
    });
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_value_of_crc_32() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
