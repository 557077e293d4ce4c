//! What to check about the principal, and how to stop it.

use detect::finding::{Member, Origin};
use detect::text::clean;

use super::{ResponseCommand, ResponseStep, lookup_around, name_or, without_repeats};
use crate::call::AlertCall;
use crate::console::Partition;
use crate::principal::is_of_identity_center;

/// Principals of many calls that are stopped by name.
const MAX_STOPS: usize = 3;

/// Whether the change was approved: the answer ends most investigations.
pub(super) fn approved(call: AlertCall<'_>) -> ResponseStep {
    let principal = call.principal();
    let name = principal.display_name();
    let whom = match principal.identity_type() {
        "Root" => "Ask the holder of the root user's credentials".to_owned(),
        "AWSService" => format!("Find out who requested it from {name}"),
        "AssumedRole" if principal.permission_set().is_none() => {
            format!("Ask the owner of the role {}", name_or(principal.role(), "concerned"))
        }
        _ => format!("Ask {name}"),
    };
    let question = if call.failed() { "Was it meant?" } else { "Was it approved?" };
    let text = format!("{question} {whom}, not by email, or find the ticket.");
    ResponseStep::instruction(&text)
}

/// What else the principal did.
pub(super) fn history(call: AlertCall<'_>) -> Vec<ResponseStep> {
    event_history(call).into_iter().chain(log_objects(call)).collect()
}

pub(super) fn access_keys(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let user = call.principal().iam_user();
    let step = |user| {
        let purpose = format!("Which access keys does {} have?", clean::name(user));
        ResponseStep::run_with(&purpose, "aws iam list-access-keys", &[("--user-name", Some(user))])
    };
    user.map(step).into_iter().collect()
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
    Some(ResponseStep::run(&history_purpose(call), lookup))
}

fn history_purpose(call: AlertCall<'_>) -> String {
    format!("What else did {} do within a day?", call.principal().display_name())
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
    Some(ResponseStep::run(&history_purpose(call), command))
}

/// The prefix of the account's log objects, as `s3://bucket/prefix/`. Returns `None` if the record
/// was not read from an object that CloudTrail named.
fn account_logs(call: AlertCall<'_>) -> Option<String> {
    let Origin::Object { bucket, key, .. } = &call.finding.origin else { return None };
    let (account, _) = key.split_once("/CloudTrail/")?;
    account.contains("AWSLogs/").then(|| format!("s3://{bucket}/{account}/"))
}

/// How to stop the principal, if it is compromised.
pub(crate) fn stop(call: AlertCall<'_>) -> Vec<ResponseStep> {
    match call.principal().identity_type() {
        "IAMUser" => stop_user(call),
        "Root" => vec![ResponseStep::instruction(
            "Stop the root user: change its password, delete its access keys, set up MFA. No IAM \
             policy can restrict it.",
        )],
        "AssumedRole" => vec![stop_role(call)],
        "AWSService" => Vec::new(),
        _ => vec![ResponseStep::instruction(
            "Stop the principal: end its sessions at its identity provider.",
        )],
    }
}

/// How to stop the principals of several calls. One that added itself to a group is stopped as the
/// user that it added, which stops more.
pub(super) fn stop_each(calls: &[AlertCall<'_>]) -> Vec<ResponseStep> {
    let added_itself = |call: &AlertCall<'_>| {
        let key = &call.finding.principal.key;
        calls.iter().any(|other| is_own_target(*other) && other.finding.principal.key == *key)
    };
    let stopped = calls.iter().filter(|call| is_own_target(**call) || !added_itself(call));
    stopped.flat_map(|call| stop(*call)).collect()
}

/// Returns true if the call changed something about the IAM user who made it.
fn is_own_target(call: AlertCall<'_>) -> bool {
    let user = call.principal().iam_user();
    !call.failed() && user.is_some() && user == call.target_user()
}

/// How to stop the principals of many calls, each by its name.
pub(crate) fn stop_all(members: &[Member]) -> Vec<ResponseStep> {
    without_repeats(members.iter().filter_map(stop_named)).into_iter().take(MAX_STOPS).collect()
}

