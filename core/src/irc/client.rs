//! The state of a host at an IRC server.

use alloc::boxed::Box;
use alloc::format;
use core::net::IpAddr;
use core::time::Duration;

use super::call_queue::CallQueue;
use super::case_mapping::CaseMapping;
use super::config::IrcConfig;
use super::ctcp::Call;
use super::irc_nick::IrcNick;
use super::members::Members;
use super::output::IrcOutput;
use super::sasl::Sasl;
use super::server_lines::ServerLines;
use crate::{LineBuffer, Nick, RelayPacket};

/// Stands between a host and an IRC server.
///
/// The driver opens a connection to the server for each connection of the host to its relay, passes on what
/// arrives from either side, and writes what [`IrcOutput`] holds afterwards. It must take and write that
/// after each call.
pub struct IrcClient {
    pub(super) config: IrcConfig,
    /// The account to log in to: unless one is configured, the first nick asked for.
    pub(super) account: Box<str>,
    /// This end's address of the connection to the server.
    local: IpAddr,
    /// This host's address, as the server shows it.
    pub(super) seen: Option<IpAddr>,
    from_host: LineBuffer,
    from_server: ServerLines,
    pub(super) stage: Stage,
    pub(super) sasl: Sasl,
    pub(super) mapping: CaseMapping,
    pub(super) members: Members,
    pub(super) calls: CallQueue,
    /// The host's X_PING that the server has still to answer.
    pub(super) pinged: Option<Box<str>>,
}

/// How far this host is at the server.
pub(super) enum Stage {
    /// It has no nick: the host has not asked for one yet, or another client has it.
    Nameless { has_begun: bool },
    /// The nick was asked for.
    Registering(OwnNick),
    /// The server knows it by that nick, and the channel was asked for.
    Joining(OwnNick),
    /// It is a member of the channel.
    Online(OwnNick),
    /// Nothing is read or written any more.
    Over,
}

/// This host's nick in both forms.
pub(super) struct OwnNick {
    pub(super) nick: Nick,
    pub(super) irc: IrcNick,
}

impl IrcClient {
    /// Returns a client for a new connection to the server; `local` is this end's address of it.
    pub fn new(config: IrcConfig, local: IpAddr) -> Self {
        let account = config.credentials.account.as_deref().unwrap_or_default().into();
        Self {
            config,
            account,
            local: local.to_canonical(),
            seen: None,
            from_host: LineBuffer::new(),
            from_server: ServerLines::default(),
            stage: Stage::Nameless { has_begun: false },
            sasl: Sasl::default(),
            mapping: CaseMapping::default(),
            members: Members::default(),
            calls: CallQueue::default(),
            pinged: None,
        }
    }

    /// Takes bytes that the host wrote to its relay.
    pub fn receive_from_host(&mut self, bytes: &[u8], now: Duration, output: &mut IrcOutput) {
        let mut lines = core::mem::take(&mut self.from_host);
        lines.receive(bytes);
        // A host writes nothing but packets; anything else is not for a server to see.
        while !self.is_over()
            && let Ok(Some(line)) = lines.next_line()
        {
            if let Ok(packet) = RelayPacket::parse(line) {
                self.host_packet(packet, output);
            }
        }
        self.from_host = lines;
        self.calls.send(now, output);
    }

    /// Takes bytes of the server.
    pub fn receive_from_server(&mut self, bytes: &[u8], now: Duration, output: &mut IrcOutput) {
        let mut lines = core::mem::take(&mut self.from_server);
        lines.receive(bytes);
        while !self.is_over()
            && let Some(line) = lines.next_line()
        {
            self.server_line(&line, output);
        }
        self.from_server = lines;
        self.calls.send(now, output);
    }

    /// Returns the time at which [`tick`](Self::tick) is due.
    pub fn next_deadline(&self) -> Option<Duration> {
        if self.is_over() { None } else { self.calls.deadline() }
    }

