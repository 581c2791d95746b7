//! Control connections for the transcripts (`tests/transcripts/README.md`), and encrypted sessions for the
//! test vectors.

mod secure;

use wasm_bindgen::prelude::*;

/// The interpreter of transcripts, shared with the core's tests.
#[path = "../../core/tests/transcripts/control.rs"]
mod control;

/// One side of a connection, as the core's tests use it.
pub(crate) trait Side {
    fn perform(&mut self, text: &str, out: &mut Vec<u8>) -> Vec<String>;
    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Vec<String>;
}

/// One side of a control connection.
#[wasm_bindgen]
pub struct Control {
    side: control::Control,
    out: Vec<u8>,
}

#[wasm_bindgen]
impl Control {
    /// Creates a connection on which nothing was sent.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { side: control::Control::new(), out: Vec::new() }
    }

    /// Carries out a step of a transcript. Returns the reports.
    pub fn does(&mut self, text: &str) -> Vec<String> {
        self.side.perform(text, &mut self.out)
    }

    /// Takes received bytes. Returns the reports.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<String> {
        self.side.receive(bytes, &mut self.out)
    }

    /// Returns the bytes written since the last call.
    pub fn written(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}
