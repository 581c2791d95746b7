//! The driver as the package's `driver.js` sees it.

mod environment;
mod rules;

use wasm_bindgen::prelude::*;
use xcher_core::code::Code;
use xcher_core::peer::{CallPolicy, Config, Encryption, SessionId, TransferId};
use xcher_core::secure::{Entropy, Identity, PublicKey};
use xcher_core::session::Want;
use xcher_core::{FileName, MisuseError, Nick, NotStored, SharedFile, Size, Stat};

use crate::host;
use environment::{Driver, Events, Package, millis};

/// The driver. A call that fails throws an error of the package. Sessions and transfers go by their
/// numbers; sizes are in bytes.
#[wasm_bindgen]
pub struct Host {
    host: host::Host<Package>,
    code: Option<Code>,
    /// Files for the next `offer` or `get`.
    files: Vec<SharedFile>,
}

#[wasm_bindgen]
impl Host {
    /// Creates a host that goes by the first of `nicks` that is free, and asks about every call.
    ///
    /// `secret` is its long-term secret and `seed` 32 random bytes; both are empty for a host whose sessions
    /// are unencrypted. With 32 bytes in `code_seed` the host makes a code of them, goes by its nick instead
    /// of `nicks`, and admits only callers who prove that they know it.
    #[wasm_bindgen(constructor)]
    pub fn new(
        nicks: Vec<String>,
        secret: &[u8],
        seed: &[u8],
        code_seed: &[u8],
        encryption_required: bool,
        driver: Driver,
        events: Events,
    ) -> Result<Host, JsValue> {
        let package = Package { driver, events };
        let (mut encryption, mut code) = (None, None);
        if let (Ok(secret), Ok(seed)) = (secret.try_into(), seed.try_into()) {
            let made = Encryption::new(Identity::new(secret), seed);
            let mut made = made.with_resume().with_stat().with_batch();
            if let Ok(seed) = code_seed.try_into() {
                let code = code.insert(Code::random(&mut Entropy::new(seed)));
                made = made.with_code(code.clone());
            }
            encryption = Some(if encryption_required { made.required() } else { made });
        } else if encryption_required || !secret.is_empty() {
            return Err(package.driver.error("misuse", "encryption needs a secret and a seed"));
        }
        let nicks = match &code {
            Some(code) => vec![code.nick().clone()],
            None => {
                let nicks = nicks.iter().map(|text| Nick::parse(text));
                nicks
                    .collect::<Result<_, _>>()
                    .map_err(|error| package.driver.error("misuse", &error.to_string()))?
            }
        };
        let config = Config { nicks, calls: CallPolicy::Ask, ..Config::default() };
        let mut host = host::Host::new(config, encryption, package);
        if code.is_some() {
            host.serve_by_code();
        }
        Ok(Self { host, code, files: Vec::new() })
    }

    /// Returns this host's public key, empty if its sessions are unencrypted.
    pub fn key(&self) -> String {
        self.host.peer().key().map(|key| key.to_string()).unwrap_or_default()
    }

    /// Returns this host's code, empty if it has none.
    pub fn code(&self) -> String {
        self.code.as_ref().map(Code::to_string).unwrap_or_default()
    }

    /// Goes online.
    pub fn start(&mut self) {
        self.host.command(xcher_core::Peer::start);
    }

    /// See [`host::Host::stop`].
    pub fn stop(&mut self) {
        self.host.stop();
    }

    /// See [`host::Host::opened`].
    pub fn opened(&mut self) {
        self.host.opened();
    }

    /// See [`host::Host::received`].
    pub fn received(&mut self, message: Vec<u8>) {
        self.host.received(message);
    }

    /// See [`host::Host::lost`].
    pub fn lost(&mut self, why: &str) {
        self.host.lost(why);
    }

    /// See [`host::Host::turn`].
    pub fn turn(&mut self) {
        self.host.turn();
    }

    /// Returns the time at which to call `turn`, on the clock of `now`; infinite for never.
    pub fn deadline(&self) -> f64 {
        // Rounded up: a turn a moment too early would be in vain.
        self.host.next_deadline().map_or(f64::INFINITY, |at| millis(at) + 1.0)
    }

