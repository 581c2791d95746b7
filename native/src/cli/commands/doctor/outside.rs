//! What the relay and its bridge say, and what that shows of the way to them.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use xcher_core::tunnel::FirstLine;

use super::connect;
use super::nat::{Nat, Observed};
use super::relay_answers::{self, RelayAnswers};
use super::seen_by_bridge::{self, Seen};
use super::subjects::{Subject, Subjects};
use crate::cli::exit::CliError;
use crate::cli::options::Common;
use crate::host::{Service, TlsRoots, web_socket};
use crate::relay_address::{BridgeUrl, RelayAddress, TlsAddress};
use crate::tunnel::{Mode, multiplex};

/// Time for an address that was guessed: packets to a port where nothing is may be dropped.
const GUESS_TIMEOUT: Duration = Duration::from_secs(3);

/// The relay and its bridge as they are from here.
pub(super) struct Outside {
    /// The relay at its TCP port; `None` if no relay is used.
    pub(super) relay: Option<Result<OverTcp, String>>,
    /// The first bridge that works, or the fault of the last; `None` if there is nowhere to look.
    pub(super) bridge: Option<Result<OverBridge, String>>,
    /// The address at which this host is seen, and its own.
    pub(super) seen: Option<(IpAddr, IpAddr)>,
    /// `None` if nobody says at which address this host is seen.
    pub(super) nat: Option<Nat>,
}

/// A relay that answers at its TCP port.
pub(super) struct OverTcp {
    pub(super) answers: RelayAnswers,
    local: SocketAddr,
    remote: SocketAddr,
    /// Open until the NAT's ports were compared.
    _stream: Box<dyn Send + Sync>,
}

/// A bridge whose WebSocket works.
pub(super) struct OverBridge {
    pub(super) address: RelayAddress,
    pub(super) has_tls: bool,
    pub(super) round_trip: Duration,
    /// The relay behind it.
    pub(super) relay: Result<RelayAnswers, String>,
    local: SocketAddr,
    remote: SocketAddr,
}

impl Outside {
    pub(super) async fn look(common: &Common, subjects: &Subjects) -> Result<Self, CliError> {
        let (token, roots) = (common.token()?, common.tls_roots()?);
        let patience = Duration::from_secs(common.timeout);
        let relay = async {
            let subject = subjects.relay.as_ref()?;
            Some(over_tcp(subject, &roots, patience).await)
        };
        let (relay, bridge) =
            tokio::join!(relay, first_bridge(subjects, token.as_deref(), &roots, patience));
        let by_relay = match &relay {
            Some(Ok(relay)) => relay.observed().ok_or_else(|| "it does not say".to_owned()),
            Some(Err(why)) => Err(why.clone()),
            None => Err("none is known".to_owned()),
        };
        // Compared with the relay only at the same address and from the same port.
        let same = relay.as_ref().and_then(|relay| relay.as_ref().ok());
        let by_bridge = match &bridge {
            Some(Ok(bridge)) => seen_at(bridge, same, &roots, patience).await,
            Some(Err(why)) => Err(why.clone()),
            None => Err("none is known".to_owned()),
        };
        let by_bridge = by_bridge.map(|Seen { local, ip, port }| Observed { local, ip, port });
        let through = bridge.as_ref().and_then(|bridge| bridge.as_ref().ok()?.observed());
        let observed = by_relay.as_ref().or(by_bridge.as_ref()).ok().copied().or(through);
        let seen = observed.map(|observed| (observed.ip, observed.local.ip().to_canonical()));
        let by_bridge = by_bridge.or_else(|why| through.ok_or(why));
        let nat = Nat::of(by_relay, by_bridge);
        Ok(Self { relay, bridge, seen, nat })
    }
}

impl OverTcp {
    fn observed(&self) -> Option<Observed> {
        let (ip, port) = self.answers.seen?;
        Some(Observed { local: self.local, ip, port })
    }
}

