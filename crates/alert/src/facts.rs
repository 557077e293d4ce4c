//! The facts of a finding as a table: what the record says, and where it is silent on what matters,
//! that it is.

use detect::finding::policy::Grant;
use detect::text::{clean, time, wrap};

use super::call::AlertCall;
use super::identity::{Identity, KeyKind, Mfa};
use crate::power::power_in_words;

/// Columns of the labels.
const LABELS: usize = 14;

/// Characters of a value that are shown.
const LONGEST: usize = 400;

/// Lines of a policy that are shown.
const POLICY_LINES: usize = 80;

/// The table: cleaned, indented, wrapped.
pub(super) fn lines(call: AlertCall<'_>) -> Vec<String> {
    let rows = [happened(call), concerned(call), caller(call), origin(call)].concat();
    rows.iter()
        .flat_map(|(label, value)| wrap::hanging(&format!("  {label:<LABELS$}  "), value))
        .collect()
}

/// The text of the inline policy that the call wrote, laid out; nothing for other calls.
pub(super) fn policy(call: AlertCall<'_>) -> Vec<String> {
    let Some(document) = call.parameter("policyDocument") else { return Vec::new() };
    let parsed = serde_json::from_str::<serde_json::Value>(document).ok();
    let laid_out = parsed.and_then(|policy| serde_json::to_string_pretty(&policy).ok());
    let text = laid_out.as_deref().unwrap_or(document);
    let mut lines: Vec<String> = text.lines().take(POLICY_LINES).flat_map(policy_line).collect();
    if let cut @ 1.. = text.lines().count().saturating_sub(POLICY_LINES) {
        lines.push(format!("  … ({cut} lines cut)"));
    }
    lines
}

fn policy_line(line: &str) -> Vec<String> {
    let text = line.trim_start();
    let depth = (line.len() - text.len()).min(wrap::COLUMNS / 2);
    wrap::hanging(&" ".repeat(2 + depth), &clean::text(text, LONGEST))
}

type Row = (&'static str, String);

fn happened(call: AlertCall<'_>) -> Vec<Row> {
    let rule = &call.finding.rule;
    let named = format!(
        "{} (severity {}, risk score {} of 100)",
        rule.name,
        rule.severity.as_str(),
        rule.risk_score
    );
    vec![
        ("Rule", clean::text(&named, LONGEST)),
        ("Call", called(call)),
        ("Time", call.time().map_or(silent(), time::format_table_time)),
        ("Account", call.account().map_or(silent(), |id| call.accounts.shown(id))),
        ("Region", shown(call.fields.text("cloud.region"))),
    ]
    .into_iter()
    .chain(given("Error", call.fields.text("aws.cloudtrail.error_message")))
    .collect()
}

fn called(call: AlertCall<'_>) -> String {
    let verdict = match (call.failed(), call.fields.text("aws.cloudtrail.error_code")) {
        (false, _) => "succeeded".to_owned(),
        (true, Some(code)) => format!("failed: {}", clean::name(code)),
        (true, None) => "failed".to_owned(),
    };
    format!("{} ({}), {verdict}", shown(call.action()), shown(call.fields.text("event.provider")))
}

fn concerned(call: AlertCall<'_>) -> Vec<Row> {
    let group = call.group_action().is_some().then(|| ("Group", shown(call.group())));
    let group = group.or_else(|| given("Group", call.group()));
    let path = call.created_group("path").or_else(|| call.parameter("path"));
    let rows = [
        group,
        given("New name", call.parameter("newGroupName")),
        given("Path", path),
        given("New path", call.parameter("newPath")),
        given("Group id", call.created_group("groupId")),
        given("Group ARN", call.created_group("arn")),
        given("User", call.target_user()),
        given("Policy", call.parameter("policyArn")),
        given("Policy name", call.parameter("policyName")),
        Grant::from_call(*call).map(grant),
    ];
    rows.into_iter().flatten().collect()
}

/// What a policy allows, and that it was looked at where it allows nothing of the kind.
fn grant(grant: Grant) -> Row {
    match grant {
        Grant::Power(power) => ("Warning", format!("the policy {}", power_in_words(power))),
        Grant::Bounded => (
            "Allows",
            "neither all actions (* on *) nor all IAM actions (iam:*); read the policy for the rest".to_owned(),
        ),
        Grant::NotRecorded => (
            "Warning",
            "the policy is not in the record; CloudTrail omits requests that are too large".to_owned(),
        ),
        Grant::Unreadable => ("Warning", "the recorded policy cannot be parsed".to_owned()),
    }
}

fn caller(call: AlertCall<'_>) -> Vec<Row> {
    let identity = Identity::of(call);
    let rows = [
        Some(("Principal", named(identity))),
        given("Principal ARN", identity.text("arn")),
        given("Role ARN", identity.text("session_context.session_issuer.arn")),
        call.foreign_account()
            .map(|id| ("From account", format!("{}, another account", call.accounts.shown(id)))),
        access_key(identity),
        (identity.identity_type() != "AWSService").then(|| ("MFA", mfa(identity).to_owned())),
        identity
            .text("session_context.creation_date")
            .map(|time| ("Session start", session_time(time))),
        given("Invoked by", identity.invoked_by()),
    ];
    rows.into_iter().flatten().collect()
}

fn named(identity: Identity<'_>) -> String {
    let kind = identity.kind();
    if kind.is_empty() { identity.shown() } else { format!("{} ({kind})", identity.shown()) }
}

fn session_time(text: &str) -> String {
    text.parse().map_or_else(|_| clean::text(text, LONGEST), time::format_table_time)
}

fn access_key(identity: Identity<'_>) -> Option<Row> {
    let kind = match identity.key_kind() {
        KeyKind::LongTerm => " (long-term, valid until disabled)",
        KeyKind::Temporary => " (temporary, of a session)",
        KeyKind::Unknown => "",
    };
    given("Access key", identity.access_key()).map(|(label, key)| (label, key + kind))
}

/// A role's session says "no" even where its user signed in with a second factor at another
/// identity provider.
fn mfa(identity: Identity<'_>) -> &'static str {
    match identity.mfa() {
        Mfa::Yes => "yes",
        Mfa::No if identity.role().is_some() => {
            "not seen by AWS (an external sign-in may have required it)"
        }
        Mfa::No => "no",
        Mfa::LongTermKey => "no (calls signed with a long-term key carry none)",
        Mfa::NotRecorded => "not recorded",
    }
}

fn origin(call: AlertCall<'_>) -> Vec<Row> {
    let address = call.fields.text("source.ip").or_else(|| call.fields.text("source.address"));
    let rows = [
        Some(("Source", shown(address))),
        given("VPC endpoint", call.fields.text("aws.cloudtrail.vpc_endpoint_id")),
        Some(("Made through", made_with(call).to_owned())),
        Some(("User agent", shown(call.fields.text("user_agent.original")))),
    ];
    rows.into_iter().flatten().collect()
}

fn made_with(call: AlertCall<'_>) -> &'static str {
    let console = call.fields.flag("aws.cloudtrail.session_credential_from_console") == Some(true);
    match Identity::of(call).invoked_by() {
        _ if console => "the AWS console",
        Some(_) => "an AWS service, for the principal",
        None => "the API (no sign of the console)",
    }
}

fn given(label: &'static str, value: Option<&str>) -> Option<Row> {
    value.map(|value| (label, clean::text(value, LONGEST)))
}

fn shown(value: Option<&str>) -> String {
    value.map_or(silent(), |value| clean::text(value, LONGEST))
}

fn silent() -> String {
    "not recorded".to_owned()
}
