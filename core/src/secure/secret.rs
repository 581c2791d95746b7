//! Secret bytes.

use core::fmt;
use core::ops::{Deref, DerefMut};

use zeroize::Zeroize as _;

/// Secret bytes: overwritten when dropped, never printed.
#[derive(Clone)]
pub(super) struct Secret<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Deref for Secret<N> {
    type Target = [u8; N];

    fn deref(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> DerefMut for Secret<N> {
    fn deref_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
