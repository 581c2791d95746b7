//! Handles the messages of an IRC server. Unknown ones are ignored.

use alloc::format;
use core::mem;

use super::case_mapping::CaseMapping;
use super::client::{IrcClient, OwnNick, Stage};
use super::ctcp::Received;
use super::message::Message;
use super::numeric::{cleaned, is_decided, not_delivered, not_joined, not_registered};
use super::output::IrcOutput;
use super::sasl::SaslError;
use crate::RelayPacket;

impl IrcClient {
    pub(super) fn server_line(&mut self, line: &str, output: &mut IrcOutput) {
        let Some(message) = Message::parse(line) else { return };
        match message.command {
            "PING" => output.send(&["PONG :", message.param(0)]),
            "PONG" => {
                if let Some(token) = self.pinged.take() {
                    output.answer(RelayPacket::Pong(&token));
                }
            }
            "ERROR" => {
                let text = format!("the server closed the connection: {}", cleaned(message.text()));
                self.fail(&text, output);
            }
            "CAP" => {
                let handled = self.sasl.cap(&message, output);
                self.check_login(handled, output);
            }
            "AUTHENTICATE" => {
                if let Some(password) = &self.config.credentials.password {
                    self.sasl.authenticate(&message, (&self.account, password), output);
                }
            }
            "JOIN" => self.joined(&message),
            "PART" => self.left(message.nick(), message.param(0), &message, output),
            "KICK" => self.left(message.param(1), message.param(0), &message, output),
            "QUIT" => {
                self.members.remove(message.nick(), self.mapping);
            }
            "NICK" => self.renamed(&message, output),
            "PRIVMSG" => self.messaged(&message, output),
            _ => {
                if let Some(numeric) = message.numeric() {
                    self.numeric(numeric, &message, output);
                }
            }
        }
    }

    fn numeric(&mut self, numeric: u16, message: &Message<'_>, output: &mut IrcOutput) {
        let handled = self.sasl.numeric(numeric, output);
        if !self.check_login(handled, output) {
            return;
        }
        match numeric {
            1 => self.registered(message.param(0), output),
            5 => self.supports(message),
            // RPL_NAMREPLY, RPL_ENDOFNAMES.
            353 if self.is_channel(message.param(2)) => {
                self.members.add_names(message.text(), self.mapping);
            }
            366 if self.is_channel(message.param(1)) => self.online(output),
            400..=599 | 716 => self.refused(numeric, message, output),
            _ => {}
        }
    }

    /// Ends if the login failed. Returns true otherwise.
    fn check_login(&mut self, handled: Result<(), SaslError>, output: &mut IrcOutput) -> bool {
        let Err(error) = handled else { return true };
        let reason = match error {
            SaslError::Rejected => {
                format!(
                    "SASL login failed: wrong password, or no account {}",
                    cleaned(&self.account)
                )
            }
            SaslError::Unsupported => "the server offers no SASL login with a password".into(),
        };
        self.fail(&reason, output);
        false
    }

    fn registered(&mut self, nick: &str, output: &mut IrcOutput) {
        let Stage::Registering(own) = &self.stage else { return };
        if self.config.credentials.password.is_some() && !self.sasl.is_done() {
            self.check_login(Err(SaslError::Unsupported), output);
            return;
        }
        // The case mapping is not known yet.
        if !CaseMapping::Ascii.eq(nick, own.irc.as_str()) {
            let reason =
                format!("the server gave this host the nick {} instead of its own", cleaned(nick));
            return self.fail(&reason, output);
        }
        let channel = self.config.channel.as_str();
        match &self.config.credentials.channel_key {
            Some(key) => output.send(&["JOIN ", channel, " ", key]),
            None => output.send(&["JOIN ", channel]),
        }
        if let Stage::Registering(own) =
            mem::replace(&mut self.stage, Stage::Nameless { has_begun: true })
        {
            self.stage = Stage::Joining(own);
        }
    }

    /// Reads RPL_ISUPPORT. It arrives before the channel is joined.
    fn supports(&mut self, message: &Message<'_>) {
        if !matches!(self.stage, Stage::Joining(_)) {
            return;
        }
        let mapping = message.find("CASEMAPPING=").map(CaseMapping::parse);
        self.mapping = mapping.unwrap_or(self.mapping);
    }

    fn joined(&mut self, message: &Message<'_>) {
        if !self.is_channel(message.param(0)) {
            return;
        }
        if self.is_own(message.nick()) {
            self.seen = message.host().parse().ok();
        }
        self.members.add(message.nick(), self.mapping);
    }

