//! The driver as the package's `driver.js` sees it.

mod command;
mod environment;
mod package;
mod rules;

use std::time::Duration;

use wasm_bindgen::prelude::*;
use xcher_core::code::Code;
use xcher_core::peer::{Action, CallPolicy, Config, Encryption, LinkPolicy, SessionId, TransferId};
use xcher_core::secure::{Entropy, Identity, PublicKey};
use xcher_core::session::Want;
use xcher_core::{
    Device, FileName, Kind as FileKind, MisuseError, Nick, NotStored, Peer, SharedFile, Size, Stat,
};

use crate::host;
use command::{Fields, Kind};
use environment::{Package, millis};
use package::{Driver, Events};

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
    /// `trust` has its long-term `secret` and a random `seed`, each of 32 bytes, or empty for a host whose
    /// sessions are unencrypted; `required` if they must be encrypted; `links`, 1 for links by WebRTC where the
    /// bridge is slow, 2 for always; `device`, the one to name, empty for none. With 32 bytes in `codeSeed`, the host
    /// makes a code of them, goes by its nick instead of `nicks`, and admits only callers who prove that they
    /// know it.
    #[wasm_bindgen(constructor)]
    pub fn new(
        nicks: &Fields,
        trust: &Fields,
        driver: Driver,
        events: Events,
    ) -> Result<Host, JsValue> {
        let package = Package { driver, events };
        let (mut encryption, mut code) = (None, None);
        let (secret, required) = (trust.bytes("secret"), trust.flag("required"));
        if let (Ok(secret), Ok(seed)) = (secret[..].try_into(), trust.bytes("seed")[..].try_into())
        {
            let made = Encryption::new(Identity::new(secret), seed);
            let mut made = made.with_resume().with_stat().with_texts().with_batch();
            made = made.with_links(match trust.number("links") {
                1.0 => LinkPolicy::Auto,
                2.0 => LinkPolicy::Always,
                _ => LinkPolicy::Never,
            });
            if let Some(device) = Device::parse(&trust.text("device")) {
                made = made.with_device(device);
            }
            if let Ok(seed) = trust.bytes("codeSeed")[..].try_into() {
                let code = code.insert(Code::random(&mut Entropy::new(seed)));
                made = made.with_code(code.clone());
            }
            encryption = Some(if required { made.required() } else { made });
        } else if required || !secret.is_empty() {
            return Err(package.driver.error("misuse", "encryption needs a secret and a seed"));
        }
        let nicks = match &code {
            Some(code) => vec![code.nick().clone()],
            None => {
                let count = nicks.number("length") as usize;
                let nicks = (0..count).map(|at| Nick::parse(&nicks.text(&at.to_string())));
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

    /// Takes a message that arrived over the WebSocket of a tunnel.
    pub fn received(&mut self, tunnel: u32, message: Vec<u8>) {
        self.host.received(tunnel, message);
    }

    /// Takes bytes of a file: see [`host::Host::supply`].
    pub fn supply(&mut self, transfer: f64, piece: Vec<u8>) -> bool {
        self.host.supply(TransferId(transfer as u64), piece)
    }

    /// Returns the time at which to turn, on the clock of `now`; infinite for never.
    pub fn deadline(&self) -> f64 {
        // Rounded up: a turn a moment too early would be in vain.
        self.host.next_deadline().map_or(f64::INFINITY, |at| millis(at) + 1.0)
    }

    /// Carries out a command. Returns the session, transfer or offer that it began, otherwise 0. One function
    /// for all of them, because each exported function adds to the size of the package.
    pub fn command(&mut self, kind: Kind, fields: &Fields) -> Result<f64, JsValue> {
        let (session, transfer) = (fields.session(), fields.transfer());
        let tunnel = fields.number("tunnel") as u32;
        match kind {
            Kind::Start => self.host.command(Peer::start),
            Kind::Stop => self.host.stop(),
            Kind::Described => self.host.described(tunnel, &fields.text("message")),
            Kind::Opened => self.host.opened(tunnel),
            Kind::Lost => self.host.lost(tunnel, &fields.text("message")),
            Kind::Turn => self.host.turn(),
            Kind::Who => self.peer(Peer::who)?,
            Kind::Open => return self.open(&fields.text("nick")),
            Kind::Answer if fields.flag("accept") => {
                self.peer(|peer, now, actions| peer.accept(session, now, actions))?;
            }
            Kind::Answer => self.peer(|peer, now, actions| peer.reject(session, now, actions))?,
            Kind::SetPin => self.set_pin(&fields.text("nick"), &fields.text("key"))?,
            Kind::List => self.peer(|peer, now, actions| peer.list(session, now, actions))?,
            Kind::EntriesRead => self.host.entries_read(session, fields.number("entries") as usize),
            Kind::Check => {
                let name = self.file_name(&fields.text("name"))?;
                self.peer(|peer, now, actions| peer.check(session, name, now, actions))?;
            }
            Kind::AddFile => {
                let file = self.file(fields).inspect_err(|_| self.files.clear())?;
                self.files.push(file);
            }
            Kind::Get => return self.get(session),
            Kind::Offer => {
                let files = std::mem::take(&mut self.files);
                let offer = self.host.offer(session, files);
                return self.check_use(offer).map(|offer| offer as f64);
            }
            Kind::Decline => {
                let name = self.file_name(&fields.text("name"))?;
                self.peer(|peer, now, actions| peer.decline(session, &name, now, actions))?;
            }
            Kind::Announce => {
                let (files, bytes) = (fields.number("files") as u64, fields.number("bytes") as u64);
                let want = Want { files, bytes, already_stored: fields.number("here") as u64 };
                self.peer(|peer, now, actions| peer.want(session, want, now, actions))?;
            }
            Kind::Stored => self.host.stored(transfer),
            Kind::Defer => self.host.defer(transfer),
            Kind::NotStored => {
                self.not_stored(transfer, &fields.text("reason"), &fields.text("message"))?
            }
            Kind::ReadMore => self.host.read_more(transfer),
            Kind::ReadFailed => self.host.read_failed(transfer, &fields.text("message")),
            Kind::PrefixEnd => self.host.prefix_end(transfer, fields.flag("complete")),
            Kind::Cancel => self.peer(|peer, now, actions| peer.cancel(transfer, now, actions))?,
            Kind::End => self.peer(|peer, now, actions| peer.end(session, now, actions))?,
            Kind::Share => {
                let SharedFile { name, size, stat } = self.file(fields)?;
                if !self.host.share(name, size.bytes(), stat) {
                    return Err(self.misuse("a file of this name is shared: stop that one first"));
                }
            }
            Kind::Unshare => self.host.unshare(&fields.text("name")),
            Kind::__Invalid => return Err(self.misuse("unknown command")),
        }
        Ok(0.0)
    }
}

impl Host {
    fn open(&mut self, nick_or_code: &str) -> Result<f64, JsValue> {
        let session = if Code::looks_like(nick_or_code) {
            let code = Code::parse(nick_or_code).map_err(|error| self.misuse(error))?;
            self.peer(|peer, now, actions| peer.open_code(code, now, actions))?
        } else {
            let nick = self.nick(nick_or_code)?;
            self.peer(|peer, now, actions| peer.open(nick, now, actions))?
        };
        Ok(session.0 as f64)
    }

    fn set_pin(&mut self, nick: &str, key: &str) -> Result<(), JsValue> {
        let key = (!key.is_empty()).then(|| PublicKey::parse(key)).transpose();
        let key = key.map_err(|error| self.misuse(error))?;
        let nick = self.nick(nick)?;
        self.host.command(|peer, _, _| peer.set_pin(nick, key));
        Ok(())
    }

    fn get(&mut self, session: SessionId) -> Result<f64, JsValue> {
        let files = std::mem::take(&mut self.files).into_iter();
        let files = files.map(|SharedFile { name, size, stat }| (name, size, stat)).collect();
        let transfers =
            self.peer(|peer, now, actions| peer.get_all(session, files, now, actions))?;
        Ok(transfers.first().map_or(0, |first| first.0) as f64)
    }

    fn not_stored(&mut self, transfer: TransferId, reason: &str, why: &str) -> Result<(), JsValue> {
        let known = NotStored::parse(reason);
        if known.as_str() != reason {
            return Err(self.misuse("the reason is not one of the type NotStored"));
        }
        self.host.not_stored(transfer, known, why);
        Ok(())
    }

    fn peer<T>(
        &mut self,
        decide: impl FnOnce(&mut Peer, Duration, &mut Vec<Action>) -> Result<T, MisuseError>,
    ) -> Result<T, JsValue> {
        let result = self.host.command(decide);
        self.check_use(result)
    }

    fn file(&self, fields: &Fields) -> Result<SharedFile, JsValue> {
        let name = self.file_name(&fields.text("name"))?;
        let size = Size::parse(&fields.text("size"));
        let size = size.ok_or_else(|| self.misuse("the size of a file is invalid"))?;
        let modified = fields.number("modified");
        let modified = (!modified.is_nan()).then_some(modified as _);
        // Without the field it is NaN.
        let is = |field| fields.number(field) == 1.0;
        let kind = if is("folder") { FileKind::Folder } else { FileKind::File };
        Ok(SharedFile {
            name,
            size,
            stat: Stat { modified, kind, text: is("text"), ..Stat::default() },
        })
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
