//! What stands between a host and the internet, as rules of nftables.

use std::fmt;

/// How what comes from outside is treated, and which port a connection from inside gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nat {
    /// None: the host has a public address, where everything reaches it.
    Open,
    /// None, but a firewall: the host has a public address, where answers reach it, and nothing else.
    Firewall,
    /// Lets every host in, to its first host.
    FullCone,
    /// Lets a host in that one inside has sent something to, from any port.
    AddressRestricted,
    /// Lets answers in, and drops everything else without a word.
    PortRestricted,
    /// Lets answers in, and gives each connection another port.
    Symmetric,
    /// Lets answers in, and refuses everything else.
    Refusing,
}

impl Nat {
    pub(crate) const ALL: [Self; 7] = [
        Self::Open,
        Self::Firewall,
        Self::FullCone,
        Self::AddressRestricted,
        Self::PortRestricted,
        Self::Symmetric,
        Self::Refusing,
    ];

    /// Returns true if the host behind it has its address to itself.
    pub(super) fn is_public(self) -> bool {
        matches!(self, Self::Open | Self::Firewall)
    }

    /// Returns the rules of a NAT whose device outside is `wan`, or of the host itself if it has none.
    pub(super) fn rules(self, first_host: &str) -> String {
        let refuse = if self == Self::Refusing { "reject with tcp reset" } else { "drop" };
        let filter = match self {
            Self::Open => return String::new(),
            Self::Firewall => {
                return format!(
                    "table ip firewall_of_lab {{
                        chain own {{ type filter hook input priority 0; iifname wan ct state new {refuse}
                        }}
                    }}"
                );
            }
            Self::FullCone | Self::AddressRestricted => {
                "oifname wan add @known { ip daddr }".to_owned()
            }
            // A port that the router forwards lets everyone in.
            Self::PortRestricted | Self::Symmetric | Self::Refusing => {
                format!("iifname wan ct state new ct status ! dnat meta l4proto tcp {refuse}")
            }
        };
        let inbound = match self {
            Self::FullCone => format!("iifname wan dnat to {first_host}"),
            Self::AddressRestricted => {
                format!("iifname wan ip saddr @known dnat to {first_host}")
            }
            _ => String::new(),
        };
        let translate = match self {
            Self::Symmetric => "masquerade fully-random",
            _ => "masquerade",
        };
        // What hosts inside send to the NAT's own address is refused, or lost, in the same way.
        format!(
            "table ip nat_of_lab {{
                set known {{ type ipv4_addr; flags dynamic,timeout; timeout 60s; }}
                chain in {{ type nat hook prerouting priority -100; {inbound}
                }}
                chain out {{ type nat hook postrouting priority 100; oifname wan {translate}
                }}
                chain through {{ type filter hook forward priority 0; {filter}
                }}
                chain own {{ type filter hook input priority 0; meta l4proto tcp {refuse}
                }}
            }}"
        )
    }
}

impl fmt::Display for Nat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Firewall => "firewall",
            Self::FullCone => "full cone",
            Self::AddressRestricted => "address-restricted",
            Self::PortRestricted => "port-restricted",
            Self::Symmetric => "symmetric",
            Self::Refusing => "reject",
        })
    }
}

/// A script that makes an address-restricted NAT forget to whom its hosts have sent something.
pub(super) const FORGET: &str = "flush set ip nat_of_lab known";
