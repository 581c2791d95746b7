//! QR codes: a link, for a machine that has a camera and no keyboard.

use qrcodegen_no_heap::{Mask, QrCode, QrCodeEcc, Version};
use wasm_bindgen::prelude::*;

/// The most bytes of text.
const LONGEST: usize = 271;
/// So many bytes fit into this one.
const LARGEST: Version = Version::new(10);

/// A QR code of `text`: its modules row by row, 1 for a dark one. Empty where the text is longer than
/// 271 bytes.
#[wasm_bindgen]
#[allow(unreachable_pub)]
pub fn qr(text: &str) -> Vec<u8> {
    let text = text.as_bytes();
    if text.len() > LONGEST {
        return Vec::new();
    }
    let (mut work, mut out) = ([0; LARGEST.buffer_len()], [0; LARGEST.buffer_len()]);
    work[..text.len()].copy_from_slice(text);
    // Every reader knows all masks; to look for the best would make the module 650 bytes longer.
    let mask = Some(Mask::new(0));
    let smallest = Version::new(1);
    let code = QrCode::encode_binary(
        &mut work,
        text.len(),
        &mut out,
        QrCodeEcc::Low,
        smallest,
        LARGEST,
        mask,
        true,
    );
    let Ok(code) = code else { return Vec::new() };
    let all = 0..code.size();
    let modules = all.clone().flat_map(|y| all.clone().map(move |x| (x, y)));
    modules.map(|(x, y)| code.get_module(x, y).into()).collect()
}
