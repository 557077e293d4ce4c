//! The facts of a finding as a table: what the record says, and what is not recorded.

use detect::text::{clean, time, wrap};

use crate::call::AlertCall;
use crate::mail;
use crate::power::power_rows;

const MAX_VALUE_CHARS: usize = 400;
const MAX_POLICY_LINES: usize = 80;

type Row = (&'static str, Option<String>);

pub(crate) fn fact_lines(call: AlertCall<'_>) -> Vec<String> {
    let sections = [
        call_rows(call),
        target_rows(call),
        power_rows(call),
        principal_rows(call),
        source_rows(call),
    ];
    let rows = sections.into_iter().flatten();
    mail::table(rows.filter_map(|(label, value)| Some((label, value?))))
}

/// The inline policy that the call wrote, pretty-printed if it is JSON, with a mark before every
/// line: its author chose the indentation. Empty for other calls.
pub(crate) fn policy_document_lines(call: AlertCall<'_>) -> Vec<String> {
    let Some(document) = call.parameter("policyDocument") else { return Vec::new() };
    let text = match serde_json::from_str::<serde_json::Value>(document) {
        Ok(policy) => format!("{policy:#}"),
        Err(_) => document.to_owned(),
    };
    let mut lines: Vec<String> =
        text.lines().take(MAX_POLICY_LINES).flat_map(policy_line).collect();
    if let cut @ 1.. = text.lines().count().saturating_sub(MAX_POLICY_LINES) {
        lines.push(format!("  … ({cut} lines cut)"));
    }
    lines
}

fn policy_line(line: &str) -> Vec<String> {
    let text = line.trim_start();
    let indent = (line.len() - text.len()).min(wrap::COLUMNS / 2);
    wrap::quoted(indent, &clean::text(text, MAX_VALUE_CHARS))
}

fn call_rows(call: AlertCall<'_>) -> Vec<Row> {
    let rule = &call.finding.rule;
    let rule =
        format!("{}{}", rule.name, mail::severity_note(&call.finding.rating(), rule.severity));
    let code = call.fields.text("aws.cloudtrail.error_code").map(clean::name);
    let verdict = match code {
        _ if !call.failed() => "succeeded".to_owned(),
        Some(code) => format!("failed: {code}"),
        None => "failed".to_owned(),
    };
    let action = value(call.action()).unwrap_or_else(not_recorded);
    let provider = value(call.fields.text("event.provider")).unwrap_or_else(not_recorded);
    let time = call.time().map(time::format_table_time);
    let account = call.account().map(|id| call.accounts.label(id));
    vec![
        ("Rule", value(Some(&rule))),
        ("Call", Some(format!("{action} ({provider}), {verdict}"))),
        ("Time", time.or_else(|| Some(not_recorded()))),
        ("Account", account.or_else(|| Some(not_recorded()))),
        ("Region", value_or_unknown(call.region())),
        ("Error", value(call.fields.text("aws.cloudtrail.error_message"))),
    ]
}

fn target_rows(call: AlertCall<'_>) -> Vec<Row> {
    let group = match call.group_action() {
        Some(_) => value_or_unknown(call.group()),
        None => value(call.group()),
    };
    vec![
        ("Group", group),
        ("New name", value(call.parameter("newGroupName"))),
        ("Path", value(call.created_group("path").or_else(|| call.parameter("path")))),
        ("New path", value(call.parameter("newPath"))),
        ("Group id", value(call.created_group("groupId"))),
        ("Group ARN", value(call.created_group("arn"))),
        ("User", value(call.target_user())),
        ("Policy", value(call.parameter("policyArn"))),
        ("Policy name", value(call.parameter("policyName"))),
    ]
}

fn principal_rows(call: AlertCall<'_>) -> Vec<Row> {
    let principal = call.principal();
    let mut name = principal.display_name();
    let kind = principal.kind();
    if !kind.is_empty() {
        name += &format!(" ({kind})");
    }
    let account = call.foreign_account().map(|id| call.accounts.label(id));
    let key_note = match principal.access_key().and_then(|key| key.get(..4)) {
        Some("AKIA") => " (long-term, valid until disabled)",
        Some("ASIA") => " (temporary, of a session)",
        _ => "",
    };
    let has_mfa = principal.identity_type() != "AWSService";
    let session_start = principal.identity_field("session_context.creation_date").map(|start| {
        start.parse().map_or_else(|_| clean::text(start, MAX_VALUE_CHARS), time::format_table_time)
    });
    let issuer_arn = principal.identity_field("session_context.session_issuer.arn");
    vec![
        ("Principal", Some(name)),
        ("Principal ARN", value(principal.identity_field("arn"))),
        ("Role ARN", value(issuer_arn)),
        ("From account", account.map(|account| format!("{account}, another account"))),
        ("Access key", value(principal.access_key()).map(|key| key + key_note)),
        ("MFA", has_mfa.then(|| principal.mfa_in_words().1.to_owned())),
        ("Session start", session_start),
        ("Invoked by", value(principal.invoked_by())),
    ]
}

fn source_rows(call: AlertCall<'_>) -> Vec<Row> {
    let made_through = match call.principal().invoked_by() {
        _ if call.is_from_console() => "the AWS console",
        Some(_) => "an AWS service, for the principal",
        None => "the API (no sign of the console)",
    };
    vec![
        ("Source", value_or_unknown(call.source_address())),
        ("VPC endpoint", value(call.fields.text("aws.cloudtrail.vpc_endpoint_id"))),
        ("Made through", Some(made_through.to_owned())),
        ("User agent", value_or_unknown(call.fields.text("user_agent.original"))),
    ]
}

fn value(raw: Option<&str>) -> Option<String> {
    raw.map(|raw| clean::text(raw, MAX_VALUE_CHARS))
}

fn value_or_unknown(raw: Option<&str>) -> Option<String> {
    Some(value(raw).unwrap_or_else(not_recorded))
}

fn not_recorded() -> String {
    "not recorded".to_owned()
}
