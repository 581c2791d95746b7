//! Hole punching: the relay invites two hosts to a rendezvous each, and shows each of them the address of
//! the other's (section 5.8).

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::budgets::{needs_nick, spend};
use super::client::Client;
use super::cluster::unread;
use super::meetings::{Meeting, MeetingId, RemoteHalf, Role};
use super::outcome::record;
use super::refusal::Refusal;
use super::{Action, CloseReason, ConnId, Outcome, Registry, Rule};
use crate::addr::client_prefix;
use crate::relay_caps::RelayCaps;
use crate::ticket::Ticket;
use crate::{Nick, RelayPacket};

/// The words that both hosts must name.
pub(super) const MEET: RelayCaps = RelayCaps::FROM.with(RelayCaps::TICKET).with(RelayCaps::MEET);

/// The state of a connection that has shown an invitation.
pub(super) struct Rendezvous {
    stage: Stage,
    /// Time at which the relay closes it.
    pub(super) until: Duration,
}

#[derive(Clone, Copy)]
enum Stage {
    /// The other host has not arrived.
    Waiting(MeetingId),
    /// Both hosts have each other's address.
    Met,
    /// The other host cannot arrive any more.
    Abandoned,
}

impl Rendezvous {
    /// Returns the meeting in which it waits.
    pub(super) fn waits_in(&self) -> Option<MeetingId> {
        match self.stage {
            Stage::Waiting(id) => Some(id),
            Stage::Met | Stage::Abandoned => None,
        }
    }
}

impl Registry {
    /// Processes an X_MEET: that of a rendezvous if it is the first packet of its connection, otherwise that
    /// of a caller.
    pub(super) fn receive_meet(
        &mut self,
        conn: ConnId,
        field: &str,
        is_first: bool,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        match self.port {
            None => Err(Refusal::Error(Rule::UnknownVerb, "unknown verb".into())),
            Some(_) if is_first => self.attend(conn, field, now, actions),
            Some(port) => self.invite(conn, field, port, now, actions),
        }
    }

    /// Invites a caller and its callee. Costs what an X_INIT costs, so that it reveals no more.
    fn invite(
        &mut self,
        conn: ConnId,
        nick: &str,
        port: u16,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Some(client) = self.clients.get_mut(&conn) else { return Ok(()) };
        needs_nick(client)?;
        if self.drain.is_some() {
            let reason = "the relay stops and accepts no rendezvous";
            return Err(Refusal::Declined(Rule::Draining, reason.into()));
        }
        if !client.supports(MEET) {
            let reason = "X_CAPS with the words from, ticket and meet must come first";
            return Err(Refusal::Error(Rule::CapsFirst, reason.into()));
        }
        spend(client, &self.limits, now)?;
        if let Some(nick) = self.find_remote(nick) {
            return self.invite_remote(conn, nick, port, now, actions);
        }
        let Some(client) = self.clients.get(&conn) else { return Ok(()) };
        let from = client.from;
        let target = self.find_callee(conn, nick, false, now)?;
        let Some(callee) = self.clients.get(&target).filter(|callee| callee.supports(MEET)) else {
            let reason = format!("{nick} does not support hole punching");
            return Err(Refusal::Declined(Rule::NoHolePunching, reason));
        };
        let callee_from = callee.from;
        self.check_waiting(conn)?;
        self.make_room(target, actions);
        let meeting = self.new_meeting([Some(conn), Some(target)], [from, callee_from], None);
        let [to_caller, to_callee] = [0, 1].map(|role| meeting.invitations[role].text());
        let caller = self.nick(conn).cloned();
        if !self.write_invited(target, caller.as_ref(), &to_callee, port, actions) {
            return Err(Refusal::Declined(Rule::CalleeNotReading, unread(nick)));
        }
        let until = now.saturating_add(self.limits.invitation_timeout);
        self.meetings.insert(meeting, until);
        let invitation = RelayPacket::Invitation { nick: Some(nick), invitation: &to_caller, port };
        self.write(conn, &invitation, actions);
        record(conn, Outcome::Invited { callee: Some(target) }, actions);
        Ok(())
    }

