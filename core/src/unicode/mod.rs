//! Characters that are invisible themselves but change how other text is displayed (section 2.2).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

mod context;
mod tables;

/// Returns true if `c` is in Unicode's category Cf (format), Zl or Zp: bidirectional controls, zero-width
/// characters, tags, line and paragraph separators, and the visible signs of [`is_number_sign`].
///
/// Source: Unicode 16.0, `DerivedGeneralCategory.txt`.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}'
        | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}

/// Returns true if `c` is drawn as nothing or as blank space: the characters of Unicode's property
/// Default_Ignorable_Code_Point outside of [`is_format`], and three blank pictures.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2065}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{e0000}'..='\u{e0fff}'
        | '\u{2800}' | '\u{16fe4}' | '\u{1d159}')
}

/// Returns true for format characters that are drawn (Arabic, Syriac and Kaithi number signs): harmless in
/// a name, because their effect is visible.
fn is_number_sign(c: char) -> bool {
    matches!(c,
        '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{110bd}' | '\u{110cd}')
}

/// Returns at most so many characters of a text, without those that could act on a terminal.
pub(crate) fn without_deceptive(text: &str, most: usize) -> Box<str> {
    text.chars().filter(|c| !is_deceptive(*c)).take(most).collect()
}

/// Returns true if a character can move a cursor, reorder the text around it or be invisible. Names and
/// nicks may contain some of these where a script or an emoji needs them.
pub fn is_deceptive(c: char) -> bool {
    c.is_control() || (is_format(c) && !is_number_sign(c)) || is_invisible(c)
}

/// Appends a text with escapes for the characters that [`is_deceptive`] and that nothing needs at their position.
pub(crate) fn escape_deceptive(text: &str, out: &mut String) {
    if !text.chars().any(is_deceptive) {
        return out.push_str(text);
    }
    let text: Vec<_> = text.chars().collect();
    for (at, c) in text.iter().enumerate() {
        match is_deceptive(*c) && !context::is_allowed(&text, at) {
            true => out.extend(c.escape_default()),
            false => out.push(*c),
        }
    }
}

/// Returns the first character that [`is_deceptive`] and that nothing needs at its position (section 2.2).
pub(crate) fn find_deceptive(text: &str) -> Option<char> {
    if !text.chars().any(is_deceptive) {
        return None;
    }
    let text: Vec<_> = text.chars().collect();
    let at =
        (0..text.len()).find(|at| is_deceptive(text[*at]) && !context::is_allowed(&text, *at))?;
    Some(text[at])
}

/// Returns true for white space and the signs of [`is_number_sign`]: not deceptive, but not allowed in a
/// nick.
pub(crate) fn is_space_or_sign(c: char) -> bool {
    is_number_sign(c) || (c.is_whitespace() && c != ' ')
}

#[cfg(test)]
mod tests;
