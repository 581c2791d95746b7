//! Questions to the user that come while other things go on: one at a time.

use std::collections::VecDeque;
use std::io::IsTerminal as _;

use xcher_core::Quoted;
use xcher_core::peer::{SessionCommand, SessionId};

use crate::cli::exit::CliError;
use crate::cli::online_host::OnlineHost;
use crate::cli::ui::consent::{self, Answer, Question};
use crate::cli::ui::manifest::Chosen;
use crate::cli::ui::output::Output;
use crate::cli::ui::stdin_lines::StdinLines;

/// Behind a question about an offer: bars and notes may come while it waits.
const LINE_END: &str = "\n";

/// What waits for an answer.
pub(crate) struct Prompt {
    answers: StdinLines,
    waiting: VecDeque<(SessionId, About)>,
}

enum About {
    /// Whether someone may come in.
    Call { who: String },
    /// Which of the offered files are wanted.
    Offer { who: String, question: Box<Question> },
}

/// How the question about an offer was answered.
pub(crate) enum Settled {
    Take(SessionId, Chosen),
    Refuse(SessionId, Box<Question>),
}

impl Prompt {
    pub(crate) fn new() -> Self {
        Self { answers: StdinLines::default(), waiting: VecDeque::new() }
    }

    pub(crate) fn ask_call(
        &mut self,
        session: SessionId,
        who: String,
        output: &Output,
    ) -> Result<(), CliError> {
        self.push(session, About::Call { who }, output)
    }

    pub(crate) fn ask_offer(
        &mut self,
        session: SessionId,
        who: String,
        question: Question,
        output: &Output,
    ) -> Result<(), CliError> {
        self.push(session, About::Offer { who, question: Box::new(question) }, output)
    }

    fn push(&mut self, session: SessionId, about: About, output: &Output) -> Result<(), CliError> {
        self.waiting.push_back((session, about));
        if self.waiting.len() == 1 { self.show(output) } else { Ok(()) }
    }

    /// Shows the first question, for the first time.
    fn show(&mut self, output: &Output) -> Result<(), CliError> {
        match self.waiting.front_mut() {
            None => {}
            Some((_, About::Call { who })) => {
                // Where nobody sees the question, nobody answers, and the call is left.
                let end = if std::io::stderr().is_terminal() { "" } else { "\n" };
                let text = format!("{who} would like to see what you share. Allow it? [y/N] {end}");
                output.show(&text);
            }
            Some((_, About::Offer { who, question })) => {
                output.show(&format!("{who} offers:\n"));
                question.show(output)?;
                question.ask(output, LINE_END);
            }
        }
        Ok(())
    }

    /// The user's next line; `None` where there is nobody to ask.
    pub(crate) async fn answer(&mut self) -> Option<String> {
        if self.waiting.is_empty() {
            return std::future::pending().await;
        }
        self.answers.next().await
    }

    /// Takes an answer to the first question; what it says of an offer.
    pub(crate) fn settle(
        &mut self,
        running: &mut OnlineHost,
        line: Option<&str>,
    ) -> Result<Option<Settled>, CliError> {
        let Some((session, about)) = self.waiting.pop_front() else { return Ok(None) };
        let settled = match about {
            About::Call { who } => {
                let yes = line.is_some_and(|line| consent::is_yes(&line.trim().to_lowercase()));
                settle_call(running, session, &who, yes);
                None
            }
            About::Offer { who, mut question } => match question.answer(line, &running.output)? {
                Answer::Again => {
                    question.ask(&running.output, LINE_END);
                    self.waiting.push_front((session, About::Offer { who, question }));
                    return Ok(None);
                }
                Answer::No => Some(Settled::Refuse(session, question)),
                Answer::Take(chosen) => Some(Settled::Take(session, chosen)),
            },
        };
        self.show(&running.output)?;
        Ok(settled)
    }

    /// Nobody waits for the answers of a session any more.
    pub(crate) fn forget(&mut self, session: SessionId, output: &Output) -> Result<(), CliError> {
        let first = self.waiting.front().map(|(first, _)| *first);
        self.waiting.retain(|(waiting, _)| *waiting != session);
        if first != Some(session) {
            return Ok(());
        }
        output.show("  not any more\n");
        self.show(output)
    }
}

fn settle_call(running: &mut OnlineHost, session: SessionId, who: &str, yes: bool) {
    let answered = if yes {
        running.host.command(session, SessionCommand::Accept)
    } else {
        running.host.command(session, SessionCommand::Reject)
    };
    if answered.is_err() {
        running.output.note(format_args!("{} has given up", Quoted(who)));
    }
}