    /// Sends what the server did not permit earlier.
    pub fn tick(&mut self, now: Duration, output: &mut IrcOutput) {
        if !self.is_over() {
            self.calls.send(now, output);
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    fn host_packet(&mut self, packet: RelayPacket<'_>, output: &mut IrcOutput) {
        match packet {
            RelayPacket::Nick(nick) => self.ask_for_nick(nick, output),
            RelayPacket::Init { nick, ip, port } => self.call(nick, ip, port, output),
            RelayPacket::Who if self.own_nick().is_some() => {
                for nick in self.members.listed() {
                    output.answer(RelayPacket::WhoNick(nick.as_str()));
                }
                output.answer(RelayPacket::WhoEnd);
            }
            RelayPacket::Addr => {
                let ip = self.seen.unwrap_or(self.local);
                output.answer(RelayPacket::AddrAnswer { ip, port: None });
            }
            RelayPacket::Ping(token) if self.own_nick().is_some() => {
                self.pinged = Some(token.into());
                output.send(&["PING :xcher"]);
            }
            RelayPacket::End => {
                output.send(&["QUIT"]);
                self.end(None, output);
            }
            _ => {}
        }
    }

    fn ask_for_nick(&mut self, nick: &str, output: &mut IrcOutput) {
        let Stage::Nameless { has_begun } = self.stage else { return };
        let Ok(parsed) = Nick::parse(nick) else { return };
        let irc = match IrcNick::of(&parsed) {
            Ok(irc) => irc,
            Err(error) => return self.fail(&format!("{error}"), output),
        };
        if has_begun {
            output.send(&["NICK ", irc.as_str()]);
        } else {
            let credentials = &self.config.credentials;
            if let Some(password) = &credentials.server_password {
                output.send(&["PASS :", password]);
            }
            if credentials.password.is_some() {
                if self.account.is_empty() {
                    self.account = irc.as_str().into();
                }
                self.sasl.begin(output);
            }
            output.send(&["NICK ", irc.as_str()]);
            output.send(&["USER xcher 0 * :XCHER"]);
        }
        self.stage = Stage::Registering(OwnNick { nick: parsed, irc });
    }

    fn call(&mut self, nick: &str, ip: IpAddr, port: u16, output: &mut IrcOutput) {
        let refuse = |reason: &str, output: &mut IrcOutput| {
            let reason = format!("{reason}: {nick}");
            output.answer(RelayPacket::Err { verb: "X_INIT", reason: &reason });
        };
        let Ok(parsed) = Nick::parse(nick) else { return refuse("no such nick", output) };
        let Ok(to) = IrcNick::of(&parsed) else {
            return refuse("refused: this is not an IRC nick", output);
        };
        let is_member = self.members.get(to.as_str(), self.mapping).is_some();
        if self.own_nick().is_none() || !is_member {
            return refuse("no such nick", output);
        }
        if self.calls.push(Call { nick: parsed, to, ip, port }).is_err() {
            refuse("refused: the server permits no more calls for some seconds", output);
        }
    }

    /// Returns this host's nick, if it is a member of the channel.
    pub(super) fn own_nick(&self) -> Option<&OwnNick> {
        match &self.stage {
            Stage::Online(own) => Some(own),
            _ => None,
        }
    }

    /// Ends with an error. A host that is not online yet is told why; the driver knows it in any case.
    pub(super) fn fail(&mut self, reason: &str, output: &mut IrcOutput) {
        if self.own_nick().is_none() {
            output.answer(RelayPacket::Err { verb: "X_NICK", reason });
        }
        if !matches!(self.stage, Stage::Nameless { has_begun: false }) {
            output.send(&["QUIT"]);
        }
        self.end(Some(reason.into()), output);
    }

    /// As [`fail`](Self::fail), by somebody's decision: the host is not to come back.
    pub(super) fn fail_for_good(&mut self, reason: &str, output: &mut IrcOutput) {
        output.is_barred = true;
        self.fail(reason, output);
    }

    fn end(&mut self, reason: Option<Box<str>>, output: &mut IrcOutput) {
        self.stage = Stage::Over;
        output.is_over = true;
        output.reason = reason;
    }
}
