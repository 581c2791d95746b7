//! The driver as JavaScript sees it: numbers, texts and bytes.

use std::time::Duration;

use wasm_bindgen::prelude::*;
use xcher_core::peer::{Calls, Config, Direction, Event, Fault, SessionId, TransferId};
use xcher_core::{FileName, MisuseError, Nick, Size};

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
    fn read(this: &Outside, transfer: f64, from: f64, length: f64);
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

    fn read(&self, transfer: TransferId, from: u64, length: usize) {
        self.read(transfer.0 as f64, from as f64, length as f64);
    }

    fn take(&self, transfer: TransferId, bytes: &[u8]) {
        self.take(transfer.0 as f64, bytes);
    }

    fn tell(&self, event: Event, lost: bool) {
        let say = |event: &str, id: u64, number: f64, flag: bool, text: &str, more: &str| {
            self.tell(event, id as f64, number, flag, text, more, "");
        };
        let fail = |event: &str, id: u64, number: f64, more: &str, fault: &Fault| {
            let code = match fault {
                // Here the bridge listens, and it is gone.
                Fault::Local(_) if lost => "unreachable",
                fault => fault.code(),
            };
            self.tell(event, id as f64, number, false, &fault.to_string(), more, code);
        };
        match event {
            Event::Online { nick } => say("online", 0, 0.0, false, nick.as_str(), ""),
            Event::Offline { fault, retry } => {
                let retry = retry.map_or(f64::NAN, |retry| retry.as_millis() as f64);
                fail("offline", 0, retry, "", &fault);
            }
            Event::Nick { nick } => say("nick", 0, 0.0, false, nick.as_str(), ""),
            Event::NicksEnd => say("nicks", 0, 0.0, false, "", ""),
            Event::Call { session, from, nick } => {
                let nick = nick.as_ref().map_or("", Nick::as_str);
                say("call", session.0, 0.0, true, &from.to_string(), nick);
            }
            Event::CallRefused { from, fault } => {
                fail("refused", 0, 0.0, &from.to_string(), &fault);
            }
            Event::Opened { session, peer, nick, called } => {
                let nick = nick.as_ref().map_or("", Nick::as_str);
                say("opened", session.0, 0.0, called, &peer.to_string(), nick);
            }
            Event::OpenFailed { session, fault } => fail("ended", session.0, 0.0, "", &fault),
            Event::Ended { session, fault: Some(fault) } => {
                fail("ended", session.0, 0.0, "", &fault);
            }
            Event::Ended { session, fault: None } => say("ended", session.0, 0.0, true, "", ""),
            Event::Entry { session, name, size } => {
                let (bytes, approximate) = (size.bytes() as f64, size.exact().is_none());
                let spelled = if approximate { &*size.to_string() } else { "" };
                say("entry", session.0, bytes, approximate, name.as_str(), spelled);
            }
            Event::BadEntry { why, .. } => say("notice", 0, 0.0, false, &why, ""),
            Event::ListEnd { session, .. } => say("listed", session.0, 0.0, false, "", ""),
            Event::Checked { session, name, yes } => {
                say("checked", session.0, 0.0, yes, &name, "");
            }
            Event::Started { transfer, session, direction, name, size } => {
                if direction == Direction::Send {
                    let (session, bytes) = (session.0.to_string(), size.bytes() as f64);
                    say("upload", transfer.0, bytes, false, name.as_str(), &session);
                }
            }
            Event::Progress { transfer, bytes } => {
                say("progress", transfer.0, bytes as f64, false, "", "");
            }
            Event::Finished { transfer, bytes, .. } => {
                say("finished", transfer.0, bytes as f64, true, "", "");
            }
            Event::Failed { transfer, fault, .. } => fail("finished", transfer.0, 0.0, "", &fault),
            Event::Notice { text, .. } => say("notice", 0, 0.0, false, &text, ""),
        }
    }
}

/// The driver. A call that fails throws a text: the error's code, a space and its message.
#[wasm_bindgen]
pub struct Host(host::Host<Outside>);

#[wasm_bindgen]
impl Host {
    /// `nicks` to be asked for, one a line. JavaScript is asked about every call.
    #[wasm_bindgen(constructor)]
    pub fn new(nicks: &str, outside: Outside) -> Result<Host, JsValue> {
        let nicks = nicks.split('\n').map(nick).collect::<Result<_, _>>()?;
        let config = Config { nicks, calls: Calls::Ask, ..Config::default() };
        Ok(Self(host::Host::new(config, outside)))
    }

