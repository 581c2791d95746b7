//! `xcher share`: a provider until it is stopped.

use std::collections::VecDeque;
use std::io::{IsTerminal as _, Write as _};

use tokio::sync::mpsc;
use xcher_core::Quoted;
use xcher_core::peer::{Calls, Event, SessionId};

use super::args::{Common, ShareArgs};
use super::exit::{Code, Failure};
use super::privacy::is_about_privacy;
use super::start::Running;
use crate::files::Shares;

/// Shares until stopped; `online` is told the nick once.
pub(super) async fn run(
    common: &Common,
    args: &ShareArgs,
    mut online: impl FnMut(&Running),
) -> Result<(), Failure> {
    let shares = Shares::open(&args.paths).map_err(|error| Failure::usage(error.to_string()))?;
    let calls = if args.ask { Calls::Ask } else { Calls::Take };
    let privacy = common.privacy()?;
    let mut running = Running::online(common, calls, shares, None, privacy).await?;
    say_online(&running)?;
    online(&running);
    let ended = serve(&mut running, args).await;
    running.stop().await;
    match ended {
        // To be stopped is how sharing ends.
        Err(Failure { message: None, .. }) => Ok(()),
        ended => ended,
    }
}

fn say_online(running: &Running) -> Result<(), Failure> {
    let Some(nick) = running.host.nick() else { return Ok(()) };
    running
        .output
        .result(format_args!("online {nick}"))
        .map_err(|_| Failure::told(Code::Incomplete))
}

async fn serve(running: &mut Running, args: &ShareArgs) -> Result<(), Failure> {
    let mut prompt = args.ask.then(Prompt::new);
    let mut sessions = 0u32;
    let mut over = 0u32;
    loop {
        let event = match &mut prompt {
            Some(prompt) => tokio::select! {
                event = running.next() => event?,
                yes = prompt.answer() => {
                    prompt.settle(running, yes);
                    continue;
                }
            },
            None => running.next().await?,
        };
        match event {
            Event::Online { .. } => say_online(running)?,
            Event::Call { session, nick, from } => {
                if let Some(prompt) = &mut prompt {
                    let ip = from.ip();
                    let who = nick.map_or_else(|| ip.to_string(), |nick| format!("{nick} ({ip})"));
                    prompt.ask(session, who);
                }
            }
            Event::OpenFailed { session, fault } => {
                if is_about_privacy(&fault) {
                    running.output.note(format_args!("a caller was turned away: {fault}"));
                }
                if let Some(prompt) = &mut prompt {
                    prompt.forget(session);
                }
            }
            Event::Opened { .. } => sessions += 1,
            Event::Ended { .. } => over += 1,
            _ => {}
        }
        if args.once && sessions > 0 && over == sessions && !running.host.is_busy() {
            return Ok(());
        }
    }
}

/// Asks the user about one call at a time.
struct Prompt {
    answers: mpsc::UnboundedReceiver<String>,
    calls: VecDeque<(SessionId, String)>,
}

impl Prompt {
    fn new() -> Self {
        let (sender, answers) = mpsc::unbounded_channel();
        // A thread of its own, because reading a terminal cannot be given up.
        std::thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { answers, calls: VecDeque::new() }
    }

    fn ask(&mut self, session: SessionId, who: String) {
        self.calls.push_back((session, who));
        if self.calls.len() == 1 {
            self.show();
        }
    }

    fn show(&self) {
        if let Some((_, who)) = self.calls.front() {
            let mut err = std::io::stderr().lock();
            // Where nobody sees the question, nobody answers, and the call is left.
            let _ = write!(err, "{} would like to see what you share. Allow it? [y/N] ", who);
            if !std::io::stderr().is_terminal() {
                let _ = writeln!(err);
            }
            let _ = err.flush();
        }
    }

    /// The user's next line; a no where there is nobody to ask.
    async fn answer(&mut self) -> bool {
        if self.calls.is_empty() {
            return std::future::pending().await;
        }
        match self.answers.recv().await {
            Some(line) => matches!(line.trim().to_lowercase().as_str(), "y" | "yes"),
            None => false,
        }
    }

    fn settle(&mut self, running: &mut Running, yes: bool) {
        let Some((session, who)) = self.calls.pop_front() else { return };
        let answered =
            if yes { running.host.accept(session) } else { running.host.reject(session) };
        if answered.is_err() {
            running.output.note(format_args!("{} has given up", Quoted(&who)));
        }
        self.show();
    }

    fn forget(&mut self, session: SessionId) {
        self.calls.retain(|(waiting, _)| *waiting != session);
    }
}
