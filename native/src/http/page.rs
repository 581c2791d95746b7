//! The files of the page.

use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

/// A file of the page.
#[derive(Clone, Copy, Debug)]
struct Asset {
    /// Its path in a URL.
    path: &'static str,
    /// Its media type.
    content_type: &'static str,
    /// What it holds.
    bytes: &'static [u8],
    /// The same for who accepts `br`, where that is shorter.
    brotli: Option<&'static [u8]>,
    /// What changes with it. Weak, because it is the same for both encodings.
    etag: &'static str,
}

// `FILES`, sorted by path, and `IS_MISSING`: made by build.rs.
include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// What is said where the page is not in the binary.
pub(super) const HOW_TO_BUILD: &str = "this binary was built without its page for browsers: \
    `cargo pack` makes it for the next build; `cargo xcher up PATH` does both, and starts";

/// The answer for the file at this path of a URL, as it came: nothing is decoded and no folder is
/// read, so that no path leads anywhere but to a file of the page.
pub(super) fn find(path: &str, headers: &HeaderMap) -> Option<Response> {
    let path = if path == "/" { "/index.html" } else { path };
    let at = FILES.binary_search_by(|asset| asset.path.cmp(path)).ok()?;
    let Asset { content_type, bytes, brotli, etag, .. } = FILES[at];
    // Asked for again each time, so that a page and its parts are of one version.
    let kept = [(CACHE_CONTROL, "no-cache"), (VARY, "accept-encoding"), (ETAG, etag)];
    if is_known(headers, etag) {
        return Some((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    let content_type = [(CONTENT_TYPE, content_type)];
    Some(match brotli {
        Some(brotli) if accepts_brotli(headers) => {
            (kept, content_type, [(CONTENT_ENCODING, "br")], brotli).into_response()
        }
        _ => (kept, content_type, bytes).into_response(),
    })
}

/// Whether the client has what is of this ETag (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let strong = |tag: &str| tag.trim_start_matches("W/").to_owned();
    items(headers, IF_NONE_MATCH).any(|known| known == "*" || strong(known) == strong(etag))
}

/// Whether the client takes `br` (RFC 9110, section 12.5.3).
fn accepts_brotli(headers: &HeaderMap) -> bool {
    items(headers, ACCEPT_ENCODING).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_brotli = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("br"));
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        is_brotli && weight.is_none_or(|q| q.parse::<f32>().is_ok_and(|q| q > 0.0))
    })
}

fn items(headers: &HeaderMap, name: axum::http::HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn with(name: axum::http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn who_takes_brotli() {
        for (value, expected) in [
            ("br", true),
            ("gzip, deflate, BR", true),
            ("gzip;q=1.0, br;q=0.5", true),
            ("br; q=0", false),
            ("br;q=0.000", false),
            ("br;q=x", false),
            ("gzip, brotli", false),
            ("", false),
        ] {
            assert_eq!(accepts_brotli(&with(ACCEPT_ENCODING, value)), expected, "{value}");
        }
        assert!(!accepts_brotli(&HeaderMap::new()));
    }

    #[test]
    fn who_has_it_already() {
        for (value, expected) in
            [("*", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("\"b\"", false), ("a", false)]
        {
            assert_eq!(is_known(&with(IF_NONE_MATCH, value), "W/\"a\""), expected, "{value}");
        }
    }

    #[test]
    fn the_table_can_be_searched() {
        assert!(FILES.is_sorted_by_key(|asset| asset.path));
        assert!(find("/", &HeaderMap::new()).is_some());
        assert!(find("/index", &HeaderMap::new()).is_none());
    }
}
