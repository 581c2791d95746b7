//! The rule `name` against [`FileName`].

use xcher_core::{FileName, NameError};

use crate::abnf::Grammar;

#[test]
fn names_match_exactly_if_they_are_valid() {
    let grammar = Grammar::read();
    let part = "a".repeat(255);
    let names = [
        "a",
        "java.avi",
        "a b",
        " ",
        "a/b/c.txt",
        ".hidden",
        "...",
        "a/...",
        "träd/日本語.txt",
        "😀",
        "a\\b",
        "EOF",
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/..",
        "a/./b",
        "a\tb",
        "a\u{7f}",
        "\0",
    ];
    let long = [
        part.clone(),
        part.clone() + "a",
        [part.as_str(); 4].join("/"),
        [part.as_str(); 5].join("/"),
        "a/".repeat(512) + "b",
        "é".repeat(127),
    ];
    for name in names.into_iter().chain(long.iter().map(String::as_str)) {
        let valid = match FileName::parse(name) {
            Ok(_) => true,
            // ABNF does not express the hidden characters.
            Err(invalid) if matches!(invalid.reason, NameError::Deceptive(c) if !c.is_ascii()) => {
                continue;
            }
            Err(_) => false,
        };
        // A repetition counts characters, and a part has bytes.
        assert_eq!(grammar.matches("name", name.as_bytes()), valid, "{name:?}");
    }
}
