//! One classification of what AWS answers, for S3 and SNS.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>,
//! <https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html>

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use aws_config::Region;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_xml::decode::{Document, try_data};

/// A request that AWS did not carry out. The error around it names the bucket, key or topic.
#[derive(Debug, Clone)]
pub struct AwsError {
    /// What the caller decides by.
    pub kind: AwsErrorKind,
    /// The service's error code, e.g. `AccessDenied`; `None` if there is no answer, or none in it.
    pub code: Option<String>,
    /// The service's message, or why there is no answer.
    pub message: Option<String>,
    /// The permissions that the request needs.
    permissions: &'static str,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// Why AWS did not carry out a request, by what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsErrorKind {
    /// There is no such object or topic.
    NotFound,
    /// There is no such bucket.
    NoSuchBucket,
    /// A permission is missing, or the resource is another account's. AWS does not say which.
    Denied,
    /// Too many requests.
    Throttled,
    /// The bucket is in another region: this one, if S3 names it.
    WrongRegion(Option<String>),
    /// The condition of a write does not hold.
    PreconditionFailed,
    /// Another write was in progress.
    Conflict,
    /// The KMS key cannot be used: its ARN, if the service names it.
    KmsKey(Option<String>),
    /// There are no credentials, or they are not valid (any more).
    Credentials,
    /// No region is configured.
    NoRegion,
    /// The clock of this machine is off.
    ClockSkew,
    /// The service cannot be reached, or did not answer in time.
    Unreachable,
    /// Anything else.
    Other,
}

impl AwsError {
    /// Classifies an error of the SDK. `region` is the client's, `permissions` are those that the
    /// request needs.
    pub(crate) fn from_sdk<E>(
        error: SdkError<E>,
        region: Option<&Region>,
        permissions: &'static str,
    ) -> AwsError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        if let SdkError::ServiceError(answer) = &error {
            return Answer::new(answer.raw(), answer.err()).into_error(permissions);
        }
        let (kind, message) = match (&error, find_source::<CredentialsError>(&error)) {
            (_, Some(cause)) => return AwsError::credentials(cause),
            (SdkError::ResponseError(_), _) => (AwsErrorKind::Other, "the answer cannot be read"),
            _ if region.is_none() => return AwsError::no_region(),
            (SdkError::ConstructionFailure(_), _) => {
                (AwsErrorKind::Other, "the request cannot be built")
            }
            _ => (AwsErrorKind::Unreachable, "no answer"),
        };
        let source = error.into_source().ok().map(Arc::from);
        AwsError { source, permissions, ..AwsError::new(kind, message) }
    }

    /// An error that a service reports inside a successful answer.
    pub(crate) fn from_code(
        code: &str,
        message: Option<&str>,
        permissions: &'static str,
    ) -> AwsError {
        let answer = Answer { status: 0, code: Some(code), message, region: None };
        answer.into_error(permissions)
    }

    /// Credentials that cannot be loaded.
    pub fn from_credentials(error: CredentialsError) -> AwsError {
        AwsError::credentials(&error)
    }

    /// An error of this kind without a code.
    pub fn new(kind: AwsErrorKind, message: impl Into<String>) -> AwsError {
        AwsError { kind, code: None, message: Some(message.into()), permissions: "", source: None }
    }

    /// Says what the SDK says, without the errors around it that only say that there is one.
    fn credentials(error: &CredentialsError) -> AwsError {
        let causes = std::iter::successors(error.source(), |&cause| cause.source())
            .filter(|cause| !cause.is::<CredentialsError>())
            .map(|cause| format!(": {cause}"));
        let message = match error {
            // Its causes are all providers that were asked.
            CredentialsError::CredentialsNotLoaded(_) => "no AWS credentials were found".to_owned(),
            CredentialsError::ProviderTimedOut(_) => {
                format!("the AWS credentials cannot be loaded: {error}")
            }
            _ => format!("the AWS credentials cannot be loaded{}", causes.collect::<String>()),
        };
        AwsError::new(AwsErrorKind::Credentials, message)
    }

    fn no_region() -> AwsError {
        AwsError::new(AwsErrorKind::NoRegion, "no AWS region is set")
    }

    /// What to do about it.
    fn hint(&self) -> Option<String> {
        Some(match &self.kind {
            AwsErrorKind::WrongRegion(region) => {
                let region = region.as_deref();
                format!(
                    "the bucket is in {}: the function must be deployed there; a command needs \
                     AWS_REGION={}",
                    region.unwrap_or("another region"),
                    region.unwrap_or("REGION"),
                )
            }
            AwsErrorKind::Denied => format!(
                "check {}; a bucket or topic of another account must allow it too",
                self.permissions
            ),
            AwsErrorKind::KmsKey(key) => format!(
                "check kms:Decrypt, and kms:GenerateDataKey for writing, on {}",
                key.as_deref().unwrap_or("the KMS key")
            ),
            AwsErrorKind::NotFound | AwsErrorKind::NoSuchBucket => {
                "check its name, account and region".to_owned()
            }
            AwsErrorKind::Credentials => "sign in again, or check the role".to_owned(),
            AwsErrorKind::NoRegion => "set AWS_REGION".to_owned(),
            AwsErrorKind::ClockSkew => "set the clock of this machine".to_owned(),
            AwsErrorKind::Unreachable => {
                "check AWS_REGION, AWS_ENDPOINT_URL and the network".to_owned()
            }
            AwsErrorKind::Throttled
            | AwsErrorKind::PreconditionFailed
            | AwsErrorKind::Conflict
            | AwsErrorKind::Other => return None,
        })
    }
}

