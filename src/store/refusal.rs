//! Why S3 did not do what it was asked, by what mends it.

use std::fmt;

/// A request that S3 did not grant. The bucket and the key are named by whoever asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What mends it depends on this.
    pub cause: Cause,
    /// What was answered: S3's code and message, or why there is no answer.
    pub told: String,
}

/// What stands in the way of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The bucket is in another region: this one, where S3 said so.
    Region(Option<String>),
    /// There is no such bucket.
    NoBucket,
    /// There is no such object (any more).
    NoObject,
    /// A permission is missing, or the bucket is another account's. S3 does not tell which.
    Forbidden,
    /// The object's KMS key cannot be used: its ARN, where S3 said so.
    Key(Option<String>),
    /// There are no credentials, or they are not valid (any more).
    Credentials,
    /// The clock of this machine is off.
    Clock,
    /// S3 cannot be reached.
    Unreachable,
    /// Anything else.
    Other,
}

impl Refusal {
    /// What was answered and what to do about it, on one line. `permissions` are those that the
    /// request needs.
    pub fn advised(&self, permissions: &str) -> String {
        match self.cause.advice(permissions) {
            Some(advice) => format!("{} ({advice})", self.told),
            None => self.told.clone(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

impl std::error::Error for Refusal {}

impl Cause {
    fn advice(&self, permissions: &str) -> Option<String> {
        Some(match self {
            Cause::Region(Some(region)) => format!(
                "the bucket is in {region}: the function must be deployed there; a command needs AWS_REGION={region}"
            ),
            Cause::Region(None) => {
                "the bucket is in another region: the function must be deployed there; a command needs AWS_REGION"
                    .to_owned()
            }
            Cause::Forbidden => {
                format!("check {permissions}; is the bucket another account's, its policy must allow it")
            }
            Cause::Key(key) => format!(
                "check kms:Decrypt, and kms:GenerateDataKey for writing, on {}",
                key.as_deref().unwrap_or("the object's KMS key")
            ),
            Cause::Credentials => "sign in again, or check the role".to_owned(),
            Cause::Clock => "set the clock of this machine".to_owned(),
            Cause::Unreachable => "check AWS_REGION, AWS_ENDPOINT_URL and the way to the network".to_owned(),
            Cause::NoBucket | Cause::NoObject | Cause::Other => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mends_it_follows_what_was_answered() {
        let cases = [
            (Cause::Region(Some("eu-central-1".to_owned())), "AWS_REGION=eu-central-1"),
            (Cause::Region(None), "needs AWS_REGION"),
            (Cause::Forbidden, "check s3:GetObject"),
            (Cause::Key(None), "kms:Decrypt"),
            (Cause::Key(Some("arn:aws:kms:x".to_owned())), "on arn:aws:kms:x"),
            (Cause::Credentials, "sign in"),
            (Cause::Clock, "clock"),
            (Cause::Unreachable, "AWS_ENDPOINT_URL"),
        ];
        for (cause, advice) in cases {
            let told = Refusal { cause: cause.clone(), told: "Oops: no".to_owned() }
                .advised("s3:GetObject");
            assert!(told.starts_with("Oops: no (") && told.contains(advice), "{cause:?}: {told}");
        }
        assert_eq!(Refusal { cause: Cause::Other, told: "Oops".to_owned() }.advised("x"), "Oops");
    }
}
