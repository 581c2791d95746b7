//! Kicks and bans.

use xcher_core::Nick;
use xcher_core::registry::{Banned, TooManyBans};

use super::*;

const KICKED: &str = "X_ERR - disconnected by the relay's operator\n";
const BANNED_ADDRESS: &str = "X_ERR - refused: the operator banned your address\n";

fn nick(text: &str) -> Nick {
    Nick::parse(text).unwrap()
}

fn network(text: &str) -> Banned {
    Banned::Network(text.parse().unwrap())
}

impl Relay {
    fn kick(&mut self, conn: ConnId) -> bool {
        let mut actions = Vec::new();
        let kicked = self.registry.kick(conn, &mut actions);
        self.carry_out(actions);
        kicked
    }

    fn ban(
        &mut self,
        banned: &Banned,
        until: Option<Duration>,
    ) -> Result<Vec<ConnId>, TooManyBans> {
        let mut actions = Vec::new();
        let there = self.registry.ban(banned, until, self.now, &mut actions);
        self.carry_out(actions);
        there
    }
}

#[test]
fn a_kicked_client_is_told_and_may_come_back() {
    let mut relay = two();
    assert_eq!(relay.registry.holder(&nick("ALICE")), Some(ALICE));
    assert!(relay.kick(ALICE) && !relay.kick(ALICE));
    assert_eq!(
        (relay.output(ALICE).as_str(), relay.closed(ALICE)),
        (KICKED, Some(CloseReason::Kicked))
    );
    assert_eq!((relay.registry.connections(), relay.registry.nicks()), (1, 1));
    relay.register(CAROL, "alice");
}

#[test]
fn a_banned_address_is_refused_at_connect_and_what_is_there_is_closed() {
    let mut relay = relay();
    let (one, two, three) = (ConnId(11), ConnId(12), ConnId(13));
    relay.connect_from(one, "192.0.2.9:1");
    relay.connect_from(two, "[::ffff:192.0.2.77]:1");
    relay.connect_from(three, "192.0.3.1:1");
    assert_eq!(relay.ban(&network("192.0.2.0/24"), None).unwrap(), [one, two]);
    for conn in [one, two] {
        assert_eq!(relay.output(conn), BANNED_ADDRESS);
        assert_eq!(relay.closed(conn), Some(CloseReason::Banned));
    }
    assert_eq!(relay.closed(three), None);
    relay.connect_from(ConnId(14), "192.0.2.1:1");
    assert_eq!(relay.output(ConnId(14)), BANNED_ADDRESS);
    assert_eq!(relay.closed(ConnId(14)), Some(CloseReason::Banned));
    assert!(relay.registry.unban(&network("192.0.2.0/24"), relay.now));
    relay.connect_from(ConnId(15), "192.0.2.1:1");
    assert_eq!(relay.closed(ConnId(15)), None);
}

#[test]
fn a_banned_nick_and_its_look_alikes_are_refused() {
    let mut relay = two();
    assert_eq!(relay.ban(&Banned::Nick(nick("Bob")), None).unwrap(), [BOB]);
    assert_eq!(relay.output(BOB), "X_ERR - refused: the operator banned your nick\n");
    relay.connect(CAROL);
    for text in ["bob", "BOB", "bоb"] {
        let refused = "X_ERR X_NICK refused: the operator banned this nick, or one like it\n";
        assert_eq!(relay.ask(CAROL, &format!("X_NICK {text}")), refused);
    }
    assert_eq!(relay.ask(CAROL, "X_NICK bobby"), "X_NICK bobby YES\n");
    // Trying costs an attempt, as any other nick does.
    let eve = ConnId(9);
    relay.connect(eve);
    for _ in 0..5 {
        relay.send(eve, "X_NICK bob\n");
    }
    assert_eq!(relay.closed(eve), Some(CloseReason::NickTries));
}

#[test]
fn a_ban_ends_in_time() {
    let mut relay = two();
    let until = relay.now + seconds(60);
    relay.ban(&Banned::client([9, 9, 9, 9].into()), Some(until)).unwrap();
    relay.ban(&Banned::Nick(nick("eve")), Some(until)).unwrap();
    relay.wait(seconds(59));
    assert_eq!(relay.registry.bans().in_force(relay.now).count(), 2);
    relay.connect_from(CAROL, "9.9.9.9:1");
    assert_eq!(relay.closed(CAROL), Some(CloseReason::Banned));
    relay.wait(seconds(1));
    assert_eq!(relay.registry.bans().in_force(relay.now).count(), 0);
    let eve = ConnId(9);
    relay.connect_from(eve, "9.9.9.9:1");
    assert_eq!(relay.ask(eve, "X_NICK eve"), "X_NICK eve YES\n");
}