    /// Returns a meeting whose invitations are drawn.
    pub(super) fn new_meeting(
        &mut self,
        hosts: [Option<ConnId>; 2],
        from: [IpAddr; 2],
        remote: Option<RemoteHalf>,
    ) -> Meeting {
        let invitations = [(); 2].map(|()| Ticket::random(&mut self.entropy));
        Meeting { hosts, from, invitations, arrived: None, remote }
    }

    /// Invites a callee. Returns false if it does not read and was closed.
    pub(super) fn write_invited(
        &mut self,
        target: ConnId,
        caller: Option<&Nick>,
        invitation: &str,
        port: u16,
        actions: &mut Vec<Action>,
    ) -> bool {
        self.write_with(target, actions, |out| {
            if let Some(caller) = caller {
                RelayPacket::From(caller.as_str()).encode(out);
            }
            RelayPacket::Invitation { nick: None, invitation, port }.encode(out);
        })
    }

    /// Checks that a caller, and its address, may have another meeting.
    pub(super) fn check_waiting(&self, conn: ConnId) -> Result<(), Refusal> {
        let Some(client) = self.clients.get(&conn) else { return Ok(()) };
        let own = self.meetings.of_host(conn, client.from);
        let own = own.filter(|(_, role, _)| *role == Role::Caller).count();
        let (limit, whose) = if own >= self.limits.invitations {
            (self.limits.invitations, "your")
        } else if self.meetings.callers_at(client.from) >= self.limits.invitations_per_address {
            (self.limits.invitations_per_address, "your address's")
        } else {
            return Ok(());
        };
        let reason = format!("too many of {whose} X_MEETs wait: the limit is {limit}");
        Err(Refusal::Declined(Rule::WaitingMeetings, reason))
    }

    /// Ends a callee's oldest meeting with the address that it has the most with, if it has as many as it may,
    /// so that no caller keeps it from meeting others.
    pub(super) fn make_room(&mut self, callee: ConnId, actions: &mut Vec<Action>) {
        let Some(client) = self.clients.get(&callee) else { return };
        let mut count = 0;
        let mut by_caller = BTreeMap::new();
        for (id, role, meeting) in self.meetings.of_host(callee, client.from) {
            if role == Role::Callee {
                count += 1;
                let (oldest, of_caller) =
                    by_caller.entry(client_prefix(meeting.from[0])).or_insert((id, 0));
                *oldest = id.min(*oldest);
                *of_caller += 1;
            }
        }
        let most = by_caller.into_values().max_by_key(|(id, of)| (*of, core::cmp::Reverse(*id)));
        if let Some((oldest, _)) = most.filter(|_| count >= self.limits.invitations_per_address) {
            self.end_meeting(oldest, actions);
        }
    }

    /// Takes a connection for the rendezvous of an invitation. The address is the host's own, so no host can
    /// send another somewhere else; a bridge's client has another address over TCP than the bridge forwards, and one
    /// whose port is unknown cannot be reached.
    fn attend(
        &mut self,
        conn: ConnId,
        invitation: &str,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Some(client) = self.clients.get_mut(&conn) else { return Ok(()) };
        let is_seen = !client.bridged && client.address().port() != 0;
        let shown = Ticket::parse(invitation).filter(|_| is_seen);
        let found = shown.and_then(|shown| self.meetings.find_invited(client.from, &shown, now));
        let Some((id, role)) = found else {
            let reason = "no such invitation for your address, or it was used or has expired";
            return Err(Refusal::Close(Rule::NoInvitation, reason.into(), CloseReason::NotInvited));
        };
        client.rendezvous = Some(Rendezvous { stage: Stage::Waiting(id), until: id.until });
        self.advance_alarm(conn);
        match self.meetings.get_mut(id).map(|meeting| meeting.arrived.replace((role, conn))) {
            Some(Some((_, first))) => self.introduce(id, conn, first, now, actions),
            Some(None) => self.attended_here(id, conn, now, actions),
            None => Ok(()),
        }
    }

