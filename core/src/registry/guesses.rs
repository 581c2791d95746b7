//! Limits the wrong tokens of an address. The same wrong token again is no new guess: a host whose token was removed
//! tries it again and again, and must not keep out others who share its address.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use super::users::TokenHash;
use crate::addr::client_prefix;

/// The most different wrong tokens of one IPv4 address or one IPv6 /64 within [`FORGET_AFTER`].
const MAX_WRONG_TOKENS: usize = 10;
/// Time without another wrong token after which an address's wrong tokens are forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(60);
/// The most addresses remembered. The one whose last wrong token is the oldest is forgotten first.
const MAX_ADDRESSES: usize = 4096;

/// The addresses that sent wrong tokens recently. Times are those of its owner.
#[derive(Clone, Debug, Default)]
pub struct TokenGuesses(BTreeMap<IpAddr, Guesser>);

/// What is known of an address.
#[derive(Clone, Debug)]
struct Guesser {
    /// Its different wrong tokens.
    wrong: Vec<TokenHash>,
    /// Time of the last of them.
    last: Duration,
}

impl TokenGuesses {
    /// Counts a wrong token, unless it is one of those counted, and returns true while the client may be answered
    /// about its token. Above the limit even the correct token is refused: otherwise guessing could continue.
    pub fn admit(&mut self, client: IpAddr, wrong: Option<TokenHash>, now: Duration) -> bool {
        let client = client_prefix(client);
        let known = self.0.get_mut(&client);
        let is_recent = |it: &&mut Guesser| now.saturating_sub(it.last) < FORGET_AFTER;
        let guesser = match known.filter(is_recent) {
            Some(guesser) if guesser.wrong.len() >= MAX_WRONG_TOKENS => return false,
            guesser => guesser,
        };
        match (wrong, guesser) {
            (None, _) => {}
            (Some(wrong), Some(guesser)) if guesser.wrong.contains(&wrong) => {}
            (Some(wrong), Some(guesser)) => {
                guesser.wrong.push(wrong);
                guesser.last = now;
            }
            (Some(wrong), None) => self.begin(client, wrong, now),
        }
        true
    }

    /// Counts the first wrong token of an address.
    fn begin(&mut self, client: IpAddr, wrong: TokenHash, now: Duration) {
        if self.0.len() >= MAX_ADDRESSES && !self.0.contains_key(&client) {
            let oldest = self.0.iter().min_by_key(|(_, guesser)| guesser.last).map(|(ip, _)| *ip);
            oldest.map(|ip| self.0.remove(&ip));
        }
        self.0.insert(client, Guesser { wrong: [wrong].into(), last: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(number: usize) -> Option<TokenHash> {
        Some(TokenHash::of(&number.to_be_bytes()))
    }

    #[test]
    fn refuses_after_ten_wrong_tokens_for_a_minute() {
        let (mut guesses, start) = (TokenGuesses::default(), Duration::from_secs(9));
        let (eve, bob) = (IpAddr::from([8, 8, 8, 8]), IpAddr::from([9, 9, 9, 9]));
        for number in 0..MAX_WRONG_TOKENS {
            assert!(guesses.admit(eve, guess(number), start));
        }
        assert!(!guesses.admit(eve, None, start), "even the correct token");
        assert!(guesses.admit(bob, None, start), "other addresses are not affected");
        assert!(!guesses.admit(eve, guess(99), start + FORGET_AFTER / 2));
        assert!(guesses.admit(eve, None, start + FORGET_AFTER));
    }

    #[test]
    fn a_token_that_is_tried_again_is_one_guess() {
        let (mut guesses, start) = (TokenGuesses::default(), Duration::from_secs(9));
        let office = IpAddr::from([8, 8, 8, 8]);
        for again in 0..1000 {
            let now = start + Duration::from_secs(again);
            assert!(guesses.admit(office, guess(1), now) && guesses.admit(office, None, now));
        }
        // An old token between the others hides none of them.
        let now = start + Duration::from_secs(1000);
        for number in 1..=MAX_WRONG_TOKENS {
            assert!(
                guesses.admit(office, guess(1), now) && guesses.admit(office, guess(number), now)
            );
        }
        assert!(!guesses.admit(office, guess(1), now));
    }

    #[test]
    fn bounds_the_addresses_remembered() {
        let (mut guesses, start) = (TokenGuesses::default(), Duration::ZERO);
        for n in 0..10_000u32 {
            guesses.admit(IpAddr::from(n.to_be_bytes()), guess(1), start);
        }
        assert_eq!(guesses.0.len(), MAX_ADDRESSES);
    }
}
