//! `xcher share`: a provider until it is stopped.

use std::path::PathBuf;

use xcher_core::delivery::Outcome;
use xcher_core::peer::{CallPolicy, Error, Event};

use super::args::{Common, ShareArgs};
use super::exit::{CliError, Code};
use super::output::Output;
use super::prompt::Prompt;
use super::receive::Offers;
use super::start::Running;
use super::{report, sources};
use crate::files::{Inbox, Shares};

/// Shares until stopped, but not the file `secret`; `online` is told the nick once.
pub(super) async fn run(
    common: &Common,
    args: &ShareArgs,
    secret: Option<&PathBuf>,
    online: impl FnMut(&Running),
) -> Result<(), CliError> {
    let rules = sources::rules(common, args.links, args.hidden, secret);
    let shares = sources::open_beside_questions(&args.paths, args.name.as_deref(), &rules)?;
    for path in args.paths.iter().filter(|path| sources::is_sweeping(path)) {
        let path = path.display();
        let text = format_args!("WARNING: all of {path} is shared with everyone at the relay");
        Output::new(common).error(text);
    }
    let (offers, inbox) = Offers::new(&args.offers)?;
    // Nobody says yes later, who could be told then.
    if let (true, Some(inbox)) = (args.offers.yes, &inbox) {
        inbox.check_writable().map_err(CliError::local)?;
    }
    let serving = Serving { ask: args.ask, once: args.once, offers, inbox };
    serve_all(common, shares, serving, online).await
}

/// What to do for those who call.
pub(super) struct Serving {
    /// Ask before each session.
    pub(super) ask: bool,
    /// End after one.
    pub(super) once: bool,
    pub(super) offers: Offers,
    pub(super) inbox: Option<Inbox>,
}

/// Takes up calls until stopped.
pub(super) async fn serve_all(
    common: &Common,
    shares: Shares,
    mut serving: Serving,
    mut online: impl FnMut(&Running),
) -> Result<(), CliError> {
    let calls = if serving.ask { CallPolicy::Ask } else { CallPolicy::Accept };
    let (privacy, inbox) = (common.privacy()?, serving.inbox.take());
    let mut running = Running::online(common, calls, shares, inbox, privacy).await?;
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

fn say_online(running: &Running) -> Result<(), CliError> {
    let Some(nick) = running.host.nick() else { return Ok(()) };
    running.output.result(format_args!("online {nick}")).map_err(CliError::unwritten)
}

async fn serve(running: &mut Running, serving: &mut Serving) -> Result<(), CliError> {
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
            report::missing(&running.output, &sent);
            return match sent.is_complete() {
                true => offers.outcome(),
                false => Err(CliError::new(Code::Incomplete, report::not_arrived(&sent))),
            };
        }
    }
}
