//! `xcher share`: a provider until it is stopped.

use xcher_core::delivery::Outcome;
use xcher_core::peer::{CallPolicy, Error, Event};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::incoming_offers::Offers;
use crate::cli::online_host::OnlineHost;
use crate::cli::options::Common;
use crate::cli::ui::delivery_report;
use crate::cli::ui::prompt::Prompt;
use crate::files::{Inbox, Shares};

/// What to do for those who call.
pub(crate) struct Serving {
    /// Ask before each session.
    pub(crate) ask: bool,
    /// End after one.
    pub(crate) once: bool,
    pub(crate) offers: Offers,
    pub(crate) inbox: Option<Inbox>,
}

/// Takes up calls until stopped.
pub(crate) async fn serve_all(
    common: &Common,
    shares: Shares,
    mut serving: Serving,
    mut online: impl FnMut(&OnlineHost),
) -> Result<(), CliError> {
    let calls = if serving.ask { CallPolicy::Ask } else { CallPolicy::Accept };
    let (privacy, inbox) = (common.privacy()?, serving.inbox.take());
    let mut running = OnlineHost::online(common, calls, shares, inbox, privacy).await?;
    running.output.receives_into(serving.offers.target().clone());
    say_online(&running)?;
    online(&running);
    let ended = serve(&mut running, &mut serving).await;
    let output = running.stop().await;
    match ended {
        // To be stopped is how sharing ends.
        Err(CliError { stopped: true, .. }) => output.written(),
        ended => ended.and_then(|()| output.left_outcome()).and_then(|()| output.written()),
    }
}

fn say_online(running: &OnlineHost) -> Result<(), CliError> {
    let Some(nick) = running.host.nick() else { return Ok(()) };
    running.output.result(format_args!("online {nick}")).map_err(CliError::unwritten)
}

async fn serve(running: &mut OnlineHost, serving: &mut Serving) -> Result<(), CliError> {
    let Serving { ask, once, offers, .. } = serving;
    let mut prompt = (*ask || offers.ask()).then(Prompt::new);
    let mut sessions = 0u32;
    let mut over = 0u32;
    let mut sent = Outcome::default();
    loop {
        let event = match &mut prompt {
            Some(prompt) => tokio::select! {
                event = running.next() => event?,
                line = prompt.answer() => {
                    if let Some(settled) = prompt.settle(running, line.as_deref())? {
                        offers.settle(running, settled)?;
                    }
                    continue;
                }
            },
            None => running.next().await?,
        };
        offers.event(running, prompt.as_mut(), &event)?;
        sent.event(&event);
        match event {
            Event::Online { .. } => say_online(running)?,
            Event::Call { session, nick, from } => {
                if let Some(prompt) = &mut prompt {
                    let ip = from.ip();
                    let who = nick.map_or_else(|| ip.to_string(), |nick| format!("{nick} ({ip})"));
                    prompt.ask_call(session, who, &running.output)?;
                }
            }
            Event::OpenFailed { session, error } => {
                // Before it has said anything in order, it is not told of as connected.
                if let Error::Protocol(_) = error {
                    running.output.note(format_args!("a caller was turned away: {error}"));
                }
                if let Some(prompt) = &mut prompt {
                    prompt.forget(session, &running.output)?;
                }
            }
            Event::Opened { .. } => sessions += 1,
            Event::Ended { .. } => over += 1,
            _ => {}
        }
        // What is under way comes to its end first.
        if !running.host.is_busy() {
            running.output.written()?;
        }
        if *once && sessions > 0 && over == sessions && !running.host.is_busy() {
            delivery_report::missing(&running.output, &sent);
            return match sent.is_complete() {
                true => offers.outcome(),
                false => {
                    Err(CliError::new(ExitCode::Incomplete, delivery_report::not_arrived(&sent)))
                }
            };
        }
    }
}
