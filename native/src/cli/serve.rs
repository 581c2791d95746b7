//! Serves calls and offers until stopped, for `share`, `receive` and `up`.

use xcher_core::delivery::Outcome;
use xcher_core::peer::{CallPolicy, Error, Event};

use crate::cli::encryption;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::incoming_offers::IncomingOffers;
use crate::cli::online_host::OnlineHost;
use crate::cli::options::Common;
use crate::cli::ui::prompt::Prompt;
use crate::cli::ui::{delivery_report, shared_changes};
use crate::cli::watch::Watch;
use crate::files::{Inbox, Shares};

/// The way to serve callers.
pub(crate) struct Serving {
    /// Ask before each session.
    pub(crate) ask: bool,
    /// Stop after one session.
    pub(crate) once: bool,
    pub(crate) offers: IncomingOffers,
    pub(crate) inbox: Option<Inbox>,
    /// Notices changes of what is shared.
    pub(crate) watch: Option<Watch>,
}

/// Accepts calls until stopped; `announce` is called once the host is online.
pub(crate) async fn serve_all(
    common: &Common,
    shares: Shares,
    mut serving: Serving,
    mut announce: impl FnMut(&OnlineHost),
) -> Result<(), CliError> {
    let calls = if serving.ask { CallPolicy::Ask } else { CallPolicy::Accept };
    let (encryption, inbox) = (encryption::load(common)?, serving.inbox.take());
    let mut online = OnlineHost::start(common, calls, shares, inbox, encryption).await?;
    let hint = "let the peer send them again to resume";
    online.output.receives_into(serving.offers.target().clone(), hint);
    print_nick(&online)?;
    announce(&online);
    let ended = serve(&mut online, &mut serving).await;
    let output = online.stop().await;
    match ended {
        // A stop by the user is the regular end.
        Err(CliError { stopped: true, .. }) => output.written(),
        ended => ended.and_then(|()| output.left_outcome()).and_then(|()| output.written()),
    }
}

fn print_nick(online: &OnlineHost) -> Result<(), CliError> {
    let Some(nick) = online.host.nick() else { return Ok(()) };
    online.output.result(format_args!("online {nick}")).map_err(CliError::unwritten)
}

/// Returns the next event, and reports changed files meanwhile.
async fn next(online: &mut OnlineHost, watch: Option<&mut Watch>) -> Result<Event, CliError> {
    let Some(watch) = watch else { return online.next().await };
    loop {
        tokio::select! {
            event = online.next() => return event,
            report = watch.next() => shared_changes::report(&online.output, &report?),
        }
    }
}

async fn serve(online: &mut OnlineHost, serving: &mut Serving) -> Result<(), CliError> {
    let Serving { ask, once, offers, watch, .. } = serving;
    let mut prompt = (*ask || offers.must_ask()).then(Prompt::new);
    let (mut opened, mut ended) = (0u32, 0u32);
    let mut sent = Outcome::default();
    loop {
        let event = match &mut prompt {
            Some(prompt) => tokio::select! {
                event = next(online, watch.as_mut()) => event?,
                line = prompt.answer() => {
                    if let Some(decision) = prompt.settle(online, line.as_deref())? {
                        offers.decided(online, decision)?;
                    }
                    continue;
                }
            },
            None => next(online, watch.as_mut()).await?,
        };
        offers.event(online, prompt.as_mut(), &event)?;
        sent.event(&event);
        match event {
            Event::Online { .. } => print_nick(online)?,
            Event::Call { session, nick, from } => {
                if let Some(prompt) = &mut prompt {
                    let ip = from.ip();
                    let who = nick.map_or_else(|| ip.to_string(), |nick| format!("{nick} ({ip})"));
                    prompt.ask_call(session, who, &online.output)?;
                }
            }
            Event::OpenFailed { session, error } => {
                // A caller that breaks the protocol in its first packet was never shown as connected.
                if let Error::Protocol(_) = error {
                    online.output.note(format_args!("refused a caller: {error}"));
                }
                if let Some(prompt) = &mut prompt {
                    prompt.withdraw(session, &online.output)?;
                }
            }
            Event::Opened { .. } => opened += 1,
            Event::Ended { .. } => ended += 1,
            _ => {}
        }
        // Transfers under way are finished before a failed write stops the command.
        if !online.host.is_busy() {
            online.output.written()?;
        }
        if *once && opened > 0 && ended == opened && !online.host.is_busy() {
            delivery_report::missing(&online.output, &sent);
            return match sent.is_complete() {
                true => offers.outcome(),
                false => {
                    let text = delivery_report::not_arrived(&sent);
                    Err(CliError::new(ExitCode::Incomplete, text))
                }
            };
        }
    }
}
