//! Converts names on disk to names on the wire, and back (section 2.2).

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use xcher_core::{FileName, NameError, escape, unescape};

/// Returns the wire form of one part of a path; `None` if the system does not provide its bytes.
pub(super) fn of_part(part: &OsStr) -> Option<Cow<'_, str>> {
    #[cfg(unix)]
    return Some(escape(std::os::unix::ffi::OsStrExt::as_bytes(part)));
    #[cfg(not(unix))]
    return part.to_str().map(|text| escape(text.as_bytes()));
}

/// Returns the path of a name, or of its part below a folder.
pub(super) fn to_path(name: &str) -> Option<PathBuf> {
    name.split('/').map(to_part).collect()
}

fn to_part(part: &str) -> Option<OsString> {
    let bytes = unescape(part)?.into_owned();
    #[cfg(unix)]
    return Some(std::os::unix::ffi::OsStringExt::from_vec(bytes));
    #[cfg(not(unix))]
    return String::from_utf8(bytes).ok().map(Into::into);
}

/// Returns a name for a file whose own would be too long: its beginning, with an ellipsis.
pub(super) fn cut(text: &str) -> Option<FileName> {
    const ELLIPSIS: &str = "…";
    let mut rest = text.trim_end_matches('/');
    loop {
        match FileName::parse(rest).map_err(|invalid| invalid.reason) {
            Ok(name) => return Some(name.to_owned()),
            Err(NameError::PartTooLong | NameError::TooLong) => {
                let max = (rest.len() - 1).min(xcher_core::MAX_NAME_LEN - ELLIPSIS.len());
                let end = rest.floor_char_boundary(max);
                let folder = rest[..end].rfind('/').map_or(0, |at| at + 1);
                let end = end.min(folder + xcher_core::MAX_PART_LEN - ELLIPSIS.len());
                let end = rest.floor_char_boundary(end);
                let shorter = format!("{}{ELLIPSIS}", &rest[..end]);
                if let Ok(name) = FileName::new(&shorter) {
                    return Some(name);
                }
                rest = rest[..end].trim_end_matches('/');
                if rest.is_empty() {
                    return None;
                }
            }
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn cuts_a_name_that_is_too_long() {
        let long = "é".repeat(200);
        let name = cut(&format!("a/{long}")).unwrap();
        assert!(name.as_str().starts_with("a/éé") && name.as_str().ends_with("é…"), "{name}");
        let deep = format!("{}/end", ["d"; 600].join("/"));
        assert!(cut(&deep).unwrap().as_str().ends_with('…'));
        assert_eq!(cut("short").unwrap().as_str(), "short");
        assert_eq!(cut(""), None);
    }

    #[cfg(unix)]
    #[test]
    fn converts_a_path_to_a_name_and_back() {
        use std::os::unix::ffi::OsStrExt as _;
        let part = OsStr::from_bytes(b"caf\xe9\n");
        let name = of_part(part).unwrap();
        assert_eq!(name, "caf%{E9}%{0A}");
        assert_eq!(to_path(&format!("a/{name}")).unwrap(), PathBuf::from("a").join(part));
        assert_eq!(to_path("a/%{41}"), None);
    }
}
