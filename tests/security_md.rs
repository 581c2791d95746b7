//! SECURITY.md names tests: each of them exists.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

#[test]
fn every_test_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let named: Vec<_> = text.split('`').filter_map(|part| part.split_once("::")).collect();
    assert!(named.len() > 50, "{} are named", named.len());
    for (file, test) in named {
        let code = fs::read_to_string(root.join(file)).unwrap_or_default();
        let found = match file.ends_with(".js") {
            true => code.contains(&format!("test(\"{test}\", ")),
            false => code.contains(&format!("fn {test}(")),
        };
        assert!(found, "{test} in {file}");
    }
}
