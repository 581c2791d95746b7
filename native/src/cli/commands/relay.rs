//! `xcher relay`: the relay where people meet, and its bridge.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use xcher_core::secure::Identity;

use crate::bridge::Home;
use crate::cli::exit::CliError;
use crate::cli::exposure;
use crate::cli::http_front::Front;
use crate::cli::options::{Common, HttpAddress, RelayArgs};
use crate::cli::reload::Reload;
use crate::cli::signals::{Hangups, Signals};
use crate::cli::sockets::listen;
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::descriptors::raise_limit;
use crate::keys::identity::{self, Whose};
use crate::keys::{self, KeysError};
use crate::relay::{Relay, RelayConfig};

/// Runs the relay and its bridge until stopped.
pub(crate) async fn run(common: &Common, args: &RelayArgs) -> Result<(), CliError> {
    let mut signals = Signals::catch().map_err(CliError::local)?;
    let ports = Ports::open(common, args).await?;
    ports.serve(common, args, async move { signals.stop().await }).await
}

/// The ports of a relay and of its bridge.
pub(crate) struct Ports {
    pub(crate) relay: TcpListener,
    pub(crate) front: Option<Front>,
    hangups: Hangups,
}

impl Ports {
    pub(crate) async fn open(common: &Common, args: &RelayArgs) -> Result<Self, CliError> {
        raise_limit();
        let hangups = Hangups::catch().map_err(CliError::local)?;
        let tls = args.bridge.tls()?;
        let output = Output::new(common);
        let relay = listen(args.listen, "--listen").await?;
        let at = relay.local_addr().map_err(CliError::local)?;
        let address = at.to_string();
        output.result(format_args!("relay {address}")).map_err(CliError::unwritten)?;
        output.json(&JsonEvent::Relay { address }).map_err(CliError::unwritten)?;
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
        Ok(Self { relay, front, hangups })
    }

    pub(crate) async fn serve(
        self,
        common: &Common,
        args: &RelayArgs,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), CliError> {
        let config = RelayConfig { limits: args.limits(), identity: identity(common)? };
        let relay = Relay::new(config).map_err(CliError::local)?;
        let start = |front: Front| front.start(&args.bridge, Home::Here(relay.clone()));
        let (serving, listener) = self.front.map(start).transpose()?.unzip();
        let http = serving.as_ref().map(|serving| serving.http.clone());
        let reload = Reload::new(common, Some(relay.clone()), serving);
        tokio::spawn(reload.at_each(self.hangups));
        let (stop, stopped) = oneshot::channel::<()>();
        let front = async {
            let Some((http, listener)) = http.zip(listener) else { return Ok(()) };
            let stopped = async move {
                let _ = stopped.await;
            };
            http.run(listener, stopped).await.map_err(CliError::local)
        };
        let relay = async {
            let ended = relay.run(self.relay, shutdown).await;
            drop(stop);
            ended.map_err(CliError::local)
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

/// The key by which hosts know this relay again, made at first use. One that could not be kept would be
/// another at each start, which hosts are warned of.
fn identity(common: &Common) -> Result<Option<Identity>, CliError> {
    let (named, usual) = (common.data_dir.clone(), keys::usual_folder());
    let without = |why: &dyn fmt::Display| {
        Output::new(common).note(format_args!(
            "the relay has no key ({why}): hosts know it by its address alone; --data-dir names a \
             folder for keys"
        ));
        Ok(None)
    };
    let Some(folder) = named.clone().or(usual) else { return without(&"there is no home") };
    match identity::load_or_create(&folder, Whose::Relay) {
        Ok(secret) => Ok(Some(Identity::new(*secret))),
        Err(error @ KeysError::System { .. }) if named.is_none() => without(&error),
        Err(error) => Err(error.into()),
    }
}
