//! What S3's answers mean.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use detect::text::error::{self, service_error};

use crate::store::{Cause, Refusal};

/// What the answer says about why, and what there is to be read of it.
struct Answer<'a> {
    status: u16,
    code: Option<&'a str>,
    message: Option<&'a str>,
    /// `x-amz-bucket-region`: S3 sends it with many refusals.
    region: Option<&'a str>,
}

/// Why S3 did not do it.
pub(super) fn refusal<E>(error: &SdkError<E>) -> Refusal
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let Some(response) = error.raw_response() else {
        return unanswered(error::request_error(error));
    };
    let (status, region) =
        (response.status().as_u16(), response.headers().get("x-amz-bucket-region"));
    let answer = Answer { status, code: error.code(), message: error.message(), region };
    Refusal { cause: answer.cause(), told: answer.told(error) }
}

/// A request that was never sent, or never answered.
fn unanswered(told: String) -> Refusal {
    let credentials = told.contains("credential") || told.contains("identity");
    Refusal { cause: if credentials { Cause::Credentials } else { Cause::Unreachable }, told }
}

impl Answer<'_> {
    fn cause(&self) -> Cause {
        match (self.status, self.code) {
            (_, Some("AuthorizationHeaderMalformed" | "IllegalLocationConstraintException"))
            | (301 | 307, _) => Cause::Region(self.other_region()),
            // An answer to HEAD has no code.
            (400, None) if self.region.is_some() => Cause::Region(self.other_region()),
            (404, Some("NoSuchBucket")) => Cause::NoBucket,
            // 405: the version named is a delete marker.
            (404 | 405, _) => Cause::NoObject,
            (
                _,
                Some(
                    "InvalidAccessKeyId"
                    | "SignatureDoesNotMatch"
                    | "ExpiredToken"
                    | "InvalidToken",
                ),
            ) => Cause::Credentials,
            (_, Some("RequestTimeTooSkewed")) => Cause::Clock,
            (_, Some(code)) if code.starts_with("KMS.") => Cause::Key(self.key()),
            (403, _) if self.message.is_some_and(|message| message.contains("kms:")) => {
                Cause::Key(self.key())
            }
            (403, _) => Cause::Forbidden,
            _ => Cause::Other,
        }
    }

    /// Where the bucket is, by the header or by a message such as `…; expecting 'eu-central-1'`.
    fn other_region(&self) -> Option<String> {
        let named = || {
            self.message?.split_once("expecting '")?.1.split_once('\'').map(|(region, _)| region)
        };
        self.region.or_else(named).map(str::to_owned)
    }

    /// The ARN of a KMS key in the message.
    fn key(&self) -> Option<String> {
        let words = self.message?.split_whitespace();
        let mut arns =
            words.filter(|word| word.starts_with("arn:") && word.split(':').nth(2) == Some("kms"));
        arns.next().map(|arn| arn.trim_end_matches(['.', ',']).to_owned())
    }

    fn told<E>(&self, error: &SdkError<E>) -> String
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match (self.status, self.code) {
            (_, Some("NoSuchBucket")) => "no such bucket".to_owned(),
            // HEAD has no more to say; a success that cannot be read has.
            (300.., None) => format!("HTTP {}", self.status),
            (_, code) => service_error(code, self.message, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(
        status: u16,
        code: Option<&str>,
        message: Option<&str>,
        region: Option<&str>,
    ) -> Cause {
        Answer { status, code, message, region }.cause()
    }

    #[test]
    fn answers_are_told_apart_by_what_mends_them() {
        let frankfurt = || Cause::Region(Some("eu-central-1".to_owned()));
        let key = "arn:aws:kms:us-east-1:111122223333:key/1";
        let denied = format!(
            "User: x is not authorized to perform: kms:Decrypt on resource: {key} because no policy"
        );
        let malformed = "the region 'us-east-1' is wrong; expecting 'eu-central-1'";
        for (status, code, message, region, expected) in [
            (301, Some("PermanentRedirect"), Some("…"), Some("eu-central-1"), frankfurt()),
            (301, None, None, Some("eu-central-1"), frankfurt()),
            (301, None, None, None, Cause::Region(None)),
            (400, Some("AuthorizationHeaderMalformed"), Some(malformed), None, frankfurt()),
            (400, None, None, Some("eu-central-1"), frankfurt()),
            (400, None, None, None, Cause::Other),
            (404, Some("NoSuchBucket"), None, None, Cause::NoBucket),
            (404, Some("NoSuchKey"), None, None, Cause::NoObject),
            (405, Some("MethodNotAllowed"), None, None, Cause::NoObject),
            (403, Some("AccessDenied"), Some("Access Denied"), None, Cause::Forbidden),
            (403, None, None, Some("us-east-1"), Cause::Forbidden),
            (403, Some("AccessDenied"), Some(&*denied), None, Cause::Key(Some(key.to_owned()))),
            (400, Some("KMS.DisabledException"), Some("it is disabled"), None, Cause::Key(None)),
            (403, Some("InvalidAccessKeyId"), Some("…"), None, Cause::Credentials),
            (400, Some("ExpiredToken"), Some("…"), None, Cause::Credentials),
            (403, Some("RequestTimeTooSkewed"), Some("…"), None, Cause::Clock),
            (503, Some("SlowDown"), Some("…"), None, Cause::Other),
        ] {
            assert_eq!(
                cause(status, code, message, region),
                expected,
                "{status} {code:?} {message:?} {region:?}"
            );
        }
    }
}
