//! Hole punching between hosts of two relays: each has its half of the meeting (section 23.5).

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use super::answer::MeetAnswer;
use super::call::unreachable;
use super::callee::unread;
use super::in_turn::InTurn;
use super::message::{MeetRequest, MeetingRef, Met, Notice};
use super::requests::Purpose;
use super::{Answer, REQUEST_TIMEOUT, RelayId, ReplyId, Subject};
use crate::registry::meetings::{MeetingId, RemoteHalf};
use crate::registry::outcome::record;
use crate::registry::refusal::Refusal;
use crate::registry::rendezvous::MEET;
use crate::registry::{Action, ConnId, Outcome, Registry, Rule};
use crate::ticket::Ticket;
use crate::{Nick, RelayPacket};

/// An X_MEET that waits for the callee's relay.
pub(super) struct RemoteInvitation {
    pub(super) conn: ConnId,
    nick: Nick,
    meeting: MeetingRef,
    port: u16,
    /// True if asking for the nick has cost a guess that is given back if it is there.
    is_guess: bool,
    /// The request, for the relays of look-alikes.
    pub(super) in_turn: InTurn,
}

impl Registry {
    /// Asks the relay of the callee to invite it, and lets the caller wait. The caller's half of the meeting
    /// counts from now on.
    pub(in crate::registry) fn invite_remote(
        &mut self,
        conn: ConnId,
        nick: Nick,
        port: u16,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        self.check_waiting(conn)?;
        let is_guess = self.guess_remote(conn, &nick, false, now)?;
        let (Some(cluster), Some(client)) = (&mut self.cluster, self.clients.get_mut(&conn)) else {
            return Ok(());
        };
        let Some(caller) = client.nick.clone() else { return Ok(()) };
        client.waits = true;
        let from = client.from;
        let (relay, number) = (cluster.config.relay, cluster.requests.number());
        let meeting = MeetingRef { relay, number };
        let remote = RemoteHalf { meeting, relay: None, arrived: None };
        let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let half = self.new_meeting([Some(conn), None], [from, unknown], Some(remote));
        self.meetings.insert(half, now.saturating_add(self.limits.invitation_timeout));
        let bytes = MeetRequest { meeting, caller, from, callee: nick.as_str() }.encode();
        let mut in_turn = InTurn::new(&nick, bytes);
        let Some(request) = in_turn.next() else { return Ok(()) };
        let invitation = RemoteInvitation { conn, nick, meeting, port, is_guess, in_turn };
        self.request(request, REQUEST_TIMEOUT, Purpose::Meet(invitation.into()), actions);
        Ok(())
    }

    pub(super) fn meet_answered(
        &mut self,
        invitation: &RemoteInvitation,
        answer: Answer<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let conn = invitation.conn;
        if let Err(refusal) = self.end_invitation(invitation, answer, now, actions) {
            if let Some(id) = self.meetings.find_remote(invitation.meeting) {
                self.end_meeting(id, actions);
            }
            self.refuse(conn, "X_MEET", refusal, actions);
        }
        self.resume(conn, now, actions);
    }

    fn end_invitation(
        &mut self,
        invitation: &RemoteInvitation,
        answer: Answer<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let RemoteInvitation { conn, nick, meeting, port, .. } = invitation;
        let answer = match answer {
            Answer::Nobody => Some(MeetAnswer::Absent(None)),
            Answer::Failed => None,
            Answer::Reply(bytes) => MeetAnswer::parse(bytes),
        };
        let Some(client) = self.clients.get(conn) else {
            // The caller has left, and its half with it: the callee need not come.
            if let Some(MeetAnswer::Invited(relay)) = answer {
                publish_end(*meeting, relay, actions);
            }
            return Ok(());
        };
        if invitation.is_guess && !matches!(answer, None | Some(MeetAnswer::Absent(_))) {
            self.addresses.refund_guess(client.from, &self.limits);
        }
        match answer {
            None => Err(unreachable(nick)),
            Some(MeetAnswer::No(reason)) => Err(Refusal::Declined(Rule::OtherRelay, reason.into())),
            Some(MeetAnswer::Absent(similar)) => {
                Err(self.absent_remote(*conn, nick, similar.as_ref(), now))
            }
            Some(MeetAnswer::Invited(relay)) => {
                let id = self.meetings.find_remote(*meeting);
                let half = id.and_then(|id| self.meetings.get_mut(id));
                // The callee's half has ended, and its END has overtaken this answer; or this half has.
                let Some(half) = half else { return Err(ended(nick)) };
                if let Some(remote) = &mut half.remote {
                    remote.relay = Some(relay);
                    if let Some((other, _)) = remote.arrived.take_if(|(of, _)| *of != relay) {
                        publish_end(*meeting, other, actions);
                    }
                }
                let invitation = half.invitations[0].text();
                let packet = RelayPacket::Invitation {
                    nick: Some(nick.as_str()),
                    invitation: &invitation,
                    port: *port,
                };
                self.write(*conn, &packet, actions);
                record(*conn, Outcome::Invited { callee: None }, actions);
                Ok(())
            }
        }
    }

    pub(super) fn answer_meet(
        &mut self,
        reply: ReplyId,
        request: &MeetRequest<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let mut reason = String::new();
        if let Some(answer) = self.invite_for_remote(request, &mut reason, now, actions) {
            actions.push(Action::Reply { to: reply, bytes: answer.encode() });
        }
    }

