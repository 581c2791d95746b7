//! Reverse proxies in front of the bridge, with the example configurations of native/packaging/proxy.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod system;

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use system::authority::{Authority, for_names};
use system::not_tested;
use system::patience::until;
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::tree;
use tempfile::{TempDir, tempdir};

/// The name under which browsers and hosts reach the proxy. `localhost` would be accepted without an option.
const NAME: &str = "relay.example";

/// A proxy in front of a relay's bridge.
struct Proxy {
    process: Process,
    relay: Relay,
    authority: Authority,
    address: SocketAddr,
    /// The path of the page, with slashes at both ends.
    path: &'static str,
    folder: TempDir,
}

impl Proxy {
    /// Starts one with an example, changed in its addresses and certificates only.
    fn start(example: &str, path: &'static str, start: impl Fn(&Path, &str) -> Xcher) -> Self {
        let options = ["--trusted-proxy", "127.0.0.1", "--host-name", NAME];
        let relay = Relay::start_with(&options);
        let http = relay.process.out("http http://").trim_end_matches('/').to_owned();
        let authority = Authority::new();
        let pair = authority.pair("proxy", for_names(&[NAME, "localhost", "127.0.0.1"]));
        // Neither proxy tells which port it got.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/proxy").join(example);
        let text = fs::read_to_string(file).unwrap();
        let (certificate, key) = (pair.certificate.to_str().unwrap(), pair.key.to_str().unwrap());
        let text = text
            .replace("127.0.0.1:9248", &http)
            .replace("listen [::]:443 ssl;", "")
            .replace("listen 443 ssl;", &format!("listen {address} ssl;"))
            .replace("/etc/letsencrypt/live/relay.example/fullchain.pem", certificate)
            .replace("/etc/letsencrypt/live/relay.example/privkey.pem", key)
            // Caddy obtains one for the name otherwise, which it cannot here.
            .replace(
                "relay.example {\n",
                &format!("https://{NAME}:{}, https://127.0.0.1:{} {{\n\tbind 127.0.0.1\n\ttls {certificate} {key}\n", address.port(), address.port()),
            );
        let folder = tempdir().unwrap();
        let process = start(folder.path(), &text).start();
        until(&format!("{example} listens at {address}"), || TcpStream::connect(address).is_ok());
        Self { process, relay, authority, address, path, folder }
    }

    fn url(&self) -> String {
        format!("https://{}{}", self.address, self.path)
    }

    fn through<S: AsRef<std::ffi::OsStr>>(&self, command: impl IntoIterator<Item = S>) -> Xcher {
        let ca = self.authority.file();
        xcher(by(&self.url())).args([Path::new("--tls-ca"), &ca]).args(command)
    }

    /// Exchanges files between two hosts behind the proxy, and loads the page under the proxy's name.
    fn check(self) {
        let (folder, out) = (tempdir().unwrap(), tempdir().unwrap());
        let files = [("a b.txt", tree::bytes(1, 5)), ("large.bin", tree::bytes(2, 3_000_000))];
        tree::write(&folder.path().join("s"), files);
        let shared = folder.path().join("s");
        let bob = self.through(["share", "--nick", "bob", shared.to_str().unwrap()]).start();
        bob.out("online ");
        self.through(["get", "bob", "--all", "-o", out.path().to_str().unwrap()])
            .run()
            .code(0)
            .quiet();
        assert_eq!(tree::read(out.path()), tree::read(folder.path()));
        let ca = self.authority.file();
        let fetch = |path: &str| {
            let at = format!("{NAME}:{}:{}", self.address.port(), self.address.ip());
            let url = format!("https://{NAME}:{}{path}", self.address.port());
            let curl = Command::new("curl")
                .args(["--silent", "--show-error", "--noproxy", "*", "--resolve", &at, &url])
                .args(["--write-out", "\n%{http_code}"])
                .arg("--cacert")
                .arg(&ca)
                .output();
            let answer = curl.expect("curl is installed");
            String::from_utf8(answer.stdout).unwrap()
        };
        let path = self.path;
        let config = fetch(&format!("{path}config.json"));
        assert!(config.ends_with("\n200") && config.contains("page"), "{config}");
        let page = fetch(path);
        assert!(page.ends_with("\n200") && page.contains("<html"), "{page}");
        // What the page loads is below its own path, whatever that is.
        assert!(config.contains("\"tunnel\":\"xcher\""), "{config}");
        for link in page.split("src=\"").chain(page.split("href=\"")).skip(1) {
            assert!(
                !link.starts_with('/') && !link.starts_with("http"),
                "{}",
                &link[..link.len().min(40)]
            );
        }
        if path != "/" {
            assert!(fetch(&format!("{path}healthz")).ends_with("ok\n200"));
            // Some proxies answer 200 to anything.
            assert!(!fetch("/config.json").contains("tunnel"), "only below {path}");
            // A browser that is told the name without the slash is led to the page.
            let bare = fetch(path.trim_end_matches('/'));
            assert!(["\n301", "\n302"].iter().any(|end| bare.ends_with(end)), "{bare}");
        }
        bob.stop(Signal::TERM).code(0);
        let log = self.relay.process.stop(Signal::TERM).code(0);
        // A proxy whose addresses were not forwarded would have been refused.
        assert!(!log.to_string().contains("not trusted"), "{log}");
        drop(self.process);
    }
}

