//! What the log lines of servers have in common: their targets, nicks without codes, and a limit on their
//! number, so that no client fills a disk.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use xcher_core::Nick;
use xcher_core::code::Code;

/// The target of the line that ends a connection to the relay.
pub(crate) const CONNECTION: &str = "xcher::connection";
/// The target of the line of a call, a meeting or a nick.
pub(crate) const CALL: &str = "xcher::call";
/// The target of the line that ends a tunnel.
pub(crate) const TUNNEL: &str = "xcher::tunnel";
/// The target of the line of a request for a tunnel that was refused.
pub(crate) const REFUSAL: &str = "xcher::refusal";

/// The target of the line of what an operator does.
#[cfg(feature = "cli")]
pub(crate) const OPERATOR: &str = "xcher::operator";

/// Returns a nick as a log may show it. The nick of a code, which is half a secret, is `code`, and so is one
/// that may be a whole code, typed where a nick belongs.
pub(crate) fn shown(nick: &Nick) -> &str {
    match nick.is_one_time() || Code::looks_like(nick.as_str()) {
        true => "code",
        false => nick.as_str(),
    }
}

/// Returns a duration in seconds, for a log.
pub(crate) fn seconds(duration: Duration) -> f64 {
    f64::from(u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)) / 1000.0
}

/// Lines of one target in one second. Metrics count what has no line.
const MAX_LINES_PER_SECOND: u32 = 200;

/// A limit on the lines of one target that clients cause at will.
#[derive(Debug, Default)]
pub(crate) struct LineLimit(Mutex<Second>);

#[derive(Debug, Default)]
struct Second {
    began: Option<Instant>,
    lines: u32,
}

impl LineLimit {
    /// Returns the number of lines that were left out before this one, or `None` if this one is.
    pub(crate) fn admit(&self, now: Instant) -> Option<u32> {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left_out = 0;
        if second.began.is_none_or(|began| now.duration_since(began) >= Duration::from_secs(1)) {
            left_out = second.lines.saturating_sub(MAX_LINES_PER_SECOND);
            *second = Second { began: Some(now), lines: 0 };
        }
        second.lines = second.lines.saturating_add(1);
        (second.lines <= MAX_LINES_PER_SECOND).then_some(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_code() {
        let nick = |text| Nick::parse(text).expect(text);
        for code in ["4821", "4821-crossover-clockwork-glad", "12-ab"] {
            assert_eq!(shown(&nick(code)), "code");
        }
        assert_eq!(shown(&nick("bob-7")), "bob-7");
    }

    #[test]
    fn lines_above_the_limit_are_left_out_and_counted() {
        let (limit, start) = (LineLimit::default(), Instant::now());
        let admitted = (0..500).filter(|_| limit.admit(start).is_some()).count();
        assert_eq!(admitted, 200);
        assert_eq!(limit.admit(start + Duration::from_secs(1)), Some(300));
        assert_eq!(limit.admit(start + Duration::from_secs(1)), Some(0));
    }
}
