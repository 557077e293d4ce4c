//! What to check about the caller, and how to stop it.

use detect::finding::Origin;
use detect::text::{clean, time};

use super::{Command, Step, lookup, shown};
use crate::call::AlertCall;
use crate::caller;
use crate::console::Partition;
use crate::identity::{Identity, KeyKind};

/// What else the caller did, and with which keys it can call.
pub(super) fn check(call: AlertCall<'_>) -> Vec<Step> {
    let identity = Identity::of(call);
    let mut steps: Vec<Step> =
        other_calls(call, identity).into_iter().chain(all_calls(call, identity)).collect();
    if let Some(user) = identity.iam_user() {
        let keys = Command::aws("iam list-access-keys").with("--user-name", Some(user));
        steps.push(Step::run(
            format!("Which access keys does {} have, and since when?", clean::name(user)),
            keys,
        ));
    }
    steps
}

fn other_calls(call: AlertCall<'_>, identity: Identity<'_>) -> Option<Step> {
    let user_name = match identity.identity_type() {
        "IAMUser" => identity.iam_user(),
        "AssumedRole" => identity.session(),
        "Root" => Some("root"),
        _ => None,
    };
    let (attribute, value) = match user_name {
        Some(name) => ("Username", name),
        None => ("AccessKeyId", identity.access_key()?),
    };
    let purpose = format!("What else did {} do within a day?", identity.shown());
    Some(Step::run(purpose, lookup(call, 24, attribute, Some(value))))
}

/// The same out of the log objects, which hold more than CloudTrail's event history: every region,
/// and data events where the trail has them.
fn all_calls(call: AlertCall<'_>, identity: Identity<'_>) -> Option<Step> {
    let place = logs_of_account(call)?;
    let time = call.time()?;
    let scan = || {
        let scan = Command::trailbell("scan").place(&place);
        scan.known("--since", Some(&time::format_command_time(time, -24)))
            .known("--until", Some(&time::format_command_time(time, 24)))
    };
    let scans: Vec<Command> =
        caller::conditions(call).iter().map(|it| scan().with("--query", Some(it))).collect();
    let fitting = scans.iter().position(|scan| scan.line().is_ok()).unwrap_or_default();
    let purpose =
        format!("What did {} do in all regions, according to the log objects?", identity.shown());
    Some(Step::run(purpose, scans.into_iter().nth(fitting)?))
}

/// The part of the bucket that holds the account's log objects, as `s3://bucket/prefix/`; absent
/// where the record was not read from an object that CloudTrail named.
fn logs_of_account(call: AlertCall<'_>) -> Option<String> {
    let Origin::Object { bucket, key, .. } = &call.finding.origin else { return None };
    let (account, _) =
        key.split_once("/CloudTrail/").filter(|(account, _)| account.contains("AWSLogs/"))?;
    Some(format!("s3://{bucket}/{account}/"))
}

/// How to stop the caller, where the call was not meant.
pub(super) fn stop(call: AlertCall<'_>) -> Vec<Step> {
    let identity = Identity::of(call);
    match identity.identity_type() {
        "IAMUser" => stop_user(call, identity),
        "Root" => vec![Step::told(
            "If the root user may be compromised, change its password, delete its access keys and set up MFA. \
             No IAM policy can restrict it.",
        )],
        "AssumedRole" => vec![stop_role(call, identity)],
        "AWSService" => Vec::new(),
        _ => vec![Step::told(
            "If the credentials may be compromised, end the sessions of the principal at its identity provider.",
        )],
    }
}

/// A change that a service made for someone comes back unless it is undone there.
pub(super) fn service(call: AlertCall<'_>) -> Option<Step> {
    let identity = Identity::of(call);
    let service = identity
        .invoked_by()
        .or_else(|| (identity.identity_type() == "AWSService").then(|| identity.name()))?;
    Some(Step::told(format!(
        "{} made the call: find out who requested it, and undo the change there too (for CloudFormation, in the \
         stack), or it may be repeated.",
        clean::name(service)
    )))
}

fn stop_user(call: AlertCall<'_>, identity: Identity<'_>) -> Vec<Step> {
    let user = shown(identity.iam_user(), "the user");
    let place = in_account(call);
    let mut steps = Vec::new();
    if identity.key_kind() == KeyKind::LongTerm {
        let disable = Command::aws("iam update-access-key")
            .with("--user-name", identity.iam_user())
            .with("--access-key-id", identity.access_key())
            .plain("--status=Inactive");
        steps
            .push(Step::run(format!("If the key may be compromised, disable it{place}."), disable));
    }
    let deny = Command::aws("iam attach-user-policy").with("--user-name", identity.iam_user());
    steps.push(Step::run(
        format!("If {user} may be compromised, deny the user everything{place}, including open sessions."),
        deny.with("--policy-arn", Some(&deny_all(call))),
    ));
    steps
}

fn stop_role(call: AlertCall<'_>, identity: Identity<'_>) -> Step {
    if identity.permission_set().is_some() {
        return Step::told(
            "If the sign-in may be compromised, disable the user in IAM Identity Center and end its open sessions.",
        );
    }
    let role = shown(identity.role(), "the role");
    let deny = Command::aws("iam attach-role-policy").with("--role-name", identity.role());
    let place = in_account(call);
    Step::run(
        format!(
            "If the session may be compromised, deny the role {role} everything{place}. This stops all its sessions."
        ),
        deny.with("--policy-arn", Some(&deny_all(call))),
    )
}

/// Said only where it matters: the caller is not of the account that the record is of.
fn in_account(call: AlertCall<'_>) -> String {
    call.foreign_account()
        .map(|account| format!(" in its account {}", call.accounts.shown(account)))
        .unwrap_or_default()
}

/// The ARN of AWS's own policy that denies everything.
/// Source: <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSDenyAll.html>
fn deny_all(call: AlertCall<'_>) -> String {
    format!("arn:{}:iam::aws:policy/AWSDenyAll", Partition::of(call).name())
}
