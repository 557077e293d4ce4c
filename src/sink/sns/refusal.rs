//! What SNS's answers mean.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html>

use std::error::Error;

use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use detect::text::error::{self, service_error};

use crate::sink::{TopicCause, TopicRefusal};

/// Why SNS did not do it.
pub(super) fn refusal<E>(error: &SdkError<E>) -> TopicRefusal
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if error.raw_response().is_none() {
        return unanswered(error::request_error(error));
    }
    TopicRefusal {
        cause: cause(error.code()),
        told: service_error(error.code(), error.message(), error),
    }
}

/// A request that was never sent, or never answered.
fn unanswered(told: String) -> TopicRefusal {
    let credentials = told.contains("credential") || told.contains("identity");
    TopicRefusal {
        cause: if credentials { TopicCause::Credentials } else { TopicCause::Unreachable },
        told,
    }
}

fn cause(code: Option<&str>) -> TopicCause {
    match code.unwrap_or_default() {
        "NotFound" | "NotFoundException" | "ResourceNotFoundException" => TopicCause::NoTopic,
        "AuthorizationError"
        | "AuthorizationErrorException"
        | "AccessDenied"
        | "AccessDeniedException" => TopicCause::Forbidden,
        "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "UnrecognizedClientException" => TopicCause::Credentials,
        code if code.starts_with("KMS") => TopicCause::Key,
        _ => TopicCause::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart_by_what_mends_them() {
        for (code, expected) in [
            (Some("NotFound"), TopicCause::NoTopic),
            (Some("AuthorizationError"), TopicCause::Forbidden),
            (Some("KMSAccessDenied"), TopicCause::Key),
            (Some("KMSDisabledException"), TopicCause::Key),
            (Some("InvalidClientTokenId"), TopicCause::Credentials),
            (Some("Throttling"), TopicCause::Other),
            (None, TopicCause::Other),
        ] {
            assert_eq!(cause(code), expected, "{code:?}");
        }
    }
}
