//! Serves calls and offers until stopped, for `share`, `receive` and `up`.

use std::borrow::Cow;

use xcher_core::delivery::Outcome;
use xcher_core::peer::{CallPolicy, Error, Event};

use crate::cli::encryption;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::incoming_offers::IncomingOffers;
use crate::cli::lan_relay::LanRelay;
use crate::cli::online_host::{OnlineHost, nicks};
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

/// What the questions about calls say.
struct CallQuestions {
    /// What a caller wants to do.
    wants: &'static str,
    /// True if no relay has checked the caller's address.
    unchecked: bool,
}

/// Accepts calls until stopped; `announce` is called once the host is online.
pub(crate) async fn serve_all(
    common: &Common,
    shares: Shares,
    mut serving: Serving,
    mut announce: impl FnMut(&OnlineHost),
) -> Result<(), CliError> {
    // Callers in a channel, and the addresses that they name, are checked by nobody else.
    serving.ask |= common.relay.irc_channel().is_some();
    let calls = if serving.ask { CallPolicy::Ask } else { CallPolicy::Accept };
    let inbox = serving.inbox.take();
    let mut lan = LanRelay::start(common).await?;
    let mut common = Cow::Borrowed(common);
    if let Some(lan) = &mut lan {
        let nick = lan.announce(nicks(&common)).await?;
        common = Cow::Owned(Common { nick: Some(nick), ..lan.options(&common) });
    }
    let encryption = encryption::load(&common)?;
    let shares_files = shares.names().next().is_some();
    let mut online = OnlineHost::start(&common, calls, shares, inbox, encryption).await?;
    let hint = "let the peer send them again to resume";
    online.output.receives_into(serving.offers.target().clone(), hint);
    online.output.resumes_by_itself(serving.offers.resumes());
    print_nick(&online)?;
    if lan.is_some() {
        let consequence = match shares_files && !serving.ask {
            true => " and fetch what it shares; --ask confirms each session",
            false => "",
        };
        online
            .output
            .note(format_args!("everyone in the local network can find this host{consequence}"));
    }
    if let Some(channel) = common.relay.irc_channel() {
        let text = "online as its member; you are asked about each caller";
        online.output.note(format_args!("{channel}: {text}"));
    }
    announce(&online);
    let wants = if shares_files { "see what you share" } else { "connect" };
    let questions = CallQuestions { wants, unchecked: common.relay.irc_channel().is_some() };
    let ended = serve(&mut online, &mut serving, &questions).await;
    online.output.resumes_by_itself(false);
    let output = online.stop().await;
    if let Some(lan) = lan {
        lan.end().await;
    }
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

async fn serve(
    online: &mut OnlineHost,
    serving: &mut Serving,
    questions: &CallQuestions,
) -> Result<(), CliError> {
    let Serving { ask, once, offers, watch, .. } = serving;
    let mut prompt = (*ask || offers.must_ask()).then(Prompt::new);
    let (mut opened, mut ended) = (0u32, 0u32);
    let mut sent = Outcome::default();
    loop {
        let event = match &mut prompt {
            Some(prompt) => tokio::select! {
                event = next(online, watch.as_mut()) => Some(event?),
                line = prompt.answer() => {
                    if let Some(decision) = prompt.settle(online, line.as_deref())? {
                        offers.decided(online, decision)?;
                    }
                    continue;
                }
                expired = offers.expired() => {
                    offers.report_expired(&online.output, expired);
                    None
                }
            },
            None => tokio::select! {
                event = next(online, watch.as_mut()) => Some(event?),
                expired = offers.expired() => {
                    offers.report_expired(&online.output, expired);
                    None
                }
            },
        };
        if let Some(event) = event {
            offers.event(online, prompt.as_mut(), &event)?;
            sent.event(&event);
            opened += u32::from(matches!(event, Event::Opened { .. }));
            ended += u32::from(matches!(event, Event::Ended { .. }));
            handle(online, prompt.as_mut(), event, questions)?;
        }
        // Transfers under way are finished before a failed write stops the command.
        if !online.host.is_busy() {
            online.output.written()?;
        }
        let is_over = ended == opened && !online.host.is_busy() && !offers.is_waiting();
        if *once && opened > 0 && is_over {
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

/// Handles an event that concerns callers, not their files.
fn handle(
    online: &OnlineHost,
    prompt: Option<&mut Prompt>,
    event: Event,
    questions: &CallQuestions,
) -> Result<(), CliError> {
    match (event, prompt) {
        (Event::Online { .. }, _) => print_nick(online)?,
        (Event::Call { session, nick, from }, Some(prompt)) => {
            let ip = from.ip();
            let ip = match questions.unchecked {
                true => format!("{ip}, an address that nobody checked"),
                false => ip.to_string(),
            };
            let who = nick.map_or_else(|| ip.clone(), |nick| format!("{nick} ({ip})"));
            prompt.ask_call(session, who, questions.wants, &online.output)?;
        }
        (Event::OpenFailed { session, error }, prompt) => {
            // A caller that breaks the protocol in its first packet was never shown as connected.
            if let Error::Protocol(_) = error {
                online.output.note(format_args!("refused a caller: {error}"));
            }
            if let Some(prompt) = prompt {
                prompt.withdraw(session, &online.output)?;
            }
        }
        _ => {}
    }
    Ok(())
}
