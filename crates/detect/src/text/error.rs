//! Errors on one line, for people.

use std::error::Error;

/// An error and its causes, outermost first. A cause whose text is already there is left out.
pub fn error_chain(error: &dyn Error) -> String {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !chain.contains(&text) {
            chain.push_str(": ");
            chain.push_str(&text);
        }
        cause = error.source();
    }
    chain
}

/// Why a request got no answer. The SDK's long texts about missing configuration are shortened.
pub fn request_error(error: &dyn Error) -> String {
    let chain = error_chain(error);
    if chain.contains("no credentials found in chain") {
        "no AWS credentials were found".to_owned()
    } else if chain.contains("region must be set") {
        "no AWS region is set".to_owned()
    } else {
        chain
    }
}

/// The code and message of a service's answer; [`error_chain`] if it gave no code.
pub fn service_error(code: Option<&str>, message: Option<&str>, error: &dyn Error) -> String {
    match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => error_chain(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_follow_and_are_not_repeated() {
        let with_cause = |cause| error_chain(&Outer(std::io::Error::other(cause)));
        assert_eq!(with_cause("disk on fire"), "cannot read: disk on fire");
        assert_eq!(with_cause("read"), "cannot read");
        let answer = service_error(Some("NotFound"), Some("no topic"), &std::fmt::Error);
        assert_eq!(answer, "NotFound: no topic");
    }

    #[test]
    fn missing_configuration_is_reported_in_short() {
        for (cause, expected) in [
            (
                "the credential provider was not enabled: no credentials found in chain. \
                 Attempted:\n  Environment: …",
                "no AWS credentials were found",
            ),
            ("other: A region must be set when sending requests to S3.", "no AWS region is set"),
            ("connection refused", "cannot read: connection refused"),
        ] {
            assert_eq!(request_error(&Outer(std::io::Error::other(cause))), expected, "{cause}");
        }
    }
}