fn is_installed(program: &str, option: &str) -> bool {
    let found = Command::new(program).arg(option).output().is_ok();
    if !found {
        not_tested(&format!("the proxy example of {program}, which is not installed"));
    }
    found
}

/// Starts nginx with this site.
fn nginx(folder: &Path, site: &str) -> Xcher {
    let at = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {at}/pid; error_log stderr;
         events {{}}
         http {{
             access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;
             fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
             {site}
         }}"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config).unwrap();
    Xcher::other("nginx").args(["-e", "stderr", "-c"]).args([file])
}

/// Starts Caddy with this site, without its remote control, and without writing to this machine's home.
fn caddy(folder: &Path, site: &str) -> Xcher {
    let options = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n";
    let file = folder.join("Caddyfile");
    fs::write(&file, format!("{options}{site}")).unwrap();
    Xcher::other("caddy")
        .env("XDG_DATA_HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        .args(["run", "--adapter", "caddyfile", "--config"])
        .args([file])
}

#[test]
fn the_nginx_examples_serve_the_page_and_tunnels() {
    if !is_installed("nginx", "-v") {
        return;
    }
    Proxy::start("nginx.conf", "/", nginx).check();
    Proxy::start("nginx-subpath.conf", "/xcher/", nginx).check();
}

#[test]
fn the_caddy_examples_serve_the_page_and_tunnels() {
    if !is_installed("caddy", "version") {
        return;
    }
    Proxy::start("Caddyfile", "/", caddy).check();
    Proxy::start("Caddyfile-subpath", "/xcher/", caddy).check();
}

/// A proxy that forwards TCP, and ends TLS for hosts.
struct StreamProxy {
    _process: Process,
    relay: Relay,
    authority: Authority,
    address: SocketAddr,
    _folder: TempDir,
}

impl StreamProxy {
    /// Starts one with an example, changed in its addresses and certificates only.
    fn start(example: &str, start: impl Fn(&Path, &str) -> Xcher) -> Self {
        let options = ["--trusted-proxy", "127.0.0.1", "--proxy-protocol", "listen"];
        let relay = Relay::start_with(&options);
        let authority = Authority::new();
        let pair = authority.pair("proxy", for_names(&["127.0.0.1"]));
        let both = authority.folder.path().join("both.pem");
        let text = [&pair.certificate, &pair.key].map(|file| fs::read_to_string(file).unwrap());
        fs::write(&both, text.concat()).unwrap();
        // Neither proxy tells which port it got.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/proxy").join(example);
        let text = fs::read_to_string(path).unwrap();
        let text = text
            .replace("127.0.0.1:9247", &relay.address.to_string())
            .replace("listen [::]:9250 ssl;", "")
            .replace("listen 9250 ssl;", &format!("listen {address} ssl;"))
            .replace(":::9250 v4v6", &address.to_string())
            .replace("/etc/haproxy/relay.example.pem", both.to_str().unwrap())
            .replace(
                "/etc/letsencrypt/live/relay.example/fullchain.pem",
                pair.certificate.to_str().unwrap(),
            )
            .replace("/etc/letsencrypt/live/relay.example/privkey.pem", pair.key.to_str().unwrap());
        let folder = tempdir().unwrap();
        let process = start(folder.path(), &text).start();
        until(&format!("{example} listens at {address}"), || TcpStream::connect(address).is_ok());
        Self { _process: process, relay, authority, address, _folder: folder }
    }

    /// Exchanges files between a host behind the proxy and one that connects to it from another address.
    fn check(self) {
        let (folder, out) = (tempdir().unwrap(), tempdir().unwrap());
        tree::write(&folder.path().join("s"), [("large.bin", tree::bytes(2, 3_000_000))]);
        let shared = folder.path().join("s");
        let (url, ca) = (format!("tls://{}", self.address), self.authority.file());
        let host = || xcher(["--relay", &url, "--tls-ca", ca.to_str().unwrap()]);
        let bob = host().args(["share", "--nick", "bob", shared.to_str().unwrap()]).start();
        bob.out("online ");
        let options = ["get", "bob", "--all", "-o", out.path().to_str().unwrap()];
        host().args(options).run().code(0).quiet();
        assert_eq!(tree::read(out.path()), tree::read(folder.path()));
        bob.stop(Signal::TERM).code(0);
        // The relay's port is for the proxy: who comes from its address without a header is refused.
        let who = xcher(["who", "--relay", &self.relay.address.to_string()]).run();
        who.code(3).one_error(&["closed the connection"]);
        self.relay.process.stop(Signal::TERM).code(0);
    }
}

#[test]
fn the_nginx_stream_example_tells_the_relay_who_its_clients_are() {
    const MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";
    if !is_installed("nginx", "-v") {
        return;
    }
    if !Path::new(MODULE).exists() {
        return not_tested("the example of nginx for streams, whose module is not installed");
    }
    let proxy = StreamProxy::start("nginx-stream.conf", |folder, server| {
        let file = folder.join("nginx.conf");
        let at = folder.display();
        let config = format!(
            "load_module {MODULE}; daemon off; master_process off; pid {at}/pid; error_log stderr;
             events {{}}
             stream {{ {server} }}"
        );
        fs::write(&file, config).unwrap();
        Xcher::other("nginx").args(["-e", "stderr", "-c"]).args([file])
    });
    proxy.check();
}

/// Returns true if the installed Caddy knows `stream_close_delay`, which came with 2.7.
fn knows_close_delay() -> bool {
    let version = Command::new("caddy").arg("version").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap();
    let mut numbers =
        version.trim_start_matches('v').split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(2), Some(7))
}

