//! Recognizes the addresses of this machine.

use std::net::{IpAddr, UdpSocket};

/// True if `ip` is an address of this machine at this moment: addresses come and go. Nothing is sent; the
/// system binds a socket only to an address of its own.
pub(super) fn is_of_this_machine(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}