    /// Asks for the nicks at the relay.
    pub fn who(&mut self) -> Result<(), JsValue> {
        let result = self.host.command(xcher_core::Peer::who);
        self.check_use(result)
    }

    /// Calls a nick, or the host with a code. Returns the session.
    pub fn open(&mut self, nick_or_code: &str) -> Result<f64, JsValue> {
        let session = if Code::looks_like(nick_or_code) {
            let code = Code::parse(nick_or_code).map_err(|error| self.misuse(error))?;
            self.host.command(|peer, now, actions| peer.open_code(code, now, actions))
        } else {
            let nick = self.nick(nick_or_code)?;
            self.host.command(|peer, now, actions| peer.open(nick, now, actions))
        };
        self.check_use(session).map(|session| session.0 as f64)
    }

    /// Accepts or rejects a call.
    pub fn answer(&mut self, session: f64, accept: bool) -> Result<(), JsValue> {
        let session = SessionId(session as u64);
        let result = self.host.command(|peer, now, actions| match accept {
            true => peer.accept(session, now, actions),
            false => peer.reject(session, now, actions),
        });
        self.check_use(result)
    }

    /// Sets the key that is pinned for a nick; none if empty.
    #[wasm_bindgen(js_name = setPin)]
    pub fn set_pin(&mut self, nick: &str, key: &str) -> Result<(), JsValue> {
        let key = (!key.is_empty()).then(|| PublicKey::parse(key)).transpose();
        let key = key.map_err(|error| self.misuse(error))?;
        let nick = self.nick(nick)?;
        self.host.command(|peer, _, _| peer.set_pin(nick, key));
        Ok(())
    }

    /// Requests the listing.
    pub fn list(&mut self, session: f64) -> Result<(), JsValue> {
        let session = SessionId(session as u64);
        let result = self.host.command(|peer, now, actions| peer.list(session, now, actions));
        self.check_use(result)
    }

    /// See [`host::Host::entries_read`].
    #[wasm_bindgen(js_name = entriesRead)]
    pub fn entries_read(&mut self, session: f64, entries: f64) {
        self.host.entries_read(SessionId(session as u64), entries as usize);
    }

    /// Asks whether the peer shares a file.
    pub fn check(&mut self, session: f64, name: &str) -> Result<(), JsValue> {
        let (session, name) = (SessionId(session as u64), self.file_name(name)?);
        let result =
            self.host.command(|peer, now, actions| peer.check(session, name, now, actions));
        self.check_use(result)
    }

