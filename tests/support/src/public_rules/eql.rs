//! Queries in EQL.

use super::PublicRule;
use super::record::{actions, value};

/// The fields that a rule with `stringContains` most likely searches.
const SEARCHED: [&str; 3] = ["aws.cloudtrail.request_parameters", "user_agent.original", "user.id"];

pub(super) fn query(rule: &PublicRule) -> String {
    if rule.uses("sequence") {
        return sequence(rule);
    }
    let category = if rule.uses("event_category_override") { "info" } else { "any" };
    format!("{category} where {}", conditions(rule, ""))
}

/// A sequence of the rule's calls, by the field that no other rule has.
fn sequence(rule: &PublicRule) -> String {
    let by = "aws.cloudtrail.user_identity.access_key_id";
    let steps = actions(rule).into_iter().map(|action| {
        let action = format!("event.action : {action:?}");
        format!("  [any where {}\n  and {action}]\n", conditions(rule, "event.action"))
    });
    format!("sequence by {by} with maxspan=15m\n{}", steps.collect::<String>())
}

fn conditions(rule: &PublicRule, except: &str) -> String {
    let fields = rule.fields.iter().filter(|field| **field != except);
    fields.map(|field| condition(rule, field)).collect::<Vec<_>>().join("\n  and ")
}

fn condition(rule: &PublicRule, field: &str) -> String {
    let value = value(rule, field);
    let searched = SEARCHED.into_iter().find(|field| rule.names(field));
    if rule.uses("stringContains") && searched == Some(field) {
        return contains(rule, field, &value);
    }
    match field {
        "event.action" => {
            let quoted = actions(rule).into_iter().map(|action| format!("{action:?}"));
            let list = quoted.collect::<Vec<_>>().join(", ");
            match (rule.uses(":"), rule.uses("in")) {
                (true, _) => format!("{field} : ({list})"),
                (false, true) => format!("{field} in ({list})"),
                (false, false) => format!("{field} == {list}"),
            }
        }
        "aws.cloudtrail.user_identity.access_key_id" if rule.uses("startsWith") => {
            format!("startsWith({field}, \"AKIA\")")
        }
        "aws.cloudtrail.user_identity.access_key_id" if rule.uses("like") => {
            format!("{field} like \"AKIA*\"")
        }
        "aws.cloudtrail.resources.arn" if rule.uses("regex~") => {
            let n = rule.number;
            format!(
                "{field} regex~ \"\"\"ARN:AWS:S3:::EXAMPLE-{n}/(file|note)s?[.]txt\"\"\"\n  \
                 and {field} regex \"\"\"arn:[a-z0-9:-]+{n}/.*\"\"\""
            )
        }
        _ => format!("{field} == {value:?}"),
    }
}

/// A search for the value, or for one of a few others.
fn contains(rule: &PublicRule, field: &str, value: &str) -> String {
    let others = ["pacu", "kali", "parrot", "scout"].map(|tool| format!("{tool}-{}", rule.number));
    let texts = others.iter().map(String::as_str).chain([value]);
    let searches = texts.map(|text| format!("stringContains({field}, {text:?})"));
    format!("({})", searches.collect::<Vec<_>>().join("\n    or "))
}
