//! What reverts calls that change no group, where a command does so and harms nothing else.
//!
//! Source: <https://docs.aws.amazon.com/cli/latest/reference/>

use super::{ResponseCommand, ResponseStep};
use crate::call::AlertCall;

const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";
const IAM: &str = "iam.amazonaws.com";

/// An option of a command, and the parameter of the call that is its value.
type ParameterOption = (&'static str, &'static str);

const USER: ParameterOption = ("--user-name", "userName");
const ROLE: ParameterOption = ("--role-name", "roleName");
const POLICY_ARN: ParameterOption = ("--policy-arn", "policyArn");
const POLICY_NAME: ParameterOption = ("--policy-name", "policyName");
const INSTANCE_PROFILE: ParameterOption = ("--instance-profile-name", "instanceProfileName");
const KEY_ID: ParameterOption = ("--key-id", "keyId");

/// What one command reverts, with parameters of the call as its options.
struct Inverse {
    provider: &'static str,
    action: &'static str,
    purpose: &'static str,
    command: &'static str,
    options: &'static [ParameterOption],
}

const fn inverse(
    (provider, action): (&'static str, &'static str),
    purpose: &'static str,
    command: &'static str,
    options: &'static [ParameterOption],
) -> Inverse {
    Inverse { provider, action, purpose, command, options }
}

const DETACH: &str = "Detach the policy.";
const ATTACH: &str = "Attach the policy again.";
const DELETE_INLINE: &str = "Delete the inline policy. If it replaced one of the same name, the \
                             old text is in the previous record of such a call.";

const INVERSES: [Inverse; 14] = [
    inverse(
        (CLOUDTRAIL, "StopLogging"),
        "Start the trail again. What happened since the call is not in it.",
        "aws cloudtrail start-logging",
        &[("--name", "name")],
    ),
    inverse((IAM, "AttachUserPolicy"), DETACH, "aws iam detach-user-policy", &[USER, POLICY_ARN]),
    inverse((IAM, "AttachRolePolicy"), DETACH, "aws iam detach-role-policy", &[ROLE, POLICY_ARN]),
    inverse((IAM, "DetachUserPolicy"), ATTACH, "aws iam attach-user-policy", &[USER, POLICY_ARN]),
    inverse((IAM, "DetachRolePolicy"), ATTACH, "aws iam attach-role-policy", &[ROLE, POLICY_ARN]),
    inverse(
        (IAM, "PutUserPolicy"),
        DELETE_INLINE,
        "aws iam delete-user-policy",
        &[USER, POLICY_NAME],
    ),
    inverse(
        (IAM, "PutRolePolicy"),
        DELETE_INLINE,
        "aws iam delete-role-policy",
        &[ROLE, POLICY_NAME],
    ),
    inverse(
        (IAM, "CreateLoginProfile"),
        "Delete the new password.",
        "aws iam delete-login-profile",
        &[USER],
    ),
    inverse(
        (IAM, "AddRoleToInstanceProfile"),
        "Take the role out of the instance profile.",
        "aws iam remove-role-from-instance-profile",
        &[INSTANCE_PROFILE, ROLE],
    ),
    inverse(
        (IAM, "RemoveRoleFromInstanceProfile"),
        "Put the role into the instance profile again.",
        "aws iam add-role-to-instance-profile",
        &[INSTANCE_PROFILE, ROLE],
    ),
    inverse(
        ("kms.amazonaws.com", "DisableKey"),
        "Enable the key again.",
        "aws kms enable-key",
        &[KEY_ID],
    ),
    inverse(
        ("kms.amazonaws.com", "ScheduleKeyDeletion"),
        "Keep the key. It stays disabled until it is enabled (aws kms enable-key).",
        "aws kms cancel-key-deletion",
        &[KEY_ID],
    ),
    inverse(
        ("config.amazonaws.com", "StopConfigurationRecorder"),
        "Start the recorder again. What changed since the call is not recorded.",
        "aws configservice start-configuration-recorder",
        &[("--configuration-recorder-name", "configurationRecorderName")],
    ),
    inverse(
        ("events.amazonaws.com", "DisableRule"),
        "Enable the rule again. Add --event-bus-name if it is not on the default bus.",
        "aws events enable-rule",
        &[("--name", "name")],
    ),
];

