//! Limits the tunnels of a user, or of all clients without a token together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use xcher_core::registry::Account;

/// The open tunnels of each account.
#[derive(Debug, Default)]
pub(super) struct AccountLimit(Mutex<HashMap<Account, usize>>);

/// A permit for one tunnel, returned on drop.
#[derive(Debug)]
pub(super) struct AccountPermit {
    open: Arc<AccountLimit>,
    account: Account,
}

impl AccountLimit {
    /// Returns a permit, unless the account has as many tunnels as `limit`.
    pub(super) fn acquire(
        self: &Arc<Self>,
        account: &Account,
        limit: Option<usize>,
    ) -> Option<AccountPermit> {
        let mut open = self.open();
        let own = open.get(account).copied().unwrap_or_default();
        if limit.is_some_and(|limit| own >= limit) {
            return None;
        }
        open.insert(account.clone(), own + 1);
        drop(open);
        Some(AccountPermit { open: Arc::clone(self), account: account.clone() })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Account, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AccountPermit {
    fn drop(&mut self) {
        let mut open = self.open.open();
        if let Some(own) = open.get_mut(&self.account) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_dropped_permit_can_be_acquired_again() {
        let limit = Arc::new(AccountLimit::default());
        let first = limit.acquire(&Account::Anonymous, Some(1)).unwrap();
        assert!(limit.acquire(&Account::Anonymous, Some(1)).is_none());
        let _other = limit.acquire(&Account::Unnamed, Some(1)).unwrap();
        drop(first);
        let _again = limit.acquire(&Account::Anonymous, Some(1)).unwrap();
        assert!(limit.acquire(&Account::Anonymous, Some(0)).is_none());
        assert_eq!(limit.open().len(), 2);
    }
}
