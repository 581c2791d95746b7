//! The syntax of hosts and ports in addresses.

use std::net::Ipv6Addr;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The length of the longest name in DNS (RFC 1035, section 2.3.4).
const MAX_HOST_LEN: usize = 253;

/// Characters that are invisible, or mark a comment at the start of a line.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'#');

/// Returns printable ASCII, whatever is in the text.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Returns one form for all ways to write a host, in brackets if it is an IPv6 address.
pub(super) fn canonical_host(host: &str) -> String {
    let host = escaped(host);
    let bare = without_brackets(&host);
    match bare.parse::<Ipv6Addr>() {
        Ok(ip) => format!("[{ip}]"),
        // An IPv6 address with a zone.
        Err(_) if bare.contains(':') => format!("[{}]", bare.to_ascii_lowercase()),
        Err(_) => bare.to_ascii_lowercase(),
    }
}

pub(super) fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_port = matches!(port.parse::<u16>(), Ok(1..));
    // The last part of an IPv6 address is not a port.
    let is_host = !host.contains(':') || is_ipv6(without_brackets(host));
    is_port && is_host && !host.is_empty()
}

/// Returns true if `text` can only be a host: a name, an IPv4 address, or an IPv6 address in brackets. A number
/// alone is rather a port.
pub(super) fn is_host(text: &str) -> bool {
    if text.starts_with('[') {
        return is_ipv6(without_brackets(text));
    }
    let is_allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let starts_well = text.starts_with(char::is_alphanumeric);
    starts_well && text.len() <= MAX_HOST_LEN && text.chars().all(is_allowed) && !is_number
}

pub(super) fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Returns true for an IPv6 address, with or without a zone.
fn is_ipv6(text: &str) -> bool {
    text.split('%').next().is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok())
}
