//! One control connection as the transcripts speak of it (`tests/transcripts/README.md`), and a
//! private one as the vectors do.

mod secure;

use wasm_bindgen::prelude::*;

/// The core's own reading of a transcript's words.
#[path = "../../core/tests/transcripts/control.rs"]
mod control;

/// What the core's tests ask of a side.
pub(crate) trait Side {
    fn perform(&mut self, text: &str, out: &mut Vec<u8>) -> Vec<String>;
    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Vec<String>;
}

/// A side of a control connection.
#[wasm_bindgen]
pub struct Control {
    side: control::Control,
    out: Vec<u8>,
}

#[wasm_bindgen]
impl Control {
    /// A connection on which nothing was said.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { side: control::Control::new(), out: Vec::new() }
    }

    /// Does it; what is reported.
    pub fn does(&mut self, text: &str) -> Vec<String> {
        self.side.perform(text, &mut self.out)
    }

    /// Takes bytes; what is reported.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<String> {
        self.side.receive(bytes, &mut self.out)
    }

    /// What was written since this was asked last.
    pub fn written(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}