/// The steps for a call that succeeded.
pub(super) fn revert(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let (Some(provider), Some(action)) = (call.fields.text("event.provider"), call.action()) else {
        return Vec::new();
    };
    let is_inverse = |it: &&Inverse| (it.provider, it.action) == (provider, action);
    if let Some(inverse) = INVERSES.iter().find(is_inverse) {
        let options = inverse.options.iter().map(|(option, name)| (*option, call.parameter(name)));
        return vec![step(call, inverse.purpose, inverse.command, &options.collect::<Vec<_>>())];
    }
    match (provider, action) {
        (CLOUDTRAIL, "UpdateTrail" | "PutEventSelectors" | "PutInsightSelectors") => {
            compare_trail(call)
        }
        (CLOUDTRAIL, "DeleteTrail") => create_trail(call),
        (IAM, "CreateAccessKey") => deactivate_key(call),
        (IAM, "CreatePolicyVersion" | "SetDefaultPolicyVersion") => set_version(call),
        (
            IAM,
            "DeleteRolePermissionsBoundary"
            | "DeleteUserPermissionsBoundary"
            | "PutRolePermissionsBoundary"
            | "PutUserPermissionsBoundary",
        ) => set_boundary(call),
        (IAM, "UpdateAssumeRolePolicy") => vec![step(
            call,
            "Write the old trust policy again, from the template or from the record before this \
             one. The present one is:",
            "aws iam get-role",
            &[("--role-name", call.parameter("roleName"))],
        )],
        _ => Vec::new(),
    }
}

/// The record has the new values only, so the old ones must be compared and set by hand.
fn compare_trail(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let purpose = "Set what was changed again. The old values are in the template, or in the \
                   previous record of such a call. These are the present ones:";
    let name = call.parameter("name").or(call.parameter("trailName"));
    vec![
        step(call, purpose, "aws cloudtrail get-trail", &[("--name", name)]),
        step(call, purpose, "aws cloudtrail get-event-selectors", &[("--trail-name", name)]),
    ]
}

fn create_trail(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let purpose = "Create the trail again, best from its template. (BUCKET is where its logs are.) \
                   What happened since the call is not recorded.";
    let name = call.parameter("name");
    // Deleted by its ARN, it is created by its name.
    let short = name.map(|name| name.rsplit_once(":trail/").map_or(name, |(_, name)| name));
    let create = "aws cloudtrail create-trail --s3-bucket-name=BUCKET --is-multi-region-trail \
                  --enable-log-file-validation";
    vec![
        step(call, purpose, create, &[("--name", short)]),
        step(call, purpose, "aws cloudtrail start-logging", &[("--name", short)]),
    ]
}

/// Without a user's name the key is that of the principal.
fn deactivate_key(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let user = call.parameter("userName").or(call.response("accessKey.userName"));
    let key = call.response("accessKey.accessKeyId");
    let command = "aws iam update-access-key --status=Inactive";
    let options = [("--user-name", user), ("--access-key-id", key)];
    vec![step(call, "Deactivate the new key.", command, &options)]
}

fn set_version(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let policy = [("--policy-arn", call.parameter("policyArn"))];
    if let Some(previous) = call.drift().and_then(|drift| drift.previous.as_deref()) {
        let purpose = "Put the version that was in force before in force again.";
        let options = [policy[0], ("--version-id", Some(previous))];
        return vec![step(call, purpose, "aws iam set-default-policy-version", &options)];
    }
    let purpose = "Set the earlier version again. (VERSION is the last one before the call.)";
    ["aws iam list-policy-versions", "aws iam set-default-policy-version --version-id=VERSION"]
        .map(|command| step(call, purpose, command, &policy))
        .into()
}

fn set_boundary(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let purpose = "Set the boundary again. (ARN is the policy in the last call that set it.)";
    let (command, holder) = match call.parameter("roleName") {
        Some(role) => ("aws iam put-role-permissions-boundary", ("--role-name", Some(role))),
        None => ("aws iam put-user-permissions-boundary", ("--user-name", call.target_user())),
    };
    let command = format!("{command} --permissions-boundary=ARN");
    vec![step(call, purpose, &command, &[holder])]
}

/// IAM has no regions; the others need the one of the call.
fn step(
    call: AlertCall<'_>,
    purpose: &str,
    command: &str,
    options: &[(&str, Option<&str>)],
) -> ResponseStep {
    let is_global = command.starts_with("aws iam ");
    let region = call.region().filter(|_| !is_global);
    let command = ResponseCommand::new(command).option_if_known("--region", region);
    let add = |command: ResponseCommand, (option, value): &(&str, Option<&str>)| {
        command.option(option, *value)
    };
    ResponseStep::run(purpose, options.iter().fold(command, add))
}
