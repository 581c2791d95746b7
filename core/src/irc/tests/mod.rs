//! Conversations of a host with an IRC server.

mod calls;
mod hostile;
mod login;
mod members;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use super::{Channel, Credentials, IrcClient, IrcConfig, IrcOutput};

/// A client between a host and a server, both of them played by the test.
struct Talk {
    client: IrcClient,
    now: Duration,
    /// What it said last.
    output: IrcOutput,
}

impl Talk {
    fn new() -> Self {
        Self::with(Credentials::default())
    }

    fn with(credentials: Credentials) -> Self {
        let channel = Channel::parse("#files").expect("a channel");
        let config = IrcConfig { credentials, ..IrcConfig::new(channel) };
        let client = IrcClient::new(config, [192, 0, 2, 7].into());
        Self { client, now: Duration::from_secs(1000), output: IrcOutput::default() }
    }

    /// A host with this nick that is online, with these other members.
    fn online(nick: &str, others: &str) -> Self {
        let mut talk = Self::new();
        talk.host(&alloc::format!("X_NICK {nick}"));
        let irc = talk.to_server()[0].replace("NICK ", "");
        talk.server(&alloc::format!(":s 001 {irc} :Welcome"));
        talk.server(":s 005 me CASEMAPPING=rfc1459 NICKLEN=30 :are supported");
        talk.server(&alloc::format!(":{irc}!~xcher@a.example JOIN #files"));
        talk.server(&alloc::format!(":s 353 {irc} = #files :{irc} {others}"));
        talk.server(&alloc::format!(":s 366 {irc} #files :End of /NAMES list."));
        assert_eq!(talk.to_host(), [alloc::format!("X_NICK {nick} YES")]);
        talk
    }

    fn host(&mut self, line: &str) {
        self.output = IrcOutput::default();
        let line = alloc::format!("{line}\n");
        self.client.receive_from_host(line.as_bytes(), self.now, &mut self.output);
    }

    fn server(&mut self, line: &str) {
        self.output = IrcOutput::default();
        let line = alloc::format!("{line}\r\n");
        self.client.receive_from_server(line.as_bytes(), self.now, &mut self.output);
    }

    /// Lets time pass until the client wants to be called.
    fn wait(&mut self) {
        self.now = self.client.next_deadline().expect("a deadline");
        self.output = IrcOutput::default();
        self.client.tick(self.now, &mut self.output);
    }

    fn to_server(&self) -> Vec<String> {
        lines(&self.output.to_server, "\r\n")
    }

    fn to_host(&self) -> Vec<String> {
        lines(&self.output.to_host, "\n")
    }

    /// Expects an end for this reason, which a host that is not online is told.
    #[track_caller]
    fn ended(&self, is_online: bool, reason: &str) {
        let told =
            if is_online { Vec::new() } else { [alloc::format!("X_ERR X_NICK {reason}")].into() };
        assert_eq!(self.to_host(), told);
        assert_eq!(self.output.reason.as_deref(), Some(reason));
        assert!(self.output.is_over);
    }

    /// Expects that nothing was said.
    #[track_caller]
    fn silent(&self) {
        assert_eq!((self.to_server(), self.to_host()), (Vec::new(), Vec::new()));
        assert!(!self.output.is_over);
    }
}

fn lines(bytes: &[u8], end: &str) -> Vec<String> {
    let text = core::str::from_utf8(bytes).expect("UTF-8");
    let lines: Vec<_> = text.split_terminator(end).map(|line| line.to_string()).collect();
    assert!(text.is_empty() || text.ends_with(end), "an incomplete line: {text:?}");
    lines
}
