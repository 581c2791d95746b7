//! Errors of transfers, with sizes in binary units.

use xcher_core::peer::Error;

use super::amounts::human_size;

/// Returns the text of an error that ended a transfer.
pub(super) fn transfer_error(error: &Error) -> String {
    let text = match error {
        Error::Incomplete { expected, got, why } => {
            let (got, expected) = match (human_size(*got), expected.is_unknown()) {
                (got, true) => (got.to_string(), None),
                (got, false) => (got.to_string(), Some(human_size(expected.bytes()).to_string())),
            };
            let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            match expected {
                None => Some(format!("incomplete after {got}{why}")),
                // Only exact numbers show the difference.
                Some(expected) if expected == got => None,
                Some(expected) => Some(format!("incomplete: {got} of {expected}{why}")),
            }
        }
        Error::Excess { expected } => {
            Some(format!("the peer sent more than the announced {}", human_size(*expected)))
        }
        _ => None,
    };
    text.unwrap_or_else(|| error.to_string())
}

#[cfg(test)]
mod tests {
    use xcher_core::Size;
    use xcher_core::peer::Interruption;

    use super::*;

    fn incomplete(expected: &str, got: u64, why: Option<Interruption>) -> String {
        let expected = Size::parse(expected).expect("a size");
        transfer_error(&Error::Incomplete { expected, got, why })
    }

    #[test]
    fn shows_sizes_in_binary_units() {
        assert_eq!(incomplete("2097152", 1024, None), "incomplete: 1.00 KiB of 2.00 MiB");
        assert_eq!(
            incomplete("5", 3, Some(Interruption::Stalled)),
            "incomplete: 3 B of 5 B: the transfer stalled"
        );
        let excess = transfer_error(&Error::Excess { expected: 5 });
        assert_eq!(excess, "the peer sent more than the announced 5 B");
    }

    #[test]
    fn shows_a_small_difference_in_bytes() {
        let exact = incomplete("2097152", 2_097_151, None);
        assert_eq!(exact, "incomplete: 2097151 of 2097152 bytes");
    }
}
