//! What nothing needs and no optimizer finds: it is reached through tables, or only to panic.

use std::path::Path;

use anyhow::Result;
use walrus::{
    FunctionBuilder, FunctionId, FunctionKind, LocalFunction, Module, ModuleConfig, ValType,
};

use crate::unplace::unplace;

/// What never returns, or is never called, by the beginning of its name.
const NEVER: [&str; 16] = [
    // In wasm nobody reads the words of a panic. The trap that it ends in stays.
    "alloc::alloc::handle_alloc_error",
    "alloc::raw_vec::handle_error",
    "core::cell::panic_already_",
    "core::option::expect_failed",
    "core::option::unwrap_failed",
    "core::panicking::",
    "core::result::unwrap_failed",
    "core::slice::copy_from_slice_impl::len_mismatch_fail",
    "core::slice::index::slice_index_fail",
    "core::str::slice_error_fail",
    "std::panicking::",
    // js-sys offers them; this module gives JavaScript no closure.
    "wasm_bindgen::convert::closures::_::invoke",
    // There is one thread: a lock that is taken stays so.
    "parking_lot::raw_mutex::RawMutex::lock_slow",
    "parking_lot::raw_mutex::RawMutex::unlock_slow",
    // Codes have two sides that differ.
    "spake2::ed25519::hash_symmetric",
    // Only what is below uses them.
    "core::fmt::builders::",
];
/// How values are shown to developers, in panics: it writes nothing.
const DEBUG: &str = "core::fmt::Debug>::fmt";

/// The module without them.
pub(crate) fn without_words(path: &Path) -> Result<Module> {
    let mut module = ModuleConfig::new()
        .generate_dwarf(false)
        .generate_name_section(true)
        .generate_producers_section(false)
        .parse_file(path)?;
    for (id, end) in snipped(&module) {
        let (params, results) = {
            let ty = module.types.get(module.funcs.get(id).ty());
            (ty.params().to_vec(), ty.results().to_vec())
        };
        let mut builder = FunctionBuilder::new(&mut module.types, &params, &results);
        match (end, &results[..]) {
            (End::Trap, _) => builder.func_body().unreachable(),
            (End::Done, [ValType::I32]) => builder.func_body().i32_const(0),
            // The compiler made something else of it.
            (End::Done, _) => continue,
        };
        let arguments = params.iter().map(|kind| module.locals.add(*kind)).collect();
        let short: LocalFunction = builder.local_func(arguments);
        module.funcs.get_mut(id).kind = FunctionKind::Local(short);
    }
    unplace(&mut module);
    Ok(module)
}

/// What a function does instead.
enum End {
    Trap,
    /// `fmt::Result`'s `Ok`.
    Done,
}

fn snipped(module: &Module) -> Vec<(FunctionId, End)> {
    let end = |name: &str| {
        let name = format!("{:#}", rustc_demangle::demangle(name));
        let path = name.trim_start_matches('<');
        if NEVER.iter().any(|never| path.starts_with(never)) {
            return Some(End::Trap);
        }
        name.ends_with(DEBUG).then_some(End::Done)
    };
    let local = |function: &&walrus::Function| matches!(function.kind, FunctionKind::Local(_));
    let functions = module.funcs.iter().filter(local);
    functions
        .filter_map(|function| Some((function.id(), end(function.name.as_deref()?)?)))
        .collect()
}
