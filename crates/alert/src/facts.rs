//! The facts of a finding as a table: what the record says, and what is not recorded.

use detect::finding::policy::Grant;
use detect::text::{clean, time, wrap};

use crate::call::AlertCall;
use crate::description::power_in_words;
use crate::mail;
use crate::principal::{KeyKind, Mfa, PrincipalView};

/// Characters of a value.
const MAX_VALUE: usize = 400;

/// Lines of a policy document.
const MAX_POLICY_LINES: usize = 80;

const NOT_RECORDED: &str = "not recorded";

type Row = (&'static str, String);

pub(crate) fn fact_lines(call: AlertCall<'_>) -> Vec<String> {
    let sections = [call_rows(call), target_rows(call), principal_rows(call), source_rows(call)];
    mail::table(sections.into_iter().flatten().flatten())
}

/// The inline policy that the call wrote, pretty-printed if it is JSON. Empty for other calls.
pub(crate) fn policy_document_lines(call: AlertCall<'_>) -> Vec<String> {
    let Some(document) = call.parameter("policyDocument") else { return Vec::new() };
    let policy = serde_json::from_str::<serde_json::Value>(document).ok();
    let pretty = policy.and_then(|policy| serde_json::to_string_pretty(&policy).ok());
    let text = pretty.as_deref().unwrap_or(document);
    let mut lines: Vec<String> =
        text.lines().take(MAX_POLICY_LINES).flat_map(policy_line).collect();
    let cut = text.lines().count().saturating_sub(MAX_POLICY_LINES);
    if cut > 0 {
        lines.push(format!("  … ({cut} lines cut)"));
    }
    lines
}

fn policy_line(line: &str) -> Vec<String> {
    let text = line.trim_start();
    let indent = (line.len() - text.len()).min(wrap::COLUMNS / 2);
    wrap::hanging(&" ".repeat(2 + indent), &clean::text(text, MAX_VALUE))
}

fn call_rows(call: AlertCall<'_>) -> Vec<Option<Row>> {
    let rule = &call.finding.rule;
    let (severity, risk_score) = (rule.severity.as_str(), rule.risk_score);
    let rule = format!("{} (severity {severity}, risk score {risk_score} of 100)", rule.name);
    let verdict = match (call.failed(), call.fields.text("aws.cloudtrail.error_code")) {
        (false, _) => "succeeded".to_owned(),
        (true, Some(code)) => format!("failed: {}", clean::name(code)),
        (true, None) => "failed".to_owned(),
    };
    let action = value_or_unknown(call.action());
    let provider = value_or_unknown(call.fields.text("event.provider"));
    let account = call.account().map(|id| call.accounts.label(id));
    vec![
        Some(("Rule", clean::text(&rule, MAX_VALUE))),
        Some(("Call", format!("{action} ({provider}), {verdict}"))),
        Some(("Time", call.time().map_or(NOT_RECORDED.to_owned(), time::listed))),
        Some(("Account", account.unwrap_or(NOT_RECORDED.to_owned()))),
        Some(("Region", value_or_unknown(call.region()))),
        row("Error", call.fields.text("aws.cloudtrail.error_message")),
    ]
}

fn target_rows(call: AlertCall<'_>) -> Vec<Option<Row>> {
    let is_group_call = call.group_action().is_some();
    let group = (is_group_call || call.group().is_some())
        .then(|| ("Group", value_or_unknown(call.group())));
    vec![
        group,
        row("New name", call.parameter("newGroupName")),
        row("Path", call.created_group("path").or_else(|| call.parameter("path"))),
        row("New path", call.parameter("newPath")),
        row("Group id", call.created_group("groupId")),
        row("Group ARN", call.created_group("arn")),
        row("User", call.target_user()),
        row("Policy", call.parameter("policyArn")),
        row("Policy name", call.parameter("policyName")),
        Grant::from_call(*call).map(grant_row),
    ]
}

fn grant_row(grant: Grant) -> Row {
    match grant {
        Grant::Power(power) => ("Warning", format!("the policy {}", power_in_words(power))),
        Grant::Bounded => (
            "Allows",
            "neither all actions (* on *) nor all IAM actions (iam:*); read the policy for the rest"
                .to_owned(),
        ),
        Grant::NotRecorded => (
            "Warning",
            "the policy is not in the record; CloudTrail omits requests that are too large"
                .to_owned(),
        ),
        Grant::Unreadable => ("Warning", "the recorded policy cannot be parsed".to_owned()),
    }
}

fn principal_rows(call: AlertCall<'_>) -> Vec<Option<Row>> {
    let principal = call.principal();
    let name = match principal.kind_in_words() {
        kind if kind.is_empty() => principal.display_name(),
        kind => format!("{} ({kind})", principal.display_name()),
    };
    let foreign_account = call.foreign_account();
    let has_mfa = principal.identity_type() != "AWSService";
    let session_start = principal
        .identity_field("session_context.creation_date")
        .map(|start| start.parse().map_or_else(|_| clean::text(start, MAX_VALUE), time::listed));
    vec![
        Some(("Principal", name)),
        row("Principal ARN", principal.identity_field("arn")),
        row("Role ARN", principal.identity_field("session_context.session_issuer.arn")),
        foreign_account
            .map(|id| ("From account", format!("{}, another account", call.accounts.label(id)))),
        row("Access key", principal.access_key())
            .map(|(label, key)| (label, key + key_kind_note(principal))),
        has_mfa.then(|| ("MFA", mfa_in_words(principal).to_owned())),
        session_start.map(|start| ("Session start", start)),
        row("Invoked by", principal.invoked_by()),
    ]
}

fn key_kind_note(principal: PrincipalView<'_>) -> &'static str {
    match principal.key_kind() {
        KeyKind::LongTerm => " (long-term, valid until disabled)",
        KeyKind::Temporary => " (temporary, of a session)",
        KeyKind::Unknown => "",
    }
}

/// A role's session says "no" even if its user signed in with MFA at another identity provider.
fn mfa_in_words(principal: PrincipalView<'_>) -> &'static str {
    match principal.mfa() {
        Mfa::Yes => "yes",
        Mfa::No if principal.role().is_some() => {
            "not seen by AWS (an external sign-in may have required it)"
        }
        Mfa::No => "no",
        Mfa::LongTermKey => "no (calls signed with a long-term key carry none)",
        Mfa::NotRecorded => NOT_RECORDED,
    }
}

fn source_rows(call: AlertCall<'_>) -> Vec<Option<Row>> {
    let made_through = match call.principal().invoked_by() {
        _ if call.is_from_console() => "the AWS console",
        Some(_) => "an AWS service, for the principal",
        None => "the API (no sign of the console)",
    };
    vec![
        Some(("Source", value_or_unknown(call.source_address()))),
        row("VPC endpoint", call.fields.text("aws.cloudtrail.vpc_endpoint_id")),
        Some(("Made through", made_through.to_owned())),
        Some(("User agent", value_or_unknown(call.fields.text("user_agent.original")))),
    ]
}

fn row(label: &'static str, value: Option<&str>) -> Option<Row> {
    value.map(|value| (label, clean::text(value, MAX_VALUE)))
}

fn value_or_unknown(value: Option<&str>) -> String {
    value.map_or(NOT_RECORDED.to_owned(), |value| clean::text(value, MAX_VALUE))
}
