//! Errors as people read them.

use std::error::Error;

/// An error and its causes on one line, outermost first, each said once.
pub fn chain(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !told.contains(&text) {
            told.push_str(": ");
            told.push_str(&text);
        }
        cause = error.source();
    }
    told
}

/// What the SDK says at length of a machine that is not set up, and how it is told here.
const NOT_SET_UP: [(&str, &str); 2] = [
    ("no credentials found in chain", "no AWS credentials were found"),
    ("region must be set", "no AWS region is set"),
];

/// Why a request was never sent, or never answered, on one line.
pub fn unanswered(error: &dyn Error) -> String {
    let told = chain(error);
    let known = NOT_SET_UP.iter().find(|(theirs, _)| told.contains(theirs));
    known.map_or(told, |(_, ours)| (*ours).to_owned())
}

/// What a service answered, as its code and message; the chain of causes where it gave no answer.
pub fn answer(code: Option<&str>, message: Option<&str>, error: &dyn Error) -> String {
    match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => chain(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_follow_and_are_said_once() {
        assert_eq!(
            chain(&Outer(std::io::Error::other("disk on fire"))),
            "cannot read: disk on fire"
        );
        assert_eq!(chain(&Outer(std::io::Error::other("read"))), "cannot read");
        assert_eq!(
            answer(Some("NotFound"), Some("no topic"), &std::fmt::Error),
            "NotFound: no topic"
        );
    }

    #[test]
    fn a_machine_that_is_not_set_up_is_told_in_short() {
        for (theirs, expected) in [
            (
                "the credential provider was not enabled: no credentials found in chain. Attempted:\n  Environment: …",
                "no AWS credentials were found",
            ),
            ("other: A region must be set when sending requests to S3.", "no AWS region is set"),
            ("connection refused", "cannot read: connection refused"),
        ] {
            assert_eq!(unanswered(&Outer(std::io::Error::other(theirs))), expected, "{theirs}");
        }
    }
}
