//! A cluster: relays that share their nicks over a bus (section 23).
//!
//! The bus is any messaging system in which subscribing to a subject is visible to all: the driver owns the
//! connection to it. A relay's subscription to the subject of a nick is its lease on that nick.

mod answer;
mod call;
mod callee;
mod claim;
mod early;
mod fields;
mod holder;
mod in_turn;
mod lease;
mod meeting;
mod members;
mod message;
mod pages;
mod requests;
mod second_round;
mod subject;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::nicks::{Nicks, forms};
use super::who::PageRequest;
use super::{Action, Registry};
use crate::Nick;
pub(super) use callee::unread;
pub(super) use claim::Acquisition;
use early::EarlyCalls;
pub(super) use holder::Challenge;
use lease::Leases;
pub(super) use lease::{Grant, Lease};
pub use members::ClusterState;
use members::{Member, Members};
pub(super) use message::{HostRef, MeetingRef};
use message::{Notice, Question};
use pages::Pages;
use requests::{Purpose, Requests};
use second_round::SecondRounds;
pub use subject::{RelayId, Subject};

/// Time after which a request has failed, unless its answer needs a host's.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// The settings of a relay in a cluster.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Identifies the relay until it stops: random.
    pub relay: RelayId,
    /// The Unix time at which the registry's time was zero. It orders claims to one nick; a clock that is wrong
    /// decides nothing but which of two hosts keeps a nick that both had.
    pub epoch: Duration,
    /// The private network that the relay's hosts are in. Hosts of one site may call each other at private
    /// addresses; `None` is a site of its own. One to 128 bytes without spaces and line ends, and not `-`.
    pub site: Option<Box<str>>,
}

/// Identifies a request to other relays, whose answer [`Input::Answered`](super::Input::Answered) reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Identifies a request of another relay, which [`Action::Reply`](super::Action::Reply) answers. The driver
/// assigns the numbers and never reuses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyId(pub u64);

/// The end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// A relay's reply.
    Reply(&'a [u8]),
    /// No relay has subscribed to the subject.
    Nobody,
    /// The bus is not reachable, or no reply came in time.
    Failed,
}

/// The relay's part in a cluster.
pub(super) struct Cluster {
    config: ClusterConfig,
    /// True between [`Input::BusConnected`](super::Input::BusConnected) and
    /// [`Input::BusLost`](super::Input::BusLost).
    is_connected: bool,
    requests: Requests,
    /// The nicks that hosts of this relay have asked for and the cluster has not granted: taken, but neither
    /// called nor listed.
    pending: Nicks,
    early: EarlyCalls,
    second_rounds: SecondRounds,
    leases: Leases,
    members: Members,
    pages: Pages,
}

impl Cluster {
    pub(super) fn new(config: ClusterConfig) -> Self {
        Self {
            config,
            is_connected: false,
            requests: Requests::default(),
            pending: Nicks::default(),
            early: EarlyCalls::default(),
            second_rounds: SecondRounds::default(),
            leases: Leases::default(),
            members: Members::default(),
            pages: Pages::default(),
        }
    }

