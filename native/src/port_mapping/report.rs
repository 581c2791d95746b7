//! What a host reports of its mapped ports.

use std::fmt;
use std::net::IpAddr;

/// A report of mapped ports, or of why there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PortMappingReport {
    /// The router forwards ports to this host.
    Mapped {
        /// The router's external address.
        external: IpAddr,
        /// The number of ports.
        ports: usize,
    },
    /// The router's external address is not the one that this host names: there is another NAT, or the host
    /// names another address.
    OtherAddress {
        /// The router's external address.
        external: IpAddr,
        /// The address that this host names.
        named: IpAddr,
    },
    /// The router did not map ports.
    Failed {
        /// The reason.
        why: String,
    },
}

impl fmt::Display for PortMappingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mapped { external, ports } => {
                write!(f, "the router forwards {ports} ports of {external} to this host")
            }
            Self::OtherAddress { external, named } => write!(
                f,
                "no ports are mapped: the router's external address is {external}, but other hosts see \
                 {named}; there is another NAT behind the router"
            ),
            Self::Failed { why } => write!(f, "no ports are mapped: {why}"),
        }
    }
}