impl fmt::Display for AwsError {
    /// The code, the message, and what to do about it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.code, &self.message) {
            (Some(code), Some(message)) => write!(f, "{code}: {message}")?,
            (Some(text), None) | (None, Some(text)) => f.write_str(text)?,
            (None, None) => f.write_str("no reason given")?,
        }
        self.hint().iter().try_for_each(|hint| write!(f, " ({hint})"))
    }
}

impl Error for AwsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// What can be read of an answer.
struct Answer<'a> {
    /// 0 if there is none.
    status: u16,
    code: Option<&'a str>,
    message: Option<&'a str>,
    /// Where the bucket is.
    region: Option<String>,
}

impl<'a> Answer<'a> {
    fn new(response: &'a HttpResponse, error: &'a impl ProvideErrorMetadata) -> Answer<'a> {
        let header = response.headers().get("x-amz-bucket-region").map(str::to_owned);
        Answer {
            status: response.status().as_u16(),
            code: error.code(),
            message: error.message(),
            region: header.or_else(|| region_element(response.body().bytes()?)),
        }
    }

    fn into_error(self, permissions: &'static str) -> AwsError {
        // An answer to HEAD has no body.
        let message = match (self.code, self.message) {
            (None, None) => Some(format!("HTTP {}", self.status)),
            (_, message) => message.map(str::to_owned),
        };
        let code = self.code.map(str::to_owned);
        AwsError { kind: self.kind(), code, message, permissions, source: None }
    }

    fn kind(self) -> AwsErrorKind {
        let code = self.code.unwrap_or_default();
        match (self.status, code) {
            (_, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException")
            | (301 | 307, _) => AwsErrorKind::WrongRegion(self.region),
            (400, "") if self.region.is_some() => AwsErrorKind::WrongRegion(self.region),
            (404, "NoSuchBucket") => AwsErrorKind::NoSuchBucket,
            // 405: the version is a delete marker.
            (404 | 405, _) => AwsErrorKind::NotFound,
            (412, _) => AwsErrorKind::PreconditionFailed,
            (409, _) => AwsErrorKind::Conflict,
            (
                _,
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "ExpiredToken"
                | "InvalidToken"
                | "InvalidClientTokenId"
                | "UnrecognizedClientException",
            ) => AwsErrorKind::Credentials,
            (_, "RequestTimeTooSkewed") => AwsErrorKind::ClockSkew,
            (429 | 503, _)
            | (_, "Throttling" | "ThrottlingException" | "Throttled" | "ThrottledException") => {
                AwsErrorKind::Throttled
            }
            _ if code.starts_with("KMS") => AwsErrorKind::KmsKey(self.kms_key()),
            // S3 names KMS nowhere but in the message.
            (403, _) if self.message.is_some_and(|message| message.contains("kms:")) => {
                AwsErrorKind::KmsKey(self.kms_key())
            }
            (403, _)
            | (
                _,
                "AccessDenied"
                | "AccessDeniedException"
                | "AuthorizationError"
                | "AuthorizationErrorException",
            ) => AwsErrorKind::Denied,
            _ => AwsErrorKind::Other,
        }
    }

    fn kms_key(&self) -> Option<String> {
        let words = self.message?.split_whitespace();
        let mut arns =
            words.filter(|word| word.starts_with("arn:") && word.split(':').nth(2) == Some("kms"));
        arns.next().map(|arn| arn.trim_end_matches(['.', ',']).to_owned())
    }
}

/// `<Error>…<Region>eu-central-1</Region></Error>`: where the bucket is, in the body.
fn region_element(body: &[u8]) -> Option<String> {
    let mut document = Document::new(std::str::from_utf8(body).ok()?);
    let mut root = document.root_element().ok()?;
    while let Some(mut element) = root.next_tag() {
        if element.start_el().local() == "Region" {
            return try_data(&mut element).ok().map(|region| region.into_owned());
        }
    }
    None
}