fn stop_named(member: &Member) -> Option<ResponseStep> {
    let name = member.principal.as_str();
    let deny_all = Partition::from_region(member.region.as_deref()).deny_all_arn();
    let policy = ("--policy-arn", Some(deny_all.as_str()));
    let clean = clean::name(name);
    match member.principal_type.as_str() {
        "IAMUser" => {
            let purpose = format!("Stop {clean}, open sessions too.");
            let user = ("--user-name", Some(name));
            Some(ResponseStep::run_with(&purpose, "aws iam attach-user-policy", &[user, policy]))
        }
        "AssumedRole" if !is_of_identity_center(name) => {
            let (role, _) = name.rsplit_once('/')?;
            let purpose = format!("Stop the role {}, all its sessions.", clean::name(role));
            let role = ("--role-name", Some(role));
            Some(ResponseStep::run_with(&purpose, "aws iam attach-role-policy", &[role, policy]))
        }
        "AWSService" => None,
        _ => Some(ResponseStep::instruction(&format!("Stop {clean}: end its sessions."))),
    }
}

/// A change that a service makes for someone comes back unless it is undone there.
pub(super) fn service(call: AlertCall<'_>) -> Option<ResponseStep> {
    let principal = call.principal();
    let is_service = principal.identity_type() == "AWSService";
    let service = principal.invoked_by().or(is_service.then(|| principal.name()));
    let service = service.filter(|_| !call.failed())?;
    Some(ResponseStep::instruction(&format!(
        "{} made the call. Undo the change there too, e.g. in the stack, or it comes back.",
        clean::name(service)
    )))
}

fn stop_user(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let principal = call.principal();
    let user = principal.iam_user();
    let name = name_or(user, "the user");
    let purpose = match in_foreign_account(call) {
        _ if is_own_target(call) => return stop_target(call),
        place if principal.has_long_term_key() => {
            format!("Stop {name}{place}: its key, then all else, open sessions too.")
        }
        place => format!("Stop {name}{place}, open sessions too."),
    };
    let mut steps = Vec::new();
    if principal.has_long_term_key() {
        let key = ("--access-key-id", principal.access_key());
        let command = "aws iam update-access-key --status=Inactive";
        steps.push(ResponseStep::run_with(&purpose, command, &[("--user-name", user), key]));
    }
    steps.push(deny_user(call, &purpose, user));
    steps
}

fn deny_user(call: AlertCall<'_>, purpose: &str, user: Option<&str>) -> ResponseStep {
    let policy = ("--policy-arn", Some(&*Partition::from_call(call).deny_all_arn()));
    ResponseStep::run_with(purpose, "aws iam attach-user-policy", &[("--user-name", user), policy])
}

/// How to stop the user that the call is about: it may be in the hands of the same person.
pub(super) fn stop_target(call: AlertCall<'_>) -> Vec<ResponseStep> {
    let user = call.target_user();
    let name = name_or(user, "the user");
    let purpose = format!("Stop {name}, open sessions too; then its keys, password, MFA devices.");
    let further = [
        deactivate_keys(user),
        ResponseCommand::new("aws iam delete-login-profile").option("--user-name", user),
        ResponseCommand::new("aws iam list-mfa-devices").option("--user-name", user),
    ];
    let further = further.into_iter().map(|command| ResponseStep::run(&purpose, command));
    std::iter::once(deny_user(call, &purpose, user)).chain(further).collect()
}

/// Lists the keys of a user, and deactivates each.
fn deactivate_keys(user: Option<&str>) -> ResponseCommand {
    let list = ResponseCommand::new("aws iam list-access-keys --output=text")
        .option("--user-name", user)
        .option("--query", Some("AccessKeyMetadata[].AccessKeyId"));
    ResponseCommand::new("aws iam update-access-key --status=Inactive")
        .option("--user-name", user)
        .for_each_word_of(&list, "--access-key-id")
}

fn stop_role(call: AlertCall<'_>) -> ResponseStep {
    let principal = call.principal();
    if principal.permission_set().is_some() {
        return ResponseStep::instruction(
            "Stop the person: disable the user in IAM Identity Center, and end its sessions.",
        );
    }
    let role = name_or(principal.role(), "the role");
    let place = in_foreign_account(call);
    ResponseStep::run_with(
        &format!("Stop the role {role}{place}: this denies all its sessions everything."),
        "aws iam attach-role-policy",
        &[
            ("--role-name", principal.role()),
            ("--policy-arn", Some(&Partition::from_call(call).deny_all_arn())),
        ],
    )
}

/// Empty if the principal is of the account that the record is of.
fn in_foreign_account(call: AlertCall<'_>) -> String {
    let account = call.foreign_account().map(|id| call.accounts.label(id));
    account.map_or(String::new(), |account| format!(" in its account {account}"))
}
