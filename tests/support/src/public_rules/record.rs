//! Records that fit a rule, and the values that its query asks for.

use serde_json::{Value, json};

use super::PublicRule;

const REQUEST: &str = "aws.cloudtrail.flattened.request_parameters.";
const RESPONSE: &str = "aws.cloudtrail.flattened.response_elements.";

/// The value of a field in the records of a rule.
pub(super) fn value(rule: &PublicRule, field: &str) -> String {
    let n = rule.number;
    let name = field.strip_prefix("aws.cloudtrail.").unwrap_or(field);
    match name {
        "cloud.account.id" | "recipient_account_id" | "resources.account_id" => account().into(),
        "console_login.additional_eventdata.mfa_used" => "false".into(),
        "data_stream.dataset" | "event.dataset" => "aws.cloudtrail".into(),
        "error_code" => "AccessDenied".into(),
        "event.action" => actions(rule)[0].clone(),
        "event.outcome" if rule.names("aws.cloudtrail.error_code") => "failure".into(),
        "event.outcome" => "success".into(),
        "event.provider" => provider(rule),
        "request_parameters" => format!("state=value{n}"),
        "resources.arn" => format!("arn:aws:s3:::example-{n}/file.txt"),
        "session_credential_from_console" => "true".into(),
        "source.address" | "source.ip" => "198.51.100.7".into(),
        "tls.client.server_name" => format!("host{n}.example.com"),
        "user.id" => format!("AIDAEXAMPLE{n}"),
        "user.name" => format!("user-{n}"),
        "user_agent.name" => format!("tool{n}"),
        "user_agent.original" => format!("tool{n}/1.0 kit#made-up-{n}"),
        "user_identity.access_key_id" => format!("AKIAEXAMPLE{n}"),
        "user_identity.arn" => format!("arn:aws:iam::{}:user/user-{n}", account()),
        "user_identity.invoked_by" => format!("caller{n}.amazonaws.com"),
        "user_identity.session_context.session_issuer.arn" => {
            format!("arn:aws:iam::{}:role/role-{n}", account())
        }
        "user_identity.type" => "IAMUser".into(),
        _ => format!("value{n}"),
    }
}

fn account() -> &'static str {
    "111122223333"
}

/// A field that only console logins have.
fn is_about_logins(rule: &PublicRule) -> bool {
    rule.fields.iter().any(|field| field.contains(".console_login."))
}

fn provider(rule: &PublicRule) -> String {
    match is_about_logins(rule) {
        true => "signin.amazonaws.com".to_owned(),
        false => format!("service{}.amazonaws.com", rule.number),
    }
}

/// The calls that the rule names: one in EQL without lists, otherwise up to three.
pub(super) fn actions(rule: &PublicRule) -> Vec<String> {
    if is_about_logins(rule) {
        return vec!["ConsoleLogin".to_owned()];
    }
    let n = rule.number;
    let verbs = ["Put", "Delete", "Modify"];
    let count = match rule.language {
        "eql" if rule.uses("sequence") => 2,
        "eql" if rule.uses("in") || rule.uses(":") => 3,
        "eql" => 1,
        _ => n % verbs.len() + 1,
    };
    verbs[..count].iter().map(|verb| format!("{verb}Thing{n}")).collect()
}

/// Records that make the rule find something once.
pub(super) fn records(rule: &PublicRule) -> Vec<Value> {
    let counted = rule.setting("cardinality").and_then(|it| it.split_once(">="));
    let least = counted.map(|(_, least)| least).or(rule.setting("value"));
    let calls = match least {
        Some(least) => least.parse().unwrap(),
        None if rule.uses("sequence") => 2,
        None => 1,
    };
    (0..calls).map(|call| record(rule, call)).collect()
}

fn record(rule: &PublicRule, call: usize) -> Value {
    let value = |field| value(rule, field);
    let n = rule.number;
    let actions = actions(rule);
    let mut record = json!({
        "eventVersion": "1.11",
        "eventTime": format!("2026-03-01T10:00:{call:02}Z"),
        "eventID": format!("event-{n}-{call}"),
        "eventSource": value("event.provider"),
        "eventName": actions[call % actions.len()],
        "awsRegion": "us-east-1",
        "recipientAccountId": account(),
        "sourceIPAddress": value("source.address"),
        "userAgent": value("user_agent.original"),
        "sessionCredentialFromConsole": value("session_credential_from_console"),
        "additionalEventData": {"MFAUsed": "No"},
        "requestParameters": {"call": call, "state": format!("value{n}")},
        "responseElements": {},
        "resources": [{"ARN": value("resources.arn"), "accountId": account()}],
        "tlsDetails": {"clientProvidedHostHeader": value("tls.client.server_name")},
        "userIdentity": {
            "type": value("aws.cloudtrail.user_identity.type"),
            "principalId": value("user.id"),
            "arn": value("aws.cloudtrail.user_identity.arn"),
            "accountId": account(),
            "accessKeyId": value("aws.cloudtrail.user_identity.access_key_id"),
            "userName": value("user.name"),
            "invokedBy": value("aws.cloudtrail.user_identity.invoked_by"),
            "sessionContext": {"sessionIssuer": {"arn": value(
                "aws.cloudtrail.user_identity.session_context.session_issuer.arn",
            )}},
        },
    });
    if rule.names("aws.cloudtrail.error_code") {
        record["errorCode"] = "AccessDenied".into();
    }
    add_parameters(rule, &mut record);
    record
}

/// Adds the fields of requests and responses that the rule asks for.
fn add_parameters(rule: &PublicRule, record: &mut Value) {
    for field in rule.fields.iter().copied().chain(rule.setting_fields("terms")) {
        for (prefix, part) in [(REQUEST, "requestParameters"), (RESPONSE, "responseElements")] {
            if let Some(path) = field.strip_prefix(prefix) {
                let parameter = path.split('.').fold(&mut record[part], |at, key| &mut at[key]);
                *parameter = value(rule, field).into();
            }
        }
    }
}
