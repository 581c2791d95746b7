//! QR codes on a terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Black on white in every theme: themes change only the first 16 of the 256 colours.
const COLOURS: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";

/// Returns lines that show `text`, each with two rows of the code, and the margin that scanners need;
/// `None` if the text is too long.
pub(crate) fn lines(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let picture = code.render::<Dense1x2>().quiet_zone(true).build();
    let lines = picture.lines().map(|line| format!("  {COLOURS}{line}{RESET}\n"));
    Some(lines.collect())
}
