//! The driver as JavaScript sees it: numbers, texts and bytes.

use std::time::Duration;

use wasm_bindgen::prelude::*;
use xcher_core::code::Code;
use xcher_core::delivery::{Outcome, Status};
use xcher_core::peer::{
    CallPolicy, Config, Direction, Encryption, Error, Event, KeyStatus, Security, SessionId,
    TransferId, WhyUnencrypted,
};
use xcher_core::secure::{Entropy, Identity, PublicKey};
use xcher_core::session::Want;
use xcher_core::{FileName, MisuseError, Nick, NotStored, SharedFile, Size, Stat};

use crate::host;

#[wasm_bindgen]
extern "C" {
    /// [`host::Outside`] in JavaScript.
    pub type Outside;

    #[wasm_bindgen(method)]
    fn now(this: &Outside) -> f64;
    #[wasm_bindgen(method)]
    fn connect(this: &Outside);
    #[wasm_bindgen(method)]
    fn disconnect(this: &Outside);
    #[wasm_bindgen(method)]
    fn send(this: &Outside, message: &[u8]) -> bool;
    #[wasm_bindgen(method)]
    fn read(this: &Outside, transfer: f64, length: f64, name: &str);
    #[wasm_bindgen(method)]
    fn take(this: &Outside, transfer: f64, bytes: &[u8]);
    /// An event: its name, whose it is, and what is to say of it. `code` is empty where nothing went
    /// wrong.
    #[wasm_bindgen(method)]
    fn tell(
        this: &Outside,
        event: &str,
        id: f64,
        number: f64,
        flag: bool,
        text: &str,
        more: &str,
        code: &str,
    );
}

impl host::Outside for Outside {
    fn now(&self) -> Duration {
        Duration::from_millis(self.now() as u64)
    }

    fn connect(&self) {
        self.connect();
    }

    fn disconnect(&self) {
        self.disconnect();
    }

    fn send(&self, message: &[u8]) -> bool {
        self.send(message)
    }

    fn read(&self, transfer: TransferId, length: usize, name: Option<&FileName>) {
        self.read(transfer.0 as f64, length as f64, name.map_or("", FileName::as_str));
    }

    fn look(&self, transfer: TransferId, name: &FileName, shared: Option<(SessionId, u64)>) {
        let (session, length) = shared.unwrap_or((SessionId(0), 0));
        let session = session.0.to_string();
        let (id, ours) = (transfer.0 as f64, shared.is_some());
        self.tell("look", id, length as f64, ours, name.as_str(), &session, "");
    }

    fn take(&self, transfer: TransferId, bytes: &[u8]) {
        self.take(transfer.0 as f64, bytes);
    }

    fn pin(&self, nick: &Nick, key: PublicKey) {
        self.tell("pin", 0.0, 0.0, false, nick.as_str(), &key.to_string(), "");
    }

    fn whole(&self, transfer: TransferId, verified: bool) {
        self.tell("whole", transfer.0 as f64, 0.0, verified, "", "", "");
    }

    fn offering(&self, offer: u64, state: host::OfferState, last: bool, outcome: &Outcome) {
        let missing = match state {
            host::OfferState::Open => String::new(),
            _ => missing(outcome),
        };
        let state = f64::from(state as u8);
        self.tell("offering", offer as f64, state, last, &missing, &counts(outcome), "");
    }

    fn served(&self, verdict: &Status) {
        let (outcome, error, code) = match verdict {
            Status::Pending => return,
            Status::Complete(outcome) if outcome.is_empty() => {
                (None, "the other side took nothing".to_owned(), "refused")
            }
            Status::Incomplete(outcome) | Status::Complete(outcome) => {
                (Some(outcome), String::new(), "")
            }
            Status::CodeExhausted(_) => {
                (None, "ten wrong codes were tried, so this one is dead".to_owned(), "wrong-code")
            }
            Status::Lost(fate) => (None, fate.to_string(), "incomplete"),
        };
        let (text, more) = outcome
            .map(|outcome| (missing(outcome), counts(outcome)))
            .unwrap_or((error, String::new()));
        let done = matches!(verdict, Status::Complete(_));
        self.tell("served", 0.0, 0.0, done, &text, &more, code);
    }