/// Starts Caddy, which is controlled by a socket in its folder.
fn controlled_caddy() -> Proxy {
    Proxy::start("Caddyfile", "/", |folder, site| {
        let (file, control) =
            (folder.join("Caddyfile"), folder.join("admin").display().to_string());
        // Without writing to this machine's home.
        let global = "auto_https disable_redirects\n\tskip_install_trust";
        let line = "stream_close_delay 24h";
        assert!(site.contains(&format!("#{line}")), "{site}");
        let site = match knows_close_delay() {
            true => site.replace(&format!("#{line}"), line),
            false => site.to_owned(),
        };
        let text = format!("{{\n\tadmin unix/{control}\n\t{global}\n}}\n{site}");
        fs::write(&file, text).unwrap();
        Xcher::other("caddy")
            .env("XDG_DATA_HOME", folder)
            .env("XDG_CONFIG_HOME", folder)
            .args(["run", "--adapter", "caddyfile", "--config"])
            .args([file])
    })
}

#[test]
fn reload_of_caddy_leaves_a_file_in_a_tunnel_alone_if_it_is_told_to() {
    if !is_installed("caddy", "version") {
        return;
    }
    let (proxy, folder, out) = (controlled_caddy(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(&folder.path().join("s"), [("file", tree::bytes(1, 2_000_000))]);
    let shared = folder.path().join("s");
    let bob = proxy.through(["share", "--nick", "bob", shared.to_str().unwrap()]).start();
    bob.out("online ");
    let to = out.path().to_str().unwrap();
    let get = ["get", "bob", "--all", "--json", "--limit-receive", "400kb", "-o", to];
    let get = proxy.through(get).start();
    get.until("bytes of a file", |lines| {
        lines.out.iter().any(|line| line.contains(r#""state":"progress""#)).then_some(())
    });
    // A configuration that differs in nothing is not applied unless it must be.
    let control = format!("unix/{}", proxy.folder.path().join("admin").display());
    let reload = Command::new("caddy")
        .args(["reload", "--force", "--adapter", "caddyfile", "--address", &control, "--config"])
        .arg(proxy.folder.path().join("Caddyfile"))
        .env("HOME", proxy.folder.path())
        .output()
        .unwrap();
    assert!(reload.status.success(), "{}", String::from_utf8_lossy(&reload.stderr));
    if !knows_close_delay() {
        // What the line in the example prevents. The file itself may arrive by a tunnel that is cut later.
        get.until("the cut", |lines| {
            lines.out.iter().any(|line| line.contains(r#""event":"offline""#)).then_some(())
        });
        return not_tested("stream_close_delay, which this Caddy does not know");
    }
    get.wait().code(0);
    assert_eq!(tree::read(out.path()), tree::read(folder.path()));
    assert!(!bob.seen_err("offline"), "the link to the relay stays, too");
}

#[test]
fn the_haproxy_example_tells_the_relay_who_its_clients_are() {
    if !is_installed("haproxy", "-v") {
        return;
    }
    let proxy = StreamProxy::start("haproxy.cfg", |folder, config| {
        let file = folder.join("haproxy.cfg");
        fs::write(&file, config).unwrap();
        Xcher::other("haproxy").args(["-db", "-f"]).args([file])
    });
    proxy.check();
}
