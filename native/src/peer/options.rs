//! Options of a peer.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use xcher_core::code::Code;
use xcher_core::peer::{CallPolicy, Config};
use xcher_core::{Device, Limits, Nick, peer};

use super::{Error, ErrorCode};
use crate::RelayAddress;
use crate::data::Rate;
use crate::files::{Inbox, InboxOptions, OnConflict, Shares};
use crate::host::{EncryptionSetup, IrcOptions, Rates, Setup, Sink, TlsRoots};

/// How a [`Peer`](super::Peer) behaves. [`Options::new`] has the defaults of the program: calls are accepted,
/// sessions are encrypted where the peer supports it, and nothing is received until [`save_to`](Self::save_to)
/// names a folder.
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    nicks: Vec<String>,
    save_to: Option<PathBuf>,
    on_conflict: OnConflict,
    data_dir: Option<PathBuf>,
    encryption: Encryption,
    device: Option<Device>,
    calls: CallPolicy,
    allow_private: bool,
    near: bool,
    punch: bool,
    #[cfg(feature = "map-ports")]
    map_ports: bool,
    advertise: Option<IpAddr>,
    path: Option<peer::Path>,
    token: Option<String>,
    irc: IrcOptions,
    tls_ca: Option<PathBuf>,
    timeout: Duration,
    send_rate: Option<NonZeroU64>,
    receive_rate: Option<NonZeroU64>,
}

/// Whether sessions are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encryption {
    /// Encrypt with every peer that supports it.
    #[default]
    Prefer,
    /// Refuse sessions that are not encrypted.
    Require,
    /// Use the base protocol only.
    Disable,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nicks: Vec::new(),
            save_to: None,
            on_conflict: OnConflict::default(),
            data_dir: None,
            encryption: Encryption::Prefer,
            device: None,
            calls: CallPolicy::Accept,
            allow_private: false,
            near: true,
            punch: true,
            #[cfg(feature = "map-ports")]
            map_ports: false,
            advertise: None,
            path: None,
            token: None,
            irc: IrcOptions::default(),
            tls_ca: None,
            timeout: Duration::from_secs(30),
            send_rate: None,
            receive_rate: None,
        }
    }
}

impl Options {
    /// Returns the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the relay for this nick: 1 to 32 characters without white space. Called more than once, it adds
    /// an alternative, tried in order. Without any, the nick is random.
    pub fn nick(mut self, nick: impl Into<String>) -> Self {
        self.nicks.push(nick.into());
        self
    }

    /// Stores received files in this folder, which is created if needed.
    pub fn save_to(mut self, folder: impl Into<PathBuf>) -> Self {
        self.save_to = Some(folder.into());
        self
    }