    /// All members are known: the host is online.
    fn online(&mut self, output: &mut IrcOutput) {
        let Stage::Joining(own) = &self.stage else { return };
        if self.members.get(own.irc.as_str(), self.mapping).is_none() {
            return;
        }
        output.answer(RelayPacket::NickAnswer { nick: own.nick.as_str(), yes: true });
        if let Stage::Joining(own) =
            mem::replace(&mut self.stage, Stage::Nameless { has_begun: true })
        {
            self.stage = Stage::Online(own);
        }
    }

    fn left(&mut self, nick: &str, channel: &str, message: &Message<'_>, output: &mut IrcOutput) {
        if !self.is_channel(channel) {
            return;
        }
        self.members.remove(nick, self.mapping);
        if self.is_own(nick) {
            let (channel, why) = (self.config.channel.as_str(), cleaned(message.text()));
            let reason = match message.command {
                "KICK" => format!("kicked from {channel} by {}: {why}", cleaned(message.nick())),
                _ => format!("removed from {channel}: {why}"),
            };
            self.fail_for_good(&reason, output);
        }
    }

    fn renamed(&mut self, message: &Message<'_>, output: &mut IrcOutput) {
        let (before, now) = (message.nick(), message.param(0));
        if self.members.remove(before, self.mapping) {
            self.members.add(now, self.mapping);
        }
        if self.is_own(before) && !self.is_own(now) {
            let reason = format!(
                "the server changed the nick of this host to {}; the nick may be registered to an account",
                cleaned(now)
            );
            self.fail(&reason, output);
        }
    }

    /// Only a private message of a member of the channel can be a call.
    fn messaged(&mut self, message: &Message<'_>, output: &mut IrcOutput) {
        if let Some(own) = self.own_nick()
            && self.is_own(message.param(0))
            && let Some(from) = self.members.get(message.nick(), self.mapping)
            && let Some(call) = Received::parse(message.param(1))
        {
            // Nobody is asked about the calls to a code.
            let is_asked = !own.nick.is_one_time();
            if is_asked || self.config.allow_private || call.is_plausible(message.host()) {
                return call.pass(from, output);
            }
            let reason = format!(
                "ignored a call of {from}: {} is private and not the address that the server shows",
                call.ip
            );
            output.answer(RelayPacket::Err { verb: "-", reason: &reason });
        }
    }

    /// Handles an error: about this client, its nick, its channel, or one of its calls.
    fn refused(&mut self, numeric: u16, message: &Message<'_>, output: &mut IrcOutput) {
        if let Stage::Registering(own) = &self.stage {
            match numeric {
                // ERR_NICKNAMEINUSE, ERR_NICKCOLLISION, ERR_UNAVAILRESOURCE.
                433 | 436 | 437 => {
                    output.answer(RelayPacket::NickAnswer { nick: own.nick.as_str(), yes: false });
                    self.stage = Stage::Nameless { has_begun: true };
                }
                // ERR_ERRONEUSNICKNAME.
                432 => {
                    let (nick, why) = (own.irc.as_str(), cleaned(message.text()));
                    let reason = format!("the server does not accept the nick {nick}: {why}");
                    self.fail(&reason, output);
                }
                _ => {
                    if let Some(reason) = not_registered(numeric, message) {
                        self.fail_for_good(&reason, output);
                    }
                }
            }
        } else if matches!(self.stage, Stage::Joining(_)) && self.is_channel(message.param(1)) {
            let reason = not_joined(numeric, self.config.channel.as_str(), message);
            output.is_barred = is_decided(numeric);
            self.fail(&reason, output);
        } else if let Some(call) = self.calls.take_sent(message.param(1), self.mapping) {
            let reason = format!("{}: {}", not_delivered(numeric, message), call.nick);
            output.answer(RelayPacket::Err { verb: "X_INIT", reason: &reason });
        }
    }

    fn is_channel(&self, name: &str) -> bool {
        self.mapping.eq(name, self.config.channel.as_str())
    }

    /// Returns true if this is the nick of this host.
    fn is_own(&self, nick: &str) -> bool {
        match &self.stage {
            Stage::Registering(OwnNick { irc, .. })
            | Stage::Joining(OwnNick { irc, .. })
            | Stage::Online(OwnNick { irc, .. }) => self.mapping.eq(nick, irc.as_str()),
            Stage::Nameless { .. } | Stage::Over => false,
        }
    }
}
