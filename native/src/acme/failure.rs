//! Why there is no new certificate, in one line, and what to do.

use std::time::Duration;

use instant_acme::{Error, Problem};

use super::directory::Answers;

/// Why an attempt to obtain a certificate failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(super) kind: Kind,
    /// One line for people, with what to do.
    pub(crate) text: String,
    /// The same for all failures of one cause: texts of an authority contain times and numbers.
    pub(crate) cause: String,
    /// The wait that the authority demands.
    pub(super) retry_after: Option<Duration>,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// The authority did not answer, or not as one does.
    Unreachable,
    /// The authority said no.
    Refused,
    /// The disk.
    Storage,
}

/// The most characters of an authority's text that are repeated.
const MAX_DETAIL_CHARS: usize = 300;

impl Failure {
    pub(super) fn unreachable(directory: &str, why: &str) -> Self {
        let text = format!("no answer from {directory}: {why}");
        Self { kind: Kind::Unreachable, cause: text.clone(), text, retry_after: None }
    }

    pub(super) fn storage(why: impl ToString) -> Self {
        let text = why.to_string();
        Self { kind: Kind::Storage, cause: text.clone(), text, retry_after: None }
    }

    pub(super) fn refused(why: impl ToString) -> Self {
        let text = why.to_string();
        Self { kind: Kind::Refused, cause: text.clone(), text, retry_after: None }
    }

    /// The authority could not validate `name`.
    pub(super) fn of_validation(name: &str, problem: Option<&Problem>) -> Self {
        let name = shown(name);
        let why = problem.map(described).unwrap_or_default();
        let text = format!(
            "the authority could not validate {name}{why}; let {name} point here, and port 443 of it reach --http"
        );
        let cause = format!("validation of {name}: {}", problem.map(kind_of).unwrap_or_default());
        Self { kind: Kind::Refused, text, cause, retry_after: None }
    }

    /// An error of a request to the authority.
    pub(super) fn of_request(error: &Error, directory: &str, answers: &Answers) -> Self {
        let failure = match error {
            Error::Api(problem) => Self::of_problem(problem),
            Error::Timeout(_) => Self {
                kind: Kind::Refused,
                text: "the authority needs too long to decide".to_owned(),
                cause: "slow".to_owned(),
                retry_after: None,
            },
            Error::Json(_) | Error::Str(_) | Error::Http(_) | Error::InvalidUri(_) => {
                let why =
                    format!("it is no ACME directory ({}); check --acme-directory", shown(error));
                Self::unreachable(directory, &why)
            }
            error => Self::unreachable(directory, &shown(error)),
        };
        Self { retry_after: answers.retry_after(), ..failure }
    }

    fn of_problem(problem: &Problem) -> Self {
        let kind = kind_of(problem);
        let what = match kind {
            "rateLimited" => "the authority refuses for now, because of its limits",
            _ => "the authority refuses",
        };
        let hint = match kind {
            "userActionRequired" => "; see what it asks for, then restart",
            "externalAccountRequired" => {
                "; use an authority that needs no account of its own with --acme-directory"
            }
            "rejectedIdentifier" => "; change --acme-domain",
            "invalidContact" | "unsupportedContact" => "; change --acme-email",
            _ => "",
        };
        let text = format!("{what}{}{hint}", described(problem));
        Self { kind: Kind::Refused, text, cause: format!("refused: {kind}"), retry_after: None }
    }
}

/// Returns the last part of the problem's type, such as `rateLimited`; empty if it has none that ACME knows.
fn kind_of(problem: &Problem) -> &str {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or_default();
    if kind.len() <= 64 && kind.bytes().all(|b| b.is_ascii_alphanumeric()) { kind } else { "" }
}

fn described(problem: &Problem) -> String {
    let subproblems = problem.subproblems.iter().filter_map(|it| it.detail.as_deref());
    let details = problem.detail.as_deref().into_iter().chain(subproblems).collect::<Vec<_>>();
    let kind = kind_of(problem);
    match (details.is_empty(), kind) {
        (true, "") => String::new(),
        (true, kind) => format!(": {kind}"),
        (false, _) => format!(": {}", shown(details.join("; "))),
    }
}

/// Returns a text of an authority, escaped and shortened.
fn shown(text: impl ToString) -> String {
    let text = text.to_string();
    let mut chars = text.trim().chars();
    let mut shown = String::new();
    for c in chars.by_ref().take(MAX_DETAIL_CHARS) {
        match c {
            ' '..='~' => shown.push(c),
            c => shown.extend(c.escape_default()),
        }
    }
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(json: &str) -> Problem {
        serde_json::from_str(json).expect("a problem")
    }

    #[test]
    fn texts_of_an_authority_are_escaped_and_shortened() {
        assert_eq!(shown("a\nb\u{1b}[2J \u{202e}x"), "a\\nb\\u{1b}[2J \\u{202e}x");
        let long = shown("x".repeat(1 << 20));
        assert_eq!(long.chars().count(), MAX_DETAIL_CHARS + 1);
        let hostile = problem(r#"{"type":"urn:ietf:params:acme:error:a\nb","detail":"\u0007"}"#);
        let failure = Failure::of_problem(&hostile);
        assert_eq!(failure.text, "the authority refuses: \\u{7}");
        assert_eq!(failure.cause, "refused: ");
    }

    #[test]
    fn one_cause_has_many_texts() {
        let of = |detail: &str| {
            let json = format!(
                r#"{{"type":"urn:ietf:params:acme:error:rateLimited","detail":"{detail}"}}"#
            );
            Failure::of_problem(&problem(&json))
        };
        let (first, second) = (of("retry after 10:00"), of("retry after 11:00"));
        assert!(first.text.contains("because of its limits: retry after 10:00"), "{}", first.text);
        assert_eq!(first.cause, second.cause);
        assert_ne!(first.text, second.text);
    }
}
