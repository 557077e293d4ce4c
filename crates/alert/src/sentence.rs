//! What happened, in one plain sentence: who did what to which group, where, when and from where.

use detect::finding::GroupAction;
use detect::finding::policy::{Power, aws_managed};
use detect::text::{clean, time};

use super::call::AlertCall;
use super::identity::Identity;
use crate::power::power_in_words;

/// The sentence, cleaned, not wrapped.
pub(super) fn write(call: AlertCall<'_>) -> String {
    let deed = Deed::of(call);
    let who = Identity::of(call).in_words();
    let verb =
        if call.failed() { format!("tried to {}", deed.infinitive) } else { deed.past.to_owned() };
    format!("{who} {verb} {}{}{}{}.", deed.object, place(call), source(call), failure(call))
}

/// A verb and its object.
struct Deed {
    infinitive: &'static str,
    past: &'static str,
    object: String,
}

impl Deed {
    fn of(call: AlertCall<'_>) -> Deed {
        let group = group(call);
        let user = || named("the user", "a user", call.target_user());
        let policy = || policy(call);
        let (infinitive, past, object) = match call.group_action() {
            Some(GroupAction::Create) => ("create", "created", group),
            Some(GroupAction::Delete) => ("delete", "deleted", group),
            Some(GroupAction::Update) => return update(call, group),
            Some(GroupAction::AddUser) => ("add", "added", format!("{} to {group}", user())),
            Some(GroupAction::RemoveUser) => {
                ("remove", "removed", format!("{} from {group}", user()))
            }
            Some(GroupAction::AttachPolicy) => {
                ("attach", "attached", format!("{} to {group}", policy()))
            }
            Some(GroupAction::DetachPolicy) => {
                ("detach", "detached", format!("{} from {group}", policy()))
            }
            Some(GroupAction::PutPolicy) => {
                ("write", "wrote", format!("{} into {group}", policy()))
            }
            Some(GroupAction::DeletePolicy) => {
                ("delete", "deleted", format!("{} from {group}", policy()))
            }
            None => ("call", "called", any_call(call)),
        };
        Deed { infinitive, past, object }
    }
}

fn update(call: AlertCall<'_>, group: String) -> Deed {
    let name = call.parameter("newGroupName").map(clean::name);
    let path = call.parameter("newPath").map(clean::name);
    let (infinitive, past, object) = match (name, path) {
        (Some(name), None) => ("rename", "renamed", format!("{group} to {name}")),
        (Some(name), Some(path)) => {
            ("rename", "renamed", format!("{group} to {name} and moved it to the path {path}"))
        }
        (None, Some(path)) => ("move", "moved", format!("{group} to the path {path}")),
        (None, None) => ("update", "updated", group),
    };
    Deed { infinitive, past, object }
}

fn group(call: AlertCall<'_>) -> String {
    named("the IAM group", "an IAM group", call.group())
}

fn policy(call: AlertCall<'_>) -> String {
    let power = Power::from_call(*call)
        .map(|power| format!(" (which {})", power_in_words(power)))
        .unwrap_or_default();
    let policy = match call.parameter("policyArn") {
        Some(arn) if aws_managed(arn).is_some() => {
            named("the AWS managed policy", "a policy", arn_name(arn))
        }
        Some(arn) => named("the customer managed policy", "a policy", arn_name(arn)),
        None if is_managed(call) => named("the policy", "a policy", None),
        None => named("the inline policy", "an inline policy", call.parameter("policyName")),
    };
    policy + &power
}

fn is_managed(call: AlertCall<'_>) -> bool {
    matches!(call.group_action(), Some(GroupAction::AttachPolicy | GroupAction::DetachPolicy))
}

/// The last part of an ARN: a policy's name without its path.
pub(super) fn arn_name(arn: &str) -> Option<&str> {
    arn.rsplit('/').next().filter(|name| !name.is_empty())
}

fn any_call(call: AlertCall<'_>) -> String {
    let provider =
        call.fields.text("event.provider").map(|provider| format!(" ({})", clean::name(provider)));
    let action = call.action().map_or("an unknown action".to_owned(), clean::name);
    action + &provider.unwrap_or_default()
}

fn named(known: &str, unknown: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{known} {}", clean::name(name)),
        None => format!("{unknown} (name not recorded)"),
    }
}

fn place(call: AlertCall<'_>) -> String {
    let account = call.account().map_or("an unknown account".to_owned(), |id| {
        format!("account {}", call.accounts.shown(id))
    });
    let time = call.time().map_or("at an unknown time".to_owned(), |at| {
        format!("on {}", time::format_sentence_time(at))
    });
    format!(" in {account} {time}")
}

fn source(call: AlertCall<'_>) -> String {
    let identity = Identity::of(call);
    let address = call.fields.text("source.ip").or_else(|| call.fields.text("source.address"));
    // A call that a service makes has the service's name for an address.
    let (service, address) = match address {
        Some(name) if name.ends_with(".amazonaws.com") => (Some(name), None),
        _ => (identity.invoked_by(), address),
    };
    let service = service.filter(|_| identity.identity_type() != "AWSService");
    let address =
        address.map(|address| format!(", from {}", clean::name(address))).unwrap_or_default();
    let service =
        service.map(|service| format!(", through {}", clean::name(service))).unwrap_or_default();
    let console = call.fields.flag("aws.cloudtrail.session_credential_from_console") == Some(true);
    address + &service + if console { ", in the AWS console" } else { "" }
}

fn failure(call: AlertCall<'_>) -> String {
    if !call.failed() {
        return String::new();
    }
    let verdict = if call.denied() { "was denied" } else { "failed" };
    let error = call
        .fields
        .text("aws.cloudtrail.error_code")
        .map(|code| format!(" ({})", clean::name(code)));
    format!("; it {verdict}{}, so nothing changed", error.unwrap_or_default())
}
