//! Whether this host and the relay have IPv6.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use xcher_core::addr::{Scope, scope};

use super::subjects::Subjects;
use crate::cli::ui::finding::{Check, Facts, Finding, State};

/// Time for the relay to accept a connection over IPv6.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// An address of nobody (RFC 3849), which the default route leads to.
const FAR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// Looks for a global address, and for the relay over IPv6.
pub(super) async fn check(subjects: &Subjects) -> Finding {
    let finding = |state, text: String| Finding::new(Check::Ipv6, state, text);
    let Some(own) = own_address() else {
        return finding(State::Warning, "this host has no global address".into());
    };
    let facts = Facts { own: Some(own.to_string()), ..Facts::default() };
    let (state, relay) = match relay(subjects).await {
        Reached::NoRelay => (State::Ok, String::new()),
        Reached::NoAddress => (State::Warning, "; the relay has no IPv6 address".to_owned()),
        Reached::Yes => (State::Ok, "; the relay is reachable over it".to_owned()),
        Reached::No(why) => {
            (State::Warning, format!("; the relay is not reachable over it: {why}"))
        }
    };
    finding(state, format!("this host has the global address {own}{relay}")).with(facts)
}

/// Returns the address that this host would use towards the internet. Nothing is sent.
fn own_address() -> Option<Ipv6Addr> {
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((FAR, 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V6(own) if scope(own.into()) == Scope::Global => Some(own),
        _ => None,
    }
}

enum Reached {
    NoRelay,
    NoAddress,
    Yes,
    No(String),
}

async fn relay(subjects: &Subjects) -> Reached {
    let Some(used) = &subjects.used else { return Reached::NoRelay };
    let of_bridge = used.bridge().map(|bridge| (bridge.host.as_str(), bridge.port));
    let of_tls = used.tls().map(|tls| (tls.host.as_str(), tls.port));
    let addresses: Vec<SocketAddr> = match (used.tcp(), of_bridge.or(of_tls)) {
        (Some(at), _) => lookup_host(at).await.map(Iterator::collect),
        (None, Some(at)) => lookup_host(at).await.map(Iterator::collect),
        (None, None) => return Reached::NoRelay,
    }
    .unwrap_or_default();
    let Some(v6) = addresses.into_iter().find(SocketAddr::is_ipv6) else {
        return Reached::NoAddress;
    };
    match timeout(CONNECT_TIMEOUT, TcpStream::connect(v6)).await {
        Ok(Ok(_)) => Reached::Yes,
        Ok(Err(error)) => Reached::No(error.to_string()),
        Err(_) => Reached::No("it does not answer".into()),
    }
}
