//! [`Environment`] in the package: passes requests and events on to JavaScript, in its types.

use std::time::Duration;

use wasm_bindgen::prelude::*;
use xcher_core::code::MAX_TRIES;
use xcher_core::delivery::{Outcome, Status};
use xcher_core::peer::{
    self, Direction, Error, Event, KeyStatus, Security, SessionId, TransferId, WhyUnencrypted,
};
use xcher_core::secure::PublicKey;
use xcher_core::{Device, FileName, Kind, Nick, Size, Stat};

use super::package::{Delivery, Driver, Events};
use crate::host::{Environment, OfferState};

/// The package as the host sees it.
pub(super) struct Package {
    pub(super) driver: Driver,
    pub(super) events: Events,
}

impl Package {
    fn delivery(&self, outcome: &Outcome) -> Delivery {
        let Outcome { stored, handed_over, bytes, already_present, declined, .. } = *outcome;
        let missing = outcome.missing_count();
        let delivery = self.driver.delivery(
            stored as f64,
            handed_over as f64,
            bytes as f64,
            already_present as f64,
            declined as f64,
            (missing - outcome.not_requested) as f64,
            missing as f64,
        );
        for (name, reason) in outcome.missing() {
            delivery.add_missing(name.as_str(), &reason.to_string(), missing_code(reason));
        }
        delivery
    }

    fn error(&self, error: &Error, tunnel_lost: bool) -> JsValue {
        let code = match error {
            // The bridge listens for this host, and it cannot be reached.
            Error::Local(_) if tunnel_lost => "unreachable",
            error => error.code(),
        };
        self.driver.error(code, &error.to_string())
    }
}

impl Environment for Package {
    fn now(&self) -> Duration {
        Duration::from_millis(self.driver.now() as u64)
    }

    fn connect(&self, tunnel: u32) {
        self.driver.connect(tunnel);
    }

    fn link(&self, tunnel: u32, offer: Option<&str>) {
        self.driver.link(tunnel, offer);
    }

    fn accept_link(&self, tunnel: u32, answer: &str) {
        self.driver.accept_link(tunnel, answer);
    }

    fn disconnect(&self, tunnel: u32) {
        self.driver.disconnect(tunnel);
    }

    fn send(&self, tunnel: u32, message: &[u8]) -> bool {
        self.driver.send(tunnel, message)
    }

    fn receive(&self, transfer: TransferId, bytes: &[u8]) {
        self.driver.receive(transfer.0 as f64, bytes);
    }

    fn read(&self, transfer: TransferId, length: usize, name: Option<&FileName>) {
        let (transfer, length) = (transfer.0 as f64, length as f64);
        match name {
            Some(name) => self.events.read_file(transfer, name.as_str(), length),
            None => self.events.read(transfer, length),
        }
    }

    fn read_prefix(&self, transfer: TransferId, session: SessionId, name: &FileName, length: u64) {
        let (transfer, session) = (transfer.0 as f64, session.0 as f64);
        self.events.read_prefix(transfer, session, name.as_str(), length as f64);
    }

    fn read_partial(&self, transfer: TransferId) {
        self.events.read_partial(transfer.0 as f64);
    }

    fn file_complete(&self, transfer: TransferId, verified: bool) {
        self.events.file_complete(transfer.0 as f64, verified);
    }

    fn pin(&self, nick: &Nick, key: PublicKey) {
        self.events.pin(nick.as_str(), &key.to_string());
    }

    fn offer_changed(&self, offer: u64, state: OfferState, last: bool, outcome: &Outcome) {
        let state = match state {
            OfferState::Pending => "pending",
            OfferState::Settled => "settled",
            OfferState::Interrupted => "interrupted",
        };
        self.events.offer_changed(offer as f64, state, last, &self.delivery(outcome));
    }

    fn code_status(&self, status: &Status) {
        let fail = |code, message: &str| {
            self.events.code_failed(&self.driver.error(code, message));
        };
        match status {
            Status::Pending => {}
            Status::Complete(outcome) if outcome.is_empty() => {
                fail("refused", "the receiver took no files");
            }
            Status::Complete(outcome) => self.events.code_served(true, &self.delivery(outcome)),
            Status::Incomplete(outcome) => self.events.code_served(false, &self.delivery(outcome)),
            Status::CodeExhausted(_) => {
                let tried = format!("the code expired after {MAX_TRIES} wrong attempts");
                fail("wrong-code", &format!("{tried}: send again for a new one"));
            }
            Status::Lost(delivery) => fail("incomplete", &delivery.to_string()),
        }
    }

