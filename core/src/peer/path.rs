//! Which way connections between two hosts go (section 10.4).

use core::fmt;

/// The way of a connection between two hosts, as one of them sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// Over this host's own socket.
    #[default]
    Direct,
    /// Over one that a bridge lends.
    Bridge,
}

impl Path {
    /// One word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Bridge => "bridge",
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "directly",
            Self::Bridge => "through the bridge",
        })
    }
}

/// Which ways a host has and uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathPolicy {
    /// One.
    Only(Path),
    /// Its own sockets; where they do not lead to the other side in time, a bridge's too.
    Auto,
}

impl Default for PathPolicy {
    fn default() -> Self {
        Self::Only(Path::Direct)
    }
}
