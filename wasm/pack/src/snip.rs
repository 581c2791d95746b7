//! Panics without words: in wasm nobody reads them, and what makes them up is a tenth of the module.

use std::path::Path;

use anyhow::Result;
use walrus::{FunctionBuilder, FunctionId, FunctionKind, LocalFunction, Module, ModuleConfig};

/// What never returns, by the beginning of its name. The trap that it ends in stays.
const PANICS: [&str; 10] = [
    "core::panicking::",
    "core::cell::panic_already_",
    "core::option::expect_failed",
    "core::option::unwrap_failed",
    "core::result::unwrap_failed",
    "core::slice::index::slice_index_fail",
    "core::slice::copy_from_slice_impl::len_mismatch_fail",
    "core::str::slice_error_fail",
    "alloc::alloc::handle_alloc_error",
    "alloc::raw_vec::handle_error",
];

/// The module with a trap in place of each panic.
pub(crate) fn without_words(path: &Path) -> Result<Module> {
    let mut module = ModuleConfig::new().generate_dwarf(false).parse_file(path)?;
    for id in panics(&module) {
        let (params, results) = {
            let ty = module.types.get(module.funcs.get(id).ty());
            (ty.params().to_vec(), ty.results().to_vec())
        };
        let mut builder = FunctionBuilder::new(&mut module.types, &params, &results);
        builder.func_body().unreachable();
        let arguments = params.iter().map(|kind| module.locals.add(*kind)).collect();
        let trap: LocalFunction = builder.local_func(arguments);
        module.funcs.get_mut(id).kind = FunctionKind::Local(trap);
    }
    Ok(module)
}

fn panics(module: &Module) -> Vec<FunctionId> {
    let is_panic = |name: &str| {
        let name = format!("{:#}", rustc_demangle::demangle(name));
        PANICS.iter().any(|panic| name.starts_with(panic))
    };
    let named = module.funcs.iter().filter(|function| {
        matches!(function.kind, FunctionKind::Local(_))
            && function.name.as_deref().is_some_and(is_panic)
    });
    named.map(|function| function.id()).collect()
}