    fn tell(&self, event: Event, lost: bool) {
        let say = |event: &str, id: u64, number: f64, flag: bool, text: &str, more: &str| {
            self.tell(event, id as f64, number, flag, text, more, "");
        };
        let fail = |event: &str, id: u64, number: f64, more: &str, error: &Error| {
            let code = match error {
                // Here the bridge listens, and it is gone.
                Error::Local(_) if lost => "unreachable",
                error => error.code(),
            };
            self.tell(event, id as f64, number, false, &error.to_string(), more, code);
        };
        match event {
            Event::Online { nick } => say("online", 0, 0.0, false, nick.as_str(), ""),
            Event::Offline { error, retry } => {
                let retry = retry.map_or(f64::NAN, millis);
                fail("offline", 0, retry, "", &error);
            }
            Event::Nick { nick } => say("nick", 0, 0.0, false, nick.as_str(), ""),
            Event::NicksEnd => say("nicks", 0, 0.0, false, "", ""),
            Event::Call { session, from, nick } => {
                let nick = nick.as_ref().map_or("", Nick::as_str);
                say("call", session.0, 0.0, true, &from.to_string(), nick);
            }
            Event::CallRefused { from, error } => {
                fail("refused", 0, 0.0, &from.to_string(), &error);
            }
            Event::Opened { session, peer, nick, incoming, security, .. } => {
                let (security, key) = match security {
                    Security::Unencrypted(WhyUnencrypted::Disabled) => (0.0, None),
                    Security::Unencrypted(WhyUnencrypted::PeerUnsupported) => (1.0, None),
                    Security::Encrypted { key, status: KeyStatus::Unpinned } => (2.0, Some(key)),
                    Security::Encrypted { key, status: KeyStatus::FirstSeen } => (3.0, Some(key)),
                    Security::Encrypted { key, status: KeyStatus::Pinned } => (4.0, Some(key)),
                    Security::Encrypted { key, status: KeyStatus::ByCode } => (5.0, Some(key)),
                };
                // No part has a blank in it.
                let mut who = peer.to_string();
                who.push(' ');
                who.extend(key.map(|key| key.to_string()));
                let nick = nick.as_ref().map_or("", Nick::as_str);
                say("opened", session.0, security, incoming, &who, nick);
            }
            Event::SafetyWords { session, words } => {
                say("words", session.0, 0.0, false, &words, "");
            }
            Event::OpenFailed { session, error } => fail("ended", session.0, 0.0, "", &error),
            Event::Ended { session, error: Some(error) } => {
                fail("ended", session.0, 0.0, "", &error);
            }
            Event::Ended { session, error: None } => say("ended", session.0, 0.0, true, "", ""),
            Event::Entry { session, ref name, size, stat }
            | Event::Offered { session, ref name, size, stat } => {
                let (bytes, approximate) = (size.bytes() as f64, size.exact().is_none());
                // No part has a blank in it.
                let mut more = if approximate { size.to_string() } else { String::new() };
                more.push(' ');
                more.extend(stat.modified.map(|seconds| seconds.to_string()));
                more.push_str(if stat.executable { " x" } else { "" });
                let what = if matches!(event, Event::Entry { .. }) { "entry" } else { "offered" };
                say(what, session.0, bytes, approximate, name.as_str(), &more);
            }
            Event::LeftOut { left, .. } => {
                say("notice", 0, 0.0, false, &left.to_string(), "");
            }
            Event::InvalidEntry { why, .. } | Event::InvalidOffer { why, .. } => {
                say("notice", 0, 0.0, false, &why, "")
            }
            Event::ListEnd { session, .. } => say("listed", session.0, 0.0, false, "", ""),
            Event::Checked { session, name, yes } => {
                say("checked", session.0, 0.0, yes, &name, "");
            }
            Event::OfferEnd { session, .. } => say("offer", session.0, 0.0, false, "", ""),
            Event::NotOffered { session, error } => fail("unoffered", session.0, 0.0, "", &error),
            Event::Started { transfer, direction: Direction::Receive, from, .. } => {
                say("started", transfer.0, from as f64, false, "", "");
            }
            Event::Started { transfer, session, name, size, from, more, .. } => {
                let whose = format!("{} {from} {more}", session.0);
                say("upload", transfer.0, size.bytes() as f64, false, name.as_str(), &whose);
            }
            Event::Progress { transfer, bytes, .. } => {
                say("progress", transfer.0, bytes as f64, false, "", "");
            }
            Event::Finished { transfer, bytes, .. } => {
                say("finished", transfer.0, bytes as f64, false, "", "");
            }
            // What became of files is told as the core counts it: `offering`, `served`.
            Event::Declined { .. }
            | Event::CodeExhausted
            | Event::Delivered { .. }
            | Event::Wanted { .. } => {}
            Event::Failed { transfer, name, error, .. } => {
                fail("finished", transfer.0, 0.0, name.as_str(), &error);
            }
            Event::Notice { text, .. } => say("notice", 0, 0.0, false, &text, ""),
        }
    }
}

