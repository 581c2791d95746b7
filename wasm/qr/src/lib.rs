//! QR codes of links, for devices with a camera.

use qrcodegen_no_heap::{Mask, QrCode, QrCodeEcc, Version};
use wasm_bindgen::prelude::*;

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// The most bytes of text.
const MAX_TEXT_LEN: usize = 271;
/// The version that fits them.
const MAX_VERSION: Version = Version::new(10);

/// Returns the modules of a QR code of `text`, row by row, 1 for a dark one. Empty if the text is longer than
/// 271 bytes.
#[wasm_bindgen]
pub fn qr(text: &str) -> Vec<u8> {
    let text = text.as_bytes();
    if text.len() > MAX_TEXT_LEN {
        return Vec::new();
    }
    let (mut work, mut out) = ([0; MAX_VERSION.buffer_len()], [0; MAX_VERSION.buffer_len()]);
    work[..text.len()].copy_from_slice(text);
    // Every reader supports all masks; choosing the best would add 650 bytes to this module.
    let mask = Some(Mask::new(0));
    let smallest = Version::new(1);
    let code = QrCode::encode_binary(
        &mut work,
        text.len(),
        &mut out,
        QrCodeEcc::Low,
        smallest,
        MAX_VERSION,
        mask,
        true,
    );
    let Ok(code) = code else { return Vec::new() };
    let all = 0..code.size();
    let modules = all.clone().flat_map(|y| all.clone().map(move |x| (x, y)));
    modules.map(|(x, y)| code.get_module(x, y).into()).collect()
}
