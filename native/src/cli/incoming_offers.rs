//! Offers from peers: asked about, accepted or declined.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use xcher_core::peer::{Error, Event, Security, SessionCommand, SessionId};
use xcher_core::secure::PublicKey;
use xcher_core::{FileName, Size, Stat};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::fetch_queue::FetchQueue;
use crate::cli::interrupted_offers::{InterruptedOffers, Missing};
use crate::cli::listing_spool::{ListingSpool, spool_error};
use crate::cli::online_host::OnlineHost;
use crate::cli::options::OffersArgs;
use crate::cli::target::Target;
use crate::cli::ui::consent::Question;
use crate::cli::ui::file_count::file_count;
use crate::cli::ui::hidden_files::report_hidden;
use crate::cli::ui::output::Output;
use crate::cli::ui::prompt::{Decision, Prompt};
use crate::cli::ui::skipped::WhySkipped;
use crate::cli::ui::terminal::can_ask;
use crate::files::Inbox;

/// The most files in an offer; files beyond that are declined.
const MAX_FILES: u64 = 100_000;
/// The most bytes of their names: answers to declined files are queued in memory all at once.
const MAX_NAME_BYTES: usize = 16 << 20;

/// The answer to offers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    Accept,
    Ask,
    Decline,
}

/// An offer that is not decided yet.
enum Pending {
    Growing(ListingSpool),
    /// Complete; the question waits until the user has read who offers the files.
    Complete(ListingSpool),
    Asked,
}

/// The offers of all sessions.
pub(crate) struct IncomingOffers {
    policy: Policy,
    to: Target,
    pending: HashMap<SessionId, Pending>,
    fetching: HashMap<SessionId, FetchQueue>,
    /// Numbers of files that were declined without asking.
    declined: HashMap<SessionId, u64>,
    /// The keys of the peers that offer.
    keys: HashMap<SessionId, PublicKey>,
    interrupted: InterruptedOffers,
    worst: Option<ExitCode>,
}

impl IncomingOffers {
    /// Returns the offers, and the folder for their files unless all are declined.
    pub(crate) fn new(args: &OffersArgs) -> Result<(Self, Option<Inbox>), CliError> {
        let to = Target::new(&args.to, args.yes);
        let policy = match args.yes {
            true => Policy::Accept,
            false if can_ask() => Policy::Ask,
            false => Policy::Decline,
        };
        let inbox = if policy == Policy::Decline { None } else { Some(to.open()?) };
        let offers = Self {
            policy,
            to,
            pending: HashMap::new(),
            fetching: HashMap::new(),
            declined: HashMap::new(),
            keys: HashMap::new(),
            interrupted: InterruptedOffers::new(args.retry.retry),
            worst: None,
        };
        Ok((offers, inbox))
    }

    /// Sets whether hidden files at the top level of the folder are accepted without asking.
    pub(crate) fn accept_hidden(&mut self, hidden: bool) {
        self.to.hidden = hidden;
    }

    pub(crate) fn target(&self) -> &Target {
        &self.to
    }

    /// Returns true if the user must be asked about offers.
    pub(crate) fn must_ask(&self) -> bool {
        self.policy == Policy::Ask
    }

    /// Returns true if files that a cut interrupts are accepted again without asking.
    pub(crate) fn resumes(&self) -> bool {
        self.interrupted.is_enabled()
    }

    /// Returns true if files that a cut interrupted may still arrive.
    pub(crate) fn is_waiting(&self) -> bool {
        self.interrupted.is_waiting()
    }

    /// Waits until peers have not come back in time to resume. Cancel safe.
    pub(crate) async fn expired(&mut self) -> Vec<Missing> {
        self.interrupted.expired().await
    }

    /// Reports the files of peers that did not come back.
    pub(crate) fn report_expired(&mut self, output: &Output, expired: Vec<Missing>) {
        for missing in expired {
            output.error(format_args!(
                "{} does not resume; let it send {} again",
                missing.who,
                file_count(missing.files.len() as u64)
            ));
            for name in missing.files.keys() {
                output.skip(missing.session, name, None, &WhySkipped::Cut);
            }
            self.worst = Some(ExitCode::Incomplete);
        }
    }

    /// Returns the result of all offers so far.
    pub(crate) fn outcome(&self) -> Result<(), CliError> {
        self.worst.map_or(Ok(()), |code| Err(CliError::reported(code)))
    }

