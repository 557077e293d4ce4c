//! Commands that fix what more than one check can find.

use detect::text::shell::ShellCommand;
use serde_json::json;
use trailbell::aws_error::{AwsError, AwsErrorKind};

/// Fixes errors of AWS that do not depend on the request.
pub(super) fn for_aws_error(error: &AwsError) -> ShellCommand {
    match &error.kind {
        AwsErrorKind::WrongRegion(region) => ShellCommand::export("AWS_REGION", region.as_deref()),
        AwsErrorKind::NoRegion => ShellCommand::export("AWS_REGION", None),
        AwsErrorKind::KmsKey(key) => allow(&["kms:Decrypt"], key.as_deref().unwrap_or("KEY_ARN")),
        AwsErrorKind::Credentials => sign_in(),
        AwsErrorKind::ClockSkew => ShellCommand::new("sudo timedatectl set-ntp true"),
        _ => ShellCommand::new("aws s3 ls --debug"),
    }
}

pub(super) fn sign_in() -> ShellCommand {
    ShellCommand::new("aws sso login")
}

/// Allows actions to a role, whose name the reader fills in.
pub(super) fn allow(actions: &[&str], resource: &str) -> ShellCommand {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    ShellCommand::new("aws iam put-role-policy --role-name=ROLE --policy-name=trailbell-doctor")
        .option("--policy-document", &document)
}

pub(super) fn allow_on_bucket(action: &str, bucket: &str) -> ShellCommand {
    allow(&[action], &format!("arn:aws:s3:::{bucket}"))
}

/// Shows where the account's trails write to.
pub(super) fn describe_trails() -> ShellCommand {
    ShellCommand::new("aws cloudtrail describe-trails")
        .option("--query", "trailList[].[Name,S3BucketName,S3KeyPrefix]")
}

/// Lets the function sweep now.
pub(super) fn sweep_now() -> ShellCommand {
    ShellCommand::new(
        "aws lambda invoke --function-name=FUNCTION --cli-binary-format=raw-in-base64-out",
    )
    .option("--payload", r#"{"trailbell":"sweep"}"#)
    .words("/dev/stdout")
}
