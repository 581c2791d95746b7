//! The relay and the bridges to check: those named, and those that are probably beside them.

use crate::cli::lan_relay::has_relay_here;
use crate::cli::options::{Common, DEFAULT_HTTP_PORT};
use crate::relay_address::{DEFAULT_PORT, RelayAddress, TlsAddress};

/// Where to look.
pub(super) struct Subjects {
    /// The relay that other commands would use, if there is one: its TCP port or the URL of its bridge.
    pub(super) used: Option<RelayAddress>,
    /// The relay's TCP port.
    pub(super) relay: Option<Subject>,
    /// The bridge that is named, or where bridges usually are.
    pub(super) bridges: Vec<Subject>,
}

/// An address to check.
pub(super) struct Subject {
    pub(super) address: RelayAddress,
    /// True if it was guessed from another address.
    pub(super) is_guess: bool,
}

impl Subjects {
    /// Returns what other commands would use with these options.
    pub(super) async fn of(common: &Common) -> Self {
        let used = match &common.named_relay {
            Some(named) => (!named.is_lan()).then(|| named.clone()),
            None => has_relay_here(common).await.then(|| common.relay.clone()),
        };
        let Some(used) = used else {
            return Self { used: None, relay: None, bridges: Vec::new() };
        };
        let named = Subject { address: used.clone(), is_guess: false };
        let (relay, bridges) = match used.bridge() {
            None => {
                let bridges = match used.tls() {
                    Some(tls) => bridges_beside_tls(tls),
                    None => bridges_beside(used.tcp().unwrap_or_default()),
                };
                (Some(named), bridges)
            }
            Some(bridge) => (relay_beside(&bridge.host, bridge.port), vec![named]),
        };
        Self { used: Some(used), relay, bridges }
    }
}

/// Returns where the bridge of the relay at this TCP port may be: at the next port, as `xcher relay` has it, or at
/// the usual port for HTTPS.
fn bridges_beside(relay: &str) -> Vec<Subject> {
    let Some((host, port)) = relay.rsplit_once(':') else { return Vec::new() };
    let next = port.parse::<u16>().ok().and_then(|port| port.checked_add(1));
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // No certificate authority signs the addresses of a private network.
    let has_name = bare.parse::<std::net::IpAddr>().is_err() && bare != "localhost";
    let urls = next.map(|port| format!("http://{host}:{port}/"));
    let urls = urls.into_iter().chain(has_name.then(|| format!("https://{host}/")));
    urls.filter_map(|url| guess(&url)).collect()
}

/// Returns where the bridge of the relay at this port with TLS may be: its certificate is for both.
fn bridges_beside_tls(relay: &TlsAddress) -> Vec<Subject> {
    let host = relay.bracketed();
    let urls = [format!("https://{host}/"), format!("https://{host}:{DEFAULT_HTTP_PORT}/")];
    urls.iter().filter_map(|url| guess(url)).collect()
}

/// Returns where the TCP port of the relay behind this bridge may be.
fn relay_beside(host: &str, http: u16) -> Option<Subject> {
    let port = match http {
        80 | 443 | DEFAULT_HTTP_PORT => DEFAULT_PORT,
        http => http - 1,
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    guess(&format!("{host}:{port}"))
}

fn guess(text: &str) -> Option<Subject> {
    text.parse().ok().map(|address| Subject { address, is_guess: true })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn looks_for_a_bridge_where_bridges_usually_are() {
        let guessed = |relay: &str| {
            let subjects = bridges_beside(relay);
            subjects.iter().map(|subject| subject.address.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(guessed("192.0.2.1:9247"), ["http://192.0.2.1:9248/"]);
        assert_eq!(guessed("[2001:db8::1]:9247"), ["http://[2001:db8::1]:9248/"]);
        let of_name = ["http://relay.example:9248/", "https://relay.example/"];
        assert_eq!(guessed("relay.example:9247"), of_name);
        assert_eq!(guessed("relay.example:65535"), ["https://relay.example/"]);
    }

    #[test]
    fn looks_for_a_relay_where_relays_usually_are() {
        let guessed = |host: &str, http| relay_beside(host, http).unwrap().address.to_string();
        assert_eq!(guessed("relay.example", 443), "relay.example:9247");
        assert_eq!(guessed("relay.example", 9248), "relay.example:9247");
        assert_eq!(guessed("2001:db8::1", 8001), "[2001:db8::1]:8000");
    }
}
