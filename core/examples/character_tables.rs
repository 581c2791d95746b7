//! Writes `src/invisible/tables.rs` anew, from Unicode's own tables: `character_tables FILE`.

use icu_properties::props::{CanonicalCombiningClass, ExtendedPictographic, JoiningType};
use icu_properties::{CodePointMapData, CodePointSetData};

fn main() -> std::io::Result<()> {
    let Some(file) = std::env::args_os().nth(1) else {
        return Err(std::io::Error::other("expected a file to write to, got no argument"));
    };
    let joining = CodePointMapData::<JoiningType>::new();
    let class = CodePointMapData::<CanonicalCombiningClass>::new();
    let pictographic = CodePointSetData::new::<ExtendedPictographic>();
    let is_letter = |c| {
        matches!(
            joining.get32(c),
            JoiningType::DualJoining | JoiningType::RightJoining | JoiningType::LeftJoining
        )
    };
    // Marks of scripts whose letters join, and those of all scripts.
    let joins = |c: u32| c >> 8 == 3 || (c & !0xff..=c | 0xff).any(is_letter);
    let mut text = String::from(
        "//! What Unicode says of characters that a place may need: `examples/character_tables.rs` \
         wrote it.\n//!\n//! Each range is how far it begins after the end of the last one, and how \
         many characters it has.\n",
    );
    let joining = |c: u32| match joining.get32(c) {
        JoiningType::DualJoining => Some(0),
        JoiningType::RightJoining => Some(1),
        JoiningType::LeftJoining => Some(2),
        JoiningType::Transparent if joins(c) => Some(3),
        _ => None,
    };
    let is = |holds: bool| holds.then_some(0);
    for (doc, name, bits, ranges) in [
        (
            "Letters that join on both sides (0), to the right (1), to the left (2), and marks between \
             them (3): the count has this in its last two bits.",
            "JOINING",
            2,
            ranges(joining),
        ),
        (
            "Signs that take a letter's vowel.",
            "VIRAMA",
            0,
            ranges(|c| is(class.get32(c) == CanonicalCombiningClass::Virama)),
        ),
        (
            "Pictures that emoji are made of.",
            "PICTOGRAPHIC",
            0,
            ranges(|c| is(pictographic.contains32(c))),
        ),
    ] {
        let mut bytes = Vec::new();
        let mut end = 0;
        for (first, count, value) in ranges {
            put(first - end, &mut bytes);
            put(count << bits | value, &mut bytes);
            end = first + count;
        }
        let list: Vec<_> = bytes.iter().map(u8::to_string).collect();
        text += &format!(
            "\n/// {doc}\n#[rustfmt::skip]\npub(super) const {name}: &[u8] = &[\n    {},\n];\n",
            list.chunks(20).map(|line| line.join(", ")).collect::<Vec<_>>().join(",\n    ")
        );
    }
    std::fs::write(file, text)
}

/// Where each run of one value begins, and how long it is.
fn ranges(value: impl Fn(u32) -> Option<u32>) -> Vec<(u32, u32, u32)> {
    let mut ranges: Vec<(u32, u32, u32)> = Vec::new();
    for c in 0..=0x10_ffff {
        let Some(value) = value(c) else { continue };
        match ranges.last_mut() {
            Some((first, count, last)) if *first + *count == c && *last == value => *count += 1,
            _ => ranges.push((c, 1, value)),
        }
    }
    ranges
}

/// Seven bits a byte, the least significant first; all but the last with the highest bit.
fn put(mut number: u32, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
