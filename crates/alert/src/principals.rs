//! Calls that give rights to users and roles instead of groups, in words.

use detect::finding::{Facts, Trust};
use detect::power::PowerLevel;
use detect::text::clean;

use crate::call::AlertCall;
use crate::description::{Verb, arn_name, name_or_unknown, policy};
use crate::power::list;

const MAX_NAME_CHARS: usize = 64;

/// What the call did. `None` for other calls.
pub(crate) fn predicate(call: AlertCall<'_>) -> Option<(Verb, String)> {
    let action = call.iam_action()?;
    let holder = holder(call, action)?;
    Some(match action {
        "AttachRolePolicy" | "AttachUserPolicy" => {
            (("attach", "attached"), format!("{} to {holder}", policy(call)))
        }
        "PutRolePolicy" | "PutUserPolicy" => {
            (("write", "wrote"), format!("{} into {holder}", policy(call)))
        }
        "DeleteRolePermissionsBoundary" | "DeleteUserPermissionsBoundary" => {
            (("remove", "removed"), format!("the permissions boundary of {holder}"))
        }
        "PutRolePermissionsBoundary" | "PutUserPermissionsBoundary" => {
            (("make", "made"), format!("{} the permissions boundary of {holder}", policy(call)))
        }
        "UpdateAssumeRolePolicy" => (("change", "changed"), format!("who may assume {holder}")),
        "CreateAccessKey" => (("create", "created"), format!("an access key for {holder}")),
        "CreateLoginProfile" => (("create", "created"), format!("a password for {holder}")),
        _ => return None,
    })
}

/// `AdministratorAccess attached to user bob`, every name cut to `width` characters. `None` for
/// other calls, and for one that failed.
pub(crate) fn in_short(call: AlertCall<'_>, width: usize) -> Option<String> {
    let action = call.iam_action().filter(|_| !call.failed())?;
    let (kind, name) = kind_and_name(call, action)?;
    let holder = format!("{kind} {}", clean::ascii(name.unwrap_or("?"), width));
    let arn = call.policy_arn().and_then(arn_name);
    let policy = clean::ascii(arn.or(call.parameter("policyName")).unwrap_or("?"), width);
    Some(match action {
        "AttachRolePolicy" | "AttachUserPolicy" => format!("{policy} attached to {holder}"),
        "PutRolePolicy" | "PutUserPolicy" => format!("inline policy {policy} put in {holder}"),
        "DeleteRolePermissionsBoundary" | "DeleteUserPermissionsBoundary" => {
            format!("permissions boundary of {holder} removed")
        }
        "PutRolePermissionsBoundary" | "PutUserPermissionsBoundary" => {
            format!("{policy} made the boundary of {holder}")
        }
        "UpdateAssumeRolePolicy" => match call.trust()? {
            Trust::Anyone => format!("{holder} opened to everyone"),
            Trust::Outside => format!("{holder} opened to other accounts"),
            Trust::Trail => format!("{holder} opened to accounts of the trail"),
            Trust::Account | Trust::Unknown => format!("trust policy of {holder} changed"),
        },
        "CreateAccessKey" => format!("access key created for {holder}"),
        "CreateLoginProfile" => format!("password created for {holder}"),
        _ => return None,
    })
}

/// Why it matters.
pub(crate) fn reasons(call: AlertCall<'_>, facts: &Facts) -> Vec<String> {
    let role = || clean::short_name(call.parameter("roleName").unwrap_or("?"), MAX_NAME_CHARS);
    let trust = facts.trust.and_then(|trust| match trust {
        Trust::Anyone => {
            Some(format!("Everyone may assume {} who meets its conditions, if any.", role()))
        }
        Trust::Outside => {
            Some(format!("Principals from outside the account may assume {}.", role()))
        }
        Trust::Trail => {
            Some(format!("Principals from other accounts of the trail may assume {}.", role()))
        }
        Trust::Unknown => Some("The trust policy is not in the record.".to_owned()),
        Trust::Account => None,
    });
    trust.into_iter().chain(target(call)).collect()
}

/// What the user can do for whom credentials were created.
fn target(call: AlertCall<'_>) -> Option<String> {
    let target = call.target()?;
    let user = clean::short_name(call.credentials_for()?, MAX_NAME_CHARS);
    let power = match target.power() {
        PowerLevel::Admin => "can do everything",
        PowerLevel::Escalates => "can escalate its rights",
        PowerLevel::Limited | PowerLevel::Unknown => return None,
    };
    let powerful = target.groups.iter().filter(|group| group.power.is_powerful());
    let groups = powerful.map(|it| clean::short_name(&it.group, MAX_NAME_CHARS)).collect();
    let by_groups = list(groups).map(|groups| format!("as a member of {groups}"));
    let by_itself = target.own.is_powerful().then(|| "by its own policies".to_owned());
    let by: Vec<String> = by_itself.into_iter().chain(by_groups).collect();
    let by = if by.is_empty() { String::new() } else { format!(", {}", by.join(" and ")) };
    Some(format!("{user} {power}{by}. Who has the credentials can do the same."))
}

/// `the user bob`.
fn holder(call: AlertCall<'_>, action: &str) -> Option<String> {
    let (kind, name) = kind_and_name(call, action)?;
    Some(name_or_unknown(&format!("the {kind}"), &format!("a {kind}"), name))
}

fn kind_and_name<'a>(call: AlertCall<'a>, action: &str) -> Option<(&'static str, Option<&'a str>)> {
    match action {
        "AttachUserPolicy"
        | "CreateAccessKey"
        | "CreateLoginProfile"
        | "DeleteUserPermissionsBoundary"
        | "PutUserPermissionsBoundary"
        | "PutUserPolicy" => Some(("user", call.target_user())),
        "AttachRolePolicy"
        | "DeleteRolePermissionsBoundary"
        | "PutRolePermissionsBoundary"
        | "PutRolePolicy"
        | "UpdateAssumeRolePolicy" => Some(("role", call.parameter("roleName"))),
        _ => None,
    }
}
