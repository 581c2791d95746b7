//! Offers that come to this host: asked about, taken or declined; and `xcher receive`, which waits
//! for them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use xcher_core::peer::{Event, SessionCommand, SessionId};
use xcher_core::{FileName, Size, Stat};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::fetch_queue::FetchQueue;
use crate::cli::listing_spool::{ListingSpool, unlisted};
use crate::cli::online_host::OnlineHost;
use crate::cli::options::OffersArgs;
use crate::cli::target::Target;
use crate::cli::ui::consent::Question;
use crate::cli::ui::manifest::tell_wary;
use crate::cli::ui::prompt::{Prompt, Settled};
use crate::cli::ui::skip_reason::SkipReason;
use crate::cli::ui::terminal::can_ask;
use crate::files::Inbox;

/// Files that an offer may have; those beyond are declined.
const MOST: u64 = 100_000;
/// Bytes of names in them: what is declined is written at once, and waits in memory for the other side.
const MOST_NAMES: usize = 16 << 20;

/// What is done with offers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    Take,
    Ask,
    Decline,
}

/// An offer that is not decided.
enum Coming {
    Growing(ListingSpool),
    /// Complete; it is asked about when the user has read who offers it.
    Complete(ListingSpool),
    Asked,
}

/// The offers of all sessions.
pub(crate) struct Offers {
    policy: Policy,
    to: Target,
    coming: HashMap<SessionId, Coming>,
    taking: HashMap<SessionId, FetchQueue>,
    /// Files that were declined because nobody can be asked.
    unasked: HashMap<SessionId, u64>,
    worst: Option<ExitCode>,
}

impl Offers {
    /// What the command line says of them, and where they go if they may be taken.
    pub(crate) fn new(args: &OffersArgs) -> Result<(Self, Option<Inbox>), CliError> {
        let to = Target::new(&args.to, args.yes);
        let policy = match args.yes {
            true => Policy::Take,
            false if can_ask() => Policy::Ask,
            false => Policy::Decline,
        };
        let inbox = if policy == Policy::Decline { None } else { Some(to.open()?) };
        let offers = Self {
            policy,
            to,
            coming: HashMap::new(),
            taking: HashMap::new(),
            unasked: HashMap::new(),
            worst: None,
        };
        Ok((offers, inbox))
    }

    /// Also takes hidden files at the top level of the folder without asking, as `--hidden` says.
    pub(crate) fn take_hidden(&mut self, hidden: bool) {
        self.to.hidden = hidden;
    }

    /// Where what is taken goes.
    pub(crate) fn target(&self) -> &Target {
        &self.to
    }

    /// Whether somebody is to be asked.
    pub(crate) fn ask(&self) -> bool {
        self.policy == Policy::Ask
    }

    /// How what was taken went.
    pub(crate) fn outcome(&self) -> Result<(), CliError> {
        self.worst.map_or(Ok(()), |code| Err(CliError::told(code)))
    }

    /// Takes what happened, of any session.
    pub(crate) fn event(
        &mut self,
        running: &mut OnlineHost,
        prompt: Option<&mut Prompt>,
        event: &Event,
    ) -> Result<(), CliError> {
        match event {
            Event::Offered { session, name, size, stat } => {
                self.offered(running, *session, name, *size, *stat)
            }
            Event::OfferEnd { session, .. } => self.complete(running, prompt, *session),
            Event::LeftOut { left, .. } if left.reason.is_error() => {
                self.worst = Some(ExitCode::Incomplete);
                Ok(())
            }
            Event::SafetyWords { session, .. } => match self.coming.get(session) {
                Some(Coming::Complete(_)) => self.decide(running, prompt, *session),
                _ => Ok(()),
            },
            Event::Ended { session, .. } => {
                self.coming.remove(session);
                self.unasked.remove(session);
                if let Some(prompt) = prompt {
                    prompt.forget(*session, &running.output)?;
                }
                if let Some(fetching) = self.taking.get_mut(session)
                    && fetching.cut()
                {
                    running.output.error(format_args!("the session ended before everything came"));
                    while let Some(name) = fetching.left()? {
                        running.output.skip(*session, name.as_str(), None, &SkipReason::Cut);
                    }
                }
                self.go_on(running)
            }
            Event::Finished { .. } | Event::Failed { .. } => {
                for fetching in self.taking.values_mut() {
                    fetching.event(running, &self.to, event);
                }
                self.go_on(running)
            }
            _ => Ok(()),
        }
    }

