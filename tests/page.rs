//! The page that the binary serves, or the instructions in its place.

#![allow(clippy::unwrap_used)]

mod system;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use system::not_tested;
use system::patient::Patient;
use system::process::xcher;
use system::relay::Relay;

struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Sends an HTTP request to the relay's bridge.
fn ask(relay: &Relay, request: &str, headers: &[(&str, &str)]) -> Answer {
    let at = relay.process.out("http http://");
    let at = at.trim_end_matches('/');
    let mut socket = Patient::new(TcpStream::connect(at).unwrap());
    let mut text = format!("{request} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    socket.write_all(format!("{text}\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let (status, lines) = head.split_once("\r\n").unwrap();
    let headers = lines.split("\r\n").map(|line| line.split_once(": ").unwrap());
    Answer {
        status: status.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
        body: answer[end + 4..].to_vec(),
    }
}

fn get(relay: &Relay, path: &str) -> Answer {
    ask(relay, &format!("GET {path}"), &[])
}

/// True if this binary contains the page.
fn has_page(relay: &Relay) -> bool {
    let config: serde_json::Value =
        serde_json::from_slice(&get(relay, "/config.json").body).unwrap();
    config["page"].as_bool().unwrap()
}

/// Returns the folder of the page's files: that of its build, or the root if the page is served as written.
fn folder(page: &str) -> String {
    let build = page.split_once(" data-build=\"").and_then(|(_, rest)| rest.split_once('"'));
    build.map_or_else(String::new, |(build, _)| format!("/{build}"))
}

fn document(relay: &Relay) -> String {
    String::from_utf8(get(relay, "/").body).unwrap()
}

/// True if the page's scripts are bundled: without esbuild they are served one by one.
fn is_bundled(relay: &Relay) -> bool {
    get(relay, &format!("{}/element.js", folder(&document(relay)))).status == 404
}

/// Returns the page's own files that it refers to.
fn references_of(page: &str) -> Vec<String> {
    let names = page.split(" href=\"").chain(page.split(" src=\"")).filter_map(|rest| {
        let (name, _) = rest.split_once('"')?;
        let name = name.trim_start_matches("./").trim_start_matches('/');
        let is_file = !name.contains(['<', ':', '#']) && name.contains('.');
        is_file.then(|| format!("/{name}"))
    });
    names.collect()
}

#[test]
fn serves_each_file_with_its_type_an_etag_and_brotli() {
    let relay = Relay::start();
    if !has_page(&relay) {
        not_tested("this binary does not contain the page");
        return;
    }
    let page = document(&relay);
    let folder = folder(&page);
    let mut paths = vec!["/".to_owned(), "/index.html".into(), "/service_worker.js".into()];
    paths.extend(["/icons/512.png".into(), format!("{folder}/worker/main.js")]);
    if is_bundled(&relay) {
        paths.push(format!("{folder}/worker/pkg/xcher_bg.wasm"));
    } else {
        paths.extend(["index.js", "pkg/xcher_bg.wasm"].map(|file| format!("{folder}/npm/{file}")));
    }
    paths.extend(references_of(&page));
    for kind in [".css", ".js", ".webmanifest"] {
        assert!(references_of(&page).iter().any(|path| path.ends_with(kind)), "{paths:?}");
    }
    for path in paths {
        let plain = get(&relay, &path);
        assert_eq!(plain.status, 200, "{path}");
        let expected = match path.rsplit_once('.').map(|(_, extension)| extension) {
            None | Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("wasm") => "application/wasm",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("webmanifest") => "application/manifest+json",
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(plain.header("content-type"), expected, "{path}");
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        assert_revalidates(&relay, &path, &plain);
        assert_compresses(&relay, &path, &plain);
    }
}

#[test]
fn bundled_page_imports_its_parts_and_has_no_other_files() {
    let relay = Relay::start();
    if !has_page(&relay) || !is_bundled(&relay) {
        not_tested("this binary does not contain a bundled page");
        return;
    }
    let folder = folder(&document(&relay));
    for path in ["main.js", "worker/main.js"] {
        let script = String::from_utf8(get(&relay, &format!("{folder}/{path}")).body).unwrap();
        // Texts of the page may end in `from`, but not before a path.
        for start in ["from\".", "import\"", "import(\""] {
            for import in script.split(start).skip(1).filter_map(|rest| rest.split('"').next()) {
                let part = import.trim_start_matches(['.', '/']);
                assert!(part.starts_with("parts/"), "{path} imports {import}");
                let answer = get(&relay, &format!("{folder}/{part}"));
                assert_eq!(answer.status, 200, "{path} imports {import}");
            }
        }
    }
    for path in
        ["/messages.js", "/worker/known_peers.js", "/npm/index.js", "/npm/pkg/xcher_bg.wasm"]
    {
        for path in [path.to_owned(), format!("{folder}{path}")] {
            assert_eq!(get(&relay, &path).status, 404, "{path}");
        }
    }
}

#[test]
fn does_not_serve_documentation_and_tool_files() {
    let relay = Relay::start();
    for path in [
        "/npm/",
        "/npm",
        "/npm/package.json",
        "/npm/README.md",
        "/npm/index.d.ts",
        "/npm/pkg/xcher_bg.wasm.d.ts",
        "/npm/node_modules/x.js",
        "/index.htm",
        "/npm/../index.html",
    ] {
        assert_eq!(get(&relay, path).status, 404, "{path}");
    }
}

#[test]
fn binary_without_the_page_says_how_to_build_it() {
    let relay = Relay::start();
    if has_page(&relay) {
        not_tested("this binary contains the page");
        relay.process.stop(rustix::process::Signal::TERM).code(0).no_error("without its page");
        return;
    }
    let page = get(&relay, "/");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_revalidates(&relay, "/", &page);
    let text = String::from_utf8(page.body).unwrap();
    for part in ["built without its page", "cargo pack", "cargo xcher up PATH"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(get(&relay, "/npm/pkg/xcher_bg.wasm").status, 404);
    let log = relay.process.stop(rustix::process::Signal::TERM).code(0);
    let reported = log.err.iter().filter(|line| line.contains("cargo pack")).count();
    assert_eq!(reported, 1, "{log}");
    let quiet = xcher(["relay", "--listen", "127.0.0.1:0", "-q"]).start();
    quiet.out("http ");
    quiet.stop(rustix::process::Signal::TERM).code(0).quiet();
}

fn assert_revalidates(relay: &Relay, path: &str, plain: &Answer) {
    assert_eq!(plain.header("cache-control"), "no-cache", "{path}");
    assert_eq!(plain.header("vary"), "accept-encoding", "{path}");
    assert_eq!(plain.header("content-length"), plain.body.len().to_string(), "{path}");
    let etag = plain.header("etag");
    assert!(etag.starts_with("W/\"") && etag.len() > 10, "{path}: {etag}");
    let again = ask(relay, &format!("GET {path}"), &[("if-none-match", etag)]);
    assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
    assert_eq!(again.header("etag"), etag, "{path}");
    let other = ask(relay, &format!("GET {path}"), &[("if-none-match", "W/\"other\"")]);
    assert_eq!((other.status, &other.body), (200, &plain.body), "{path}");
    let head = ask(relay, &format!("HEAD {path}"), &[]);
    assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
    assert_eq!(head.header("content-length"), plain.header("content-length"), "{path}");
}

fn assert_compresses(relay: &Relay, path: &str, plain: &Answer) {
    let short = ask(relay, &format!("GET {path}"), &[("accept-encoding", "gzip, br")]);
    assert_eq!((short.status, short.header("vary")), (200, "accept-encoding"), "{path}");
    assert_eq!(short.header("etag"), plain.header("etag"), "{path}");
    assert_eq!(short.header("content-type"), plain.header("content-type"), "{path}");
    // A file that brotli would not shorten is sent uncompressed.
    if short.header("content-encoding").is_empty() {
        assert_eq!(short.body, plain.body, "{path}");
        return;
    }
    assert_eq!(short.header("content-encoding"), "br", "{path}");
    assert!(short.body.len() < plain.body.len(), "{path}");
    let mut bytes = Vec::new();
    brotli::BrotliDecompress(&mut &short.body[..], &mut bytes).unwrap();
    assert!(bytes == plain.body, "{path}");
}
