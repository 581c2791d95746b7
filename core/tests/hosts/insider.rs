//! A dishonest peer within an encrypted session, which sends messages about links as it likes (section 24).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use xcher_core::peer::{
    Action, Config, ConnId, Event, Input, LinkPolicy, LinkReport, LinkStep, Notice, Path,
    PathPolicy, Peer, SessionId,
};
use xcher_core::secure::{Entropy, Identity, Side};
use xcher_core::session::{self, Extensions, LinkMessage, Session, Terms};
use xcher_core::{Limits, Nick};

use crate::net::encryption;

const NOW: Duration = Duration::from_secs(1);

/// A host that called an insider, or was called by it.
struct Insider {
    peer: Peer,
    id: SessionId,
    conn: ConnId,
    session: Session,
    actions: Vec<Action>,
}

impl Insider {
    /// A session that is established, with the host on this side.
    fn new(side: Side) -> Self {
        let config = Config {
            nicks: vec![Nick::parse("a").unwrap()],
            via: PathPolicy::Only(Path::Bridge),
            allow_private: true,
            ..Config::default()
        };
        let peer = Peer::new(config).with_encryption(encryption(1).with_links(LinkPolicy::Always));
        let mut wire = Vec::new();
        let terms = Terms {
            side: side.other(),
            identity: Arc::new(Identity::new([2; 32])),
            entropy: Entropy::new([2; 32]),
            extensions: Extensions::SECURE.with(Extensions::PASSIVE).with(Extensions::RTC),
            device: None,
            require_encryption: true,
            expected_key: None,
            callee_nick: Some(Nick::parse(if side == Side::Caller { "b" } else { "a" }).unwrap()),
            code: None,
        };
        let session = Session::negotiate(&Limits::default(), terms, &mut wire);
        let (id, conn) = (SessionId(0), ConnId(0));
        let mut insider = Self { peer, id, conn, session, actions: Vec::new() };
        insider.connect(side);
        insider.exchange(wire);
        let opened = insider.actions.iter().find_map(|action| match action {
            Action::Notify(Event::Opened { session, .. }) => Some(*session),
            _ => None,
        });
        insider.id = opened.expect("a session");
        insider
    }

    fn take(&mut self, input: Input<'_>) {
        self.peer.handle(input, NOW, &mut self.actions);
    }

    fn connect(&mut self, side: Side) {
        self.peer.start(NOW, &mut self.actions);
        let Some(Action::DialRelay { conn }) = self.actions.pop() else { panic!("no relay") };
        let [local, remote]: [SocketAddr; 2] =
            ["10.0.0.1:5000", "10.0.0.9:9247"].map(|at| at.parse().unwrap());
        self.take(Input::Connected { conn, local, remote });
        let log_in = b"X_NICK a YES\nX_CAPS from\nX_ADDR 10.0.0.1\n";
        self.take(Input::Received { conn, bytes: log_in });
        self.actions.clear();
        if side == Side::Callee {
            self.take(Input::Received { conn, bytes: b"X_INIT a 10.0.0.9 40000\n" });
            let Some(Action::Dial { conn, .. }) = self.actions.pop() else { panic!("no dial") };
            self.conn = conn;
            return self.take(Input::Connected { conn, local, remote });
        }
        self.peer.open(Nick::parse("b").unwrap(), NOW, &mut self.actions).unwrap();
        let Some(Action::Listen { listener, .. }) = self.actions.pop() else { panic!("no port") };
        self.take(Input::Listening { listener, allocated_at: Some(remote.ip()), port: 40_000 });
        self.conn = self.peer.new_conn();
        let conn = self.conn;
        self.take(Input::Accepted { listener, conn, local, remote });
    }

    /// Delivers what both write, beginning with these bytes, until neither does. Returns what the host said
    /// about links.
    fn exchange(&mut self, mut wire: Vec<u8>) -> Vec<LinkMessage> {
        let (mut taken, mut said) = (0, Vec::new());
        loop {
            if !wire.is_empty() {
                let conn = self.conn;
                self.take(Input::Received { conn, bytes: &std::mem::take(&mut wire) });
            }
            let written: Vec<u8> = self.actions[taken..]
                .iter()
                .filter_map(|action| match action {
                    Action::Write { conn, bytes } if *conn == self.conn => Some(&bytes[..]),
                    _ => None,
                })
                .flatten()
                .copied()
                .collect();
            taken = self.actions.len();
            if written.is_empty() {
                return said;
            }
            self.session.receive(&written);
            let mut out = Vec::new();
            while let Some(event) = self.session.next_event(&mut out).unwrap() {
                wire.extend(self.session.seal(std::mem::take(&mut out)));
                match event {
                    session::Event::Agreed { .. } => self.session.proceed(&mut out),
                    session::Event::Link(message) => said.push(message.unwrap()),
                    _ => {}
                }
            }
            wire.extend(self.session.seal(out));
        }
    }

