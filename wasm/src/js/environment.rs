//! [`Environment`] in JavaScript: what the package's `driver.js` does, and the events it passes on.

use std::time::Duration;

use wasm_bindgen::prelude::*;
use xcher_core::code::MAX_TRIES;
use xcher_core::delivery::{Outcome, Status};
use xcher_core::peer::{
    Direction, Error, Event, KeyStatus, Security, SessionId, TransferId, WhyUnencrypted,
};
use xcher_core::secure::PublicKey;
use xcher_core::{FileName, Nick, Size, Stat};

use crate::host::{Environment, OfferState};

#[wasm_bindgen]
extern "C" {
    /// What must happen before the call returns.
    pub type Driver;

    #[wasm_bindgen(method)]
    fn now(this: &Driver) -> f64;
    #[wasm_bindgen(method)]
    fn connect(this: &Driver);
    #[wasm_bindgen(method)]
    fn disconnect(this: &Driver);
    #[wasm_bindgen(method)]
    fn send(this: &Driver, message: &[u8]) -> bool;
    #[wasm_bindgen(method)]
    fn receive(this: &Driver, transfer: f64, bytes: &[u8]);
    /// Creates an error of the package.
    #[wasm_bindgen(method)]
    pub(super) fn error(this: &Driver, code: &str, message: &str) -> JsValue;
    #[wasm_bindgen(method)]
    fn delivery(
        this: &Driver,
        stored: f64,
        handed_over: f64,
        bytes: f64,
        already_present: f64,
        declined: f64,
        failed: f64,
        missing: f64,
    ) -> Delivery;

    /// An outcome of files, with the missing ones by name.
    pub type Delivery;

    #[wasm_bindgen(method, js_name = addMissing)]
    fn add_missing(this: &Delivery, name: &str, reason: &str);

    /// The events, each handled once the call into this module has returned. Sizes are in bytes, times in
    /// milliseconds, and modification times in seconds; an empty nick or key stands for none.
    pub type Events;

    #[wasm_bindgen(method)]
    fn read(this: &Events, transfer: f64, length: f64);
    #[wasm_bindgen(method, js_name = readFile)]
    fn read_file(this: &Events, transfer: f64, name: &str, length: f64);
    #[wasm_bindgen(method, js_name = readPrefix)]
    fn read_prefix(this: &Events, transfer: f64, session: f64, name: &str, length: f64);
    #[wasm_bindgen(method, js_name = readPartial)]
    fn read_partial(this: &Events, transfer: f64);
    #[wasm_bindgen(method, js_name = fileComplete)]
    fn file_complete(this: &Events, transfer: f64, verified: bool);
    #[wasm_bindgen(method)]
    fn pin(this: &Events, nick: &str, key: &str);
    /// `state` is `pending`, `settled` or `interrupted`.
    #[wasm_bindgen(method, js_name = offerChanged)]
    fn offer_changed(this: &Events, offer: f64, state: &str, last: bool, outcome: &Delivery);
    #[wasm_bindgen(method, js_name = codeServed)]
    fn code_served(this: &Events, complete: bool, outcome: &Delivery);
    #[wasm_bindgen(method, js_name = codeFailed)]
    fn code_failed(this: &Events, error: &JsValue);

    #[wasm_bindgen(method)]
    fn online(this: &Events, nick: &str);
    #[wasm_bindgen(method)]
    fn offline(this: &Events, error: &JsValue, retry_in: Option<f64>);
    #[wasm_bindgen(method)]
    fn nick(this: &Events, nick: &str);
    #[wasm_bindgen(method, js_name = nicksEnd)]
    fn nicks_end(this: &Events);
    #[wasm_bindgen(method)]
    fn call(this: &Events, session: f64, address: &str, nick: &str);
    #[wasm_bindgen(method, js_name = callRefused)]
    fn call_refused(this: &Events, address: &str, error: &JsValue);
    /// `state` is a value of `known` in `index.d.ts` if there is a key, otherwise one of `whyPlain`.
    #[wasm_bindgen(method)]
    fn opened(
        this: &Events,
        session: f64,
        address: &str,
        nick: &str,
        incoming: bool,
        key: &str,
        state: &str,
    );
    #[wasm_bindgen(method, js_name = safetyWords)]
    fn safety_words(this: &Events, session: f64, words: &str);
    /// `error` is undefined for a session that ended in order.
    #[wasm_bindgen(method)]
    fn ended(this: &Events, session: f64, error: &JsValue);
    /// `spelling` is an approximate size as the peer wrote it, and empty for an exact one.
    #[wasm_bindgen(method)]
    fn entry(
        this: &Events,
        session: f64,
        name: &str,
        size: f64,
        spelling: &str,
        modified: Option<f64>,
        executable: bool,
    );
    /// Arguments as for `entry`.
    #[wasm_bindgen(method)]
    fn offered(
        this: &Events,
        session: f64,
        name: &str,
        size: f64,
        spelling: &str,
        modified: Option<f64>,
        executable: bool,
    );
    #[wasm_bindgen(method, js_name = listEnd)]
    fn list_end(this: &Events, session: f64);
    #[wasm_bindgen(method, js_name = offerEnd)]
    fn offer_end(this: &Events, session: f64);
    #[wasm_bindgen(method, js_name = notOffered)]
    fn not_offered(this: &Events, session: f64, error: &JsValue);
    #[wasm_bindgen(method)]
    fn checked(this: &Events, session: f64, name: &str, yes: bool);
    #[wasm_bindgen(method, js_name = downloadStarted)]
    fn download_started(this: &Events, transfer: f64, from: f64);
    /// `more` other files go with it as a batch.
    #[wasm_bindgen(method, js_name = uploadStarted)]
    fn upload_started(
        this: &Events,
        transfer: f64,
        session: f64,
        name: &str,
        size: f64,
        from: f64,
        more: f64,
    );
    #[wasm_bindgen(method)]
    fn progress(this: &Events, transfer: f64, bytes: f64);
    /// `error` is undefined for a transfer that succeeded.
    #[wasm_bindgen(method)]
    fn finished(this: &Events, transfer: f64, error: &JsValue);
    #[wasm_bindgen(method)]
    fn notice(this: &Events, text: &str);
}

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
            delivery.add_missing(name.as_str(), &reason.to_string());
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

    fn connect(&self) {
        self.driver.connect();
    }

    fn disconnect(&self) {
        self.driver.disconnect();
    }

    fn send(&self, message: &[u8]) -> bool {
        self.driver.send(message)
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
            Event::Opened { session, peer, nick, incoming, security, .. } => {
                let (state, key) = match security {
                    Security::Unencrypted(WhyUnencrypted::Disabled) => ("here", None),
                    Security::Unencrypted(WhyUnencrypted::PeerUnsupported) => ("there", None),
                    Security::Encrypted { key, status } => (known(status), Some(key)),
                };
                let key = key.map(|key| key.to_string()).unwrap_or_default();
                let address = peer.to_string();
                events.opened(session.0 as f64, &address, text(&nick), incoming, &key, state);
            }
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
                let Listed { bytes, spelling, modified, executable } = Listed::new(size, stat);
                let name = name.as_str();
                events.entry(session.0 as f64, name, bytes, &spelling, modified, executable);
            }
            Event::Offered { session, name, size, stat } => {
                let Listed { bytes, spelling, modified, executable } = Listed::new(size, stat);
                let name = name.as_str();
                events.offered(session.0 as f64, name, bytes, &spelling, modified, executable);
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
}

impl Listed {
    fn new(size: Size, stat: Stat) -> Self {
        let spelling = if size.exact().is_some() { String::new() } else { size.to_string() };
        let modified = stat.modified.map(|seconds| seconds as f64);
        Self { bytes: size.bytes() as f64, spelling, modified, executable: stat.executable }
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
