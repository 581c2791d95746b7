//! One end of a connection, driven as a host drives it.

use std::sync::Arc;

use xcher_core::code::Code;
use xcher_core::secure::{Entropy, Identity, PublicKey, Side};
use xcher_core::session::{Event, Extensions, Question, Terms};
use xcher_core::{FileName, Limits, Nick, ProtocolError, Session, Size, Stat};

pub(crate) struct Talker {
    pub(crate) session: Session,
    /// Written to the connection and not taken from here.
    pub(crate) wire: Vec<u8>,
    /// All that was written, before it was sealed.
    pub(crate) said: Vec<u8>,
    pub(crate) events: Vec<Event>,
    pub(crate) error: Option<ProtocolError>,
    /// Asks about this file as soon as it may.
    asks: &'static str,
}

/// Everything that a session knows by itself.
pub(crate) const ALL: Extensions = Extensions::SECURE
    .with(Extensions::VERIFY)
    .with(Extensions::CODE)
    .with(Extensions::RESUME)
    .with(Extensions::PASSIVE)
    .with(Extensions::OFFER)
    .with(Extensions::STAT);

pub(crate) fn key(side: Side) -> PublicKey {
    Identity::new(secret(side)).public()
}

fn secret(side: Side) -> [u8; 32] {
    [if side == Side::Caller { 1 } else { 2 }; 32]
}

pub(crate) fn terms(side: Side, seed: u8) -> Terms {
    Terms {
        side,
        identity: Arc::new(Identity::new(secret(side))),
        entropy: Entropy::new([seed ^ secret(side)[0]; 32]),
        callee_nick: Some(Nick::parse("bob").unwrap()),
        extensions: ALL,
        require_encryption: false,
        expected_key: None,
        code: None,
    }
}

pub(crate) fn code(words: &str) -> Option<Code> {
    Some(format!("4821-{words}").parse().unwrap())
}

/// A and B who know everything.
pub(crate) fn pair() -> [Talker; 2] {
    [Side::Caller, Side::Callee].map(|side| Talker::new(terms(side, 100)))
}

impl Talker {
    pub(crate) fn new(terms: Terms) -> Self {
        let asks = if terms.side == Side::Caller { "of A" } else { "of B" };
        let mut wire = Vec::new();
        let session = Session::negotiate(&Limits::default(), terms, &mut wire);
        let (events, error) = (Vec::new(), None);
        Self { session, said: wire.clone(), wire, events, error, asks }
    }

    /// One that knows the six packets.
    pub(crate) fn plain() -> Self {
        let session = Session::new(&Limits::default());
        let (wire, said, events, error) = (Vec::new(), Vec::new(), Vec::new(), None);
        Self { session, wire, said, events, error, asks: "" }
    }

    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        if self.error.is_some() {
            return;
        }
        self.session.receive(bytes);
        loop {
            let mut out = Vec::new();
            let heard = self.session.next_event(&mut out);
            self.write(out);
            match heard {
                Ok(Some(event)) => self.take(event),
                Ok(None) => return,
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            }
        }
    }

    fn take(&mut self, event: Event) {
        self.events.push(event.clone());
        match event {
            Event::Agreed { .. } => {
                let mut out = Vec::new();
                self.session.proceed(&mut out);
                self.write(out);
                if !self.session.is_authenticating() {
                    self.begin();
                }
            }
            Event::Authenticated => self.begin(),
            Event::Question => self.answer(),
            _ => {}
        }
    }

    /// Three seconds passed.
    pub(crate) fn wait(&mut self) {
        match self.session.stop_probing() {
            Ok(event) => self.take(event),
            Err(error) => self.error = Some(error),
        }
    }

    fn begin(&mut self) {
        let name = FileName::parse(self.asks).unwrap();
        self.act(|session, out| session.check(name, out).unwrap());
    }

    fn answer(&mut self) {
        while let Some(question) = self.session.question().cloned() {
            self.act(|session, out| match question {
                Question::List => {
                    if session.extensions().has(Extensions::STAT) {
                        let name = FileName::parse("listed").unwrap();
                        session.answer_entry(name, Size::Exact(7), Stat::default(), out).unwrap();
                    }
                    session.answer_list_end(out).unwrap();
                }
                Question::Check(_) => session.answer_check(false, out).unwrap(),
                Question::Batch(_) => {
                    let batch = session.take_batch(out).unwrap();
                    session.refuse_request(batch.number, &batch.files[0].0, out);
                }
                Question::Request(_) => {
                    let request = session.take_request(out).unwrap();
                    session.refuse(&request.name, out);
                }
            });
        }
    }

    pub(crate) fn act(&mut self, act: impl FnOnce(&mut Session, &mut Vec<u8>)) {
        let mut out = Vec::new();
        act(&mut self.session, &mut out);
        self.write(out);
    }

    fn write(&mut self, bytes: Vec<u8>) {
        self.said.extend(&bytes);
        self.wire.extend(self.session.seal(bytes));
    }

    pub(crate) fn say(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.wire)
    }

    /// What it said in the clear and in private, line by line.
    pub(crate) fn lines(&self) -> Vec<&str> {
        std::str::from_utf8(&self.said).unwrap().lines().collect()
    }

    /// What was agreed on, if anything yet: the other side's key, or that all is in the clear.
    pub(crate) fn agreed(&self) -> Option<Option<PublicKey>> {
        self.events.iter().find_map(|event| match event {
            Event::Agreed { key } => Some(*key),
            _ => None,
        })
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.error.is_none() && self.agreed() == Some(None)
    }

    pub(crate) fn words(&self) -> Option<&str> {
        self.events.iter().find_map(|event| match event {
            Event::SafetyWords { words: Some(words) } => Some(&**words),
            _ => None,
        })
    }

    /// Whether its question was answered: everything got there and back.
    pub(crate) fn is_served(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Answer { .. }))
    }
}

/// Delivers until nobody says anything more; `wire` may change what passes, and how it is split.
pub(crate) fn talk([a, b]: &mut [Talker; 2], wire: &mut impl FnMut(Side, Vec<u8>) -> Vec<Vec<u8>>) {
    while !(a.wire.is_empty() && b.wire.is_empty()) {
        for piece in wire(Side::Caller, a.say()) {
            b.hear(&piece);
        }
        for piece in wire(Side::Callee, b.say()) {
            a.hear(&piece);
        }
    }
}

pub(crate) fn pass(_: Side, bytes: Vec<u8>) -> Vec<Vec<u8>> {
    vec![bytes]
}

/// Both private, with each other, knowing the same of each other, and served.
pub(crate) fn assert_private(talkers: &[Talker; 2]) {
    let [a, b] = talkers;
    assert_eq!((&a.error, &b.error), (&None, &None));
    assert_eq!(a.agreed(), Some(Some(key(Side::Callee))));
    assert_eq!(b.agreed(), Some(Some(key(Side::Caller))));
    assert_eq!(a.session.extensions(), b.session.extensions());
    assert!(a.words().is_some() && a.words() == b.words());
    assert!(a.is_served() && b.is_served());
}
