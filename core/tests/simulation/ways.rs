//! The path that a call has to take, by the places of both hosts alone.

use xcher_core::peer::Path;

use crate::gateway::{Filter, Gateway, Mapping};
use crate::world::World;

/// The outcome of a call without faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The callee connects to the caller's own address.
    Own,
    /// Both are behind one NAT.
    Near,
    Punched,
    Bridge,
    /// They cannot connect.
    None,
}

/// Whether hole punching connects two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Punch {
    Works,
    /// It does if the packets of both cross.
    Perhaps,
    Fails,
}

impl Way {
    pub fn path(self) -> Option<Path> {
        match self {
            Self::Own | Self::Near => Some(Path::Direct),
            Self::Punched => Some(Path::Punched),
            Self::Bridge => Some(Path::Bridge),
            Self::None => None,
        }
    }
}

impl World {
    /// Returns the outcomes that a call can have.
    pub(crate) fn ways(&self, caller: usize, callee: usize) -> Vec<Way> {
        let (a, b) = (&self.hosts[caller], &self.hosts[callee]);
        if self.is_open(caller) {
            return vec![Way::Own];
        }
        let knows_more = !a.is_base && !b.is_base;
        let is_one_nat = a.place.is_behind_nat() && a.place.seen == b.place.seen;
        if knows_more && is_one_nat && a.near && b.near {
            return vec![Way::Near];
        }
        let otherwise = if a.has_bridge { Way::Bridge } else { Way::None };
        let punch = match knows_more && a.punch && b.punch {
            true => punch(&self.places.gateways, a.place.gateway, b.place.gateway),
            false => Punch::Fails,
        };
        match punch {
            Punch::Works => vec![Way::Punched],
            Punch::Perhaps => vec![Way::Punched, otherwise],
            Punch::Fails => vec![otherwise],
        }
    }
}

fn punch(gateways: &[Gateway], a: usize, b: usize) -> Punch {
    let (one, other) = (&gateways[a], &gateways[b]);
    if a == b && !one.hairpins {
        return Punch::Fails;
    }
    let ways = [connects(one, other), connects(other, one)];
    match ways {
        _ if ways.contains(&Punch::Works) => Punch::Works,
        _ if ways.contains(&Punch::Perhaps) => Punch::Perhaps,
        _ => Punch::Fails,
    }
}

/// Returns if the first packet from behind one gateway connects to a host behind another.
fn connects(from: &Gateway, to: &Gateway) -> Punch {
    let fate = gets_through(from, to);
    if fate != Punch::Perhaps {
        return fate;
    }
    let is_open = to.is_told_before(from);
    // A refusal of the other's packet closes the hole that it made.
    let is_refused = from.refuses && gets_through(to, from) != Punch::Works;
    let stays_open = !is_refused || from.is_told_before(to);
    if is_open && stays_open { Punch::Works } else { Punch::Perhaps }
}

/// Returns if a packet from behind one gateway reaches the port that the relay saw behind another.
fn gets_through(from: &Gateway, to: &Gateway) -> Punch {
    let is_seen_as_told = from.mapping != Mapping::Symmetric;
    match (to.mapping, to.filter) {
        (_, Filter::All) => Punch::Works,
        (Mapping::Symmetric, _) => Punch::Fails,
        (_, Filter::Address) => Punch::Perhaps,
        (_, Filter::AddressAndPort) if is_seen_as_told => Punch::Perhaps,
        (_, Filter::AddressAndPort) => Punch::Fails,
    }
}
