//! Constants that a page needs before its module is loaded. `wasm/pack` compiles this file alone, so it uses
//! nothing of this crate.

use core::time::Duration;

/// Wrong codes after which a code expires (section 12.2).
pub const MAX_TRIES: u32 = 10;
/// Codes that a sender tries in turn where the nick of one is taken.
pub const MAX_NICK_ATTEMPTS: u32 = 8;
/// The WebSocket subprotocol of a tunnel.
pub const SUBPROTOCOL: &str = "xcher.tunnel.1";
/// The path of the WebSocket.
pub const PATH: &str = "/xcher";
/// Time after its last change at which a partial file is removed: 7 days.
pub const PARTIAL_EXPIRY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Bytes of the longest text (section 16.1).
pub const MAX_TEXT_LEN: u64 = 64 << 10;
/// The name of a text, for peers that take it for a file.
pub const TEXT_NAME: &str = "message.txt";
/// Quotation marks, which may stand on either side of a pasted text.
pub const QUOTES: &str = "\"'`“”„‘’‚«»‹›";
/// Characters that end a sentence or a URL.
pub const ENDS: &str = ".,;:!?/…";
/// Opening brackets, and the closing ones in the same order.
pub const BRACKETS: [&str; 2] = ["([{<", ")]}>"];
