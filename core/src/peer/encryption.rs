//! Encryption on this host: its keys, the keys it pins, and its code (sections 11 and 12).

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use litemap::LiteMap;

use super::session_entry::{Authentication, Call};
use super::{LinkPolicy, Path};
use crate::code::{Code, MAX_TRIES};
use crate::secure::{Entropy, Identity, PublicKey, Side, relay_key};
use crate::session::{Extensions, Terms};
use crate::{Device, Limits, Nick, Session};

/// The keys, pins and code of a host with encrypted sessions.
#[derive(Debug)]
pub struct Encryption {
    identity: Arc<Identity>,
    entropy: Entropy,
    extensions: Extensions,
    required: bool,
    links: LinkPolicy,
    device: Option<Device>,
    /// By the nick in lower case.
    pins: LiteMap<Box<str>, PublicKey>,
    /// The code that callers must prove, and the identity shown to them.
    code: Option<(Code, Arc<Identity>)>,
    wrong_codes: u32,
}

impl Encryption {
    /// Encrypts with this host's key; `seed` is 32 bytes of the system's randomness.
    pub fn new(identity: Identity, seed: [u8; 32]) -> Self {
        Self {
            identity: Arc::new(identity),
            entropy: Entropy::new(seed),
            extensions: Extensions::SECURE
                .with(Extensions::VERIFY)
                .with(Extensions::CODE)
                .with(Extensions::PASSIVE)
                .with(Extensions::OFFER)
                .with(Extensions::RECEIPT),
            required: false,
            links: LinkPolicy::Never,
            device: None,
            pins: LiteMap::new(),
            code: None,
            wrong_codes: 0,
        }
    }

    /// Refuses unencrypted sessions.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Offers AES, for a host whose processor has it.
    #[must_use]
    pub fn with_aes(self) -> Self {
        self.with_extensions(Extensions::AES)
    }

    /// Sends and fetches small files in batches.
    #[must_use]
    pub fn with_batch(self) -> Self {
        self.with_extensions(Extensions::BATCH)
    }

    /// Sends and restores the times and modes of files, and names what cannot be sent.
    #[must_use]
    pub fn with_stat(self) -> Self {
        self.with_extensions(Extensions::STAT.with(Extensions::LEFT))
    }

    /// Marks texts as such, and lets peers do so. Requires [`with_stat`](Self::with_stat).
    #[must_use]
    pub fn with_texts(self) -> Self {
        self.with_extensions(Extensions::TEXT)
    }

    /// Resumes incomplete downloads.
    #[must_use]
    pub fn with_resume(self) -> Self {
        self.with_extensions(Extensions::RESUME)
    }

    /// Makes links between browsers (section 24), for a driver that can.
    #[must_use]
    pub fn with_links(mut self, policy: LinkPolicy) -> Self {
        self.links = policy;
        match policy {
            LinkPolicy::Never => self,
            LinkPolicy::Auto | LinkPolicy::Always => self.with_extensions(Extensions::RTC),
        }
    }

    /// Tells peers which device this is, and with them whoever watches the network (section 9.3).
    #[must_use]
    pub fn with_device(mut self, device: Device) -> Self {
        self.device = Some(device);
        self
    }

    /// Admits only callers that prove to know this code. The host must use the code's nick; callers are
    /// shown a key that belongs to this code alone.
    #[must_use]
    pub fn with_code(mut self, code: Code) -> Self {
        let identity = self.ephemeral_identity();
        self.code = Some((code, Arc::new(identity)));
        self
    }

    fn with_extensions(mut self, extensions: Extensions) -> Self {
        self.extensions = self.extensions.with(extensions);
        self
    }

    /// Accepts only this key of `nick`.
    pub fn pin(&mut self, nick: Nick, key: PublicKey) {
        self.pins.insert(nick.lower(), key);
    }

    /// The key that callers are shown: the code's, if there is a code.
    pub fn shown_key(&self) -> PublicKey {
        self.shown_identity().public()
    }

    fn shown_identity(&self) -> &Identity {
        self.code.as_ref().map_or(&self.identity, |(_, identity)| identity)
    }

    /// This host's own identity, whatever callers are shown.
    pub(super) fn own_identity(&self) -> &Identity {
        &self.identity
    }

    /// Makes an identity that is used once.
    pub(super) fn ephemeral_identity(&mut self) -> Identity {
        Identity::new(self.entropy.bytes())
    }

    /// The identity of this host at a relay: made of the one that callers are shown.
    pub(super) fn identity_at(&self, relay: PublicKey) -> Identity {
        relay_key::host_key(self.shown_identity(), relay)
    }

    pub(super) fn links(&self) -> LinkPolicy {
        self.links
    }

    pub(super) fn has_code(&self) -> bool {
        self.code.is_some()
    }

    pub(super) fn is_code_exhausted(&self) -> bool {
        self.wrong_codes >= MAX_TRIES
    }

    /// Counts a wrong code; returns true if it was the last that is tolerated.
    pub(super) fn count_wrong_code(&mut self) -> bool {
        self.wrong_codes += 1;
        self.wrong_codes == MAX_TRIES
    }

    pub(super) fn has_pin(&self, nick: &Nick) -> bool {
        self.pins.contains_key(&nick.lower())
    }

    pub(super) fn set_pin(&mut self, nick: &Nick, key: Option<PublicKey>) {
        match key {
            Some(key) => self.pins.insert(nick.lower(), key),
            None => self.pins.remove(&nick.lower()),
        };
    }

    /// Starts the negotiation of a session.
    pub(super) fn begin_session(
        &mut self,
        call: &Call,
        path: Path,
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> (Session, Authentication) {
        let side = call.side();
        let by_code = match side {
            Side::Callee => self.code.clone(),
            // Callers do not show a guesser of codes who they are either.
            Side::Caller => {
                call.code().cloned().map(|code| (code, Arc::new(self.ephemeral_identity())))
            }
        };
        // A code proves more than a pin.
        let nick = call.nick().filter(|_| by_code.is_none());
        let expected = nick.and_then(|nick| self.pins.get(&nick.lower())).copied();
        let (code, shown) = by_code.unzip();
        let terms = Terms {
            side,
            callee_nick: Some(call.called_as().clone()),
            code,
            identity: shown.clone().unwrap_or_else(|| self.identity.clone()),
            entropy: Entropy::new(self.entropy.bytes()),
            extensions: match path {
                // Nothing is in between that a link would avoid.
                Path::Direct | Path::Punched => self.extensions.without(Extensions::RTC),
                Path::Bridge => self.extensions.with(Extensions::BRIDGE),
            },
            device: self.device,
            require_encryption: self.required,
            expected_key: expected,
        };
        (Session::negotiate(limits, terms, out), Authentication::begun(shown))
    }
}
