//! Contexts in which an invisible character is legitimate: in words of some scripts, and in emoji
//! (section 2.2).

use super::tables::{JOINING, PICTOGRAPHIC, VIRAMA};

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
const EMOJI_STYLE: char = '\u{fe0f}';
const BLACK_FLAG: char = '\u{1f3f4}';
const END_OF_TAGS: char = '\u{e007f}';

/// Returns true if the character is legitimate at this position of `text`.
pub(super) fn is_allowed(text: &[char], at: usize) -> bool {
    let ([before @ .., last], [c, after @ ..]) = text.split_at(at) else { return false };
    let (c, last, next) = (*c, *last, after.first().copied());
    match c {
        // RFC 5892, appendix A.1.
        NON_JOINER => is_virama(last) || is_between_joining_letters(&text[..at], after),
        // RFC 5892, appendix A.2; a Bengali Ra that keeps its form before a Ya; and emoji.
        JOINER => {
            let is_ra = last == '\u{9b0}' && next == Some('\u{9cd}');
            is_virama(last) || is_ra || is_between_pictures(before, last, next)
        }
        // UTS 51: the style of a pictograph, and keycaps.
        '\u{fe0e}' | EMOJI_STYLE => {
            let is_key = matches!(last, '0'..='9' | '#' | '*') && next == Some('\u{20e3}');
            is_picture(last) || c == EMOJI_STYLE && is_key
        }
        // The form of a Mongolian letter.
        '\u{180b}'..='\u{180d}' | '\u{180f}' => matches!(last, '\u{1820}'..='\u{18aa}'),
        // The form of an ideograph.
        '\u{e0100}'..='\u{e01ef}' => {
            matches!(last, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{323af}')
        }
        '\u{e0020}'..=END_OF_TAGS => is_in_flag(text, at),
        _ => false,
    }
}

/// Returns true between a letter that joins to the next one and a letter that joins to the previous one,
/// with only marks between them.
fn is_between_joining_letters(before: &[char], after: &[char]) -> bool {
    let letter = |c: &&char| joining(**c) != Some(MARK);
    let of = |c: Option<&char>| c.and_then(|c| joining(*c));
    let (before, after) = (before.iter().rfind(letter), after.iter().find(letter));
    matches!(of(before), Some(BOTH | LEFT)) && matches!(of(after), Some(BOTH | RIGHT))
}

fn is_between_pictures(before: &[char], last: char, next: Option<char>) -> bool {
    let mut all = before.iter().copied().chain([last]).rev();
    let mut last = all.next();
    if last == Some(EMOJI_STYLE) {
        last = all.next();
    }
    if matches!(last, Some('\u{1f3fb}'..='\u{1f3ff}')) {
        last = all.next();
    }
    last.is_some_and(is_picture) && next.is_some_and(is_picture)
}

/// Returns true inside the flag of a region: a black flag, three to seven lower-case letters and digits as
/// tags, and an end tag.
fn is_in_flag(text: &[char], at: usize) -> bool {
    let letters = |from: usize| {
        let is_letter =
            |c: &&char| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
        text[from..].iter().take_while(is_letter).count()
    };
    let Some(flag) = text[..at].iter().rposition(|c| *c == BLACK_FLAG) else { return false };
    let end = flag + 1 + letters(flag + 1);
    at <= end && text.get(end) == Some(&END_OF_TAGS) && (3..=7).contains(&(end - flag - 1))
}

/// The values of [`JOINING`]: letters by the sides on which they join, and marks.
const BOTH: u32 = 0;
const RIGHT: u32 = 1;
const LEFT: u32 = 2;
const MARK: u32 = 3;

pub(super) fn is_virama(c: char) -> bool {
    find(VIRAMA, 0, c).is_some()
}

pub(super) fn is_picture(c: char) -> bool {
    find(PICTOGRAPHIC, 0, c).is_some()
}

/// Returns how a letter joins, or [`MARK`].
pub(super) fn joining(c: char) -> Option<u32> {
    find(JOINING, 2, c)
}

/// Looks `c` up in a table: the last `bits` of the length of its range are its value.
fn find(table: &[u8], bits: u32, c: char) -> Option<u32> {
    let (mut rest, mut end) = (table, 0);
    while !rest.is_empty() {
        let first = end + take(&mut rest);
        let length = take(&mut rest);
        end = first + (length >> bits);
        if u32::from(c) < end {
            return (u32::from(c) >= first).then_some(length & ((1 << bits) - 1));
        }
    }
    None
}

/// Takes the next number of a table: seven bits per byte, the least significant first.
fn take(table: &mut &[u8]) -> u32 {
    let mut number = 0;
    let mut shift = 0;
    while let [byte, rest @ ..] = *table {
        *table = rest;
        number |= u32::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}