    /// Handles an event of any session.
    pub(crate) fn event(
        &mut self,
        online: &mut OnlineHost,
        prompt: Option<&mut Prompt>,
        event: &Event,
    ) -> Result<(), CliError> {
        match event {
            Event::Opened { session, security: Security::Encrypted { key, .. }, .. } => {
                self.keys.insert(*session, *key);
                Ok(())
            }
            Event::Offered { session, name, size, stat } => {
                self.offered(online, *session, name, *size, *stat)
            }
            Event::OfferEnd { session, .. } => self.complete(online, prompt, *session),
            Event::LeftOut { left, .. } if left.reason.is_error() => {
                self.worst = Some(ExitCode::Incomplete);
                Ok(())
            }
            Event::SafetyWords { session, .. } => match self.pending.get(session) {
                Some(Pending::Complete(_)) => self.decide(online, prompt, *session),
                _ => Ok(()),
            },
            Event::Ended { session, error } => {
                let by_cut = error.as_ref().is_some_and(Error::is_cut);
                self.session_ended(online, prompt, *session, by_cut)
            }
            Event::Finished { .. } | Event::Failed { .. } => {
                for queue in self.fetching.values_mut() {
                    queue.event(online, &self.to, event);
                }
                self.request_more(online)
            }
            _ => Ok(()),
        }
    }

    fn offered(
        &mut self,
        online: &mut OnlineHost,
        session: SessionId,
        name: &FileName,
        size: Size,
        stat: Stat,
    ) -> Result<(), CliError> {
        // One offer at a time of each session.
        if self.policy != Policy::Decline && !self.fetching.contains_key(&session) {
            let pending = match self.pending.entry(session) {
                Entry::Occupied(pending) => pending.into_mut(),
                Entry::Vacant(free) => {
                    free.insert(Pending::Growing(ListingSpool::new().map_err(spool_error)?))
                }
            };
            if let Pending::Growing(spool) = pending
                && spool.count() < MAX_FILES
                && spool.names() < MAX_NAME_BYTES
            {
                return spool.push(name, size, stat).map_err(spool_error);
            }
        }
        *self.declined.entry(session).or_default() += 1;
        online.output.skip(session, name.as_str(), None, &self.why_declined());
        // A session that has ended takes no answers.
        let _ = online.host.command(session, SessionCommand::Decline(name.clone()));
        Ok(())
    }

    /// Returns why files are declined without asking.
    fn why_declined(&self) -> WhySkipped {
        match self.policy {
            Policy::Decline => WhySkipped::Unasked,
            Policy::Accept | Policy::Ask => WhySkipped::TooMany,
        }
    }

