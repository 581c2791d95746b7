//! Proves a host's key to a relay (section 5.6), with a host that does nothing else.

use std::time::Duration;

use xcher_core::Nick;
use xcher_core::peer::{Action, Config, ConnId, Encryption, Input, Peer};
use xcher_core::secure::Identity;

/// The proof of one connection.
pub struct Prover {
    peer: Peer,
    conn: ConnId,
}

impl Prover {
    /// Returns the first X_KEY, too.
    pub fn new(key: u8, seed: [u8; 32]) -> (Self, String) {
        let nicks = vec![Nick::parse("x").unwrap()];
        let mut peer = Peer::new(Config { nicks, ..Config::default() })
            .with_encryption(Encryption::new(Identity::new([key; 32]), seed));
        let mut actions = Vec::new();
        peer.start(Duration::ZERO, &mut actions);
        let [Action::DialRelay { conn }] = actions[..] else { panic!("{actions:?}") };
        let mut prover = Self { peer, conn };
        let [local, remote] = ["10.0.0.1:5000", "10.0.0.9:9247"].map(|at| at.parse().unwrap());
        prover.take(Input::Connected { conn, local, remote });
        let first = prover.hear("X_NICK x YES\nX_CAPS key\nX_ADDR 10.0.0.1\n");
        (prover, first)
    }

    /// Returns what a host answers to the relay's X_KEY.
    pub fn hear(&mut self, lines: &str) -> String {
        self.take(Input::Received { conn: self.conn, bytes: lines.as_bytes() })
    }

    /// Returns the X_KEY that it writes.
    fn take(&mut self, input: Input<'_>) -> String {
        let mut actions = Vec::new();
        self.peer.handle(input, Duration::ZERO, &mut actions);
        let written = actions.iter().filter_map(|action| match action {
            Action::Write { bytes, .. } => Some(std::str::from_utf8(bytes).unwrap()),
            _ => None,
        });
        let lines = written.flat_map(|text| text.split_inclusive('\n'));
        lines.filter(|line| line.starts_with("X_KEY ")).collect()
    }
}
