//! Checks the targets of symbolic links (section 16).

use crate::{FileName, MAX_LINK_LEN};

/// Returns true if the target of the symbolic link `name` stays inside the first folder of its name.
///
/// The target must be relative and may contain `..` only at its start: after a folder, which may itself be a
/// link, `..` could lead elsewhere than its text says.
///
/// ```
/// use xcher_core::{FileName, symlink_stays_inside};
///
/// let name = FileName::parse("album/2024/cover")?;
/// assert!(symlink_stays_inside(name, "../best.jpg"));
/// assert!(!symlink_stays_inside(name, "../../secret"));
/// # Ok::<(), xcher_core::InvalidName>(())
/// ```
pub fn symlink_stays_inside(name: FileName<&str>, target: &str) -> bool {
    if target.is_empty() || target.len() as u64 > MAX_LINK_LEN || target.contains('\0') {
        return false;
    }
    // Folders above the link, without the first, which the target must not leave.
    let Some(mut depth) = name.parts().count().checked_sub(2) else { return false };
    let mut below = false;
    for part in target.split('/') {
        match part {
            ".." if below || depth == 0 => return false,
            ".." => depth -= 1,
            // An empty part also starts an absolute target.
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
    fn a_target_must_stay_below_the_first_folder() {
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
