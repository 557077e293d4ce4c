//! Whether a bucket can be reached, and what mends it where it cannot.

use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use serde_json::json;
use trailbell::aws_error::{AwsError, AwsErrorKind};
use trailbell::store::S3Store;

use super::Check;

/// What is looked at.
const WHAT: &str = "bucket";

/// What a bucket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A trail writes to it.
    Trail,
    /// The ledger is in it.
    Ledger,
}

impl Use {
    fn setting(self) -> &'static str {
        match self {
            Use::Trail => "TRAILBELL_TRAILS",
            Use::Ledger => "TRAILBELL_LEDGER",
        }
    }
}

/// The bucket as it should be, or as it fails. `owner` is the account that it must belong to.
pub(super) async fn reachable(
    store: &S3Store,
    bucket: &str,
    owner: Option<&str>,
    used: Use,
) -> Result<Check, Box<Check>> {
    match store.bucket_region(bucket, owner).await {
        Ok(region) => {
            let region = region.map(|region| format!(" in {region}"));
            Ok(Check::ok(
                WHAT,
                format!("s3://{bucket} can be listed{}", region.unwrap_or_default()),
            ))
        }
        Err(refusal) => Err(Box::new(unreachable(bucket, owner, used, &refusal))),
    }
}

fn unreachable(bucket: &str, owner: Option<&str>, used: Use, refusal: &AwsError) -> Check {
    let told = error_chain(refusal);
    let owner = match (owner, &refusal.kind) {
        (Some(owner), AwsErrorKind::Denied) => format!("; or it does not belong to {owner}"),
        _ => String::new(),
    };
    Check::fail(
        WHAT,
        format!("s3://{bucket} ({}): {told}{owner}", used.setting()),
        cure(bucket, used, refusal),
    )
}

fn cure(bucket: &str, used: Use, refusal: &AwsError) -> ShellCommand {
    match &refusal.kind {
        AwsErrorKind::NoSuchBucket if used == Use::Trail => trails(),
        AwsErrorKind::NoSuchBucket => {
            ShellCommand::new("aws s3 mb").argument(&format!("s3://{bucket}"))
        }
        AwsErrorKind::Denied => allow(&["s3:ListBucket"], &format!("arn:aws:s3:::{bucket}")),
        _ => general(refusal),
    }
}

/// What shows where the account's trails write to.
pub(super) fn trails() -> ShellCommand {
    ShellCommand::new("aws cloudtrail describe-trails")
        .option("--query", "trailList[].[Name,S3BucketName,S3KeyPrefix]")
}

/// What mends refusals that do not depend on what was asked.
pub(super) fn general(refusal: &AwsError) -> ShellCommand {
    match &refusal.kind {
        AwsErrorKind::WrongRegion(region) => ShellCommand::export("AWS_REGION", region.as_deref()),
        AwsErrorKind::KmsKey(key) => allow(&["kms:Decrypt"], key.as_deref().unwrap_or("KEY_ARN")),
        AwsErrorKind::Credentials => ShellCommand::new("aws sso login"),
        AwsErrorKind::NoRegion => ShellCommand::export("AWS_REGION", None),
        AwsErrorKind::ClockSkew => ShellCommand::new("sudo timedatectl set-ntp true"),
        _ => ShellCommand::new("aws s3 ls --debug"),
    }
}

/// Lets a role do something: its name is for the reader to fill in.
pub(super) fn allow(actions: &[&str], resource: &str) -> ShellCommand {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let put = ShellCommand::new(
        "aws iam put-role-policy --role-name=ROLE --policy-name=trailbell-doctor",
    );
    put.option("--policy-document", &document)
}
