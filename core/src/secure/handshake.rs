//! The handshake: three messages, after which two hosts share keys and know each other's public keys
//! (section 11.2).

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use snow::params::{
    BaseChoice, CipherChoice, DHChoice, HandshakeChoice, HandshakeModifierList, HandshakePattern,
    HashChoice, NoiseParams,
};
use snow::{Builder, HandshakeState};

use super::noise::Resolver;
use super::secret::Secret;
use super::{Entropy, Identity, Keys, Opener, PublicKey, Sealer, SecureError, Side, base64};

/// Bytes of each message: e; e, the sealed s and the tag of an empty payload; the sealed s and a tag.
const MESSAGE_LENS: [usize; 3] = [32, 96, 64];

/// `Noise_XX_25519_ChaChaPoly_BLAKE2s` with empty payloads. The caller writes first.
///
/// Each message is the field of an `X_SECURE` line. A rejected message ends the handshake: afterwards it has
/// no turn and yields no keys.
pub struct Handshake {
    side: Side,
    state: Option<Box<HandshakeState>>,
    /// Messages written or read so far.
    passed: usize,
}

impl Handshake {
    /// Creates a handshake that succeeds only if both sides use the same `prologue`: the lines before it
    /// (section 11.2), which proves that no attacker altered them.
    pub fn new(side: Side, identity: &Identity, prologue: &[u8], entropy: &mut Entropy) -> Self {
        let resolver = Resolver(Secret(entropy.bytes()));
        let builder = Builder::with_resolver(params(), Box::new(resolver))
            .local_private_key(identity.secret())
            .and_then(|builder| builder.prologue(prologue));
        let state = builder.and_then(|builder| match side {
            Side::Caller => builder.build_initiator(),
            Side::Callee => builder.build_responder(),
        });
        // Not `expect`, which would link the formatting of all of snow's errors.
        let Ok(state) = state else { unreachable!("the resolver supports the whole pattern") };
        Self { side, state: Some(Box::new(state)), passed: 0 }
    }

    /// Returns true if this side writes the next message.
    pub fn is_my_turn(&self) -> bool {
        let sender = if self.passed.is_multiple_of(2) { Side::Caller } else { Side::Callee };
        self.state.is_some() && !self.is_finished() && sender == self.side
    }

    /// Returns true once all messages were exchanged.
    pub fn is_finished(&self) -> bool {
        self.state.is_some() && self.passed == MESSAGE_LENS.len()
    }

    /// Writes this side's next message, in base64.
    ///
    /// # Errors
    ///
    /// [`SecureError::OutOfTurn`], or [`SecureError::WeakKey`] if the peer sent a weak key.
    pub fn write(&mut self) -> Result<String, SecureError> {
        if !self.is_my_turn() {
            return Err(SecureError::OutOfTurn);
        }
        // snow requires room for a tag even if a message has none.
        let mut message = [0; 96];
        let length = self.pass(|state| state.write_message(&[], &mut message))?;
        Ok(base64::encode(&message[..length]))
    }

    /// Reads the peer's message, in base64.
    ///
    /// # Errors
    ///
    /// [`SecureError`] if it is not the next message of this handshake, which ends the handshake.
    pub fn read(&mut self, text: &str) -> Result<(), SecureError> {
        let mut message = [0; 96];
        let message = match MESSAGE_LENS.get(self.passed) {
            Some(length) if !self.is_my_turn() => &mut message[..*length],
            _ => {
                self.state = None;
                return Err(SecureError::OutOfTurn);
            }
        };
        // A message of the expected length has no room for a payload.
        base64::decode(text, message).inspect_err(|_| self.state = None)?;
        self.pass(|state| state.read_message(message, &mut []))?;
        Ok(())
    }

    /// Returns the peer's key, once the peer has proved to hold it.
    pub fn remote_key(&self) -> Option<PublicKey> {
        let key = self.state.as_ref()?.get_remote_static()?;
        Some(PublicKey::new(key.try_into().ok()?))
    }

    /// Returns the keys for data connections, and those of the control connection's two directions.
    ///
    /// # Errors
    ///
    /// [`SecureError::HandshakeUnfinished`].
    pub fn finish(mut self) -> Result<(Keys, Sealer, Opener), SecureError> {
        let remote = self.remote_key().filter(|_| self.is_finished());
        let (Some(remote), Some(state)) = (remote, &mut self.state) else {
            return Err(SecureError::HandshakeUnfinished);
        };
        let (first, second) = state.dangerously_get_raw_split();
        let (first, second) = (Secret(first), Secret(second));
        let hash = state.get_handshake_hash().first_chunk().expect("BLAKE2s gives 32 bytes");
        let keys = Keys::new(self.side, &first, &second, *hash, remote);
        let (mine, theirs) = match self.side {
            Side::Caller => (first, second),
            Side::Callee => (second, first),
        };
        Ok((keys, Sealer::new(mine), Opener::new(theirs)))
    }

    fn pass(
        &mut self,
        step: impl FnOnce(&mut HandshakeState) -> Result<usize, snow::Error>,
    ) -> Result<usize, SecureError> {
        let mut state = self.state.take().ok_or(SecureError::OutOfTurn)?;
        let length = step(&mut state).map_err(|error| match error {
            snow::Error::Dh => SecureError::WeakKey,
            _ => SecureError::HandshakeMismatch,
        })?;
        self.state = Some(state);
        self.passed += 1;
        Ok(length)
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { side, state, passed } = self;
        let failed = state.is_none();
        f.debug_struct("Handshake")
            .field("side", side)
            .field("passed", passed)
            .field("failed", &failed)
            .finish_non_exhaustive()
    }
}

fn params() -> NoiseParams {
    NoiseParams::new(
        "Noise_XX_25519_ChaChaPoly_BLAKE2s".into(),
        BaseChoice::Noise,
        HandshakeChoice {
            pattern: HandshakePattern::XX,
            modifiers: HandshakeModifierList { list: alloc::vec::Vec::new() },
        },
        DHChoice::Curve25519,
        CipherChoice::ChaChaPoly,
        HashChoice::Blake2s,
    )
}
