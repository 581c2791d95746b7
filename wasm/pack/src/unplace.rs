//! Forgets where in the sources a panic would be: nobody is told, and the paths are of the machine
//! that built.

use walrus::ir::Value;
use walrus::{ConstExpr, Data, DataKind, Module};

/// The size of a `core::panic::Location`: the path's address and length, the line, the column.
const LOCATION: usize = 16;
/// Longer than any path.
const MAX_PATH: usize = 512;

/// Overwrites with zeros, which take no room, every location in the module's data and its path.
pub(crate) fn unplace(module: &mut Module) {
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
        // Only now: many locations have the same path.
        for path in paths {
            bytes[path].fill(0);
        }
    }
}

/// Where the data lies in memory.
fn start(data: &Data) -> Option<usize> {
    match data.kind {
        DataKind::Active { offset: ConstExpr::Value(Value::I32(start)), .. } => {
            usize::try_from(start).ok()
        }
        _ => None,
    }
}

/// The path of the location that is there, if one is.
fn path(bytes: &[u8], start: usize, at: usize) -> Option<std::ops::Range<usize>> {
    let word = |index: usize| {
        let word = bytes.get(at + 4 * index..at + 4 * index + 4)?;
        usize::try_from(u32::from_le_bytes(word.try_into().ok()?)).ok()
    };
    let (address, length) = (word(0)?, word(1)?);
    let from = address.checked_sub(start)?;
    let path = bytes.get(from..from.checked_add(length)?)?;
    let is_path = length <= MAX_PATH && path.ends_with(b".rs") && path.is_ascii();
    let is_place = word(2)? > 0 && word(3)? > 0;
    (is_path && is_place).then(|| from..from + length)
}
