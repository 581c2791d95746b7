//! The paths of connections between two hosts (section 10.4).

use core::fmt;

/// The path of a connection between two hosts, as one of them sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// Over a socket of this host.
    #[default]
    Direct,
    /// Over a link that both hosts opened at once through their NATs (section 5.8).
    Punched,
    /// Over a port that a bridge allocated.
    Bridge,
}

impl Path {
    /// Returns one word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Punched => "punched",
            Self::Bridge => "bridge",
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "directly",
            Self::Punched => "directly through NAT",
            Self::Bridge => "through the bridge",
        })
    }
}

/// The paths that a host has and uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathPolicy {
    /// Only this one.
    Only(Path),
    /// Direct ones; where these do not lead to the peer in time, the bridge's too.
    Auto,
}

impl Default for PathPolicy {
    fn default() -> Self {
        Self::Only(Path::Direct)
    }
}
