//! What to check about the principal, and how to stop it.

use detect::finding::Origin;
use detect::text::clean;

use super::{ResponseCommand, ResponseStep, lookup_around, name_or};
use crate::call::AlertCall;
use crate::console::Partition;

pub(super) fn check(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let mut steps: Vec<ResponseStep> =
        event_history(call).into_iter().chain(log_objects(call)).collect();
    steps.extend(call.principal().iam_user().map(access_keys));
    steps
}

pub(super) fn access_keys(user: &str) -> ResponseStep {
    let purpose = format!("Which access keys does {} have, and since when?", clean::name(user));
    ResponseStep::run_with(&purpose, "aws iam list-access-keys", &[("--user-name", Some(user))])
}

fn event_history(call: AlertCall<'_>) -> Option<ResponseStep> {
    let principal = call.principal();
    let user_name = match principal.identity_type() {
        "IAMUser" => principal.iam_user(),
        "AssumedRole" => principal.session_name(),
        "Root" => Some("root"),
        _ => None,
    };
    let lookup = match user_name {
        Some(name) => lookup_around(call, 24, "Username", name),
        None => lookup_around(call, 24, "AccessKeyId", principal.access_key()?),
    };
    let purpose = format!("What else did {} do within a day?", principal.display_name());
    Some(ResponseStep::run(&purpose, lookup))
}

/// The log objects have more than CloudTrail's event history: every region, and data events if the
/// trail records them.
fn log_objects(call: AlertCall<'_>) -> Option<ResponseStep> {
    let place = account_logs(call)?;
    call.time()?;
    let scan = |condition: &String| {
        ResponseCommand::new("trailbell scan")
            .place(&place)
            .time_range("--since", "--until", call.time(), 24)
            .option("--query", Some(condition))
    };
    let scans: Vec<ResponseCommand> = call.principal().conditions().iter().map(scan).collect();
    let command = scans.iter().find(|scan| scan.line().is_ok()).or(scans.first())?.clone();
    let name = call.principal().display_name();
    let purpose = format!("What did {name} do in all regions, according to the log objects?");
    Some(ResponseStep::run(&purpose, command))
}

/// The prefix of the account's log objects, as `s3://bucket/prefix/`. Returns `None` if the record
/// was not read from an object that CloudTrail named.
fn account_logs(call: AlertCall<'_>) -> Option<String> {
    let Origin::Object { bucket, key, .. } = &call.finding.origin else { return None };
    let (account, _) = key.split_once("/CloudTrail/")?;
    account.contains("AWSLogs/").then(|| format!("s3://{bucket}/{account}/"))
}

/// How to stop the principal, if it is compromised.
pub(super) fn stop(call: AlertCall<'_>) -> Vec<ResponseStep> {
    match call.principal().identity_type() {
        "IAMUser" => stop_user(call),
        "Root" => vec![ResponseStep::instruction(
            "If the root user may be compromised, change its password, delete its access keys and \
             set up MFA. No IAM policy can restrict it.",
        )],
        "AssumedRole" => vec![stop_role(call)],
        "AWSService" => Vec::new(),
        _ => vec![ResponseStep::instruction(
            "If the credentials may be compromised, end the sessions of the principal at its \
             identity provider.",
        )],
    }
}

/// A change that a service makes for someone comes back unless it is undone there.
pub(super) fn service(call: AlertCall<'_>) -> Option<ResponseStep> {
    let principal = call.principal();
    let is_service = principal.identity_type() == "AWSService";
    let service = principal.invoked_by().or(is_service.then(|| principal.name()))?;
    Some(ResponseStep::instruction(&format!(
        "{} made the call: find out who requested it, and undo the change there too (for \
         CloudFormation, in the stack), or it may be repeated.",
        clean::name(service)
    )))
}

fn stop_user(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let principal = call.principal();
    let user = ("--user-name", principal.iam_user());
    let place = in_foreign_account(call);
    let mut steps = Vec::new();
    if principal.has_long_term_key() {
        steps.push(ResponseStep::run_with(
            &format!("If the key may be compromised, disable it{place}."),
            "aws iam update-access-key --status=Inactive",
            &[user, ("--access-key-id", principal.access_key())],
        ));
    }
    let name = name_or(user.1, "the user");
    steps.push(ResponseStep::run_with(
        &format!(
            "If {name} may be compromised, deny the user everything{place}, including open \
             sessions."
        ),
        "aws iam attach-user-policy",
        &[user, ("--policy-arn", Some(&deny_all_arn(call)))],
    ));
    steps
}

fn stop_role(call: AlertCall<'_>) -> ResponseStep {
    let principal = call.principal();
    if principal.permission_set().is_some() {
        return ResponseStep::instruction(
            "If the sign-in may be compromised, disable the user in IAM Identity Center and end \
             its open sessions.",
        );
    }
    let role = name_or(principal.role(), "the role");
    let place = in_foreign_account(call);
    ResponseStep::run_with(
        &format!(
            "If the session may be compromised, deny the role {role} everything{place}. This stops \
             all its sessions."
        ),
        "aws iam attach-role-policy",
        &[("--role-name", principal.role()), ("--policy-arn", Some(&deny_all_arn(call)))],
    )
}

/// Empty if the principal is of the account that the record is of.
fn in_foreign_account(call: AlertCall<'_>) -> String {
    let account = call.foreign_account().map(|id| call.accounts.label(id));
    account.map_or(String::new(), |account| format!(" in its account {account}"))
}

/// The ARN of AWS's own policy that denies everything.
/// Source: <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSDenyAll.html>
fn deny_all_arn(call: AlertCall<'_>) -> String {
    format!("arn:{}:iam::aws:policy/AWSDenyAll", Partition::from_call(call).name)
}
