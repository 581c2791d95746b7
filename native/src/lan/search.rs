//! Looks for hosts in the local network.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use xcher_core::Nick;

use super::SERVICE;
use super::on_link::OnLink;

/// Time for the network to answer: a responder may wait 120 ms, and a lost query is repeated after 1 s
/// (RFC 6762, sections 5.2 and 6).
pub const SEARCH_TIME: Duration = Duration::from_secs(2);
/// Time for further answers after the first: another host may claim the name, too.
const SECOND_ANSWER_TIME: Duration = Duration::from_millis(300);
/// The most hosts that are heard.
const MAX_HOSTS: usize = 256;
/// The most addresses of one host that are tried.
const MAX_ADDRESSES: usize = 8;
/// The lowest port of a relay, as of any host (PROTOCOL.md, section 6).
const MIN_PORT: u16 = 1024;
/// Time for the addresses of a host to accept a connection, and before the next is tried beside the others.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_STAGGER: Duration = Duration::from_millis(150);

/// A host that answers to a nick, or claims to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The name that it announces.
    pub nick: Nick,
    /// Its relay: addresses in this host's own networks, at least one.
    pub addresses: Vec<SocketAddr>,
}

/// Returns the addresses that accept a connection, in the order in which they did; those that take much longer
/// than the first are left out. At most 8 are tried.
pub async fn accepting(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut tries = JoinSet::new();
    for (at, address) in (0u32..).zip(addresses.into_iter().take(MAX_ADDRESSES)) {
        tries.spawn(async move {
            sleep(CONNECT_STAGGER * at).await;
            TcpStream::connect(address).await.ok().map(|_| address)
        });
    }
    let mut accepting = Vec::new();
    let mut deadline = Instant::now() + CONNECT_TIMEOUT;
    while let Ok(Some(tried)) = timeout_at(deadline, tries.join_next()).await {
        if let Ok(Some(address)) = tried {
            accepting.push(address);
            deadline = deadline.min(Instant::now() + SECOND_ANSWER_TIME);
        }
    }
    accepting
}

/// Finds the hosts that announce themselves as `nick`: none, one, or several if one of them lies or the name
/// is used by mistake. Returns soon after the first answer, or with `all` after 2 s.
///
/// # Errors
///
/// If multicast is unavailable.
pub async fn find(nick: &Nick, all: bool) -> io::Result<Vec<Answer>> {
    let mut answers = Vec::new();
    search(SEARCH_TIME, |answer| {
        if !answer.nick.eq_ignore_case(nick) {
            return None;
        }
        add(&mut answers, answer);
        (!all).then_some(SECOND_ANSWER_TIME)
    })
    .await?;
    Ok(answers)
}

/// Lists the nicks that are announced within `time`, 2 s at most.
///
/// # Errors
///
/// If multicast is unavailable.
pub async fn list(time: Duration) -> io::Result<Vec<Nick>> {
    let mut nicks: Vec<Nick> = Vec::new();
    search(time.min(SEARCH_TIME), |answer| {
        if !nicks.iter().any(|nick| nick.eq_ignore_case(&answer.nick)) {
            nicks.push(answer.nick);
        }
        None
    })
    .await?;
    Ok(nicks)
}

/// Calls `heard` for each answer, until `time` is over or the time that `heard` returns.
async fn search(
    time: Duration,
    mut heard: impl FnMut(Answer) -> Option<Duration>,
) -> io::Result<()> {
    let daemon = ServiceDaemon::new().map_err(io::Error::other)?;
    let events = daemon.browse(SERVICE).map_err(io::Error::other)?;
    let own = OnLink::read()?;
    let mut deadline = Instant::now() + time;
    let mut hosts = 0;
    while hosts < MAX_HOSTS {
        let event = tokio::select! {
            event = events.recv_async() => event,
            () = sleep_until(deadline) => break,
        };
        match event {
            Ok(ServiceEvent::ServiceResolved(service)) => {
                hosts += 1;
                let Some(answer) = answer(&service, &own) else { continue };
                if let Some(rest) = heard(answer) {
                    deadline = deadline.min(Instant::now() + rest);
                }
            }
            Ok(_) => {}
            Err(_) => return Err(io::Error::other("the search in the local network has stopped")),
        }
    }
    // Without waiting: nothing has to be said.
    let _ = daemon.shutdown();
    Ok(())
}

fn answer(service: &ResolvedService, own: &OnLink) -> Option<Answer> {
    let name = unescape(service.fullname.strip_suffix(SERVICE)?.strip_suffix('.')?);
    let nick = Nick::parse(&name).ok().filter(|_| service.port >= MIN_PORT)?;
    let included = service.addresses.iter().filter(|address| own.includes(address));
    let mut addresses: Vec<_> =
        included.map(|address| SocketAddr::new(address.to_ip_addr(), service.port)).collect();
    // IPv4 first: a host that listens on it alone may still have IPv6 addresses.
    addresses.sort();
    addresses.truncate(MAX_ADDRESSES);
    (!addresses.is_empty()).then_some(Answer { nick, addresses })
}

/// Adds an answer. Another answer with an address in common comes from the same host.
fn add(answers: &mut Vec<Answer>, answer: Answer) {
    let is_same = |known: &&mut Answer| {
        known.addresses.iter().any(|address| answer.addresses.contains(address))
    };
    match answers.iter_mut().find(is_same) {
        Some(known) => {
            known.addresses.extend(answer.addresses);
            known.addresses.sort();
            known.addresses.dedup();
            known.addresses.truncate(MAX_ADDRESSES);
        }
        None => answers.push(answer),
    }
}

/// Undoes the escapes of a presented name (RFC 6763, section 4.3).
fn unescape(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        name.extend(if char == '\\' { chars.next() } else { Some(char) });
    }
    name
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn unescapes_presented_names() {
        for (text, name) in [("kim", "kim"), (r"k\.x", "k.x"), (r"a\\b", r"a\b"), ("\\", "")] {
            assert_eq!(unescape(text), name);
        }
    }

    #[test]
    fn joins_the_addresses_of_one_host() {
        let answer = |addresses: &[&str]| Answer {
            nick: Nick::parse("kim").unwrap(),
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        };
        let mut answers = Vec::new();
        add(&mut answers, answer(&["10.0.0.1:4000"]));
        add(&mut answers, answer(&["10.0.0.1:4000", "10.1.0.1:4000"]));
        add(&mut answers, answer(&["10.0.0.2:4000"]));
        let expected = [answer(&["10.0.0.1:4000", "10.1.0.1:4000"]), answer(&["10.0.0.2:4000"])];
        assert_eq!(answers, expected);
    }
}
