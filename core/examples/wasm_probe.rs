//! A program that uses the crate and nothing else, so that what it becomes for wasm shows what the
//! crate needs of its host: `core/tests/wasm_imports.rs` looks.

use std::hint::black_box;

use xcher_core::{Limits, LineBuffer, RelayPacket, Session};

fn main() {
    // What the compiler cannot know, it cannot leave out.
    let bytes: &[u8] = black_box(b"X_FILELIST\nX_CHK a\nX_REQUEST a 1 40001\nX_END\n");
    let (mut session, mut out) = (Session::new(&Limits::default()), Vec::new());
    black_box(session.list(&mut out)).ok();
    session.receive(bytes);
    loop {
        match session.next_event(&mut out) {
            Ok(Some(event)) => drop(black_box((event, session.question()))),
            Ok(None) => break,
            Err(error) => break drop(black_box(error.to_string())),
        }
    }
    black_box(session.close()).ok();
    black_box(out);

    let mut lines = LineBuffer::new();
    lines.receive(bytes);
    while let Ok(Some(line)) = lines.next_line() {
        black_box(RelayPacket::parse(line)).ok();
    }
}