/// The driver. A call that fails throws a text: the error's code, a space and its message.
#[wasm_bindgen]
pub struct Host {
    host: host::Host<Outside>,
    code: Option<Code>,
}

#[wasm_bindgen]
impl Host {
    /// `nicks` to be asked for, one a line. `secrets`: this host's own, then 32 bytes of randomness;
    /// none for a host that speaks in the clear. With 32 bytes more, a code is made of them: the host
    /// goes by its nick, whatever `nicks` says, and lets in only who proves to know it. JavaScript is
    /// asked about every call.
    #[wasm_bindgen(constructor)]
    pub fn new(
        nicks: &str,
        secrets: &[u8],
        required: bool,
        outside: Outside,
    ) -> Result<Host, JsValue> {
        let (mut trust, mut code) = (None, None);
        if let Some((secret, rest)) = secrets.split_first_chunk()
            && let Some((seed, rest)) = rest.split_first_chunk()
        {
            let made = Encryption::new(Identity::new(*secret), *seed);
            let mut made = made.with_resume().with_stat().with_batch();
            if let Ok(seed) = rest.try_into() {
                let code = code.insert(Code::random(&mut Entropy::new(seed)));
                made = made.with_code(code.clone());
            }
            trust = Some(if required { made.required() } else { made });
        }
        if trust.is_none() && (required || !secrets.is_empty()) {
            return Err(thrown("misuse", "expected a secret of 32 bytes"));
        }
        let nicks = match &code {
            Some(code) => vec![code.nick().clone()],
            None => nicks.split('\n').map(nick).collect::<Result<_, _>>()?,
        };
        let config = Config { nicks, calls: CallPolicy::Ask, ..Config::default() };
        let mut host = host::Host::new(config, trust, outside);
        if code.is_some() {
            host.serve_by_code();
        }
        Ok(Self { host, code })
    }

    /// This host's key, empty for one that speaks in the clear; a space; and its code, if it has one.
    pub fn known_by(&self) -> String {
        let mut text = self.host.key().map(|key| key.to_string()).unwrap_or_default();
        text.push(' ');
        text.extend(self.code.as_ref().map(Code::to_string));
        text
    }

    /// Does what the method of [`host::Host`] with this name does. Whose it is and what is to say of
    /// it come as in `tell`, and as `driver.js` lists them. Returns the session or transfer that it
    /// began, 1 for yes, or 0. One function for all, because each that JavaScript sees takes as many bytes.
    pub fn command(
        &mut self,
        command: &str,
        id: f64,
        number: f64,
        text: &str,
        more: &str,
    ) -> Result<f64, JsValue> {
        let host = &mut self.host;
        let (session, transfer) = (SessionId(id as u64), TransferId(id as u64));
        let mut began = 0;
        match command {
            "start" => host.start(),
            "stop" => host.stop(),
            "opened" => host.opened(),
            "lost" => host.lost(text),
            "turn" => host.turn(),
            "who" => host.who().map_err(misuse)?,
            "open" if Code::looks_like(text) => {
                let code =
                    Code::parse(text).map_err(|error| thrown("misuse", &error.to_string()))?;
                began = host.open_code(code).map_err(misuse)?.0;
            }
            "open" => began = host.open(nick(text)?).map_err(misuse)?.0,
            "answer" => host.answer(session, number != 0.0).map_err(misuse)?,
            "know" => {
                let key = (!more.is_empty()).then(|| PublicKey::parse(more)).transpose();
                let key = key.map_err(|error| thrown("misuse", &error.to_string()))?;
                host.know(nick(text)?, key);
            }
            "list" => host.list(session).map_err(misuse)?,
            "took" => host.took(session, number as usize),
            "check" => host.check(session, file_name(text)?).map_err(misuse)?,
            "get" => {
                let file = |(name, size)| {
                    let size = Size::parse(size)
                        .ok_or_else(|| thrown("misuse", "expected a size in bytes"))?;
                    Ok((file_name(name)?, size, Stat::default()))
                };
                let files = text.split('\n').zip(more.split('\n')).map(file);
                let files = files.collect::<Result<_, JsValue>>()?;
                let all = host.get_all(session, files).map_err(misuse)?;
                began = all.first().map_or(0, |first| first.0);
            }
            "offer" => began = host.offer(session, listed(text, more)?).map_err(misuse)?,
            "announce" => {
                let (bytes, here) = more.split_once(' ').unwrap_or((more, ""));
                let (bytes, here) = (whole(bytes)?, whole(here)?);
                let want = Want { files: number as u64, bytes, already_stored: here };
                host.announce(session, want).map_err(misuse)?;
            }
            "stored" => host.stored(transfer),
            "unstored" => host.unstored(transfer, NotStored::parse(text), more),
            "decline" => host.decline(session, &file_name(text)?).map_err(misuse)?,
            "is-code" => began = Code::looks_like(text).into(),
            "want" => host.want(transfer),
            "unread" => host.unread(transfer, text),
            "looked" => host.looked(transfer, number != 0.0),
            "cancel" => host.cancel(transfer).map_err(misuse)?,
            "end" => host.end(session).map_err(misuse)?,
            "share" => {
                let stat = Stat { modified: more.parse().ok(), ..Stat::default() };
                if !host.share(file_name(text)?, number as u64, stat) {
                    return Err(thrown("misuse", "expected a name that is not shared yet"));
                }
            }
            "unshare" => host.unshare(text),
            _ => return Err(thrown("misuse", "expected a command")),
        }
        Ok(began as f64)
    }

