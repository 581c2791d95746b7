//! Which addresses are the bridge's own.

use std::net::{IpAddr, UdpSocket};

use super::tunnel::Tunnel;

impl Tunnel {
    /// Whether `ip` leads to the bridge's own host: as it is now, for addresses come and go. Nothing
    /// is sent; the system lets a socket have an address only where that is its own.
    pub(super) fn is_own(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_loopback() || ip == self.public_ip.to_canonical() || is_of_this_host(ip)
    }
}

pub(super) fn is_of_this_host(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}