    /// Invites a host of this relay for one of another.
    fn invite_for_remote<'a>(
        &mut self,
        request: &MeetRequest<'_>,
        reason: &'a mut String,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Option<MeetAnswer<'a>> {
        let MeetRequest { meeting, caller, from, callee: nick } = request;
        let own = self.cluster.as_ref()?.config.relay;
        let target = match self.nicks.find_callee(nick) {
            Ok(target) => target,
            Err(similar) => return Some(MeetAnswer::Absent(similar.cloned())),
        };
        let callee = self.clients.get(&target)?;
        let (Some(port), true) = (self.port, callee.supports(MEET)) else {
            *reason = alloc::format!("{nick} does not support hole punching");
            return Some(MeetAnswer::No(reason));
        };
        if meeting.relay == own || self.meetings.find_remote(*meeting).is_some() {
            return None;
        }
        let callee_from = callee.from;
        self.make_room(target, actions);
        let remote = RemoteHalf { meeting: *meeting, relay: Some(meeting.relay), arrived: None };
        let from = [from.to_canonical(), callee_from];
        let half = self.new_meeting([None, Some(target)], from, Some(remote));
        let invitation = half.invitations[1].text();
        if !self.write_invited(target, Some(caller), &invitation, port, actions) {
            *reason = unread(nick);
            return Some(MeetAnswer::No(reason));
        }
        self.meetings.insert(half, now.saturating_add(self.limits.invitation_timeout));
        Some(MeetAnswer::Invited(own))
    }

    /// Processes the arrival of a rendezvous of this relay, if the other is at another one. Only the caller's
    /// relay knows when both are there.
    pub(in crate::registry) fn attended_here(
        &mut self,
        id: MeetingId,
        conn: ConnId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let own = self.cluster.as_ref().map(|cluster| cluster.config.relay);
        let remote = self.meetings.get(id).and_then(|half| half.remote.as_ref());
        let (Some(remote), Some(client)) = (remote, self.clients.get(&conn)) else {
            return Ok(());
        };
        let meeting = remote.meeting;
        if Some(meeting.relay) != own {
            let Some(own) = own else { return Ok(()) };
            let bytes = Notice::Met(meeting, Met::Arrived(own, client.address())).encode();
            actions.push(Action::Publish { to: Subject::Relay(meeting.relay), bytes });
            return Ok(());
        }
        self.complete(id, now, actions)
    }

    /// Shows both rendezvous the address of the other, once both are there.
    fn complete(
        &mut self,
        id: MeetingId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Some(half) = self.meetings.get(id) else { return Ok(()) };
        let (Some((_, conn)), Some(remote)) = (half.arrived, &half.remote) else { return Ok(()) };
        let (Some(relay), Some((_, other))) = (remote.relay, remote.arrived) else {
            return Ok(());
        };
        let meeting = remote.meeting;
        self.meetings.remove(id);
        let Some(at) = self.clients.get(&conn).map(|client| client.address()) else {
            return Ok(());
        };
        let ticket = Ticket::random(&mut self.entropy).text();
        let bytes = Notice::Met(meeting, Met::Complete(at, &ticket)).encode();
        actions.push(Action::Publish { to: Subject::Relay(relay), bytes });
        self.show_endpoint(conn, other, &ticket, now, actions)?;
        record(conn, Outcome::Introduced { other: None }, actions);
        Ok(())
    }

    /// Processes what another relay says of a meeting.
    pub(super) fn met(
        &mut self,
        meeting: MeetingRef,
        met: Met<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some(id) = self.meetings.find_remote(meeting) else { return };
        let own = self.cluster.as_ref().map(|cluster| cluster.config.relay);
        let is_callers = own == Some(meeting.relay);
        let Some(half) = self.meetings.get_mut(id) else { return };
        let arrived = half.arrived.map(|(_, conn)| conn);
        let shown = match met {
            Met::Arrived(relay, at) if is_callers => {
                let Some(remote) = &mut half.remote else { return };
                // While two hosts have one nick, both may have been invited: the first to answer counts.
                if remote.relay.is_some_and(|invited| invited != relay) {
                    return publish_end(meeting, relay, actions);
                }
                remote.arrived = Some((relay, at));
                self.complete(id, now, actions)
            }
            Met::Complete(at, ticket) if !is_callers => {
                self.meetings.remove(id);
                let Some(conn) = arrived else { return };
                self.show_endpoint(conn, at, ticket, now, actions)
            }
            Met::End => {
                if let Some(remote) = &mut half.remote {
                    // It knows.
                    remote.relay = None;
                }
                self.end_meeting(id, actions);
                return;
            }
            Met::Arrived(..) | Met::Complete(..) => return,
        };
        if let (Err(refusal), Some(conn)) = (shown, arrived) {
            self.refuse(conn, "X_MEET", refusal, actions);
        }
    }

    /// Tells the other relay that this half of a meeting has ended.
    pub(in crate::registry) fn publish_meeting_end(
        &self,
        remote: &RemoteHalf,
        actions: &mut Vec<Action>,
    ) {
        if let Some(relay) = remote.relay {
            publish_end(remote.meeting, relay, actions);
        }
    }
}

fn ended(nick: &Nick) -> Refusal {
    let reason = alloc::format!("{nick} cannot be met now: the invitation has ended; try again");
    Refusal::Declined(Rule::OtherRelay, reason)
}

fn publish_end(meeting: MeetingRef, relay: RelayId, actions: &mut Vec<Action>) {
    let bytes = Notice::Met(meeting, Met::End).encode();
    actions.push(Action::Publish { to: Subject::Relay(relay), bytes });
}
