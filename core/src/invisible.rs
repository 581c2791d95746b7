//! Characters that a person cannot see, but that change what the person does see.

/// Whether `c` is in Unicode's category Cf (format), Zl or Zp: bidirectional controls, zero-width
/// characters, tags, line and paragraph separators, and the visible number signs of [`is_sign`].
///
/// Source: Unicode 16.0, `DerivedGeneralCategory.txt`.
pub(crate) fn is_format(c: char) -> bool {
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

/// Whether `c` is a format or control character, or white space other than a plain space.
pub(crate) fn hides(c: char) -> bool {
    is_format(c) || c.is_control() || (c.is_whitespace() && c != ' ')
}

/// The format characters that are drawn (Arabic, Syriac and Kaithi number signs): harmless in a
/// name, since what they do is there to see.
fn is_sign(c: char) -> bool {
    matches!(c,
        '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{110bd}' | '\u{110cd}')
}

/// Whether a character could move a cursor, reorder the text around it, or hide (section 2.2).
pub fn deceives(c: char) -> bool {
    c.is_control() || (is_format(c) && !is_sign(c))
}
