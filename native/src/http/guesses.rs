//! How often an address may show a wrong token.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use xcher_core::addr::client_prefix;

/// Wrong tokens of one IPv4 address or one IPv6 /64 within [`WINDOW`].
const WRONG: u32 = 10;
/// After this without a wrong one, all are forgotten.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered. Beyond it, the one that was wrong longest ago is forgotten.
const REMEMBERED: usize = 4096;

/// Who has shown wrong tokens lately.
#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<HashMap<IpAddr, (u32, Instant)>>);

impl Guesses {
    /// Whether a client may be answered about its token; `is_wrong` counts. Beyond the limit the right
    /// token is refused as well, or it could be found all the same.
    pub(super) fn admit(&self, client: IpAddr, is_wrong: bool, now: Instant) -> bool {
        let client = client_prefix(client);
        let mut wrong = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = wrong.get(&client).copied();
        let count = match known {
            Some((count, last)) if now - last < WINDOW => count,
            _ => 0,
        };
        if count >= WRONG {
            return false;
        }
        if is_wrong {
            if known.is_none() && wrong.len() >= REMEMBERED {
                let oldest = wrong.iter().min_by_key(|(_, (_, last))| *last).map(|(ip, _)| *ip);
                oldest.map(|ip| wrong.remove(&ip));
            }
            wrong.insert(client, (count + 1, now));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_ones_and_then_a_minute() {
        let (guesses, start) = (Guesses::default(), Instant::now());
        let (eve, bob) = (IpAddr::from([8, 8, 8, 8]), IpAddr::from([9, 9, 9, 9]));
        for _ in 0..WRONG {
            assert!(guesses.admit(eve, true, start));
        }
        assert!(!guesses.admit(eve, false, start), "the right one neither");
        assert!(guesses.admit(bob, false, start), "others are let in");
        assert!(!guesses.admit(eve, true, start + WINDOW / 2));
        assert!(guesses.admit(eve, false, start + WINDOW));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (guesses, start) = (Guesses::default(), Instant::now());
        for n in 0..10_000u32 {
            guesses.admit(IpAddr::from(n.to_be_bytes()), true, start);
        }
        let remembered = guesses.0.lock().map(|wrong| wrong.len());
        assert_eq!(remembered.ok(), Some(REMEMBERED));
    }
}