impl OverBridge {
    /// Returns where the relay behind it sees this host. A relay elsewhere sees the bridge.
    fn observed(&self) -> Option<Observed> {
        let (ip, _) = self.relay.as_ref().ok()?.seen?;
        let is_bridge = ip == self.remote.ip().to_canonical();
        (!is_bridge || ip == self.local.ip().to_canonical()).then_some(Observed {
            local: self.local,
            ip,
            port: None,
        })
    }
}

async fn over_tcp(
    subject: &Subject,
    roots: &TlsRoots,
    patience: Duration,
) -> Result<OverTcp, String> {
    let tls = subject.address.tls();
    let at = tls.map(TlsAddress::socket).or_else(|| subject.address.tcp().map(str::to_owned));
    let at = at.ok_or("it has no TCP port")?;
    let ask = async {
        let mut stream = connect::to_host(&at).await.map_err(|error| error.to_string())?;
        let ends = stream.local_addr().and_then(|local| Ok((local, stream.peer_addr()?)));
        let (local, remote) = ends.map_err(|error| error.to_string())?;
        let Some(tls) = tls else {
            let answers = relay_answers::ask(&mut stream).await?;
            return Ok(OverTcp { answers, local, remote, _stream: Box::new(stream) });
        };
        let stream = roots.connect(&tls.host, stream, Service::Relay).await;
        let mut stream = stream.map_err(|error| error.to_string())?;
        let answers = relay_answers::ask(&mut stream).await?;
        Ok(OverTcp { answers, local, remote, _stream: Box::new(stream) })
    };
    within(subject.time(patience), ask).await
}

/// Tries all bridges at once, and returns the first in their order that works.
async fn first_bridge(
    subjects: &Subjects,
    token: Option<&str>,
    roots: &TlsRoots,
    patience: Duration,
) -> Option<Result<OverBridge, String>> {
    let tries = subjects.bridges.iter().map(|subject| async move {
        let bridge = subject.address.bridge().ok_or("it has no URL")?;
        let time = subject.time(patience);
        let opened = async {
            let begun = Instant::now();
            let opened = web_socket::connect(bridge, token, roots).await;
            opened.map(|opened| (opened, begun.elapsed())).map_err(|error| error.to_string())
        };
        let (socket, round_trip) = within(time, opened).await?;
        let (local, remote) = socket.addresses;
        let (opener, run) = multiplex(socket.bytes, Mode::Client, drop);
        let ask = async {
            let mut stream = opener.open().await.map_err(|error| error.to_string())?;
            let line = FirstLine::Relay.to_line();
            stream.write_all(&line).await.map_err(|error| error.to_string())?;
            relay_answers::ask(&mut stream).await
        };
        let relay = within(time, async {
            tokio::select! {
                answers = ask => answers,
                _ = run => Err("the bridge ends the tunnel".to_owned()),
            }
        });
        let (relay, has_tls, address) = (relay.await, bridge.tls, subject.address.clone());
        Ok(OverBridge { address, has_tls, round_trip, relay, local, remote })
    });
    let mut last = None;
    for tried in futures_util::future::join_all(tries).await {
        if tried.is_ok() {
            return Some(tried);
        }
        last = last.or(Some(tried));
    }
    last
}

/// Asks a bridge where it sees this host, and from the local port of the connection to the relay if there is one.
async fn seen_at(
    bridge: &OverBridge,
    relay: Option<&OverTcp>,
    roots: &TlsRoots,
    patience: Duration,
) -> Result<Seen, String> {
    let url: &BridgeUrl = bridge.address.bridge().ok_or("it has no URL")?;
    let (remote, local) = match relay {
        Some(relay) => (relay.remote.ip(), Some(relay.local)),
        None => (bridge.remote.ip(), None),
    };
    within(patience.min(GUESS_TIMEOUT), seen_by_bridge::ask(url, remote, local, roots)).await
}

async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let late = |_| Err(format!("no answer within {} s", time.as_secs()));
    timeout(time, work).await.unwrap_or_else(late)
}

impl Subject {
    fn time(&self, patience: Duration) -> Duration {
        if self.is_guess { patience.min(GUESS_TIMEOUT) } else { patience }
    }
}
