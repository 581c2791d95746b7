//! Limits the wrong tokens of an address.

use alloc::collections::BTreeMap;
use core::net::IpAddr;
use core::time::Duration;

use crate::addr::client_prefix;

/// The most wrong tokens of one IPv4 address or one IPv6 /64 within [`FORGET_AFTER`].
const MAX_WRONG_TOKENS: u32 = 10;
/// Time without a wrong token after which an address's wrong tokens are forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(60);
/// The most addresses remembered. The one whose last wrong token is the oldest is forgotten first.
const MAX_ADDRESSES: usize = 4096;

/// The addresses that sent wrong tokens recently. Times are those of its owner.
#[derive(Clone, Debug, Default)]
pub struct TokenGuesses(BTreeMap<IpAddr, (u32, Duration)>);

impl TokenGuesses {
    /// Counts a wrong token, and returns true while the client may be answered about its token. Above the limit
    /// even the correct token is refused: otherwise guessing could continue.
    pub fn admit(&mut self, client: IpAddr, is_wrong: bool, now: Duration) -> bool {
        let client = client_prefix(client);
        let known = self.0.get(&client).copied();
        let count = match known {
            Some((count, last)) if now.saturating_sub(last) < FORGET_AFTER => count,
            _ => 0,
        };
        if count >= MAX_WRONG_TOKENS {
            return false;
        }
        if is_wrong {
            if known.is_none() && self.0.len() >= MAX_ADDRESSES {
                let oldest = self.0.iter().min_by_key(|(_, (_, last))| *last).map(|(ip, _)| *ip);
                oldest.map(|ip| self.0.remove(&ip));
            }
            self.0.insert(client, (count + 1, now));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_after_ten_wrong_tokens_for_a_minute() {
        let (mut guesses, start) = (TokenGuesses::default(), Duration::from_secs(9));
        let (eve, bob) = (IpAddr::from([8, 8, 8, 8]), IpAddr::from([9, 9, 9, 9]));
        for _ in 0..MAX_WRONG_TOKENS {
            assert!(guesses.admit(eve, true, start));
        }
        assert!(!guesses.admit(eve, false, start), "even the correct token");
        assert!(guesses.admit(bob, false, start), "other addresses are not affected");
        assert!(!guesses.admit(eve, true, start + FORGET_AFTER / 2));
        assert!(guesses.admit(eve, false, start + FORGET_AFTER));
    }

    #[test]
    fn bounds_the_addresses_remembered() {
        let (mut guesses, start) = (TokenGuesses::default(), Duration::ZERO);
        for n in 0..10_000u32 {
            guesses.admit(IpAddr::from(n.to_be_bytes()), true, start);
        }
        assert_eq!(guesses.0.len(), MAX_ADDRESSES);
    }
}
