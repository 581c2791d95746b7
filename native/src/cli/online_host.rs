//! A host that is online, for every command that needs one.

use std::time::Duration;

use xcher_core::peer::{CallPolicy, Config, Error, Event};
use xcher_core::{Limits, Nick};

use crate::cli::connect_error::relay_error;
use crate::cli::default_nicks::with_numbers;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::irc_host;
use crate::cli::options::Common;
use crate::cli::signals::Signals;
use crate::cli::ui::output::Output;
use crate::descriptors;
use crate::files::Shares;
use crate::host::{EncryptionSetup, Host, HostEvent, Setup, Sink};
use crate::relay_address::RelayAddress;

/// A host, its output, and the signals that stop it.
pub(crate) struct OnlineHost {
    pub(crate) host: Host,
    pub(crate) output: Output,
    relay: RelayAddress,
    signals: Signals,
    /// Set once the relay has refused all nicks.
    nick_taken: bool,
}

/// Reason for a host not to be online.
pub(crate) struct NotOnline {
    pub(crate) error: CliError,
    /// Set if other hosts have all its nicks.
    pub(crate) nick_taken: bool,
}

impl From<CliError> for NotOnline {
    fn from(error: CliError) -> Self {
        Self { error, nick_taken: false }
    }
}

impl OnlineHost {
    /// Starts a host and waits until it is registered at the relay. A host without sessions needs no
    /// `encryption`.
    pub(crate) async fn start(
        common: &Common,
        calls: CallPolicy,
        shares: Shares,
        sink: impl Into<Sink>,
        encryption: Option<EncryptionSetup>,
    ) -> Result<Self, CliError> {
        let (nicks, limits) = (nicks(common), limits(common));
        let started = Self::start_as(common, nicks, limits, calls, shares, sink, encryption).await;
        started.map_err(|not| not.error)
    }

    /// Likewise with the first free one of `nicks`, and within `limits`.
    pub(crate) async fn start_as(
        common: &Common,
        nicks: Vec<Nick>,
        limits: Limits,
        calls: CallPolicy,
        shares: Shares,
        sink: impl Into<Sink>,
        encryption: Option<EncryptionSetup>,
    ) -> Result<Self, NotOnline> {
        irc_host::check_nicks(common, &nicks)?;
        descriptors::raise_limit();
        let limits = Limits { transfers: descriptors::transfers(limits.transfers), ..limits };
        let signals = Signals::catch().map_err(|error| {
            CliError::new(ExitCode::Incomplete, format!("cannot catch signals: {error}"))
        })?;
        let setup = Setup {
            config: Config {
                nicks,
                calls,
                allow_private: common.allow_private,
                near: !common.no_near,
                punch: !common.no_punch,
                via: common.via()?,
                advertise: common.advertise,
                limits,
                ..Config::default()
            },
            relay: common.relay.clone(),
            token: common.token()?,
            irc: common.irc.options()?,
            tls_roots: common.tls_roots()?,
            encryption,
            shares: shares.clone(),
            sink: sink.into(),
            rates: common.rates(),
            map_ports: common.map_ports,
        };
        let relay = common.relay.clone();
        let (host, mut output) = (Host::start(setup), Output::new(common));
        output.sends(shares);
        let mut online = Self { host, output, relay, signals, nick_taken: false };
        loop {
            match online.next().await {
                Ok(Event::Online { .. }) => return Ok(online),
                Ok(_) => {}
                Err(error) => {
                    let nick_taken = online.nick_taken;
                    online.stop().await;
                    return Err(NotOnline { error, nick_taken });
                }
            }
        }
    }

    /// Returns the next event of the protocol, and prints everything else.
    ///
    /// # Errors
    ///
    /// When the relay is lost for good, when the user interrupts, and when the output is closed.
    pub(crate) async fn next(&mut self) -> Result<Event, CliError> {
        loop {
            let mut event = tokio::select! {
                event = self.host.next() => event,
                () = self.signals.stop() => return Err(CliError::interrupted()),
            };
            if let HostEvent::Peer(Event::Opened { near, .. }) = &mut event {
                *near |= self.relay.is_lan();
            }
            if let HostEvent::Peer(Event::Offline { retry, .. }) = &mut event
                && self.host.is_barred()
                && !self.host.is_busy()
            {
                // It does not come back, and nothing is under way.
                *retry = None;
            }
            let reported = self.output.report(&event);
            if let HostEvent::Text { transfer, .. } = &event {
                let shown = reported.as_ref().copied();
                let why = |error: &std::io::Error| format!("it cannot be printed: {error}").into();
                self.host.text_shown(*transfer, shown.map_err(why));
            }
            reported.map_err(CliError::unwritten)?;
            match event {
                HostEvent::Peer(Event::Offline { error, retry: None }) => {
                    self.nick_taken = matches!(error, Error::NickTaken(_));
                    return Err(relay_error(&self.relay, &error));
                }
                HostEvent::Peer(event) => return Ok(event),
                HostEvent::NotShared(_)
                | HostEvent::Escaped(_)
                | HostEvent::PinFailed { .. }
                | HostEvent::RelayKeyChanged { .. }
                | HostEvent::PortMapping(_)
                | HostEvent::Text { .. }
                | HostEvent::PartialKept { .. } => {}
            }
        }
    }

    /// Stops the host, and prints what it still reports.
    pub(crate) async fn stop(mut self) -> Output {
        if let Some(progress) = self.output.progress() {
            progress.clear();
        }
        for event in self.host.stop().await {
            let written = self.output.report(&event);
            self.output.remember(written);
        }
        self.output.summarise();
        self.output
    }
}

/// Returns limits that give the peer's user a day to answer a question about files, and time to accept a call
/// where each is asked about.
pub(crate) fn patient_limits(common: &Common) -> Limits {
    let limits = limits(common);
    let open_timeout = irc_host::call_timeout(common, limits.open_timeout);
    Limits { idle_timeout: Duration::from_secs(24 * 60 * 60), open_timeout, ..limits }
}

fn limits(common: &Common) -> Limits {
    let limits = Limits::with_timeout(Duration::from_secs(common.timeout));
    // A user who limits the rate accepts slow transfers.
    let min_rate = if common.limit_send.is_some() { 0 } else { limits.min_rate };
    Limits { min_rate, ..limits }
}

/// Returns the nicks to try: the one asked for; or the user's name, and then the same with a number, in
/// case it is taken.
pub(crate) fn nicks(common: &Common) -> Vec<Nick> {
    if let Some(nick) = &common.nick {
        return vec![nick.clone()];
    }
    let user = whoami::username().ok().and_then(|user| Nick::parse(&user).ok());
    if common.relay.irc_channel().is_some() {
        return irc_host::default_nicks(user);
    }
    let base = match &user {
        // Leaves room for the number.
        Some(user) => user.as_str().chars().take(27).collect::<String>(),
        None => "someone".to_owned(),
    };
    with_numbers(user, &base)
}
