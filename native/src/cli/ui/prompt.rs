//! Questions to the user, one at a time, while other events are handled.

use std::collections::VecDeque;
use std::io::IsTerminal as _;

use xcher_core::Quoted;
use xcher_core::peer::{SessionCommand, SessionId};

use super::consent::{Answer, Question};
use super::manifest::Chosen;
use super::output::Output;
use super::selection::is_yes;
use super::stdin_lines::StdinLines;
use crate::cli::exit::CliError;
use crate::cli::online_host::OnlineHost;

/// Ends the question about an offer: progress bars and notes can be printed before the answer.
const LINE_END: &str = "\n";

/// The questions that are not answered yet.
pub(crate) struct Prompt {
    answers: StdinLines,
    waiting: VecDeque<(SessionId, Pending)>,
}

enum Pending {
    /// Asks whether a caller may do what it wants.
    Call { who: String, wants: &'static str },
    /// Asks which of the offered files are wanted.
    Offer { who: String, question: Box<Question> },
}

/// The user's decision about an offer.
pub(crate) enum Decision {
    Accept(SessionId, Chosen),
    Decline(SessionId, Box<Question>),
}

impl Prompt {
    pub(crate) fn new() -> Self {
        Self { answers: StdinLines::default(), waiting: VecDeque::new() }
    }

    pub(crate) fn ask_call(
        &mut self,
        session: SessionId,
        who: String,
        wants: &'static str,
        output: &Output,
    ) -> Result<(), CliError> {
        self.push(session, Pending::Call { who, wants }, output)
    }

    pub(crate) fn ask_offer(
        &mut self,
        session: SessionId,
        who: String,
        question: Question,
        output: &Output,
    ) -> Result<(), CliError> {
        self.push(session, Pending::Offer { who, question: Box::new(question) }, output)
    }

    fn push(
        &mut self,
        session: SessionId,
        pending: Pending,
        output: &Output,
    ) -> Result<(), CliError> {
        self.waiting.push_back((session, pending));
        if self.waiting.len() == 1 { self.show(output) } else { Ok(()) }
    }

    /// Shows the first question, for the first time.
    fn show(&mut self, output: &Output) -> Result<(), CliError> {
        match self.waiting.front_mut() {
            None => {}
            Some((_, Pending::Call { who, wants })) => {
                // Without a terminal nothing is typed behind the question; the call expires.
                let end = if std::io::stderr().is_terminal() { "" } else { "\n" };
                output.show(&format!("{who} wants to {wants}. Allow it? [y/N] {end}"));
            }
            Some((_, Pending::Offer { who, question })) => {
                output.show(&format!("{who} offers:\n"));
                question.show(output)?;
                question.ask(output, LINE_END);
            }
        }
        Ok(())
    }

    /// Returns the user's next line; `None` at the end of standard input. Waits while nothing is asked.
    pub(crate) async fn answer(&mut self) -> Option<String> {
        if self.waiting.is_empty() {
            return std::future::pending().await;
        }
        self.answers.next().await
    }

    /// Takes a line as the answer to the first question. Returns the decision, if that was about an offer.
    pub(crate) fn settle(
        &mut self,
        online: &mut OnlineHost,
        line: Option<&str>,
    ) -> Result<Option<Decision>, CliError> {
        let Some((session, pending)) = self.waiting.pop_front() else { return Ok(None) };
        let decision = match pending {
            Pending::Call { who, .. } => {
                let yes = line.is_some_and(|line| is_yes(&line.trim().to_lowercase()));
                answer_call(online, session, &who, yes);
                None
            }
            Pending::Offer { who, mut question } => match question.answer(line, &online.output)? {
                Answer::AskAgain => {
                    question.ask(&online.output, LINE_END);
                    self.waiting.push_front((session, Pending::Offer { who, question }));
                    return Ok(None);
                }
                Answer::Decline => Some(Decision::Decline(session, question)),
                Answer::Accept(chosen) => Some(Decision::Accept(session, chosen)),
            },
        };
        self.show(&online.output)?;
        Ok(decision)
    }

    /// Withdraws the questions about a session that has ended.
    pub(crate) fn withdraw(&mut self, session: SessionId, output: &Output) -> Result<(), CliError> {
        let first = self.waiting.front().map(|(first, _)| *first);
        self.waiting.retain(|(waiting, _)| *waiting != session);
        if first != Some(session) {
            return Ok(());
        }
        output.show("  (withdrawn)\n");
        self.show(output)
    }
}

fn answer_call(online: &mut OnlineHost, session: SessionId, who: &str, yes: bool) {
    let answer = if yes { SessionCommand::Accept } else { SessionCommand::Reject };
    let answered = online.host.command(session, answer);
    if answered.is_err() {
        online.output.note(format_args!("{} is no longer waiting", Quoted(who)));
    }
}
