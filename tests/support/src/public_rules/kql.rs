//! Queries in KQL.

use super::PublicRule;
use super::record::{actions, value};

/// The fields that a rule with a `not` most likely negates, that one with a wildcard searches, and
/// that one with a `field: *` wants to exist.
const NEGATED: [&str; 9] = [
    "source.as.organization.name",
    "source.as.number",
    "related.entity",
    "aws.cloudtrail.user_identity.invoked_by",
    "user_agent.name",
    "source.address",
    "user_agent.original",
    "aws.cloudtrail.user_identity.type",
    "aws.cloudtrail.user_identity.arn",
];
const SEARCHED: [&str; 8] = [
    "aws.cloudtrail.request_parameters",
    "user_agent.original",
    "aws.cloudtrail.user_identity.arn",
    "aws.cloudtrail.user_identity.access_key_id",
    "aws.cloudtrail.user_identity.session_context.session_issuer.arn",
    "aws.cloudtrail.flattened.request_parameters.key",
    "aws.cloudtrail.flattened.request_parameters.x",
    "user.name",
];
const EXISTING: [&str; 6] = [
    "source.ip",
    "tls.client.server_name",
    "user.id",
    "aws.cloudtrail.flattened.request_parameters.serialNumber",
    "aws.cloudtrail.flattened.request_parameters.groupSet.items.groupId",
    "aws.cloudtrail.user_identity.invoked_by",
];

/// What a rule asks of which of its fields. It asks all others for a value.
struct Roles {
    negated: Option<&'static str>,
    searched: Option<&'static str>,
    existing: Option<&'static str>,
}

impl Roles {
    fn new(rule: &PublicRule) -> Roles {
        let first = |preferred: &[&'static str], taken: &[Option<&str>]| {
            let is_free = |field: &str| rule.names(field) && !taken.contains(&Some(field));
            preferred.iter().copied().find(|field| is_free(field))
        };
        let negated = rule.uses("not").then(|| first(&NEGATED, &[]).unwrap());
        // What is negated can be a pattern, and else it is the call.
        let fallback = negated.unwrap_or("event.action");
        let searched =
            rule.uses("wildcard").then(|| first(&SEARCHED, &[negated]).unwrap_or(fallback));
        let existing = rule.uses("exists").then(|| first(&EXISTING, &[negated, searched]));
        Roles { negated, searched, existing: existing.and_then(|it| it.or(searched)) }
    }
}

pub(super) fn query(rule: &PublicRule) -> String {
    let roles = Roles::new(rule);
    let conditions = rule.fields.iter().map(|field| condition(rule, &roles, field));
    conditions.collect::<Vec<_>>().join("\n  and ")
}

fn condition(rule: &PublicRule, roles: &Roles, field: &str) -> String {
    let [is_negated, is_searched, must_exist] =
        [roles.negated, roles.searched, roles.existing].map(|role| role == Some(field));
    let other = format!("other{}", rule.number);
    if is_negated {
        let others = if is_searched { format!("({other}* or *-{other})") } else { other };
        return format!("not {field}: {others}");
    }
    if is_searched {
        let search = format!("{field}: {}", patterns(rule, field));
        return if must_exist { format!("{field}: * and {search}") } else { search };
    }
    if must_exist {
        return format!("{field}: *");
    }
    let values = match field {
        "event.action" => actions(rule),
        _ => vec![value(rule, field)],
    };
    let values = values.into_iter().map(|value| literal(rule, &value));
    format!("{field}: {}", alternatives(values))
}

fn patterns(rule: &PublicRule, field: &str) -> String {
    if field == "event.action" {
        return alternatives(actions(rule).into_iter().map(|action| format!("{action}*")));
    }
    let searched = value(rule, field).replace(':', "\\:");
    alternatives([searched, format!("other{}", rule.number)].map(|it| format!("*{it}*")))
}

/// In quotes if it needs them, and in half of the rules if not.
fn literal(rule: &PublicRule, text: &str) -> String {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    if is_plain && rule.number.is_multiple_of(2) { text.to_owned() } else { format!("{text:?}") }
}

fn alternatives(values: impl IntoIterator<Item = String>) -> String {
    let values: Vec<String> = values.into_iter().collect();
    if let [value] = &values[..] { value.clone() } else { format!("({})", values.join(" or ")) }
}