    /// Adds a file for the next `offer` or `get`, which takes all that were added. `size` is spelled as on
    /// the wire, `modified` in seconds.
    #[wasm_bindgen(js_name = addFile)]
    pub fn add_file(
        &mut self,
        name: &str,
        size: &str,
        modified: Option<f64>,
    ) -> Result<(), JsValue> {
        match self.listed(name, size, modified) {
            Ok(file) => self.files.push(file),
            Err(error) => {
                self.files.clear();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Requests the added files. Returns the transfer of the first; the others are numbered on from it.
    pub fn get(&mut self, session: f64) -> Result<f64, JsValue> {
        let session = SessionId(session as u64);
        let files = std::mem::take(&mut self.files).into_iter();
        let files = files.map(|SharedFile { name, size, stat }| (name, size, stat)).collect();
        let transfers =
            self.host.command(|peer, now, actions| peer.get_all(session, files, now, actions));
        let transfers = self.check_use(transfers)?;
        Ok(transfers.first().map_or(0, |first| first.0) as f64)
    }

    /// Offers the added files. Returns the number of the offer.
    pub fn offer(&mut self, session: f64) -> Result<f64, JsValue> {
        let files = std::mem::take(&mut self.files);
        let offer = self.host.offer(SessionId(session as u64), files);
        self.check_use(offer).map(|offer| offer as f64)
    }

    /// Declines an offered file.
    pub fn decline(&mut self, session: f64, name: &str) -> Result<(), JsValue> {
        let (session, name) = (SessionId(session as u64), self.file_name(name)?);
        let result =
            self.host.command(|peer, now, actions| peer.decline(session, &name, now, actions));
        self.check_use(result)
    }

    /// Announces how many files, and bytes in them, the application wants in a session, and how many of the
    /// files it has already.
    pub fn announce(
        &mut self,
        session: f64,
        files: f64,
        bytes: f64,
        here: f64,
    ) -> Result<(), JsValue> {
        let session = SessionId(session as u64);
        let want = Want { files: files as u64, bytes: bytes as u64, already_stored: here as u64 };
        let result = self.host.command(|peer, now, actions| peer.want(session, want, now, actions));
        self.check_use(result)
    }

    /// See [`host::Host::stored`].
    pub fn stored(&mut self, transfer: f64) {
        self.host.stored(TransferId(transfer as u64));
    }

    /// See [`host::Host::not_stored`]; `reason` is spelled as on the wire.
    #[wasm_bindgen(js_name = notStored)]
    pub fn not_stored(&mut self, transfer: f64, reason: &str, why: &str) -> Result<(), JsValue> {
        let known = NotStored::parse(reason);
        if known.as_str() != reason {
            return Err(self.misuse("the reason is not one of the type NotStored"));
        }
        self.host.not_stored(TransferId(transfer as u64), known, why);
        Ok(())
    }

    /// See [`host::Host::read_more`].
    #[wasm_bindgen(js_name = readMore)]
    pub fn read_more(&mut self, transfer: f64) {
        self.host.read_more(TransferId(transfer as u64));
    }

    /// See [`host::Host::supply`].
    pub fn supply(&mut self, transfer: f64, piece: Vec<u8>) -> bool {
        self.host.supply(TransferId(transfer as u64), piece)
    }

    /// See [`host::Host::read_failed`].
    #[wasm_bindgen(js_name = readFailed)]
    pub fn read_failed(&mut self, transfer: f64, why: &str) {
        self.host.read_failed(TransferId(transfer as u64), why);
    }

    /// See [`host::Host::prefix_end`].
    #[wasm_bindgen(js_name = prefixEnd)]
    pub fn prefix_end(&mut self, transfer: f64, complete: bool) {
        self.host.prefix_end(TransferId(transfer as u64), complete);
    }

    /// Cancels a transfer.
    pub fn cancel(&mut self, transfer: f64) -> Result<(), JsValue> {
        let transfer = TransferId(transfer as u64);
        let result = self.host.command(|peer, now, actions| peer.cancel(transfer, now, actions));
        self.check_use(result)
    }

    /// Ends a session.
    pub fn end(&mut self, session: f64) -> Result<(), JsValue> {
        let session = SessionId(session as u64);
        let result = self.host.command(|peer, now, actions| peer.end(session, now, actions));
        self.check_use(result)
    }

    /// Shares a file; `modified` is in seconds.
    pub fn share(&mut self, name: &str, size: f64, modified: Option<f64>) -> Result<(), JsValue> {
        let name = self.file_name(name)?;
        if self.host.share(name, size as u64, stat(modified)) {
            return Ok(());
        }
        Err(self.misuse("a file of this name is shared already: stop that one first"))
    }

    /// See [`host::Host::unshare`].
    pub fn unshare(&mut self, name: &str) {
        self.host.unshare(name);
    }

    fn listed(&self, name: &str, size: &str, modified: Option<f64>) -> Result<SharedFile, JsValue> {
        let name = self.file_name(name)?;
        let size = Size::parse(size).ok_or_else(|| self.misuse("the size of a file is invalid"))?;
        Ok(SharedFile { name, size, stat: stat(modified) })
    }

    fn nick(&self, text: &str) -> Result<Nick, JsValue> {
        Nick::parse(text).map_err(|error| self.misuse(error))
    }

    fn file_name(&self, text: &str) -> Result<FileName, JsValue> {
        FileName::new(text).map_err(|error| self.error("policy", error))
    }

    fn check_use<T>(&self, result: Result<T, MisuseError>) -> Result<T, JsValue> {
        result.map_err(|error| match error {
            MisuseError::Offline => self.error("unreachable", error),
            _ => self.misuse(error),
        })
    }

    fn misuse(&self, message: impl ToString) -> JsValue {
        self.error("misuse", message)
    }

    fn error(&self, code: &str, message: impl ToString) -> JsValue {
        self.host.environment().driver.error(code, &message.to_string())
    }
}

fn stat(modified: Option<f64>) -> Stat {
    Stat { modified: modified.map(|seconds| seconds as _), ..Stat::default() }
}
