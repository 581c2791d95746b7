//! The licences of all crates that are compiled into the program and the page, and of the npm packages in the page.
//!
//! The existing tools leave out files with names of their own, such as blake3's LICENSE_A2, or add the crates of
//! other systems. Here a crate without any text is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{licences, npm_packages, output};
use crate::compile::cargo;
use crate::folders::Folders;

const PROGRAM: &str = "xcher";

/// Packages whose dependencies are listed, each for one of the systems that it is built for.
const ROOTS: [(&str, &str); 7] = [
    (PROGRAM, "x86_64-unknown-linux-musl"),
    (PROGRAM, "aarch64-unknown-linux-musl"),
    (PROGRAM, "aarch64-apple-darwin"),
    (PROGRAM, "x86_64-apple-darwin"),
    (PROGRAM, "x86_64-pc-windows-msvc"),
    ("xcher-wasm", "wasm32-unknown-unknown"),
    ("xcher-qr", "wasm32-unknown-unknown"),
];

/// The parts that are in no crate.
const STANDARD_LIBRARY: &str = "\
The standard library of Rust, licensed under MIT or Apache-2.0; copyright The Rust Project Contributors.
Programs for Linux contain musl, licensed under MIT; copyright © 2005-2020 Rich Felker, et al.
The text of both licences is in LICENSE-MIT and LICENSE-APACHE beside this file; the permission of the first is:

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the \"Software\"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions: The above copyright notice
and this permission notice shall be included in all copies or substantial portions of the Software.
";

/// What notices are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Artifact {
    /// The program for any system, with the page in it.
    Program,
    /// The page, which the program's crate contains.
    Page,
    /// The npm package. What it depends on, npm installs, with its licence.
    Package,
}

impl Artifact {
    fn contains(self, root: &str) -> bool {
        self == Self::Program || root != PROGRAM
    }
}

/// Returns the text of all notices.
pub(super) fn collect(folders: &Folders, artifact: Artifact) -> Result<String> {
    let mut notices = Notices::default();
    notices.add_crates(folders, artifact)?;
    if artifact != Artifact::Package {
        notices.add_npm_packages(folders)?;
    }
    Ok(notices.text())
}

/// What is known of the software of others.
#[derive(Default)]
struct Notices {
    /// The licence of each part, by its name and version.
    parts: BTreeMap<String, String>,
    /// The names of the parts with each text: those of one project have the same.
    texts: BTreeMap<String, Vec<String>>,
}

impl Notices {
    fn add(&mut self, name: &str, license: &str, texts: Vec<String>) {
        self.parts.insert(name.to_owned(), license.to_owned());
        for text in texts {
            self.texts.entry(text).or_default().push(name.to_owned());
        }
    }

    fn add_crates(&mut self, folders: &Folders, artifact: Artifact) -> Result<()> {
        let apache = fs::read_to_string(folders.root.join("LICENSE-APACHE"))?;
        let mit = fs::read_to_string(folders.root.join("LICENSE-MIT"))?;
        let mut crates = BTreeMap::new();
        for (root, target) in ROOTS.into_iter().filter(|(root, _)| artifact.contains(root)) {
            dependencies(folders, root, target, &mut crates)?;
        }
        for (name, package) in &crates {
            let license = package["license"].as_str().unwrap_or("see the text");
            let manifest =
                package["manifest_path"].as_str().context("a crate without a manifest")?;
            let folder = Path::new(manifest).parent().context("a manifest without a folder")?;
            let mut texts = licences::texts(folder)?;
            if texts.is_empty() {
                texts.push(fallback(name, package, &apache, &mit)?);
            }
            self.add(name, license, texts);
        }
        Ok(())
    }

    fn add_npm_packages(&mut self, folders: &Folders) -> Result<()> {
        for package in npm_packages::locked(&folders.npm)? {
            let texts = package.texts()?;
            self.add(
                &format!("{} {} (npm)", package.name, package.version),
                &package.license,
                texts,
            );
        }
        Ok(())
    }

    fn text(&self) -> String {
        let mut all =
            format!("XCHER contains the following software of others.\n\n{STANDARD_LIBRARY}");
        for (name, license) in &self.parts {
            let _ = writeln!(all, "\n{name}: {license}");
        }
        for (text, names) in &self.texts {
            let _ =
                writeln!(all, "\n{}\n{}:\n\n{}", "=".repeat(80), names.join(", "), text.trim_end());
        }
        all
    }
}

