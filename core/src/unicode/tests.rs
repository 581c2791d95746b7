use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use icu_properties::props::{
    CanonicalCombiningClass, DefaultIgnorableCodePoint, ExtendedPictographic, GeneralCategory,
    JoiningType,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use proptest::prelude::*;

use super::*;
use crate::{FileName, Nick};

/// Realistic file names and nicks.
const REAL: &[&str] = &[
    // Persian: a non-joiner between letters that would join.
    "نمی‌خواهم",
    "کتاب‌ها",
    "می‌روم.txt",
    "پرونده‌های من/خانه‌ی ما.pdf",
    // With a mark between letter and non-joiner.
    "بَ‌ب",
    // Hindi, Marathi: a half form, and a letter that does not join.
    "क्‍ष.txt",
    "क्‌ष",
    "वाऱ्‍याचा आवाज",
    // Bengali: Ra with Ya.
    "র‍্যাব",
    // Sinhala.
    "ශ්‍රී ලංකා.jpg",
    "ක්‍රියාව",
    // Malayalam, as written before its chillu letters had code points.
    "അവന്‍",
    "മലയാളം.txt",
    // Tamil, Thai, Hebrew, Arabic, Mongolian, Japanese with an ideographic variation.
    "ஸ்ரீ",
    "ภาษาไทย",
    "שָׁלוֹם",
    "السَّلَامُ عَلَيْكُم",
    "ᠮᠣᠩᠭᠣᠯ᠋",
    "葛\u{e0100}城.jpg",
    // Emoji.
    "❤️.png",
    "☺︎",
    "👨‍👩‍👧‍👦",
    "👩🏽‍🚀",
    "🏳️‍🌈",
    "🏴‍☠️ treasure",
    "👁️‍🗨️",
    "🏃🏻‍♀️‍➡️",
    "🧑🏽‍🤝‍🧑🏿",
    "🐈‍⬛",
    "1️⃣ first",
    "#️⃣*️⃣",
    "1⃣",
    "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} and 🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
    "🇩🇪",
    // A space that macOS writes into names.
    "Screenshot 2024-01-01 at 3.00.00\u{202f}PM.png",
    "全角\u{3000}空白",
];

/// Texts with a misplaced invisible character.
const FALSE: &[(&str, char)] = &[
    ("kim\u{200c}", '\u{200c}'),
    ("\u{200d}kim", '\u{200d}'),
    ("ki\u{200d}m", '\u{200d}'),
    ("a\u{200c}b", '\u{200c}'),
    // At the end, before a letter that does not join, and doubled.
    ("نمی‌", '\u{200c}'),
    ("دا\u{200c}ر", '\u{200c}'),
    ("نمی\u{200c}\u{200c}خواهم", '\u{200c}'),
    ("क्‍\u{200d}ष", '\u{200d}'),
    ("कि\u{200d}", '\u{200d}'),
    ("❤️\u{200d}", '\u{200d}'),
    ("\u{200d}❤️", '\u{200d}'),
    ("a\u{200d}❤", '\u{200d}'),
    ("❤\u{200d}\u{200d}❤", '\u{200d}'),
    ("a\u{fe0f}", '\u{fe0f}'),
    ("❤️\u{fe0f}", '\u{fe0f}'),
    ("1\u{fe0f}", '\u{fe0f}'),
    ("1\u{fe0e}\u{20e3}", '\u{fe0e}'),
    ("a\u{e0100}", '\u{e0100}'),
    ("a\u{180b}", '\u{180b}'),
    // Tags without a flag, without an end, too few, too many, of other letters.
    ("\u{e0067}\u{e0062}\u{e0073}\u{e007f}", '\u{e0067}'),
    ("🏴\u{e0067}\u{e0062}\u{e0073}", '\u{e0067}'),
    ("🏴\u{e0067}\u{e0062}\u{e007f}", '\u{e0067}'),
    ("🏴\u{e007f}", '\u{e007f}'),
    (
        "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0067}\u{e0062}\u{e0073}\u{e0067}\u{e0062}\u{e007f}",
        '\u{e0067}',
    ),
    ("🏴\u{e0041}\u{e0042}\u{e0043}\u{e007f}", '\u{e0041}'),
    ("🐈\u{e0067}\u{e0062}\u{e0073}\u{e007f}", '\u{e0067}'),
    ("\u{e0001}", '\u{e0001}'),
    // Bidirectional controls, blanks and zero-width characters.
    ("fdp.\u{202e}exe", '\u{202e}'),
    ("\u{2066}a", '\u{2066}'),
    ("a\u{200e}", '\u{200e}'),
    ("نمی\u{200f}", '\u{200f}'),
    ("a\u{2800}b", '\u{2800}'),
    ("\u{3164}", '\u{3164}'),
    ("a\u{115f}", '\u{115f}'),
    ("\u{1160}a", '\u{1160}'),
    ("a\u{ffa0}", '\u{ffa0}'),
    ("a\u{34f}", '\u{34f}'),
    ("a\u{ad}b", '\u{ad}'),
    ("a\u{2060}b", '\u{2060}'),
    ("\u{feff}a", '\u{feff}'),
];

#[test]
fn names_in_all_scripts_are_valid() {
    for name in REAL {
        assert_eq!(find_deceptive(name), None, "{name:?}");
        assert!(FileName::parse(name).is_ok(), "{name:?}");
        let nick: String = name.chars().filter(|c| !c.is_whitespace() && *c != '/').collect();
        if nick.chars().count() <= 32 {
            assert!(Nick::parse(&nick).is_ok(), "{nick:?}");
        }
    }
    for (text, found) in FALSE {
        assert_eq!(find_deceptive(text), Some(*found), "{text:?}");
        assert!(FileName::parse(text).is_err() && Nick::parse(text).is_err(), "{text:?}");
    }
}

/// Compares every single character with Unicode's own tables.
#[test]
fn the_tables_match_unicode() {
    let joining = CodePointMapData::<JoiningType>::new();
    let class = CodePointMapData::<CanonicalCombiningClass>::new();
    let category = CodePointMapData::<GeneralCategory>::new();
    let pictographic = CodePointSetData::new::<ExtendedPictographic>();
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let joins = |c: char| {
        let page = u32::from(c) & !0xff;
        let letters =
            [JoiningType::DualJoining, JoiningType::RightJoining, JoiningType::LeftJoining];
        page == 0x300 || (page..=page | 0xff).any(|c| letters.contains(&joining.get32(c)))
    };
    let mut pages = (0, false);
    for c in '\0'..=char::MAX {
        let page = u32::from(c) >> 8;
        if pages.0 != page || c == '\0' {
            pages = (page, joins(c));
        }
        let expected = match joining.get(c) {
            JoiningType::DualJoining => Some(0),
            JoiningType::RightJoining => Some(1),
            JoiningType::LeftJoining => Some(2),
            JoiningType::Transparent if pages.1 => Some(3),
            _ => None,
        };
        assert_eq!(context::joining(c), expected, "{c:?}");
        assert_eq!(context::is_virama(c), class.get(c) == CanonicalCombiningClass::Virama, "{c:?}");
        assert_eq!(context::is_picture(c), pictographic.contains(c), "{c:?}");
        let hidden = ignorable.contains(c) || category.get(c) == GeneralCategory::Control;
        assert!(is_deceptive(c) || !hidden, "{c:?}");
    }
}

/// Generates text of a few letters, marks and invisible characters, and of any characters.
fn any_text() -> impl Strategy<Value = Vec<char>> {
    let some = "aن ا\u{64e}क\u{94d}1#\u{20e3}❤🏴👩\u{1f3fd}\u{200c}\u{200d}\u{fe0e}\u{fe0f}\u{e0067}\u{e0062}\u{e007f}\u{202e}\u{2800}/";
    let some: Vec<_> = some.chars().collect();
    prop::collection::vec(prop_oneof![4 => prop::sample::select(some), 1 => any::<char>()], 0..12)
}

proptest! {
    #[test]
    fn no_invisible_character_is_allowed_without_context(c in any::<char>()) {
        prop_assert_eq!(find_deceptive(&format!("{c}")).is_some(), is_deceptive(c));
        prop_assert_eq!(find_deceptive(&format!("x{c}y")).is_some(), is_deceptive(c));
    }

    /// Context does not extend over a slash.
    #[test]
    fn parts_are_checked_independently(parts in prop::collection::vec(any_text(), 1..4)) {
        let parts: Vec<String> = parts.into_iter().map(String::from_iter).collect();
        let whole = find_deceptive(&parts.join("/"));
        prop_assert_eq!(whole, parts.iter().find_map(|part| find_deceptive(part)));
    }

    /// In valid text no two invisible characters follow each other, except in a flag.
    #[test]
    fn valid_text_has_no_redundant_invisible_characters(text in any_text()) {
        let name = String::from_iter(&text);
        if find_deceptive(&name).is_none() {
            let flags = |c: char| matches!(c, '\u{e0020}'..='\u{e007f}');
            for pair in text.windows(2) {
                let both = is_deceptive(pair[0]) && is_deceptive(pair[1]);
                let is_sequence = pair == ['\u{fe0f}', '\u{200d}'] || flags(pair[0]) && flags(pair[1]);
                prop_assert!(!both || is_sequence, "{:?}", pair);
            }
            let bidi = |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            prop_assert!(!text.iter().any(bidi));
        }
    }
}
