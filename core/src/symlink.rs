//! Where a symbolic link may lead (section 16).

use crate::{FileName, MAX_LINK_LEN};

/// Whether a link called `name` with this target stays inside the first folder of its name.
///
/// The target is relative, and `..` stands at its beginning alone: behind the name of a folder, which may
/// be a link itself, it could lead elsewhere than its text says.
pub fn symlink_stays_inside(name: FileName<&str>, target: &str) -> bool {
    if target.is_empty() || target.len() as u64 > MAX_LINK_LEN || target.contains('\0') {
        return false;
    }
    // Folders above the link, but for the first, which must not be left.
    let Some(mut room) = name.parts().count().checked_sub(2) else { return false };
    let mut below = false;
    for part in target.split('/') {
        match part {
            ".." if below || room == 0 => return false,
            ".." => room -= 1,
            // Also the beginning of an absolute one.
            "" | "." => return false,
            _ => below = true,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_below_the_first_folder() {
        for (name, target, stays) in [
            ("a/l", "x", true),
            ("a/l", "x/y", true),
            ("a/b/l", "../x", true),
            ("a/b/l", "..", true),
            ("a/b/c/l", "../../x/y", true),
            ("a/l", "..", false),
            ("a/l", "../x", false),
            ("a/l", "../a/x", false),
            ("a/b/l", "../../x", false),
            ("l", "x", false),
            ("a/l", "/etc/passwd", false),
            ("a/l", "x/../y", false),
            ("a/b/l", "../x/..", false),
            ("a/l", "", false),
            ("a/l", "x/", false),
            ("a/l", "x//y", false),
            ("a/l", "./x", false),
            ("a/l", "a\0b", false),
        ] {
            let name = FileName::parse(name).expect("a name");
            assert_eq!(symlink_stays_inside(name, target), stays, "{name} -> {target:?}");
        }
    }
}