    /// Shows each of two rendezvous the address of the other, in one step: so both hosts can connect at the
    /// same time.
    fn introduce(
        &mut self,
        id: MeetingId,
        one: ConnId,
        other: ConnId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        self.meetings.remove(id);
        let at = |conn| self.clients.get(&conn).map(|client| client.address());
        let (Some(at_one), Some(at_other)) = (at(one), at(other)) else { return Ok(()) };
        let ticket = Ticket::random(&mut self.entropy).text();
        if let Err(Refusal::Close(_, reason, why)) =
            self.show_endpoint(other, at_one, &ticket, now, actions)
        {
            self.error(other, "X_MEET", reason, actions);
            self.close(other, why, actions);
        }
        self.show_endpoint(one, at_other, &ticket, now, actions)?;
        record(one, Outcome::Introduced { other: Some(other) }, actions);
        Ok(())
    }

    /// Shows a rendezvous the address of the other.
    ///
    /// # Errors
    ///
    /// The refusal with which it is to be closed, if the addresses are not of one family.
    pub(super) fn show_endpoint(
        &mut self,
        conn: ConnId,
        other: SocketAddr,
        ticket: &str,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Some(client) = self.clients.get_mut(&conn) else { return Ok(()) };
        let until = now.saturating_add(self.limits.rendezvous_timeout);
        client.rendezvous = Some(Rendezvous { stage: Stage::Met, until });
        let is_one_family = client.address().is_ipv4() == other.is_ipv4();
        self.advance_alarm(conn);
        if !is_one_family {
            let reason = "one of you has an IPv4 address here, and the other an IPv6 address";
            return Err(Refusal::Close(Rule::OtherFamily, reason.into(), CloseReason::NotMet));
        }
        let (ip, port) = (other.ip(), other.port());
        self.write(conn, &RelayPacket::Endpoint { ip, port, ticket }, actions);
        Ok(())
    }

    /// Ends the meetings that have expired.
    pub(super) fn expire_meetings(&mut self, now: Duration, actions: &mut Vec<Action>) {
        while let Some(id) = self.meetings.first().filter(|id| id.until <= now) {
            self.end_meeting(id, actions);
        }
    }

    /// Ends the meetings of a connection that is closed.
    pub(super) fn end_meetings(
        &mut self,
        conn: ConnId,
        client: &Client,
        actions: &mut Vec<Action>,
    ) {
        let hosted = self.meetings.of_host(conn, client.from).map(|(id, _, _)| id);
        let waits_in = client.rendezvous.as_ref().and_then(Rendezvous::waits_in);
        let all: Vec<_> = hosted.chain(waits_in).collect();
        for id in all {
            self.end_meeting(id, actions);
        }
    }

    /// Ends a meeting, and makes the end of the rendezvous that waits in it due at once.
    pub(super) fn end_meeting(&mut self, id: MeetingId, actions: &mut Vec<Action>) {
        let Some(Meeting { arrived, remote, .. }) = self.meetings.remove(id) else { return };
        if let Some(remote) = remote {
            self.publish_meeting_end(&remote, actions);
        }
        let Some((_, conn)) = arrived else { return };
        if let Some(client) = self.clients.get_mut(&conn) {
            client.rendezvous = Some(Rendezvous { stage: Stage::Abandoned, until: Duration::ZERO });
            self.advance_alarm(conn);
        }
    }

    /// Closes a rendezvous whose time is over.
    pub(super) fn end_rendezvous(&mut self, conn: ConnId, actions: &mut Vec<Action>) {
        let stage = self.clients.get(&conn).and_then(|client| client.rendezvous.as_ref());
        if stage.is_some_and(|rendezvous| matches!(rendezvous.stage, Stage::Met)) {
            return self.close(conn, CloseReason::Met, actions);
        }
        self.error(conn, "X_MEET", "the other host did not come", actions);
        self.close(conn, CloseReason::NotMet, actions);
    }
}
