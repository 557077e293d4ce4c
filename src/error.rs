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
        assert_eq!(chain(&Outer(std::io::Error::other("disk on fire"))), "cannot read: disk on fire");
        assert_eq!(chain(&Outer(std::io::Error::other("read"))), "cannot read");
        assert_eq!(answer(Some("NotFound"), Some("no topic"), &std::fmt::Error), "NotFound: no topic");
    }
}