    /// Returns the stamp of a claim that begins now.
    fn stamp(&self, now: Duration) -> u64 {
        u64::try_from(self.config.epoch.saturating_add(now).as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns true if a host of this relay waits for a nick like this one.
    pub(super) fn is_pending(&self, nick: &Nick) -> bool {
        self.pending.find_similar(nick).is_some()
    }

    fn next_deadline(&self) -> Option<Duration> {
        let questions = self.second_rounds.next_deadline();
        let asked = [self.pages.next_deadline(), self.early.next_deadline(), questions];
        let own = [self.leases.next_deadline(), self.members.next_deadline()];
        let own = own.into_iter().filter(|_| self.is_connected);
        asked.into_iter().chain(own).flatten().min()
    }
}

impl Registry {
    pub(super) fn cluster_deadline(&self) -> Option<Duration> {
        self.cluster.as_ref()?.next_deadline()
    }

    pub(super) fn bus_connected(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let Some(cluster) = &mut self.cluster else { return };
        cluster.is_connected = true;
        // Again after each loss: the driver ignores what it has.
        actions.push(Action::Subscribe(Subject::Relay(cluster.config.relay)));
        actions.push(Action::Subscribe(Subject::All));
        cluster.members.joined(now);
        self.publish_heartbeat(true, now, actions);
        self.renew_all(now);
        self.renew_due(now, actions);
    }

    /// Ends what waits for other relays, so that no client waits longer than it must.
    pub(super) fn bus_lost(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let Some(cluster) = &mut self.cluster else { return };
        cluster.is_connected = false;
        for purpose in cluster.requests.take_all() {
            self.request_ended(purpose, Answer::Failed, now, actions);
        }
        self.end_second_rounds(now, actions);
        self.end_pages(now, actions);
    }

    pub(super) fn answered(
        &mut self,
        request: RequestId,
        answer: Answer<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let purpose = self.cluster.as_mut().and_then(|cluster| cluster.requests.take(request));
        if let Some(purpose) = purpose {
            self.request_ended(purpose, answer, now, actions);
        }
    }

    fn request_ended(
        &mut self,
        purpose: Purpose,
        answer: Answer<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let purpose = match answer {
            Answer::Nobody => self.ask_on(purpose, now, actions),
            Answer::Reply(_) | Answer::Failed => Some(purpose),
        };
        let Some(purpose) = purpose else { return };
        match purpose {
            Purpose::Claim { conn, number } => {
                self.claim_answered((conn, number), answer, now, actions);
            }
            Purpose::Renewal { conn, number } => {
                self.renewal_answered((conn, number), answer, now, actions);
            }
            Purpose::Call(call) => self.call_answered(&call, answer, now, actions),
            Purpose::Meet(invitation) => self.meet_answered(&invitation, answer, now, actions),
        }
    }

    /// Answers a request of another relay. One that cannot be read has no answer, as from a relay that is not
    /// there.
    pub(super) fn requested(
        &mut self,
        reply: ReplyId,
        bytes: &[u8],
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        if self.cluster.is_none() {
            return;
        }
        match Question::parse(bytes) {
            Some(Question::Claim(claim)) => self.answer_claim(reply, &claim, now, actions),
            Some(Question::Call(call)) => self.take_call(reply, (&call, bytes), now, actions),
            Some(Question::Meet(meet)) => self.answer_meet(reply, &meet, now, actions),
            None => {}
        }
    }

    pub(super) fn published(&mut self, bytes: &[u8], now: Duration, actions: &mut Vec<Action>) {
        if self.cluster.is_none() {
            return;
        }
        match Notice::parse(bytes) {
            Some(Notice::Relay { relay, number, joins, nicks, site: _, key }) => {
                let member = Member { heard: now, number, nicks, key };
                self.relay_heard(relay, member, joins, now, actions);
            }
            Some(Notice::RelayEnd(relay)) => self.relay_ended(relay),
            Some(Notice::Who { relay, request, count, prefix, after }) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                let wanted = PageRequest { count, prefix, after };
                self.send_part(relay, request, &wanted, actions);
            }
            Some(Notice::Nicks { relay, request, is_last, nicks }) => {
                self.part_came((relay, request), nicks, is_last, now, actions);
            }
            Some(Notice::Declined(caller, ticket)) => {
                self.declined_remotely(caller, ticket, actions);
            }
            Some(Notice::Met(meeting, met)) => self.met(meeting, met, now, actions),
            None => {}
        }
    }

    /// Does what is due by now.
    pub(super) fn tick_cluster(&mut self, now: Duration, actions: &mut Vec<Action>) {
        self.end_due_pages(now, actions);
        self.end_due_early(now, actions);
        self.ask_due_again(now, actions);
        let Some(cluster) = &self.cluster else { return };
        if !cluster.is_connected {
            return;
        }
        if cluster.members.next_deadline().is_some_and(|at| at <= now) {
            self.publish_heartbeat(false, now, actions);
        }
        self.renew_due(now, actions);
    }

    /// Sends a request. `after` makes its purpose of its number.
    fn request(
        &mut self,
        (to, bytes): (Subject, Vec<u8>),
        timeout: Duration,
        purpose: Purpose,
        actions: &mut Vec<Action>,
    ) {
        let Some(cluster) = &mut self.cluster else { return };
        let id = cluster.requests.insert(purpose);
        actions.push(Action::Request { id, to, bytes, timeout });
    }
}

/// Returns the subjects of a nick, each once; two nicks look alike if they share one. A subscription costs a relay
/// kilobytes, so the folded form has none: nicks that share it share its skeleton, and as a skeleton is its own
/// skeleton, so do nicks of which one's folded form is a skeleton of the other. A nick without capitals has one
/// subject.
fn subjects(nick: &Nick) -> Vec<Subject> {
    if nick.is_one_time() {
        return [Subject::Code(nick.as_str().into())].into();
    }
    let [_, drawn, lower] = forms(nick);
    let mut all = Vec::from([Subject::Nick(lower)]);
    if all != [Subject::Nick(drawn.clone())] {
        all.push(Subject::Nick(drawn));
    }
    all
}