    fn event(&self, event: Event, tunnel_lost: bool) {
        let Self { events, .. } = self;
        let failure = |error: &Error| self.error(error, tunnel_lost);
        match event {
            Event::Online { nick } => events.online(nick.as_str()),
            Event::Offline { error, retry } => events.offline(&failure(&error), retry.map(millis)),
            Event::Nick { nick } => events.nick(nick.as_str()),
            Event::NicksEnd => events.nicks_end(),
            Event::Call { session, from, nick } => {
                events.call(session.0 as f64, &from.to_string(), text(&nick));
            }
            Event::CallRefused { from, error } => {
                events.call_refused(&from.to_string(), &failure(&error));
            }
            Event::Opened { session, peer, nick, incoming, security, device, .. } => {
                let (state, key) = match security {
                    Security::Unencrypted(WhyUnencrypted::Disabled) => ("here", None),
                    Security::Unencrypted(WhyUnencrypted::PeerUnsupported) => ("there", None),
                    Security::Encrypted { key, status } => (known(status), Some(key)),
                };
                let key = key.map(|key| key.to_string()).unwrap_or_default();
                let address = peer.to_string();
                let device = device.map_or("", Device::as_str);
                events.opened(
                    session.0 as f64,
                    &address,
                    text(&nick),
                    incoming,
                    &key,
                    state,
                    device,
                );
            }
            Event::Link { session, is_used } => events.link_changed(session.0 as f64, is_used),
            Event::SafetyWords { session, words } => {
                events.safety_words(session.0 as f64, &words);
            }
            Event::OpenFailed { session, error } | Event::Ended { session, error: Some(error) } => {
                events.ended(session.0 as f64, &failure(&error));
            }
            Event::Ended { session, error: None } => {
                events.ended(session.0 as f64, &JsValue::UNDEFINED);
            }
            Event::Entry { session, name, size, stat } => {
                let Listed { bytes, spelling, modified, executable, text, folder } =
                    Listed::new(size, stat);
                let name = name.as_str();
                let session = session.0 as f64;
                events.entry(session, name, bytes, &spelling, modified, executable, text, folder);
            }
            Event::Offered { session, name, size, stat } => {
                let Listed { bytes, spelling, modified, executable, text, folder } =
                    Listed::new(size, stat);
                let name = name.as_str();
                let session = session.0 as f64;
                events.offered(session, name, bytes, &spelling, modified, executable, text, folder);
            }
            Event::LeftOut { left, .. } => events.notice(&left.to_string()),
            Event::InvalidEntry { error, .. } | Event::InvalidOffer { error, .. } => {
                events.notice(&error.to_string());
            }
            Event::ListEnd { session, .. } => events.list_end(session.0 as f64),
            Event::Checked { session, name, yes } => events.checked(session.0 as f64, &name, yes),
            Event::OfferEnd { session, .. } => events.offer_end(session.0 as f64),
            Event::NotOffered { session, error } => {
                events.not_offered(session.0 as f64, &failure(&error));
            }
            Event::Started { transfer, direction: Direction::Receive, from, .. } => {
                events.download_started(transfer.0 as f64, from as f64);
            }
            Event::Started { transfer, session, name, size, from, more, .. } => {
                let (transfer, session) = (transfer.0 as f64, session.0 as f64);
                let (size, from, more) = (size.bytes() as f64, from as f64, more as f64);
                events.upload_started(transfer, session, name.as_str(), size, from, more);
            }
            Event::Progress { transfer, bytes, .. } => {
                events.progress(transfer.0 as f64, bytes as f64);
            }
            Event::Finished { transfer, .. } => {
                events.finished(transfer.0 as f64, &JsValue::UNDEFINED);
            }
            Event::Failed { transfer, error, .. } => {
                events.finished(transfer.0 as f64, &failure(&error));
            }
            Event::Notice { notice, .. } => events.notice(&notice.to_string()),
            // `offer_changed` and `code_status` report these as the core counts them.
            Event::Declined { .. }
            | Event::CodeExhausted
            | Event::Delivered { .. }
            | Event::Wanted { .. } => {}
            // An event that this version of the package has no name for.
            _ => {}
        }
    }
}

/// Size and metadata of an entry in JavaScript's types.
struct Listed {
    bytes: f64,
    spelling: String,
    modified: Option<f64>,
    executable: bool,
    text: bool,
    folder: bool,
}

impl Listed {
    fn new(size: Size, stat: Stat) -> Self {
        let spelling = if size.exact().is_some() { String::new() } else { size.to_string() };
        let modified = stat.modified.map(|seconds| seconds as f64);
        let (bytes, Stat { executable, text, .. }) = (size.bytes() as f64, stat);
        let folder = stat.kind == Kind::Folder;
        Self { bytes, spelling, modified, executable, text, folder }
    }
}

/// Returns a value of `MissingCode` in `index.d.ts`.
fn missing_code(delivery: &peer::Delivery) -> &'static str {
    match delivery {
        peer::Delivery::NotStored(reason) => reason.as_str(),
        peer::Delivery::Unsent(_) => "unsent",
        _ => "unconfirmed",
    }
}

fn known(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Unpinned => "no",
        KeyStatus::FirstSeen => "first",
        KeyStatus::Pinned => "pinned",
        KeyStatus::ByCode => "code",
    }
}

fn text(nick: &Option<Nick>) -> &str {
    nick.as_ref().map_or("", Nick::as_str)
}

/// Converts a time; none here is longer than a u64 of milliseconds, which takes less code to convert.
pub(super) fn millis(time: Duration) -> f64 {
    time.as_millis() as u64 as f64
}
