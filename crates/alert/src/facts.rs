//! The facts of a finding: what the record says, and what is not recorded. Eight of them, after
//! those that the rule says to look at first.

use detect::finding::GroupAction;
use detect::text::clean;

use crate::call::AlertCall;
use crate::mail::{self, Item, rank};
use crate::power::{members_in_words, policies_in_words, unpowerful_in_words};
use crate::{investigation, parameters};

const MAX_FACTS: usize = 8;
const MAX_VALUE_CHARS: usize = 200;

/// A label, what is recorded, and how important it is: the most important eight are shown.
struct Fact {
    label: String,
    value: String,
    weight: u8,
}

/// Weights. Of one weight, the first facts are taken.
const ESSENTIAL: u8 = 4;
/// The first sentence says it too.
const REPEATED: u8 = 3;
const USEFUL: u8 = 2;
const EXTRA: u8 = 1;

pub(crate) fn items(call: AlertCall<'_>) -> Vec<Item> {
    let mut facts = investigation_facts(call);
    let rule_facts: Vec<Fact> =
        new_terms_fact(call).into_iter().chain(suppression_fact(call)).collect();
    let max = MAX_FACTS + facts.len() + rule_facts.len();
    facts.push(call_fact(call));
    facts.extend(place_fact(call));
    facts.extend(error_fact(call));
    facts.extend(target_facts(call));
    facts.extend(principal_facts(call));
    facts.extend(source_facts(call));
    facts.extend(rule_facts);
    let mut weights: Vec<u8> = facts.iter().map(|fact| fact.weight).collect();
    weights.sort_unstable_by(|a, b| b.cmp(a));
    let least = weights.get(max - 1).copied().unwrap_or(EXTRA);
    let above = weights.iter().filter(|weight| **weight > least).count();
    let mut room = max.saturating_sub(above);
    facts.retain(|fact| {
        let is_least = fact.weight == least;
        let fits = fact.weight > least || (is_least && room > 0);
        room -= usize::from(is_least && room > 0);
        fits
    });
    facts.iter().map(Fact::item).collect()
}

impl Fact {
    fn new(label: &str, value: String, weight: u8) -> Fact {
        Fact { label: label.to_owned(), value, weight }
    }

    fn item(&self) -> Item {
        let rank = match self.weight {
            ESSENTIAL => rank::FACT,
            REPEATED => rank::DETAIL,
            _ => rank::MINOR_FACT,
        };
        Item::new(rank, mail::row(&self.label, &self.value)).silent()
    }
}

/// What the rule says to look at first stands first.
fn investigation_facts(call: AlertCall<'_>) -> Vec<Fact> {
    let rows = investigation::rows(call).into_iter();
    rows.map(|(label, value)| Fact { label, value, weight: ESSENTIAL }).collect()
}

fn call_fact(call: AlertCall<'_>) -> Fact {
    let code = call.fields.text("aws.cloudtrail.error_code").map(clean::name);
    let verdict = match code {
        _ if !call.failed() => "succeeded".to_owned(),
        Some(code) => format!("failed: {code}"),
        None => "failed".to_owned(),
    };
    let action = value_or_unknown(call.action());
    let provider = value_or_unknown(call.fields.text("event.provider"));
    Fact::new("Call", format!("{action} ({provider}), {verdict}"), REPEATED)
}

/// The account is in the first sentence.
fn place_fact(call: AlertCall<'_>) -> Option<Fact> {
    let region = value_or_unknown(call.region());
    match call.foreign_account().map(|id| call.accounts.label(id)) {
        Some(account) => {
            let text = format!("the principal is of {account}, another account");
            Some(Fact::new("Account", text, ESSENTIAL))
        }
        None if call.group_action().is_some() => None,
        None => Some(Fact::new("Region", region, USEFUL)),
    }
}

fn error_fact(call: AlertCall<'_>) -> Option<Fact> {
    let message = call.fields.text("aws.cloudtrail.error_message")?;
    Some(Fact::new("Error", value(message), ESSENTIAL))
}

fn target_facts(call: AlertCall<'_>) -> Vec<Fact> {
    if call.group_action().is_none() {
        let rows = parameters::rows(call).into_iter();
        return rows.map(|(label, value)| Fact { label, value, weight: ESSENTIAL }).collect();
    }
    let group = value_or_unknown(call.group());
    let group = match call.created_group("path").or_else(|| call.parameter("path")) {
        Some(path) if path != "/" => format!("{group}, path {}", clean::name(path)),
        _ => group,
    };
    let rows = [
        ("Group", Some(group), REPEATED),
        ("New name", call.parameter("newGroupName").map(value), REPEATED),
        ("New path", call.parameter("newPath").map(value), REPEATED),
        ("Group ARN", call.created_group("arn").map(value), EXTRA),
        ("Group id", call.created_group("groupId").map(value), EXTRA),
        ("User", call.target_user().map(value), REPEATED),
        ("Policy", policy(call).map(value), ESSENTIAL),
        ("Allows", unpowerful_in_words(call), ESSENTIAL),
        ("Document", document(call), ESSENTIAL),
        ("Policies", policies_in_words(call), USEFUL),
        ("Members", members_in_words(call), USEFUL),
    ];
    let fact =
        |(label, value, weight): (&str, Option<String>, u8)| Some(Fact::new(label, value?, weight));
    rows.into_iter().filter_map(fact).collect()
}