    fn offered(
        &mut self,
        running: &mut OnlineHost,
        session: SessionId,
        name: &FileName,
        size: Size,
        stat: Stat,
    ) -> Result<(), CliError> {
        // One at a time of each session.
        if self.policy != Policy::Decline && !self.taking.contains_key(&session) {
            let coming = match self.coming.entry(session) {
                Entry::Occupied(coming) => coming.into_mut(),
                Entry::Vacant(free) => {
                    free.insert(Coming::Growing(ListingSpool::new().map_err(unlisted)?))
                }
            };
            if let Coming::Growing(spool) = coming
                && spool.count() < MOST
                && spool.names() < MOST_NAMES
            {
                return spool.push(name, size, stat).map_err(unlisted);
            }
        }
        *self.unasked.entry(session).or_default() += 1;
        running.output.skip(session, name.as_str(), None, &self.why_unasked());
        // A session that is over needs no answer.
        let _ = running.host.command(session, SessionCommand::Decline(name.clone()));
        Ok(())
    }

    /// Why what is offered is declined without a question.
    fn why_unasked(&self) -> SkipReason {
        match self.policy {
            Policy::Decline => SkipReason::Unasked,
            Policy::Take | Policy::Ask => SkipReason::TooMany,
        }
    }

    /// An offer is complete.
    fn complete(
        &mut self,
        running: &mut OnlineHost,
        prompt: Option<&mut Prompt>,
        session: SessionId,
    ) -> Result<(), CliError> {
        let who = running.output.who(session.0);
        if let Some(declined) = self.unasked.remove(&session) {
            let why = self.why_unasked();
            running.output.note(format_args!("{declined} files of {who} are declined: {why}"));
        }
        match self.coming.remove(&session) {
            Some(Coming::Growing(spool)) => {
                self.coming.insert(session, Coming::Complete(spool));
                if self.policy == Policy::Ask && running.output.awaits_words(session.0) {
                    return Ok(());
                }
                self.decide(running, prompt, session)
            }
            Some(other) => {
                self.coming.insert(session, other);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Asks about a complete offer, or does without.
    fn decide(
        &mut self,
        running: &mut OnlineHost,
        prompt: Option<&mut Prompt>,
        session: SessionId,
    ) -> Result<(), CliError> {
        let asked = self.coming.insert(session, Coming::Asked);
        let Some(Coming::Complete(spool)) = asked else { return Ok(()) };
        let who = running.output.who(session.0).to_owned();
        let inbox = running.host.inbox().cloned();
        let mut question = Question::new(spool, inbox, &self.to)?;
        if let Some(prompt) = prompt.filter(|_| self.policy == Policy::Ask) {
            return prompt.ask_offer(session, who, question, &running.output);
        }
        question.show(&running.output)?;
        match question.agreed() {
            Ok(mut chosen) => {
                if chosen.rest.count() > 0 {
                    self.worst = Some(ExitCode::Policy);
                    tell_wary(&running.output, session, &mut chosen.rest)?;
                }
                self.settle_for(running, Settled::Take(session, chosen), None)
            }
            Err(error) => {
                let why = error.message.unwrap_or_default();
                running.output.error(format_args!("the offer of {who} is declined: {why}"));
                let settled = Settled::Refuse(session, Box::new(question));
                self.settle_for(running, settled, Some(SkipReason::NoRoom(why)))
            }
        }
    }

    /// Does as the user decided.
    pub(crate) fn settle(
        &mut self,
        running: &mut OnlineHost,
        settled: Settled,
    ) -> Result<(), CliError> {
        self.settle_for(running, settled, Some(SkipReason::Declined))
    }

    /// Does as was decided; `why` the rest is declined, where that is still to be told.
    fn settle_for(
        &mut self,
        running: &mut OnlineHost,
        settled: Settled,
        why: Option<SkipReason>,
    ) -> Result<(), CliError> {
        let (session, wanted, rest) = match settled {
            Settled::Take(session, chosen) => (session, Some(chosen.wanted), chosen.rest),
            Settled::Refuse(session, mut question) => (session, None, question.refused()?),
        };
        self.coming.remove(&session);
        let mut rest = rest.read().map_err(unlisted)?;
        let mut open = true;
        while let Some((name, ..)) = rest.next().map_err(unlisted)? {
            if let Some(why) = &why {
                running.output.skip(session, name.as_str(), None, why);
            }
            open = open && running.host.command(session, SessionCommand::Decline(name)).is_ok();
        }
        if let Some(wanted) = wanted {
            self.taking.insert(session, FetchQueue::of_offer(session, wanted)?);
        }
        self.go_on(running)
    }

    /// Requests more, and lets go of what is done.
    fn go_on(&mut self, running: &mut OnlineHost) -> Result<(), CliError> {
        for fetching in self.taking.values_mut() {
            fetching.request(running, &self.to)?;
        }
        let worst = &mut self.worst;
        self.taking.retain(|_, fetching| {
            let over = fetching.is_idle() && fetching.is_all_requested();
            if over && let Err(error) = fetching.outcome(running) {
                *worst = Some(error.code);
            }
            !over
        });
        Ok(())
    }
}
