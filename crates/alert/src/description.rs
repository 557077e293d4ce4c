//! What happened, in one sentence: who did what to which group, where, when and from where.

use detect::finding::GroupAction::*;
use detect::power::aws_managed;
use detect::text::{clean, time};

use crate::call::AlertCall;
use crate::power::{group_in_words, policy_in_words};
use crate::principals;

/// A verb, as infinitive and in the past tense.
pub(crate) type Verb = (&'static str, &'static str);

pub(crate) fn describe_call(call: AlertCall<'_>) -> String {
    let principal = call.principal().describe();
    let ((infinitive, past), object) = predicate(call);
    let verb = if call.failed() { format!("tried to {infinitive}") } else { past.to_owned() };
    let circumstances = [place_and_time(call), source(call), failure(call)].concat();
    format!("{principal} {verb} {object}{circumstances}.")
}

/// The last part of an ARN: the name of a policy without its path.
pub(crate) fn arn_name(arn: &str) -> Option<&str> {
    arn.rsplit('/').next().filter(|name| !name.is_empty())
}

fn predicate(call: AlertCall<'_>) -> (Verb, String) {
    let group = name_or_unknown("the IAM group", "an IAM group", call.group());
    let user = || name_or_unknown("the user", "a user", call.target_user());
    let policy = || policy(call);
    match call.group_action() {
        Some(Create) => (("create", "created"), group),
        Some(Delete) => (("delete", "deleted"), group),
        Some(Update) => update(call, group),
        Some(AddUser) => (("add", "added"), format!("{} to {group}{}", user(), group_power(call))),
        Some(RemoveUser) => (("remove", "removed"), format!("{} from {group}", user())),
        Some(AttachPolicy) => (("attach", "attached"), format!("{} to {group}", policy())),
        Some(DetachPolicy) => (("detach", "detached"), format!("{} from {group}", policy())),
        Some(PutPolicy) => (("write", "wrote"), format!("{} into {group}", policy())),
        Some(DeletePolicy) => (("delete", "deleted"), format!("{} from {group}", policy())),
        None => other(call),
    }
}

fn other(call: AlertCall<'_>) -> (Verb, String) {
    known(call).unwrap_or_else(|| (("call", "called"), other_call(call)))
}

/// Returns true if the sentence says what a call did, not only what it is called.
pub(crate) fn is_described(call: AlertCall<'_>) -> bool {
    call.group_action().is_some() || known(call).is_some()
}

fn known(call: AlertCall<'_>) -> Option<(Verb, String)> {
    if let Some(arn) = call.policy_with_new_version() {
        return Some((("put", "put"), new_version(call, arn)));
    }
    principals::predicate(call).or_else(|| directory(call))
}

/// ` (which can do everything)`.
fn group_power(call: AlertCall<'_>) -> String {
    group_in_words(call).map_or(String::new(), |power| format!(" (which {power})"))
}

/// A change to a group of Identity Center. Only its creation may name it.
fn directory(call: AlertCall<'_>) -> Option<(Verb, String)> {
    let id = name_or_unknown("the Identity Center group", "an Identity Center group", call.group());
    let user = || name_or_unknown("the user", "a user", call.target_user());
    Some(match call.directory_action()? {
        Create => {
            let name = call.object().map(|name| format!(", named {}", clean::name(name)));
            (("create", "created"), format!("{id}{}", name.unwrap_or_default()))
        }
        Delete => (("delete", "deleted"), id),
        AddUser => (("add", "added"), format!("{} to {id}", user())),
        RemoveUser => (("remove", "removed"), format!("{} from {id}", user())),
        _ => return None,
    })
}

fn update(call: AlertCall<'_>, group: String) -> (Verb, String) {
    let name = call.parameter("newGroupName").map(clean::name);
    let path = call.parameter("newPath").map(clean::name);
    match (name, path) {
        (Some(name), None) => (("rename", "renamed"), format!("{group} to {name}")),
        (Some(name), Some(path)) => {
            let object = format!("{group} to {name} and moved it to the path {path}");
            (("rename", "renamed"), object)
        }
        (None, Some(path)) => (("move", "moved"), format!("{group} to the path {path}")),
        (None, None) => (("update", "updated"), group),
    }
}

/// The policy that a call attaches or writes, with its power.
pub(crate) fn policy(call: AlertCall<'_>) -> String {
    let is_managed = matches!(call.group_action(), Some(AttachPolicy | DetachPolicy));
    let policy = match call.policy_arn() {
        Some(arn) if aws_managed(arn).is_some() => {
            name_or_unknown("the AWS managed policy", "a policy", arn_name(arn))
        }
        Some(arn) => name_or_unknown("the customer managed policy", "a policy", arn_name(arn)),
        None if is_managed => name_or_unknown("the policy", "a policy", None),
        None => {
            name_or_unknown("the inline policy", "an inline policy", call.parameter("policyName"))
        }
    };
    let power = call.policy_power();
    match power.as_ref().and_then(policy_in_words) {
        Some(power) => format!("{policy} (which {power})"),
        None => policy,
    }
}

/// `version v2 of the customer managed policy deploy in force`.
fn new_version(call: AlertCall<'_>, arn: &str) -> String {
    let version = call
        .policy_version()
        .map_or("a version".to_owned(), |version| format!("version {}", clean::name(version)));
    let policy = name_or_unknown("the customer managed policy", "a policy", arn_name(arn));
    format!("{version} of {policy} in force")
}

fn other_call(call: AlertCall<'_>) -> String {
    let action = call.action().map_or("an unknown action".to_owned(), clean::name);
    let provider = call.fields.text("event.provider");
    let provider = provider.map(|provider| format!(" ({})", clean::name(provider)));
    let object = call.object().map(|object| format!(" on {}", clean::name(object)));
    [action, provider.unwrap_or_default(), object.unwrap_or_default()].concat()
}

pub(crate) fn name_or_unknown(known: &str, unknown: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{known} {}", clean::name(name)),
        None => format!("{unknown} (name not recorded)"),
    }
}

fn place_and_time(call: AlertCall<'_>) -> String {
    let account = call.account().map_or("an unknown account".to_owned(), |id| {
        format!("account {}", call.accounts.label(id))
    });
    let time = call.time().map_or("at an unknown time".to_owned(), |at| {
        format!("on {}", time::format_sentence_time(at))
    });
    format!(" in {account} {time}")
}

fn source(call: AlertCall<'_>) -> String {
    let principal = call.principal();
    // A call made by a service has the service's name as its address.
    let (service, address) = match call.source_address() {
        Some(name) if name.ends_with(".amazonaws.com") => (Some(name), None),
        address => (principal.invoked_by(), address),
    };
    let service = service.filter(|_| principal.identity_type() != "AWSService");
    let phrase = |preposition: &str, name: Option<&str>| {
        name.map_or(String::new(), |name| format!(", {preposition} {}", clean::name(name)))
    };
    let console = if call.is_from_console() { ", in the AWS console" } else { "" };
    phrase("from", address) + &phrase("through", service) + console
}

fn failure(call: AlertCall<'_>) -> String {
    if !call.failed() {
        return String::new();
    }
    let verdict = if call.denied() { "was denied" } else { "failed" };
    let code = call.fields.text("aws.cloudtrail.error_code");
    let code = code.map_or(String::new(), |code| format!(" ({})", clean::name(code)));
    format!("; it {verdict}{code}, so nothing changed")
}