/// Adds the crates of others that a package is compiled with, by name and version.
fn dependencies(
    folders: &Folders,
    root: &str,
    target: &str,
    crates: &mut BTreeMap<String, Value>,
) -> Result<()> {
    let mut command = cargo();
    command
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", target])
        .current_dir(&folders.root);
    let metadata: Value = serde_json::from_slice(&output(&mut command)?)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let packages: BTreeMap<_, _> = list(&metadata["packages"])
        .into_iter()
        .filter_map(|package| Some((package["id"].as_str()?.to_owned(), package)))
        .collect();
    let nodes: BTreeMap<_, _> = list(&metadata["resolve"]["nodes"])
        .into_iter()
        .filter_map(|node| Some((node["id"].as_str()?.to_owned(), node)))
        .collect();
    let first = packages.iter().find(|(_, package)| package["name"] == root);
    let mut left = vec![first.with_context(|| format!("no package {root}"))?.0.clone()];
    let mut seen = BTreeSet::new();
    while let Some(id) = left.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let (Some(package), Some(node)) = (packages.get(&id), nodes.get(&id)) else { continue };
        if !package["source"].is_null() {
            let name = |field: &str| package[field].as_str().unwrap_or_default().to_owned();
            crates.insert(format!("{} {}", name("name"), name("version")), package.clone());
        }
        for dependency in list(&node["deps"]) {
            // Neither tests nor what runs at build time is part of a program.
            if list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()) {
                left.extend(dependency["pkg"].as_str().map(str::to_owned));
            }
        }
    }
    Ok(())
}

/// Returns the text for a crate that has none of its own.
fn fallback(name: &str, package: &Value, apache: &str, mit: &str) -> Result<String> {
    let license = package["license"].as_str().unwrap_or_default();
    let has = |wanted: &str| license.split([' ', '/', '(', ')']).any(|part| part == wanted);
    if has("Apache-2.0") {
        return Ok(apache.to_owned());
    }
    if has("MIT") {
        let authors = package["authors"].as_array().cloned().unwrap_or_default();
        let authors: Vec<_> = authors.iter().filter_map(Value::as_str).collect();
        let authors = match authors.is_empty() {
            true => format!("the authors of {name}"),
            false => authors.join(", "),
        };
        // Only the line with the copyright names anyone.
        let lines = mit.lines().map(|line| match line.starts_with("Copyright") {
            true => format!("Copyright (c) {authors}\n"),
            false => format!("{line}\n"),
        });
        return Ok(lines.collect());
    }
    bail!("{name}, licensed under {license:?}, has no text of its licence: add it to notices.rs")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_dependency_has_a_licence_with_its_text() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let (npm, target) = (root.join("wasm/npm"), root.join("target/wasm"));
        let folders = Folders { pkg: npm.join("pkg"), root, npm, target };
        let mut notices = Notices::default();
        notices.add_crates(&folders, Artifact::Program).unwrap();
        let all = notices.text();
        // One with files of usual names, one without, one with a text of its own, and one of the page.
        for part in ["\ntokio 1", "\nyamux 0.14", "\nring 0.17", "\ntalc 5"] {
            assert!(all.contains(part), "{part:?}");
        }
        // Only tests use these.
        for part in ["\nproptest ", "\nwalrus "] {
            assert!(!all.contains(part), "{part:?}");
        }
        let mut notices = Notices::default();
        notices.add_crates(&folders, Artifact::Package).unwrap();
        let package = notices.text();
        assert!(package.contains("\ntalc 5") && !package.contains("\ntokio 1"));
    }

    #[test]
    fn a_crate_without_any_text_is_an_error() {
        let package = serde_json::json!({ "license": "BSD-3-Clause" });
        assert!(fallback("x 1.0.0", &package, "", "").is_err());
        let package = serde_json::json!({ "license": "MIT", "authors": ["Amy"] });
        let text =
            fallback("x 1.0.0", &package, "", "MIT\n\nCopyright (c) us\n\nPermission").unwrap();
        assert_eq!(text, "MIT\n\nCopyright (c) Amy\n\nPermission\n");
    }
}