fn policy(call: AlertCall<'_>) -> Option<&str> {
    use GroupAction::{AttachPolicy, DeletePolicy, DetachPolicy, PutPolicy};
    let action = call.group_action()?;
    let is_about_policy = matches!(action, AttachPolicy | DetachPolicy | PutPolicy | DeletePolicy);
    let policy = call.parameter("policyArn").or_else(|| call.parameter("policyName"));
    policy.filter(|_| is_about_policy)
}

/// The inline policy that was written, on two lines of compact JSON.
fn document(call: AlertCall<'_>) -> Option<String> {
    let document = call.parameter("policyDocument").filter(|_| policy(call).is_some())?;
    let policy = serde_json::from_str::<serde_json::Value>(document).ok();
    let policy = policy.map_or(document.to_owned(), |policy| match policy.get("Statement") {
        Some(statements) => statements.to_string(),
        None => policy.to_string(),
    });
    Some(value(&policy))
}

fn principal_facts(call: AlertCall<'_>) -> Vec<Fact> {
    let principal = call.principal();
    let arn = principal.identity_field("arn").map(value);
    let name = arn.unwrap_or_else(|| match principal.kind() {
        kind if kind.is_empty() => principal.display_name(),
        kind => format!("{} ({kind})", principal.display_name()),
    });
    let key_note = match principal.access_key().and_then(|key| key.get(..4)) {
        Some("AKIA") => " (long-term)",
        Some("ASIA") => " (temporary)",
        _ => "",
    };
    let mfa = principal.mfa_in_words().1;
    let is_service = principal.identity_type() == "AWSService";
    let credentials = match principal.access_key() {
        Some(key) => Some(("Key", format!("{}{key_note}, {mfa}", value(key)))),
        None if is_service => None,
        None => Some(("MFA", mfa.trim_start_matches("MFA ").to_owned())),
    };
    let mut facts = vec![Fact::new("Principal", name, ESSENTIAL)];
    facts.extend(credentials.map(|(label, text)| Fact::new(label, text, ESSENTIAL)));
    let start = principal.identity_field("session_context.creation_date").map(value);
    facts.extend(start.map(|start| Fact::new("Signed in", start, USEFUL)));
    facts
}

fn source_facts(call: AlertCall<'_>) -> Vec<Fact> {
    let made_through = match call.principal().invoked_by() {
        _ if call.is_from_console() => "in the console".to_owned(),
        Some(service) => format!("through {}", clean::name(service)),
        None => "through the API".to_owned(),
    };
    let endpoint = call.fields.text("aws.cloudtrail.vpc_endpoint_id");
    let endpoint = endpoint.map(|id| format!(", VPC endpoint {}", clean::name(id)));
    let address = value_or_unknown(call.source_address());
    let source = format!("{address}, {made_through}{}", endpoint.unwrap_or_default());
    let agent = value_or_unknown(call.fields.text("user_agent.original"));
    vec![Fact::new("Source", source, ESSENTIAL), Fact::new("Agent", agent, USEFUL)]
}

/// Why the call is a finding: its values are new. One combination stands for all.
fn new_terms_fact(call: AlertCall<'_>) -> Option<Fact> {
    let new_terms = call.finding.rule.new_terms.as_ref()?;
    let combinations = &call.finding.terms.as_ref()?.combinations;
    let pairs = new_terms.fields.iter().zip(combinations.first()?);
    let values: Vec<String> = pairs.map(|(field, value)| format!("{field} {value}")).collect();
    let more = combinations.len() - 1;
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    let text = format!("{}{more}: {}", values.join(", "), new_terms.describe());
    Some(Fact::new("New", value(&text), ESSENTIAL))
}

/// One mail can stand for many findings.
fn suppression_fact(call: AlertCall<'_>) -> Option<Fact> {
    let suppression = call.finding.rule.alert_suppression.as_ref()?;
    Some(Fact::new("Repeats", value(&suppression.describe()), ESSENTIAL))
}

fn value(raw: &str) -> String {
    clean::value(raw, MAX_VALUE_CHARS)
}

fn value_or_unknown(raw: Option<&str>) -> String {
    raw.map_or_else(|| "not recorded".to_owned(), value)
}