/// The first of an error's causes that is of type `T`.
fn find_source<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    error.downcast_ref().or_else(|| find_source(error.source()?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_s3::error::ErrorMetadata;
    use aws_sdk_s3::operation::get_object::GetObjectError;
    use aws_sdk_s3::primitives::SdkBody;

    use super::*;

    fn answer(status: u16, code: &str, message: &str, region: &str, body: &str) -> AwsError {
        let mut metadata = ErrorMetadata::builder();
        if !code.is_empty() {
            metadata = metadata.code(code);
        }
        if !message.is_empty() {
            metadata = metadata.message(message);
        }
        let mut raw = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_owned()));
        if !region.is_empty() {
            raw.headers_mut().insert("x-amz-bucket-region", region.to_owned());
        }
        let error = GetObjectError::generic(metadata.build());
        let region = Region::new("us-east-1");
        AwsError::from_sdk(SdkError::service_error(error, raw), Some(&region), "s3:GetObject")
    }

    #[test]
    fn answers_are_classified_by_what_can_be_done_about_them() {
        use AwsErrorKind::*;
        let frankfurt = || WrongRegion(Some("eu-central-1".to_owned()));
        let element = "<Error><Code>x</Code><Region>eu-central-1</Region></Error>";
        let key = "arn:aws:kms:us-east-1:111122223333:key/1";
        let denied = format!(
            "User: x is not authorized to perform: kms:Decrypt on resource: {key} because no policy"
        );
        for (status, code, message, region, body, expected) in [
            (301, "PermanentRedirect", "…", "eu-central-1", "", frankfurt()),
            (301, "", "", "eu-central-1", "", frankfurt()),
            (301, "", "", "", "", WrongRegion(None)),
            (400, "AuthorizationHeaderMalformed", "…", "", element, frankfurt()),
            (400, "", "", "eu-central-1", "", frankfurt()),
            (400, "", "", "", "", Other),
            (404, "NoSuchBucket", "", "", "", NoSuchBucket),
            (404, "NoSuchKey", "", "", "", NotFound),
            (404, "NotFound", "", "", "", NotFound),
            (405, "MethodNotAllowed", "", "", "", NotFound),
            (412, "PreconditionFailed", "", "", "", PreconditionFailed),
            (409, "ConditionalRequestConflict", "", "", "", Conflict),
            (403, "AccessDenied", "Access Denied", "", "", Denied),
            (403, "", "", "us-east-1", "", Denied),
            (403, "AuthorizationError", "", "", "", Denied),
            (403, "AccessDenied", &*denied, "", "", KmsKey(Some(key.to_owned()))),
            (400, "KMS.DisabledException", "it is disabled", "", "", KmsKey(None)),
            (400, "KMSAccessDenied", "", "", "", KmsKey(None)),
            (403, "InvalidAccessKeyId", "…", "", "", Credentials),
            (403, "InvalidClientTokenId", "…", "", "", Credentials),
            (400, "ExpiredToken", "…", "", "", Credentials),
            (403, "RequestTimeTooSkewed", "…", "", "", ClockSkew),
            (503, "SlowDown", "…", "", "", Throttled),
            (400, "Throttling", "…", "", "", Throttled),
            (500, "InternalError", "…", "", "", Other),
        ] {
            let error = answer(status, code, message, region, body);
            assert_eq!(error.kind, expected, "{status} {code} {message} {region} {body}");
        }
        let entry = AwsError::from_code("AuthorizationError", None, "sns:Publish");
        assert_eq!(entry.kind, Denied);
    }

    #[test]
    fn the_text_ends_with_what_to_do() {
        for (error, expected) in [
            (
                answer(403, "AccessDenied", "Access Denied", "", ""),
                "AccessDenied: Access Denied (check s3:GetObject; a bucket or topic of another \
                 account must allow it too)",
            ),
            (
                answer(301, "", "", "eu-central-1", ""),
                "HTTP 301 (the bucket is in eu-central-1: the function must be deployed there; a \
                 command needs AWS_REGION=eu-central-1)",
            ),
            (answer(500, "InternalError", "", "", ""), "InternalError"),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_request_without_an_answer_says_why() {
        type Error = SdkError<GetObjectError>;
        let region = Region::new("us-east-1");
        let expired = CredentialsError::provider_timed_out(Duration::from_secs(5));
        let missing = CredentialsError::not_loaded("no credentials found in chain. Attempted: …");
        for (error, region, kind, expected) in [
            (
                Error::construction_failure(missing),
                None,
                AwsErrorKind::Credentials,
                "no AWS credentials were found (sign in again, or check the role)",
            ),
            (
                Error::construction_failure(expired),
                Some(&region),
                AwsErrorKind::Credentials,
                "the AWS credentials cannot be loaded: credentials provider timed out after 5 seconds \
                 (sign in again, or check the role)",
            ),
            (
                Error::construction_failure("A region must be set"),
                None,
                AwsErrorKind::NoRegion,
                "no AWS region is set (set AWS_REGION)",
            ),
            (
                Error::timeout_error("after 45 s"),
                Some(&region),
                AwsErrorKind::Unreachable,
                "no answer (check AWS_REGION, AWS_ENDPOINT_URL and the network)",
            ),
        ] {
            let error = AwsError::from_sdk(error, region, "s3:GetObject");
            assert_eq!((error.kind.clone(), error.to_string()), (kind, expected.to_owned()));
        }
        let timeout = Error::timeout_error("after 45 s");
        let timeout = AwsError::from_sdk(timeout, Some(&region), "s3:GetObject");
        assert_eq!(timeout.source().unwrap().to_string(), "after 45 s");
    }
}
