//! The npm packages of others in the page: what the package depends on, as npm locks it, and what a bundle has in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::licences;

/// The folder of installed packages.
const INSTALLED: &str = "node_modules/";

/// A package that is no tool for development.
pub(super) struct NpmPackage {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) license: String,
    folder: PathBuf,
}

impl NpmPackage {
    /// Returns the texts of its licence.
    pub(super) fn texts(&self) -> Result<Vec<String>> {
        let Self { name, folder, .. } = self;
        if !folder.is_dir() {
            bail!("{name} is not installed: run npm ci in wasm/npm");
        }
        let texts = licences::texts(folder)?;
        if texts.is_empty() {
            bail!("{name} has no file with its licence, which must go with the page");
        }
        Ok(texts)
    }
}

/// Returns what a package depends on, and what that depends on.
pub(super) fn locked(npm: &Path) -> Result<Vec<NpmPackage>> {
    let lock: Value = serde_json::from_slice(&fs::read(npm.join("package-lock.json"))?)?;
    let packages = lock["packages"].as_object().context("package-lock.json names no packages")?;
    let others = packages.iter().filter_map(|(path, package)| {
        let (_, name) = path.rsplit_once(INSTALLED)?;
        let field = |name: &str| package[name].as_str().unwrap_or("unknown").to_owned();
        (package["dev"] != true).then(|| NpmPackage {
            name: name.to_owned(),
            version: field("version"),
            license: field("license"),
            folder: npm.join(path),
        })
    });
    Ok(others.collect())
}

/// Checks that the notices name every package in a bundle, with its licence. `inputs` is esbuild's metafile.
///
/// # Errors
///
/// A package that is a tool for development, or has no licence.
pub(crate) fn check_bundle(npm: &Path, inputs: &[u8]) -> Result<()> {
    let known = locked(npm)?;
    for name in bundled(inputs)? {
        let Some(package) = known.iter().find(|package| package.name == name) else {
            bail!(
                "the page contains {name}: make it a dependency in wasm/npm/package.json, or the notices of a release lack it"
            );
        };
        package.texts()?;
    }
    Ok(())
}

/// Returns the names of the packages in a bundle.
fn bundled(inputs: &[u8]) -> Result<BTreeSet<String>> {
    let inputs: Value = serde_json::from_slice(inputs)?;
    let inputs = inputs["inputs"].as_object().context("esbuild names no inputs")?;
    let names = inputs.keys().filter_map(|path| {
        let (_, inside) = path.rsplit_once(INSTALLED)?;
        // `@scope/name` or `name`.
        let parts = 1 + usize::from(inside.starts_with('@'));
        Some(inside.split('/').take(parts).collect::<Vec<_>>().join("/"))
    });
    Ok(names.collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const LOCK: &str = r#"{ "packages": {
        "": { "version": "1.0.0" },
        "node_modules/zip": { "version": "2.0.0", "license": "MIT" },
        "node_modules/@a/b": { "version": "3.0.0", "license": "ISC" },
        "node_modules/tool": { "version": "4.0.0", "license": "MIT", "dev": true }
    } }"#;

    /// Makes a package with these packages installed, each with a file.
    fn package(name: &str, installed: &[(&str, &str)]) -> PathBuf {
        let npm = std::env::temp_dir().join(format!("xcher-{name}-{}", std::process::id()));
        for (name, file) in installed {
            let folder = npm.join(INSTALLED).join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(file), "Copyright Amy").unwrap();
        }
        fs::write(npm.join("package-lock.json"), LOCK).unwrap();
        npm
    }

    fn inputs(paths: &[&str]) -> Vec<u8> {
        let inputs: serde_json::Map<_, _> =
            paths.iter().map(|&path| (path.to_owned(), Value::Null)).collect();
        serde_json::json!({ "inputs": inputs }).to_string().into_bytes()
    }

    #[test]
    fn names_of_packages_in_a_bundle_are_those_of_their_folders() {
        let paths = [
            "www/main.js",
            "../node_modules/zip/src/a.js",
            "node_modules/zip/node_modules/@a/b/c.js",
        ];
        let names: Vec<_> = bundled(&inputs(&paths)).unwrap().into_iter().collect();
        assert_eq!(names, ["@a/b", "zip"]);
    }

    #[test]
    fn bundle_with_a_package_that_has_no_notice_is_an_error() {
        let npm =
            package("bundle", &[("zip", "LICENSE.txt"), ("@a/b", "index.js"), ("tool", "LICENSE")]);
        let check = |path: &str| check_bundle(&npm, &inputs(&["www/main.js", path]));
        check("node_modules/zip/index.js").unwrap();
        for (path, why) in [
            ("node_modules/@a/b/index.js", "no file with its licence"),
            ("node_modules/tool/index.js", "make it a dependency"),
            ("node_modules/unknown/index.js", "make it a dependency"),
        ] {
            let error = check(path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        fs::remove_dir_all(npm).unwrap();
    }

    #[test]
    fn package_that_is_not_installed_has_no_notice() {
        let npm = package("missing", &[("zip", "LICENCE")]);
        let packages = locked(&npm).unwrap();
        let found: Vec<_> = packages.iter().map(|one| (&*one.name, one.texts().is_ok())).collect();
        assert_eq!(found, [("@a/b", false), ("zip", true)]);
        fs::remove_dir_all(npm).unwrap();
    }
}
