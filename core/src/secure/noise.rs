//! The primitives for snow: Curve25519 that erases its secrets and rejects weak keys, the cipher of the
//! records, and randomness for exactly one ephemeral key.

use alloc::boxed::Box;

use curve25519_dalek::montgomery::MontgomeryPoint;
use snow::Error;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use xcher_aead::{Aead, TAG_LEN};

use super::record::nonce;
use super::secret::Secret;

/// Provides the ephemeral secret of a handshake.
pub(super) struct Resolver(pub(super) Secret<32>);

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Once(Some(self.0.clone()))))
    }

    fn resolve_dh(&self, _: &DHChoice) -> Option<Box<dyn Dh>> {
        Some(Box::new(X25519 { secret: Secret([0; 32]), public: [0; 32] }))
    }

    // Fixed, not chosen by the argument, so that a wasm module does not link other primitives.
    fn resolve_hash(&self, _: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(&HashChoice::Blake2s)
    }

    fn resolve_cipher(&self, _: &CipherChoice) -> Option<Box<dyn Cipher>> {
        Some(Box::new(ChaChaPoly(None)))
    }
}

/// The 32 bytes of one key, available once.
struct Once(Option<Secret<32>>);

impl Random for Once {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let secret =
            self.0.take().filter(|secret| secret.len() == bytes.len()).ok_or(Error::Rng)?;
        bytes.copy_from_slice(&*secret);
        Ok(())
    }
}

struct X25519 {
    secret: Secret<32>,
    public: [u8; 32],
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, secret: &[u8]) {
        self.secret.copy_from_slice(secret);
        self.public = MontgomeryPoint::mul_base_clamped(*self.secret).to_bytes();
    }

    fn generate(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let mut secret = Secret([0; 32]);
        random.try_fill_bytes(&mut *secret)?;
        self.set(&*secret);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &*self.secret
    }

    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let public = public.first_chunk::<32>().ok_or(Error::Dh)?;
        let shared = Secret(MontgomeryPoint(*public).mul_clamped(*self.secret).to_bytes());
        // A point of low order yields this with every secret.
        if *shared == [0; 32] {
            return Err(Error::Dh);
        }
        out.get_mut(..32).ok_or(Error::Dh)?.copy_from_slice(&*shared);
        Ok(())
    }
}

/// A cipher, keyed once snow sets a key.
struct ChaChaPoly(Option<Aead>);

impl ChaChaPoly {
    fn aead(&self) -> &Aead {
        self.0.as_ref().expect("snow sets a key before it uses one")
    }
}

impl Cipher for ChaChaPoly {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = Aead::new(key, xcher_aead::Cipher::ChaCha20Poly1305);
    }

    fn encrypt(&self, number: u64, aad: &[u8], text: &[u8], out: &mut [u8]) -> usize {
        let (sealed, rest) = out.split_at_mut(text.len());
        sealed.copy_from_slice(text);
        rest[..TAG_LEN].copy_from_slice(&self.aead().seal(nonce(number, false), aad, sealed));
        text.len() + TAG_LEN
    }

    fn decrypt(
        &self,
        number: u64,
        aad: &[u8],
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let (sealed, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(Error::Decrypt)?;
        let text = out.get_mut(..sealed.len()).ok_or(Error::Decrypt)?;
        text.copy_from_slice(sealed);
        let opens = self.aead().open(nonce(number, false), aad, text, *tag);
        if opens { Ok(text.len()) } else { Err(Error::Decrypt) }
    }
}
