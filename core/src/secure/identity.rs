//! A host's long-term key pair (section 11.1).

use curve25519_dalek::montgomery::MontgomeryPoint;
use subtle::ConstantTimeEq as _;

use super::PublicKey;
use super::secret::Secret;

/// A host's secret key, which proves its identity. Overwritten when dropped.
#[derive(Debug)]
pub struct Identity {
    secret: Secret<32>,
    public: PublicKey,
}

impl Identity {
    /// Creates the identity of `secret`: 32 bytes from [`Entropy`](super::Entropy) at first use, stored and
    /// loaded afterwards. All values are valid.
    pub fn new(secret: [u8; 32]) -> Self {
        let secret = Secret(secret);
        let public = PublicKey::new(MontgomeryPoint::mul_base_clamped(*secret).to_bytes());
        Self { secret, public }
    }

    /// Returns the X25519 secret that only the holders of this key and of `other` know; `None` for a weak
    /// key, which yields zeros (RFC 7748, section 6.1).
    pub(super) fn agree(&self, other: PublicKey) -> Option<Secret<32>> {
        let shared = MontgomeryPoint(*other.as_bytes()).mul_clamped(*self.secret).to_bytes();
        let is_known = bool::from(shared.ct_eq(&[0; 32]));
        (!is_known).then_some(Secret(shared))
    }

    /// Returns the public key.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Returns the secret bytes; store them where no other user can read them.
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    /// Uses Bob's keys of RFC 7748, section 6.1.
    #[test]
    fn the_public_key_follows_x25519() {
        let secret: [u8; 32] = [
            0x5d, 0xab, 0x08, 0x7e, 0x62, 0x4a, 0x8a, 0x4b, 0x79, 0xe1, 0x7f, 0x8b, 0x83, 0x80,
            0x0e, 0xe6, 0x6f, 0x3b, 0xb1, 0x29, 0x26, 0x18, 0xb6, 0xfd, 0x1c, 0x2f, 0x8b, 0x27,
            0xff, 0x88, 0xe0, 0xeb,
        ];
        let public = [
            0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4, 0xd3, 0x5b, 0x61, 0xc2, 0xec, 0xe4,
            0x35, 0x37, 0x3f, 0x83, 0x43, 0xc8, 0x5b, 0x78, 0x67, 0x4d, 0xad, 0xfc, 0x7e, 0x14,
            0x6f, 0x88, 0x2b, 0x4f,
        ];
        let identity = Identity::new(secret);
        assert_eq!(identity.public(), PublicKey::new(public));
        assert_eq!(identity.secret(), &secret);
        assert!(!format!("{identity:?}").contains("171"), "the secret is not printed");
    }
}