    /// Sends a line. Returns what the host answered about links, and its steps and notices.
    fn says(&mut self, line: &str) -> (Vec<LinkMessage>, Vec<LinkStep>, Vec<Notice>) {
        self.actions.clear();
        let sealed = self.session.seal(format!("{line}\n").into_bytes());
        let said = self.exchange(sealed);
        assert!(
            !self.actions.iter().any(|action| matches!(
                action,
                Action::Notify(Event::Ended { .. }) | Action::Close { .. }
            )),
            "{line} harmed the session: {:?}",
            self.actions
        );
        let (mut steps, mut notices) = (Vec::new(), Vec::new());
        for action in &self.actions {
            match action {
                Action::Link { step, .. } => steps.push(step.clone()),
                Action::Notify(Event::Notice { notice, .. }) => notices.push(notice.clone()),
                _ => {}
            }
        }
        (said, steps, notices)
    }

    fn reports(&mut self, report: LinkReport) -> Vec<LinkMessage> {
        self.actions.clear();
        let session = self.id;
        self.peer.handle(Input::Link { session, report }, NOW, &mut self.actions);
        self.exchange(Vec::new())
    }
}

/// `v=0` in base64.
const TEXT: &str = "dj0w";

#[test]
fn callee_takes_one_offer() {
    let mut insider = Insider::new(Side::Callee);
    let (_, steps, _) = insider.says(&format!("X_RTC OFFER {TEXT}"));
    assert_eq!(steps, [LinkStep::Answer("v=0".into())]);
    let answered = insider.reports(LinkReport::Described("v=1".into()));
    assert_eq!(answered, [LinkMessage::Answer("v=1".into())]);
    for line in ["OFFER dj0w", "ANSWER dj0w", "NO"] {
        let (said, steps, notices) = insider.says(&format!("X_RTC {line}"));
        assert_eq!((said, steps), (vec![], vec![]), "{line}");
        assert_eq!(notices, [Notice::UnexpectedLinkMessage], "{line}");
    }
}

#[test]
fn callee_whose_browser_cannot_read_an_offer_declines() {
    let mut insider = Insider::new(Side::Callee);
    insider.says(&format!("X_RTC OFFER {TEXT}"));
    let said = insider.reports(LinkReport::Down("it is no description".into()));
    assert_eq!(said, [LinkMessage::No]);
    let (said, steps, _) = insider.says(&format!("X_RTC OFFER {TEXT}"));
    assert_eq!((said, steps), (vec![], vec![]), "one a session");
}

#[test]
fn caller_takes_one_answer_to_its_offer() {
    let mut insider = Insider::new(Side::Caller);
    let (_, steps, notices) = insider.says(&format!("X_RTC ANSWER {TEXT}"));
    assert_eq!((steps, notices), (vec![], vec![Notice::UnexpectedLinkMessage]), "before its offer");
    let said = insider.reports(LinkReport::Described("v=0".into()));
    assert_eq!(said, [LinkMessage::Offer("v=0".into())]);
    let (_, steps, _) = insider.says(&format!("X_RTC OFFER {TEXT}"));
    assert_eq!(steps, [], "a callee offers none");
    let (_, steps, _) = insider.says(&format!("X_RTC ANSWER {TEXT}"));
    assert_eq!(steps, [LinkStep::Accept("v=0".into())]);
    let (_, steps, notices) = insider.says(&format!("X_RTC ANSWER {TEXT}"));
    assert_eq!((steps, notices), (vec![], vec![Notice::UnexpectedLinkMessage]), "twice");
}

#[test]
fn messages_that_cannot_be_read_are_reported_once_and_end_no_session() {
    let long = format!("OFFER {}", "AAAA".repeat(2001));
    for side in [Side::Caller, Side::Callee] {
        for line in ["", "OFFER", "OFFER ====", "OFFER /w==", "MAYBE dj0w", &long] {
            let mut insider = Insider::new(side);
            if side == Side::Caller {
                insider.reports(LinkReport::Described("v=0".into()));
            }
            let (said, _, notices) = insider.says(&format!("X_RTC {line}"));
            assert_eq!(said, [], "{line}");
            assert!(matches!(notices[0], Notice::LinkMessage(_)), "{line}: {notices:?}");
            let text = notices[0].to_string();
            assert!(text.len() < 300, "{text}");
            // A caller waits for no better answer.
            assert_eq!(notices.len(), if side == Side::Caller { 2 } else { 1 });
        }
    }
}
