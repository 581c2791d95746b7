//! Debian's miniupnpd on a NAT of the lab: a router that forwards ports on request (PCP, NAT-PMP).

// Each test file is a crate of its own and uses a part of this module.
#![allow(dead_code)]

use std::process::{Command, Stdio};

use tempfile::{TempDir, tempdir};

use super::lab::Lab;
use crate::system::process::{Process, Xcher};

/// The tables that miniupnpd adds its rules to.
const TABLES: &str = "table inet miniupnpd {
    chain forward { type filter hook forward priority 0; jump miniupnpd
    }
    chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd
    }
    chain postrouting { type nat hook postrouting priority 100; jump postrouting_miniupnpd
    }
    chain miniupnpd { }
    chain prerouting_miniupnpd { }
    chain postrouting_miniupnpd { }
}";

/// A running miniupnpd, and the folder of its files.
pub(crate) struct Router(Process, TempDir);

impl Router {
    /// Starts it on a NAT; `options` are lines of its configuration. Returns why that is not possible here.
    pub(crate) fn start(lab: &Lab, nat: u8, options: &[String]) -> Result<Self, &'static str> {
        let exists = Command::new("miniupnpd").arg("--version").stdout(Stdio::null()).status();
        if exists.is_err() {
            return Err("miniupnpd is not installed");
        }
        lab.filter(nat, TABLES).ok_or("nft cannot load the tables of miniupnpd")?;
        let folder = tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let configuration = format!(
            "ext_ifname=wan
listening_ip=lan
http_port=0
enable_natpmp=yes
enable_upnp=no
secure_mode=yes
ipv6_disable=yes
upnp_table_name=miniupnpd
upnp_nat_table_name=miniupnpd
lease_file={}
uuid=00000000-0000-0000-0000-000000000001
{}
allow 1024-65535 192.168.0.0/16 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
",
            path("leases"),
            options.join("\n"),
        );
        std::fs::write(path("configuration"), configuration).unwrap();
        let daemon = ["netns", "exec", &lab.nat_name(nat), "miniupnpd", "-d"];
        let daemon = Xcher::other("ip").args(daemon).args(["-f", &path("configuration")]);
        let process = daemon.args(["-P", &path("pid")]).start();
        process.err("Listening for NAT-PMP/PCP traffic");
        Ok(Self(process, folder))
    }

    /// Waits until it was asked so many times.
    pub(crate) fn is_asked(&self, times: usize) {
        self.0.until(&format!("{times} requests"), |lines| {
            let requests = lines.err.iter().filter(|line| line.contains("PCP request received"));
            (requests.count() >= times).then_some(())
        });
    }

    /// Returns true if a host has asked it for anything.
    pub(crate) fn was_asked(&self) -> bool {
        self.0.seen_err(" request")
    }
}

impl Lab {
    /// Returns the ports of a NAT that are forwarded.
    pub(crate) fn forwarded(&self, nat: u8) -> Vec<u16> {
        let rules = self.rules(nat, "miniupnpd");
        let forward = rules.lines().filter(|line| line.contains("dnat ip to"));
        let port = |line: &str| line.trim().rsplit(':').next().unwrap().parse().unwrap();
        forward.map(port).collect()
    }
}
