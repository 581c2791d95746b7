//! `xcher relay`: the relay where people meet, and its bridge.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::args::{Common, RelayArgs};
use super::bridge::Front;
use super::bridge_args::{BridgeArgs, HttpAddress};
use super::exit::{Code, Failure};
use super::exposure;
use super::json::Line;
use super::output::Output;
use super::signals::{Signals, at_hangup};
use crate::bridge::Home;
use crate::descriptors::raise_limit;
use crate::relay::{Relay, RelayConfig};

/// Runs the relay and its bridge until stopped.
pub(super) async fn run(common: &Common, args: &RelayArgs) -> Result<(), Failure> {
    let mut signals = Signals::catch().map_err(Failure::local)?;
    let ports = Ports::open(common, args).await?;
    ports.serve(common, args, async move { signals.stop().await }).await
}

/// The ports of a relay and of its bridge.
pub(super) struct Ports {
    pub(super) relay: TcpListener,
    pub(super) front: Option<Front>,
}

impl Ports {
    pub(super) async fn open(common: &Common, args: &RelayArgs) -> Result<Self, Failure> {
        raise_limit();
        read_again_at_hangup(common, &args.bridge)?;
        let tls = args.bridge.tls()?;
        let output = Output::new(common);
        let relay = listen(args.listen, "--listen").await?;
        let at = relay.local_addr().map_err(Failure::local)?;
        let address = at.to_string();
        output.result(format_args!("relay {address}")).map_err(Failure::unwritten)?;
        output.json(&Line::Relay { address }).map_err(Failure::unwritten)?;
        exposure::warn_of_relay(&output, at)?;
        let http = match (args.bridge.http, beside(args.listen)) {
            (Some(HttpAddress(None)), _) | (None, None) => None,
            (Some(HttpAddress(Some(address))), _) => Some(listen(address, "--http").await?),
            // Nobody asked for it there: a relay without a bridge is a relay.
            (None, Some(address)) => match TcpListener::bind(address).await {
                Ok(listener) => Some(listener),
                Err(error) => {
                    let why = format_args!("no bridge at {address}: {error}; see --http");
                    output.note(why);
                    None
                }
            },
        };
        let front = http.map(|listener| Front::new(common, listener, tls)).transpose()?;
        Ok(Self { relay, front })
    }

    pub(super) async fn serve(
        self,
        common: &Common,
        args: &RelayArgs,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let relay = Relay::new(config(args)).map_err(Failure::local)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let front = async {
            let Some(front) = self.front else { return Ok(()) };
            let stopped = async move {
                let _ = stopped.await;
            };
            front.serve(common, &args.bridge, Home::Here(relay.clone()), stopped).await
        };
        let relay = async {
            let ended = relay.run(self.relay, shutdown).await;
            drop(stop);
            ended.map_err(Failure::local)
        };
        let (front, relay) = tokio::join!(front, relay);
        relay.and(front)
    }
}

/// Where a bridge is that nobody said a place for: a relay on any free port has one on any free port.
fn beside(relay: SocketAddr) -> Option<SocketAddr> {
    let port = match relay.port() {
        0 => 0,
        port => port.checked_add(1)?,
    };
    Some((Ipv4Addr::LOCALHOST, port).into())
}

pub(super) async fn listen(at: SocketAddr, option: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(at).await.map_err(|error| {
        let message = format!("cannot listen on {at} ({option}): {error}");
        Failure::new(Code::Unreachable, message)
    })
}

/// Has SIGHUP check the files that were named, and say what is in use and what needs a restart.
pub(super) fn read_again_at_hangup(common: &Common, args: &BridgeArgs) -> Result<(), Failure> {
    let (common, args) = (common.clone(), args.clone());
    let output = Output::new(&common);
    let token = common.token().ok().flatten();
    at_hangup(move || {
        match args.tls() {
            Ok(None) => {}
            Ok(Some(_)) => output.note(format_args!("the certificate is used from now on")),
            Err(failure) => output.error(format_args!(
                "{}: the certificate stays as it was",
                failure.message.unwrap_or_default()
            )),
        }
        match common.token() {
            Ok(now) if now == token => {}
            Ok(_) => output.note(format_args!("the token stays as it was: restart to change it")),
            Err(failure) => output.error(format_args!(
                "{}: the token stays as it was",
                failure.message.unwrap_or_default()
            )),
        }
        output
            .note(format_args!("options and the configuration file stay: restart to change them"));
    })
    .map_err(Failure::local)
}

fn config(args: &RelayArgs) -> RelayConfig {
    let mut config = RelayConfig::default();
    config.limits.connections = args.max_connections;
    config.limits.per_address = args.max_per_address;
    config.limits.any_address = args.any_address;
    config
}
