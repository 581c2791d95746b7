//! Getting a host online, for every command that needs one.

use std::time::Duration;

use xcher_core::peer::{CallPolicy, Config, Error, Event};
use xcher_core::{Limits, Nick};

use crate::cli::exit::{CliError, ExitCode, code_of};
use crate::cli::options::Common;
use crate::cli::signals::Signals;
use crate::cli::ui::output::Output;
use crate::descriptors;
use crate::files::Shares;
use crate::host::{EncryptionSetup, Host, HostEvent, Setup, Sink};
use crate::relay_address::RelayAddress;

/// A host, what it says, and the signals that stop it.
pub(crate) struct OnlineHost {
    pub(crate) host: Host,
    pub(crate) output: Output,
    relay: RelayAddress,
    signals: Signals,
    /// The relay gave none of the nicks.
    nick_taken: bool,
}

/// A host that the relay did not take in.
pub(crate) struct NotOnline {
    pub(crate) error: CliError,
    /// Because others have its nicks.
    pub(crate) nick_taken: bool,
}

impl From<CliError> for NotOnline {
    fn from(error: CliError) -> Self {
        Self { error, nick_taken: false }
    }
}

impl OnlineHost {
    /// Starts a host and waits until the relay knows it. One that has no session needs no privacy.
    pub(crate) async fn online(
        common: &Common,
        calls: CallPolicy,
        shares: Shares,
        sink: impl Into<Sink>,
        privacy: Option<EncryptionSetup>,
    ) -> Result<Self, CliError> {
        let (nicks, limits) = (nicks(common), limits(common));
        let online = Self::online_as(common, nicks, limits, calls, shares, sink, privacy).await;
        online.map_err(|not| not.error)
    }

    /// The same by one of these nicks, within these limits.
    pub(crate) async fn online_as(
        common: &Common,
        nicks: Vec<Nick>,
        limits: Limits,
        calls: CallPolicy,
        shares: Shares,
        sink: impl Into<Sink>,
        privacy: Option<EncryptionSetup>,
    ) -> Result<Self, NotOnline> {
        descriptors::raise_limit();
        let limits = Limits { transfers: descriptors::transfers(limits.transfers), ..limits };
        let signals = Signals::catch()
            .map_err(|error| CliError::new(ExitCode::Incomplete, format!("no signals: {error}")))?;
        let setup = Setup {
            config: Config {
                nicks,
                calls,
                allow_private: common.allow_private,
                via: common.via()?,
                advertise: common.advertise,
                limits,
                ..Config::default()
            },
            relay: common.relay.clone(),
            token: common.token()?,
            tls_roots: common.tls_roots()?,
            encryption: privacy,
            shares: shares.clone(),
            sink: sink.into(),
            rates: common.rates(),
        };
        let relay = common.relay.clone();
        let (host, mut output) = (Host::start(setup), Output::new(common));
        output.sends(shares);
        let mut running = Self { host, output, relay, signals, nick_taken: false };
        loop {
            match running.next().await {
                Ok(Event::Online { .. }) => return Ok(running),
                Ok(_) => {}
                Err(error) => {
                    let nick_taken = running.nick_taken;
                    running.stop().await;
                    return Err(NotOnline { error, nick_taken });
                }
            }
        }
    }

    /// The next event of the protocol; everything else is said on the way.
    ///
    /// # Errors
    ///
    /// When the link to the relay is lost for good, when the user interrupts, and when nobody reads
    /// the output any more.
    pub(crate) async fn next(&mut self) -> Result<Event, CliError> {
        loop {
            let told = tokio::select! {
                told = self.host.next() => told,
                () = self.signals.stop() => return Err(CliError::interrupted()),
            };
            self.say(&told)?;
            match told {
                HostEvent::Peer(Event::Offline { error, retry: None }) => {
                    self.nick_taken = matches!(error, Error::NickTaken(_));
                    let code = code_of(&error);
                    let message = format!("no relay at {}: {error}", self.relay);
                    return Err(CliError::new(code, message));
                }
                HostEvent::Peer(event) => return Ok(event),
                HostEvent::NotShared(_)
                | HostEvent::Escaped(_)
                | HostEvent::PinFailed { .. }
                | HostEvent::RelayKeyChanged { .. }
                | HostEvent::PartialKept { .. } => {}
            }
        }
    }

    fn say(&mut self, told: &HostEvent) -> Result<(), CliError> {
        self.output.told(told).map_err(CliError::unwritten)
    }

    /// Stops the host in order and says what there was still to say.
    pub(crate) async fn stop(mut self) -> Output {
        if let Some(progress) = self.output.progress() {
            progress.clear();
        }
        for told in self.host.stop().await {
            let told = self.output.told(&told);
            self.output.remember(told);
        }
        self.output.tell_left();
        self.output
    }
}

/// The same, but whoever is asked may take a day to answer.
pub(crate) fn limits_to_think(common: &Common) -> Limits {
    Limits { idle_timeout: Duration::from_secs(24 * 60 * 60), ..limits(common) }
}

fn limits(common: &Common) -> Limits {
    let timeout = Duration::from_secs(common.timeout);
    // What is under way gets twice the time of what has not begun.
    let patience = timeout * 2;
    Limits {
        open_timeout: timeout,
        accept_timeout: timeout,
        first_line_timeout: timeout,
        answer_timeout: patience,
        stall_timeout: patience,
        // Where the user wants it slow, it is.
        min_rate: if common.limit_send.is_some() { 0 } else { Limits::default().min_rate },
        ..Limits::default()
    }
}

/// The nick that was asked for; else the user's name, and that with a number behind it for when
/// someone has it.
pub(crate) fn nicks(common: &Common) -> Vec<Nick> {
    if let Some(nick) = &common.nick {
        return vec![nick.clone()];
    }
    let user = whoami::username().ok().and_then(|user| Nick::parse(&user).ok());
    let base = match &user {
        // Room for the number.
        Some(user) => user.as_str().chars().take(27).collect(),
        None => "someone".to_owned(),
    };
    let numbered =
        (0..4).filter_map(|_| Nick::parse(&format!("{base}-{}", fastrand::u32(1000..10_000))).ok());
    user.into_iter().chain(numbered).collect()
}
