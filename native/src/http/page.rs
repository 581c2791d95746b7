//! The files of the page.

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asset {
    /// What it holds.
    pub(super) bytes: &'static [u8],
    /// Its media type.
    pub(super) content_type: &'static str,
}

/// What a binary without its page shows instead.
const WITHOUT: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>XCHER</title>
</head>
<body>
<h1>XCHER</h1>
<p>This binary was built without its page, so a browser cannot be a peer here.</p>
<p>The relay itself works: terminals can use it.</p>
</body>
</html>
"#;

/// The file at this path of a URL, as it came: nothing is decoded and no folder is read, so that
/// no path leads anywhere but to a file of the page.
pub(super) fn find(path: &str) -> Option<Asset> {
    match path {
        "/" | "/index.html" => {
            Some(Asset { bytes: WITHOUT.as_bytes(), content_type: "text/html; charset=utf-8" })
        }
        _ => None,
    }
}