    /// Decides what happens if the name of a received file is taken; by default it gets a number.
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// Keeps this host's key and its pinned keys in this folder, so that peers recognise it and it recognises
    /// them. Without it the key lasts as long as the peer. The program's own folder is
    /// [`keys::usual_folder`](crate::keys::usual_folder).
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(folder.into());
        self
    }

    /// Sets whether sessions are encrypted.
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = encryption;
        self
    }

    /// Tells the peers of encrypted sessions which device this is, and with them whoever watches the network
    /// (PROTOCOL.md, section 9.3). By default it is not told.
    pub fn device(mut self, device: Device) -> Self {
        self.device = Some(device);
        self
    }

    /// Decides about incoming calls: accept them (the default), report each as
    /// [`Event::Call`](super::Event::Call), or ignore them.
    pub fn calls(mut self, calls: CallPolicy) -> Self {
        self.calls = calls;
        self
    }

    /// Accepts calls from private addresses over any relay (PROTOCOL.md, section 6).
    pub fn allow_private(mut self, allow: bool) -> Self {
        self.allow_private = allow;
        self
    }

    /// Sets whether a host behind the same NAT is connected to at its private address (PROTOCOL.md, section
    /// 5.7), as it is by default.
    pub fn near(mut self, near: bool) -> Self {
        self.near = near;
        self
    }

    /// Sets whether a host behind another NAT is connected to by hole punching (PROTOCOL.md, section 5.8), as it
    /// is by default.
    pub fn punch(mut self, punch: bool) -> Self {
        self.punch = punch;
        self
    }

    /// Asks the router to forward ports to this host, by PCP or NAT-PMP, so that hosts elsewhere can connect to
    /// it. The ports are used only if the router's external address is the one that the relay sees.
    #[cfg(feature = "map-ports")]
    pub fn map_ports(mut self, map: bool) -> Self {
        self.map_ports = map;
        self
    }

    /// Names this address in calls instead of the one that the relay sees.
    pub fn advertise(mut self, ip: IpAddr) -> Self {
        self.advertise = Some(ip);
        self
    }

    /// Uses one path only, instead of a direct connection with the bridge as the alternative. The direct path
    /// includes hole punching.
    pub fn only(mut self, path: peer::Path) -> Self {
        self.path = Some(path);
        self
    }

    /// Shows this token to the bridge.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets how to use the IRC server, for a relay such as `ircs://irc.example/#files`. Calls there are never
    /// accepted without asking ([`Event::Call`](super::Event::Call)), except by a peer that waits for a code.
    pub fn irc(mut self, options: IrcOptions) -> Self {
        self.irc = options;
        self
    }

    /// Trusts the certificates of this PEM file for the TLS of a bridge or an IRC server, instead of the system's.
    pub fn tls_ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.tls_ca = Some(file.into());
        self
    }

    /// Limits the time to connect and to open a session, 30 s by default; stalled transfers get twice this.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Limits all sent files together, in bytes per second.
    pub fn send_rate(mut self, bytes_per_second: NonZeroU64) -> Self {
        self.send_rate = Some(bytes_per_second);
        self
    }

    /// Limits all received files together, in bytes per second.
    pub fn receive_rate(mut self, bytes_per_second: NonZeroU64) -> Self {
        self.receive_rate = Some(bytes_per_second);
        self
    }

    pub(super) fn folder(&self) -> Option<&Path> {
        self.save_to.as_deref()
    }

    /// Opens what the options name. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Misuse`] for a nick or a relay's address that is invalid, [`ErrorCode::Local`] for files
    /// that cannot be used.
    pub(super) fn setup(
        &self,
        relay: &str,
        code: Option<&Code>,
        shares: Shares,
    ) -> Result<Setup, Error> {
        let misuse = |error: String| Error::new(ErrorCode::Misuse, error);
        let relay: RelayAddress = relay.parse().map_err(misuse)?;
        if relay.is_lan() {
            return Err(Error::misuse("a peer needs a relay; `lan` is for the command line"));
        }
        let nicks = match code {
            Some(code) => vec![code.nick().clone()],
            None => self.nicks()?,
        };
        let tls_roots =
            self.tls_ca.as_deref().map_or_else(|| Ok(TlsRoots::default()), TlsRoots::only);
        let taking = InboxOptions { on_conflict: self.on_conflict, ..InboxOptions::default() };
        let sink = match &self.save_to {
            Some(folder) => Sink::Folder(Inbox::open(folder, taking).map_err(Error::local)?),
            None => Sink::Nowhere,
        };
        let via = relay
            .path_policy(self.path)
            .ok_or_else(|| Error::misuse("a path through the bridge needs the bridge's URL"))?;
        Ok(Setup {
            config: Config {
                nicks,
                calls: self.calls,
                allow_private: self.allow_private,
                near: self.near,
                punch: self.punch,
                via,
                advertise: self.advertise,
                limits: Limits::with_timeout(self.timeout),
                ..Config::default()
            },
            token: self.token.clone(),
            irc: self.irc.clone(),
            tls_roots: tls_roots.map_err(|error| Error::new(ErrorCode::Local, error))?,
            encryption: self.encryption_setup(&relay, code)?,
            shares,
            sink,
            #[cfg(feature = "map-ports")]
            map_ports: self.map_ports,
            rates: Rates { send: Rate::new(self.send_rate), receive: Rate::new(self.receive_rate) },
            relay,
        })
    }

    fn nicks(&self) -> Result<Vec<Nick>, Error> {
        let misuse = |error| Error::new(ErrorCode::Misuse, format!("{error}"));
        if self.nicks.is_empty() {
            let random = || Nick::parse(&format!("guest-{}", fastrand::u32(100_000..1_000_000)));
            return (0..4).map(|_| random().map_err(misuse)).collect();
        }
        self.nicks.iter().map(|nick| Nick::parse(nick).map_err(misuse)).collect()
    }

    fn encryption_setup(
        &self,
        relay: &RelayAddress,
        code: Option<&Code>,
    ) -> Result<Option<EncryptionSetup>, Error> {
        let encryption = match (self.encryption, &self.data_dir) {
            (Encryption::Disable, _) if code.is_some() => {
                return Err(Error::misuse("a code requires encryption"));
            }
            (Encryption::Disable, _) => return Ok(None),
            (_, Some(folder)) => EncryptionSetup::load(folder, relay),
            (_, None) => EncryptionSetup::for_this_run(None, relay),
        };
        let mut encryption = encryption.map_err(Error::local)?;
        if let Some(device) = self.device {
            encryption = encryption.with_device(device);
        }
        let encryption = match self.encryption {
            Encryption::Require => encryption.required(),
            Encryption::Prefer | Encryption::Disable => encryption,
        };
        Ok(Some(match code {
            Some(code) => encryption.with_code(code.clone()),
            None => encryption,
        }))
    }
}
