//! Erases the source locations of panics: nothing reports them, and their paths are of the build machine.

use walrus::ir::Value;
use walrus::{ConstExpr, Data, DataKind, Module};

/// The size of a `core::panic::Location`: the path's address and length, the line, the column.
const LOCATION: usize = 16;
/// The longest path to be expected.
const MAX_PATH: usize = 512;

/// Overwrites every location in the module's data, and its path, with zeros, which compress to nothing.
pub(crate) fn erase_locations(module: &mut Module) {
    let all: Vec<_> = module.data.iter().map(Data::id).collect();
    for id in all {
        let data = module.data.get_mut(id);
        let Some(start) = start(data) else { continue };
        let bytes = &mut data.value;
        let mut paths = Vec::new();
        for at in (0..bytes.len().saturating_sub(LOCATION)).step_by(4) {
            let Some(path) = path(bytes, start, at) else { continue };
            bytes[at..at + LOCATION].fill(0);
            paths.push(path);
        }
        // Only now, because many locations share a path.
        for path in paths {
            bytes[path].fill(0);
        }
    }
}

/// Returns the address of the data in memory.
pub(crate) fn start(data: &Data) -> Option<usize> {
    match data.kind {
        DataKind::Active { offset: ConstExpr::Value(Value::I32(start)), .. } => {
            usize::try_from(start).ok()
        }
        _ => None,
    }
}

/// Returns the range of the path of a location at this position, if there is one.
fn path(bytes: &[u8], start: usize, at: usize) -> Option<std::ops::Range<usize>> {
    let word = |index: usize| {
        let word = bytes.get(at + 4 * index..at + 4 * index + 4)?;
        usize::try_from(u32::from_le_bytes(word.try_into().ok()?)).ok()
    };
    let (address, length) = (word(0)?, word(1)?);
    let from = address.checked_sub(start)?;
    let path = bytes.get(from..from.checked_add(length)?)?;
    let is_path = length <= MAX_PATH && path.ends_with(b".rs") && path.is_ascii();
    let is_position = word(2)? > 0 && word(3)? > 0;
    (is_path && is_position).then(|| from..from + length)
}
