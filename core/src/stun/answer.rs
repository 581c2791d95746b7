//! Writing the answers to a Binding request.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::checksum::fingerprint;
use super::request::Request;
use super::{ATTRIBUTE_HEADER_LEN, COOKIE, FINGERPRINT, HEADER_LEN};

const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// The error 420, in hundreds and the rest, without a text.
const UNKNOWN_ATTRIBUTE: [u8; 4] = [0, 0, 4, 20];

/// Appends the answer that tells `from`, the request's sender, its address.
pub(super) fn success(request: &Request<'_>, from: SocketAddr, out: &mut Vec<u8>) {
    let address = from.ip().to_canonical();
    let mask = COOKIE.iter().chain(request.transaction);
    let mut value = Vec::with_capacity(HEADER_LEN);
    value.extend([0, if address.is_ipv4() { 1 } else { 2 }]);
    value.extend(from.port().to_be_bytes().iter().zip(COOKIE).map(|(byte, mask)| byte ^ mask));
    match address {
        IpAddr::V4(ip) => {
            value.extend(ip.octets().iter().zip(mask).map(|(byte, mask)| byte ^ mask))
        }
        IpAddr::V6(ip) => {
            value.extend(ip.octets().iter().zip(mask).map(|(byte, mask)| byte ^ mask))
        }
    }
    let value = [(XOR_MAPPED_ADDRESS, &*value)];
    message(BINDING_SUCCESS, request, &value, out);
}

/// Appends the answer to a request with attributes that must be understood and are unknown.
pub(super) fn unknown(request: &Request<'_>, out: &mut Vec<u8>) {
    let types: Vec<u8> = request.unknown().flat_map(u16::to_be_bytes).collect();
    let values = [(ERROR_CODE, &UNKNOWN_ATTRIBUTE[..]), (UNKNOWN_ATTRIBUTES, &types)];
    message(BINDING_ERROR, request, &values, out);
}

fn message(kind: u16, request: &Request<'_>, attributes: &[(u16, &[u8])], out: &mut Vec<u8>) {
    let padded = |len: usize| len.next_multiple_of(ATTRIBUTE_HEADER_LEN);
    let lens = attributes.iter().map(|(_, value)| ATTRIBUTE_HEADER_LEN + padded(value.len()));
    let own = if request.has_fingerprint { 2 * ATTRIBUTE_HEADER_LEN } else { 0 };
    let start = out.len();
    out.extend(kind.to_be_bytes());
    out.extend(len_field(lens.sum::<usize>() + own));
    out.extend(COOKIE);
    out.extend(request.transaction);
    for (kind, value) in attributes {
        out.extend(kind.to_be_bytes());
        out.extend(len_field(value.len()));
        out.extend(*value);
        out.resize(out.len() + padded(value.len()) - value.len(), 0);
    }
    if request.has_fingerprint {
        let value = fingerprint(out.get(start..).unwrap_or_default());
        out.extend(FINGERPRINT.to_be_bytes());
        out.extend(len_field(4));
        out.extend(value.to_be_bytes());
    }
}

/// Answers are about as long as their requests, whose length is such a field, too.
fn len_field(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}