    /// Handles the end of an offer's list.
    fn complete(
        &mut self,
        online: &mut OnlineHost,
        prompt: Option<&mut Prompt>,
        session: SessionId,
    ) -> Result<(), CliError> {
        let who = online.output.peer(session.0);
        if let Some(declined) = self.declined.remove(&session) {
            let why = self.why_declined();
            online.output.note(format_args!("declined {declined} files of {who}: {why}"));
        }
        match self.pending.remove(&session) {
            Some(Pending::Growing(spool)) => {
                self.pending.insert(session, Pending::Complete(spool));
                if self.policy == Policy::Ask && online.output.awaits_words(session.0) {
                    return Ok(());
                }
                self.decide(online, prompt, session)
            }
            Some(other) => {
                self.pending.insert(session, other);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Asks about a complete offer, or answers it by policy.
    fn decide(
        &mut self,
        online: &mut OnlineHost,
        prompt: Option<&mut Prompt>,
        session: SessionId,
    ) -> Result<(), CliError> {
        let complete = self.pending.insert(session, Pending::Asked);
        let Some(Pending::Complete(mut spool)) = complete else { return Ok(()) };
        let who = online.output.peer(session.0).to_owned();
        let inbox = online.host.inbox().cloned();
        let is_resumed = match self.keys.get(&session) {
            Some(key) => self.interrupted.resume(key, &mut spool)?,
            None => false,
        };
        // The user has accepted these files before, hidden ones included.
        let to = Target { hidden: self.to.hidden || is_resumed, ..self.to.clone() };
        let mut question = Question::new(spool, inbox, &to)?;
        if let Some(prompt) = prompt.filter(|_| self.policy == Policy::Ask && !is_resumed) {
            return prompt.ask_offer(session, who, question, &online.output);
        }
        if !is_resumed {
            question.show(&online.output)?;
        }
        match question.accept_all() {
            Ok(mut chosen) => {
                if chosen.rest.count() > 0 {
                    self.worst = Some(ExitCode::Policy);
                    report_hidden(&online.output, session, &mut chosen.rest)?;
                }
                self.carry_out(online, Decision::Accept(session, chosen), None)
            }
            Err(error) => {
                let why = error.message.unwrap_or_default();
                online.output.error(format_args!("declined the offer of {who}: {why}"));
                let decision = Decision::Decline(session, Box::new(question));
                self.carry_out(online, decision, Some(WhySkipped::NoRoom(why)))
            }
        }
    }

    /// Carries out the user's decision.
    pub(crate) fn decided(
        &mut self,
        online: &mut OnlineHost,
        decision: Decision,
    ) -> Result<(), CliError> {
        self.carry_out(online, decision, Some(WhySkipped::Declined))
    }

    /// Carries out a decision; `why` says why files are declined, unless that was reported.
    fn carry_out(
        &mut self,
        online: &mut OnlineHost,
        decision: Decision,
        why: Option<WhySkipped>,
    ) -> Result<(), CliError> {
        let (session, wanted, rest) = match decision {
            Decision::Accept(session, chosen) => (session, Some(chosen.wanted), chosen.rest),
            Decision::Decline(session, mut question) => (session, None, question.decline_all()?),
        };
        self.pending.remove(&session);
        let mut rest = rest.read().map_err(spool_error)?;
        let mut open = true;
        while let Some((name, ..)) = rest.next().map_err(spool_error)? {
            if let Some(why) = &why {
                online.output.skip(session, name.as_str(), None, why);
            }
            open = open && online.host.command(session, SessionCommand::Decline(name)).is_ok();
        }
        if let Some(wanted) = wanted {
            let queue = FetchQueue::of_offer(session, wanted)?;
            let resumes = self.interrupted.is_enabled() && self.keys.contains_key(&session);
            let queue = if resumes { queue.resume_elsewhere() } else { queue };
            self.fetching.insert(session, queue);
        }
        self.request_more(online)
    }

    fn session_ended(
        &mut self,
        online: &mut OnlineHost,
        prompt: Option<&mut Prompt>,
        session: SessionId,
        by_cut: bool,
    ) -> Result<(), CliError> {
        self.pending.remove(&session);
        self.declined.remove(&session);
        if let Some(prompt) = prompt {
            prompt.withdraw(session, &online.output)?;
        }
        match self.fetching.get_mut(&session) {
            Some(queue) => queue.end(by_cut),
            None => drop(self.keys.remove(&session)),
        }
        match by_cut {
            true => self.interrupted.session_cut(session, &online.output),
            // The peer does not resume.
            false => {
                let given_up = self.interrupted.session_ended(session);
                self.report_expired(&online.output, given_up);
            }
        }
        self.request_more(online)
    }

    /// Reports the files of an offer that were not requested before its session ended.
    fn report_unrequested(
        online: &OnlineHost,
        session: SessionId,
        queue: &mut FetchQueue,
    ) -> Result<(), CliError> {
        if queue.stop_requesting() {
            online.output.error(format_args!(
                "the session ended before all files arrived; let the peer send them again"
            ));
            while let Some(name) = queue.next_unrequested()? {
                online.output.skip(session, name.as_str(), None, &WhySkipped::Cut);
            }
        }
        Ok(())
    }

    /// Requests more files, and drops the queues that are done.
    fn request_more(&mut self, online: &mut OnlineHost) -> Result<(), CliError> {
        for queue in self.fetching.values_mut() {
            queue.request(online, &self.to)?;
        }
        let is_done =
            |(session, queue): (&SessionId, &FetchQueue)| queue.is_done().then_some(*session);
        let done: Vec<_> = self.fetching.iter().filter_map(is_done).collect();
        for session in done {
            let Some(mut queue) = self.fetching.remove(&session) else { continue };
            let key = match queue.has_ended() {
                true => self.keys.remove(&session),
                false => self.keys.get(&session).copied(),
            };
            if let Some(key) = key.filter(|_| queue.is_interrupted()) {
                let who = online.output.peer(session.0);
                self.interrupted.keep(key, session, queue.take_rest()?, who)?;
                if queue.has_ended() {
                    self.interrupted.session_cut(session, &online.output);
                }
                continue;
            }
            queue.give_up(online);
            Self::report_unrequested(online, session, &mut queue)?;
            queue.note_existing(online);
            if let Err(error) = queue.outcome() {
                self.worst = Some(error.code);
            }
        }
        Ok(())
    }
}