    /// As [`host::Host::start`].
    pub fn start(&mut self) {
        self.0.start();
    }

    /// As [`host::Host::stop`].
    pub fn stop(&mut self) {
        self.0.stop();
    }

    /// As [`host::Host::opened`].
    pub fn opened(&mut self) {
        self.0.opened();
    }

    /// As [`host::Host::received`].
    pub fn received(&mut self, message: Vec<u8>) {
        self.0.received(message);
    }

    /// As [`host::Host::lost`].
    pub fn lost(&mut self, why: &str) {
        self.0.lost(why);
    }

    /// As [`host::Host::turn`].
    pub fn turn(&mut self) {
        self.0.turn();
    }

    /// When to turn, on the clock of `now`; infinite for never.
    pub fn deadline(&self) -> f64 {
        // Rounded up: a moment too early would be in vain.
        self.0.next_deadline().map_or(f64::INFINITY, |at| at.as_millis() as f64 + 1.0)
    }

    /// As [`host::Host::who`].
    pub fn who(&mut self) -> Result<(), JsValue> {
        self.0.who().map_err(misuse)
    }

    /// As [`host::Host::open`].
    pub fn open(&mut self, whom: &str) -> Result<f64, JsValue> {
        let whom = nick(whom)?;
        self.0.open(whom).map(|session| session.0 as f64).map_err(misuse)
    }

    /// As [`host::Host::answer`].
    pub fn answer(&mut self, session: f64, accept: bool) -> Result<(), JsValue> {
        self.0.answer(SessionId(session as u64), accept).map_err(misuse)
    }

    /// As [`host::Host::list`].
    pub fn list(&mut self, session: f64) -> Result<(), JsValue> {
        self.0.list(SessionId(session as u64)).map_err(misuse)
    }

    /// As [`host::Host::took`].
    pub fn took(&mut self, session: f64, entries: u32) {
        self.0.took(SessionId(session as u64), entries as usize);
    }

    /// As [`host::Host::check`].
    pub fn check(&mut self, session: f64, name: &str) -> Result<(), JsValue> {
        let name = file_name(name)?;
        self.0.check(SessionId(session as u64), name).map_err(misuse)
    }

    /// As [`host::Host::get`]; `size` as it was listed.
    pub fn get(&mut self, session: f64, name: &str, size: &str) -> Result<f64, JsValue> {
        let name = file_name(name)?;
        let size = Size::parse(size).ok_or_else(|| thrown("misuse", "expected a size in bytes"))?;
        let transfer = self.0.get(SessionId(session as u64), name, size);
        transfer.map(|transfer| transfer.0 as f64).map_err(misuse)
    }

    /// As [`host::Host::want`].
    pub fn want(&mut self, transfer: f64) {
        self.0.want(TransferId(transfer as u64));
    }

    /// As [`host::Host::supply`].
    pub fn supply(&mut self, transfer: f64, piece: Vec<u8>) {
        self.0.supply(TransferId(transfer as u64), piece);
    }

    /// As [`host::Host::unread`].
    pub fn unread(&mut self, transfer: f64, why: &str) {
        self.0.unread(TransferId(transfer as u64), why);
    }

    /// As [`host::Host::cancel`].
    pub fn cancel(&mut self, transfer: f64) -> Result<(), JsValue> {
        self.0.cancel(TransferId(transfer as u64)).map_err(misuse)
    }

    /// As [`host::Host::end`].
    pub fn end(&mut self, session: f64) -> Result<(), JsValue> {
        self.0.end(SessionId(session as u64)).map_err(misuse)
    }

    /// As [`host::Host::share`].
    pub fn share(&mut self, name: &str, size: f64) -> Result<(), JsValue> {
        let new = self.0.share(file_name(name)?, size as u64);
        if new { Ok(()) } else { Err(thrown("misuse", "expected a name that is not shared yet")) }
    }

    /// As [`host::Host::unshare`].
    pub fn unshare(&mut self, name: &str) {
        self.0.unshare(name);
    }
}

fn nick(text: &str) -> Result<Nick, JsValue> {
    Nick::parse(text).map_err(|error| thrown("misuse", &error.to_string()))
}

fn file_name(text: &str) -> Result<FileName, JsValue> {
    FileName::new(text).map_err(|error| thrown("policy", &error.to_string()))
}

fn misuse(error: MisuseError) -> JsValue {
    let code = if error == MisuseError::Offline { "unreachable" } else { "misuse" };
    thrown(code, &error.to_string())
}

fn thrown(code: &str, message: &str) -> JsValue {
    format!("{code} {message}").into()
}
