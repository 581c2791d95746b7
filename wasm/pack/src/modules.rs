//! The WebAssembly modules of the package.

use std::path::{Path, PathBuf};

/// A module, and how it is named where it is compiled and where it is used.
pub(crate) struct Module {
    /// The crate.
    pub(crate) package: &'static str,
    /// What the compiler makes of it.
    compiled: &'static str,
    /// The beginning of its file's name in the package; its glue is the script of this name.
    pub(crate) name: &'static str,
}

/// Few sessions show a QR code, so that these load when one does.
pub(crate) const MODULES: [Module; 2] = [
    Module { package: "xcher-wasm", compiled: "xcher_wasm.wasm", name: "xcher" },
    Module { package: "xcher-qr", compiled: "xcher_qr.wasm", name: "qr" },
];

impl Module {
    pub(crate) fn compiled(&self, folder: &Path) -> PathBuf {
        folder.join(self.compiled)
    }

    /// Returns its file in the generated part of the package.
    pub(crate) fn packed(&self, pkg: &Path) -> PathBuf {
        pkg.join(format!("{}_bg.wasm", self.name))
    }
}
