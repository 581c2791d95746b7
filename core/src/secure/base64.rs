//! Encodes bytes as one field of a line: base64 with the standard alphabet and padding.

use alloc::string::String;

use base64ct::{Base64, Encoding as _};

use super::{PublicKey, SecureError};
use crate::Quoted;

/// Bytes of the longest message in a line: the second one of the handshake.
const MAX_MESSAGE_LEN: usize = 96;

/// Encodes at most [`MAX_MESSAGE_LEN`] bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = [0; MAX_MESSAGE_LEN.div_ceil(3) * 4];
    Base64::encode(bytes, &mut text).expect("at most the longest message").into()
}

/// Decodes a text of exactly as many bytes as `bytes` has.
///
/// # Errors
///
/// [`SecureError::Malformed`] for any other text.
pub(crate) fn decode(text: &str, bytes: &mut [u8]) -> Result<(), SecureError> {
    let expected = bytes.len();
    match Base64::decode(text, bytes) {
        Ok(decoded) if decoded.len() == expected => Ok(()),
        _ => Err(SecureError::Malformed { expected, got: Quoted(text).to_box() }),
    }
}

/// Decodes the two fields `key proof` of an X_KEY; returns `None` for any others.
pub(crate) fn decode_key_and_proof(fields: &str) -> Option<(PublicKey, [u8; 32])> {
    let (key, proof) = fields.split_once(' ')?;
    let mut bytes = [0; 32];
    decode(proof, &mut bytes).ok()?;
    Some((PublicKey::parse(key).ok()?, bytes))
}
