//! Replaces functions that are never needed by short ones. An optimizer keeps them, because they are reached
//! through tables or by panics.

use std::path::Path;

use anyhow::Result;
use walrus::{
    FunctionBuilder, FunctionId, FunctionKind, LocalFunction, Module, ModuleConfig, ValType,
};

use crate::locations::erase_locations;
use crate::panic_messages::{Message, erase_messages};

/// Functions that never return or are never called, by the beginnings of their names.
const UNUSED: [&str; 16] = [
    // A panic's message is never read in wasm. The trap at its end stays.
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
    // js-sys has them for closures, which this module gives to no JavaScript.
    "wasm_bindgen::convert::closures::_::invoke",
    // There is one thread: it never waits for a lock.
    "parking_lot::raw_mutex::RawMutex::lock_slow",
    "parking_lot::raw_mutex::RawMutex::unlock_slow",
    // The two sides of a code have different roles.
    "spake2::ed25519::hash_symmetric",
    // Only the functions below use them.
    "core::fmt::builders::",
];
/// Debug output, which only panics use.
const DEBUG: &str = "core::fmt::Debug>::fmt";

/// Reads a module and replaces these functions.
pub(crate) fn snip(path: &Path) -> Result<Module> {
    let mut module = ModuleConfig::new()
        .generate_dwarf(false)
        .generate_name_section(true)
        .generate_producers_section(false)
        .parse_file(path)?;
    let snipped = snipped(&module);
    let panics = snipped.iter().filter(|(_, end)| matches!(end, End::Trap));
    let panics = panics.map(|(id, _)| (*id, message(&module, *id))).collect();
    erase_messages(&mut module, &panics);
    for (id, end) in snipped {
        let (params, results) = {
            let ty = module.types.get(module.funcs.get(id).ty());
            (ty.params().to_vec(), ty.results().to_vec())
        };
        let mut builder = FunctionBuilder::new(&mut module.types, &params, &results);
        match (end, &results[..]) {
            (End::Trap, _) => builder.func_body().unreachable(),
            (End::Done, [ValType::I32]) => builder.func_body().i32_const(0),
            // The compiler changed its signature.
            (End::Done, _) => continue,
        };
        let arguments = params.iter().map(|kind| module.locals.add(*kind)).collect();
        let short: LocalFunction = builder.local_func(arguments);
        module.funcs.get_mut(id).kind = FunctionKind::Local(short);
    }
    erase_locations(&mut module);
    Ok(module)
}

/// The body that replaces a function's.
enum End {
    Trap,
    /// Returns `Ok` of `fmt::Result`.
    Done,
}

fn message(module: &Module, id: FunctionId) -> Message {
    let name = module.funcs.get(id).name.as_deref().unwrap_or_default();
    if name.contains("_fmt") { Message::Format } else { Message::Text }
}

fn snipped(module: &Module) -> Vec<(FunctionId, End)> {
    let end = |name: &str| {
        let name = format!("{:#}", rustc_demangle::demangle(name));
        let path = name.trim_start_matches('<');
        if UNUSED.iter().any(|unused| path.starts_with(unused)) {
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
