//! One end of a connection, driven as a host drives it.

use std::sync::Arc;

use xcher_core::code::Code;
use xcher_core::secure::{Entropy, Identity, PublicKey, Side};
use xcher_core::session::{Event, Extensions, Question, Terms};
use xcher_core::{Device, FileName, Limits, Nick, ProtocolError, Session, Size, Stat};

pub(crate) struct Endpoint {
    pub(crate) session: Session,
    /// Bytes written to the connection and not taken yet.
    pub(crate) wire: Vec<u8>,
    /// Everything that was written, before encryption.
    pub(crate) plaintext: Vec<u8>,
    pub(crate) events: Vec<Event>,
    pub(crate) error: Option<ProtocolError>,
    /// The file that it asks about as soon as the session is established.
    file: &'static str,
}

/// The extensions that a session supports by itself.
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

/// The device that a side names.
pub(crate) fn device(side: Side) -> Device {
    if side == Side::Caller { Device::Phone } else { Device::Terminal }
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
        device: Some(device(side)),
        require_encryption: false,
        expected_key: None,
        code: None,
    }
}

pub(crate) fn code(words: &str) -> Option<Code> {
    Some(format!("4821-{words}").parse().unwrap())
}

/// A and B with all these extensions.
pub(crate) fn pair() -> [Endpoint; 2] {
    [Side::Caller, Side::Callee].map(|side| Endpoint::new(terms(side, 100)))
}

impl Endpoint {
    pub(crate) fn new(terms: Terms) -> Self {
        let file = if terms.side == Side::Caller { "of A" } else { "of B" };
        let mut wire = Vec::new();
        let session = Session::negotiate(&Limits::default(), terms, &mut wire);
        let (events, error) = (Vec::new(), None);
        Self { session, plaintext: wire.clone(), wire, events, error, file }
    }

    /// A base-protocol peer.
    pub(crate) fn base_protocol() -> Self {
        let session = Session::new(&Limits::default());
        let (wire, plaintext, events, error) = (Vec::new(), Vec::new(), Vec::new(), None);
        Self { session, wire, plaintext, events, error, file: "" }
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) {
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

    fn begin(&mut self) {
        let name = FileName::parse(self.file).unwrap();
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
        self.plaintext.extend(&bytes);
        self.wire.extend(self.session.seal(bytes));
    }

    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.wire)
    }

    /// The lines that it sent, unencrypted and encrypted.
    pub(crate) fn lines(&self) -> Vec<&str> {
        std::str::from_utf8(&self.plaintext).unwrap().lines().collect()
    }

    /// The outcome of the negotiation, once there is one: the peer's key, or `None` if unencrypted.
    pub(crate) fn agreed(&self) -> Option<Option<PublicKey>> {
        self.events.iter().find_map(|event| match event {
            Event::Agreed { key } => Some(*key),
            _ => None,
        })
    }

    pub(crate) fn is_unencrypted(&self) -> bool {
        self.error.is_none() && self.agreed() == Some(None)
    }

    pub(crate) fn words(&self) -> Option<&str> {
        self.events.iter().find_map(|event| match event {
            Event::SafetyWords { words: Some(words) } => Some(&**words),
            _ => None,
        })
    }

    /// Returns true if its question was answered, so that lines got there and back.
    pub(crate) fn is_served(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Answer { .. }))
    }
}

/// Delivers until both sides are silent; `wire` may change what passes, and how it is split.
pub(crate) fn exchange(
    [a, b]: &mut [Endpoint; 2],
    wire: &mut impl FnMut(Side, Vec<u8>) -> Vec<Vec<u8>>,
) {
    while !(a.wire.is_empty() && b.wire.is_empty()) {
        for piece in wire(Side::Caller, a.take_output()) {
            b.receive(&piece);
        }
        for piece in wire(Side::Callee, b.take_output()) {
            a.receive(&piece);
        }
    }
}

pub(crate) fn pass(_: Side, bytes: Vec<u8>) -> Vec<Vec<u8>> {
    vec![bytes]
}

/// Asserts that both are encrypted, with each other, with the same extensions, and served.
pub(crate) fn assert_encrypted(endpoints: &[Endpoint; 2]) {
    let [a, b] = endpoints;
    assert_eq!((&a.error, &b.error), (&None, &None));
    assert_eq!(a.agreed(), Some(Some(key(Side::Callee))));
    assert_eq!(b.agreed(), Some(Some(key(Side::Caller))));
    assert_eq!(a.session.extensions(), b.session.extensions());
    assert_eq!(a.session.peer_device(), Some(device(Side::Callee)));
    assert_eq!(b.session.peer_device(), Some(device(Side::Caller)));
    assert!(a.words().is_some() && a.words() == b.words());
    assert!(a.is_served() && b.is_served());
}
