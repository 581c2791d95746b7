//! Debian's ngircd on loopback, and people who use it without XCHER.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::{TempDir, tempdir};

use super::networks::Networks;
use super::process::{Process, Xcher, xcher};
use super::wire::Conn;

/// The channel that hosts use.
pub(crate) const CHANNEL: &str = "#files";

/// A running ngircd, and the folder of its files.
pub(crate) struct IrcServer {
    process: Option<Process>,
    folder: TempDir,
    pub(crate) address: SocketAddr,
}

impl IrcServer {
    /// Starts it with further lines of configuration: of its first section, and sections. Returns why that is not
    /// possible here.
    pub(crate) fn start(global: &str, sections: &str) -> Result<Self, &'static str> {
        is_installed()?;
        let folder = tempdir().unwrap();
        // It cannot choose a port itself, and another process may take a port that is free now.
        for _ in 0..8 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
            configure(folder.path(), port, global, sections);
            if let Some(process) = run(Xcher::other("ngircd"), folder.path()) {
                return Ok(Self { process: Some(process), folder, address: port });
            }
        }
        Err("ngircd finds no free port")
    }

    /// Starts it on all addresses of the host between two networks.
    pub(crate) fn start_between(networks: &Networks) -> Result<Self, &'static str> {
        is_installed()?;
        let (folder, address) = (tempdir().unwrap(), (Ipv4Addr::UNSPECIFIED, 6667).into());
        configure(folder.path(), address, "", "");
        let process = run(networks.program_between("ngircd"), folder.path());
        Ok(Self { process: Some(process.ok_or("ngircd cannot listen")?), folder, address })
    }

    pub(crate) fn stop(&mut self) {
        let process = self.process.take().expect("a running server");
        process.signal(Signal::KILL);
        process.wait();
    }

    pub(crate) fn start_again(&mut self) {
        let process = run(Xcher::other("ngircd"), self.folder.path());
        self.process = Some(process.expect("the port is free again"));
    }

    /// Returns the URL of a channel.
    pub(crate) fn url(&self, channel: &str) -> String {
        format!("irc://{}/{channel}", self.address)
    }

    /// Builds a command of a host in the usual channel.
    pub(crate) fn xcher(&self, args: &[&str]) -> Xcher {
        xcher(["--relay", &self.url(CHANNEL)]).args(args)
    }

    /// Returns a person who is online, in this channel if there is one.
    pub(crate) fn person(&self, nick: &str, channel: Option<&str>) -> Person {
        let mut person = Person { conn: Conn::to(self.address) };
        person.says(&format!("NICK {nick}"));
        person.says("USER person 0 * :A person");
        person.hears(&format!(" 001 {nick} "));
        if let Some(channel) = channel {
            person.says(&format!("JOIN {channel}"));
            person.hears(" 366 ");
        }
        person
    }
}

fn is_installed() -> Result<(), &'static str> {
    let exists = Command::new("ngircd").arg("--version").stdout(Stdio::null()).status();
    exists.map(|_| ()).map_err(|_| "ngircd is not installed")
}

fn configure(folder: &Path, address: SocketAddr, global: &str, sections: &str) {
    let (ip, port) = (address.ip(), address.port());
    let text = format!(
        "[Global]
Name = irc.test
Info = A server for tests
Listen = {ip}
Ports = {port}
{global}
[Limits]
MaxNickLength = 20
MaxConnectionsIP = 0
[Options]
DNS = no
Ident = no
PAM = no
{sections}
"
    );
    std::fs::write(folder.join("ngircd.conf"), text).unwrap();
}

/// Starts it and waits until it listens; `None` if it cannot.
fn run(ngircd: Xcher, folder: &Path) -> Option<Process> {
    let server = ngircd.args(["-n", "-f"]).args([folder.join("ngircd.conf")]).start();
    server
        .until("a server that listens", |lines| {
            let mut all = lines.out.iter().chain(&lines.err);
            all.find_map(|line| match line {
                line if line.ends_with(" ready.") => Some(true),
                line if line.contains("Can't bind") => Some(false),
                _ => None,
            })
        })
        .then_some(server)
}

/// Somebody with an ordinary IRC client.
pub(crate) struct Person {
    conn: Conn,
}

impl Person {
    pub(crate) fn says(&mut self, line: &str) {
        self.conn.say(format!("{line}\r\n"));
    }

    /// Waits for a line that contains this; returns the lines until then.
    pub(crate) fn hears(&mut self, part: &str) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            let line = self.conn.line().unwrap_or_else(|| panic!("no {part:?} in {heard:#?}"));
            let line = line.trim_end_matches('\r').to_owned();
            if let Some(token) = line.strip_prefix("PING ") {
                self.conn.say(format!("PONG {token}\r\n"));
            }
            let is_it = line.contains(part);
            heard.push(line);
            if is_it {
                return heard;
            }
        }
    }

    /// Returns everything that arrived until now.
    pub(crate) fn hears_until_now(&mut self) -> Vec<String> {
        self.says("PING :now");
        let mut heard = self.hears(":now");
        heard.pop();
        heard
    }
}