    /// As [`host::Host::received`].
    pub fn received(&mut self, message: Vec<u8>) {
        self.host.received(message);
    }

    /// As [`host::Host::supply`].
    pub fn supply(&mut self, transfer: f64, piece: Vec<u8>) -> bool {
        self.host.supply(TransferId(transfer as u64), piece)
    }

    /// When to turn, on the clock of `now`; infinite for never.
    pub fn deadline(&self) -> f64 {
        // Rounded up: a moment too early would be in vain.
        self.host.next_deadline().map_or(f64::INFINITY, |at| millis(at) + 1.0)
    }
}

fn millis(time: Duration) -> f64 {
    // No time here is longer than a u64 of milliseconds, which is shorter to convert.
    time.as_millis() as u64 as f64
}

fn nick(text: &str) -> Result<Nick, JsValue> {
    Nick::parse(text).map_err(|error| thrown("misuse", &error.to_string()))
}

fn file_name(text: &str) -> Result<FileName, JsValue> {
    FileName::new(text).map_err(|error| thrown("policy", &error.to_string()))
}

/// Files to offer: a name a line, and a size a line, with when it was changed, if that is known.
fn listed(names: &str, sizes: &str) -> Result<Vec<SharedFile>, JsValue> {
    let names = names.split('\n').map(file_name).collect::<Result<Vec<_>, _>>()?;
    let mut sizes = sizes.split('\n').map(|line| line.split_once(' ').unwrap_or((line, "")));
    let with_size = |name| {
        let (size, modified) = sizes.next().unwrap_or_default();
        let size = size.parse().map_err(|_| thrown("misuse", "expected a size for each name"))?;
        let stat = Stat { modified: modified.parse().ok(), ..Stat::default() };
        Ok::<_, JsValue>(SharedFile { name, size: Size::Exact(size), stat })
    };
    let files = names.into_iter().map(with_size).collect::<Result<_, _>>()?;
    // A name with a line end in it would be two.
    if sizes.next().is_some() {
        return Err(thrown("misuse", "expected a name for each size"));
    }
    Ok(files)
}

fn whole(number: &str) -> Result<u64, JsValue> {
    number.parse().map_err(|_| thrown("misuse", "expected a whole number"))
}

/// Files and bytes of an outcome, in the order in which `delivery.js` reads them.
fn counts(outcome: &Outcome) -> String {
    let Outcome { stored, handed_over, bytes, already_present, declined, .. } = outcome;
    let missing = outcome.missing_count();
    let failed = missing - outcome.not_requested;
    format!("{stored} {handed_over} {bytes} {already_present} {declined} {failed} {missing}")
}

/// The files that are missing: a name and a reason a line.
fn missing(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (name, fate) in outcome.missing() {
        text.push_str(name.as_str());
        // No name has one in it.
        text.push('\t');
        text.push_str(&fate.to_string().replace('\n', " "));
        text.push('\n');
    }
    text
}

fn misuse(error: MisuseError) -> JsValue {
    let code = if error == MisuseError::Offline { "unreachable" } else { "misuse" };
    thrown(code, &error.to_string())
}

fn thrown(code: &str, message: &str) -> JsValue {
    format!("{code} {message}").into()
}
