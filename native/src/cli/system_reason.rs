//! Reasons of the operating system, as its users read them.

/// Returns true if a reason comes from the operating system.
pub(super) fn is_system(why: &str) -> bool {
    why.contains("(os error ") || why.starts_with("failed to lookup address")
}

/// Shortens `Connection refused (os error 111)` to `connection refused`.
pub(super) fn shortened(why: &str) -> String {
    let why = why.split(" (os error ").next().unwrap_or(why);
    let mut chars = why.chars();
    let first = chars.next().map(|first| first.to_lowercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortens_system_errors() {
        assert_eq!(shortened("Connection refused (os error 111)"), "connection refused");
        assert_eq!(shortened(""), "");
    }
}
