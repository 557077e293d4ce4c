//! What a policy grants, as far as it is plain to see: everything, all of IAM, or neither.

use std::slice;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::{Call, GroupAction};

/// What makes a policy powerful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Every action of IAM, but not on every resource.
    SomeIam,
    /// Every action except some.
    Nearly,
    /// Every action of IAM: its holders can grant themselves everything.
    Iam,
    /// Every action on every resource.
    Everything,
}

/// What the policy that a call attaches or writes grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// The policy is powerful.
    Power(Power),
    /// The policy was read and is not powerful.
    Bounded,
    /// The text is not a valid policy.
    Unreadable,
    /// The policy is not in the record: CloudTrail leaves out a request that is too large, and IAM
    /// does not count the white space that can make it so.
    NotRecorded,
}

impl Power {
    /// The power of the policy that a call attaches or writes.
    pub fn from_call(call: Call<'_>) -> Option<Power> {
        match Grant::from_call(call)? {
            Grant::Power(power) => Some(power),
            Grant::Bounded | Grant::Unreadable | Grant::NotRecorded => None,
        }
    }

    /// The power of a policy that AWS manages, by its ARN.
    pub fn from_managed(arn: &str) -> Option<Power> {
        match aws_managed(arn)? {
            "AdministratorAccess" => Some(Power::Everything),
            "IAMFullAccess" => Some(Power::Iam),
            "PowerUserAccess" => Some(Power::Nearly),
            _ => None,
        }
    }

    /// Conditions are ignored.
    fn from_statement(statement: &Value) -> Option<Power> {
        let any = |name: &str, accept: fn(&str) -> bool| {
            let values = field_ignoring_case(statement, name).map(elements).unwrap_or_default();
            values.iter().filter_map(Value::as_str).any(accept)
        };
        let has = |name: &str| field_ignoring_case(statement, name).is_some();
        if !any("Effect", |effect| effect == "Allow") {
            return None;
        }
        let is_everywhere = any("Resource", matches_all) || has("NotResource");
        let has_exclusions = has("NotAction") || has("NotResource");
        match (is_everywhere, has_exclusions) {
            (true, false) if any("Action", is_every_action) => Some(Power::Everything),
            (true, false) if any("Action", is_all_of_iam) => Some(Power::Iam),
            (true, true) if any("Action", is_every_action) || has("NotAction") => {
                Some(Power::Nearly)
            }
            _ => any("Action", is_all_of_iam).then_some(Power::SomeIam),
        }
    }
}

impl Grant {
    /// Returns `None` if the call neither writes a policy nor attaches a known one.
    pub fn from_call(call: Call<'_>) -> Option<Grant> {
        if let Some(power) = call.parameter("policyArn").and_then(Power::from_managed) {
            return Some(Grant::Power(power));
        }
        if let Some(document) = call.parameter("policyDocument") {
            return Some(Grant::from_document(document));
        }
        let is_written = call.group_action() == Some(GroupAction::PutPolicy) && !call.failed();
        is_written.then_some(Grant::NotRecorded)
    }

    fn from_document(document: &str) -> Grant {
        let document: Option<Value> = serde_json::from_str(document).ok();
        let statements =
            document.as_ref().and_then(|document| field_ignoring_case(document, "Statement"));
        let Some(statements) = statements else { return Grant::Unreadable };
        let powers = elements(statements).iter().filter_map(Power::from_statement);
        powers.max().map_or(Grant::Bounded, Grant::Power)
    }
}

/// The path and name of a policy that AWS manages: its ARN has `aws` as the account. A customer's
/// policy can have the same name, or a path that looks like the rest of the ARN. Source:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns>
pub fn aws_managed(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "iam", "", "aws", resource] = parts[..] else { return None };
    resource.strip_prefix("policy/")
}

/// IAM accepts the names of fields in any case.
fn field_ignoring_case<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let mut fields = object.as_object()?.iter();
    fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The elements of a list; IAM accepts a single element without its list.
fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(slice::from_ref(value), Vec::as_slice)
}

/// `*`, repeated or mixed with `?`.
fn matches_all(pattern: &str) -> bool {
    pattern.contains('*') && pattern.bytes().all(|byte| b"*?".contains(&byte))
}

fn is_every_action(action: &str) -> bool {
    let (service, call) = action.split_once(':').unwrap_or((action, "*"));
    matches_all(service) && matches_all(call)
}

fn is_all_of_iam(action: &str) -> bool {
    action
        .split_once(':')
        .is_some_and(|(service, call)| service.eq_ignore_ascii_case("iam") && matches_all(call))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_policies_that_aws_manages_are_known_by_name() {
        for (arn, power) in [
            ("arn:aws:iam::aws:policy/AdministratorAccess", Some(Power::Everything)),
            ("arn:aws-cn:iam::aws:policy/IAMFullAccess", Some(Power::Iam)),
            ("arn:aws-us-gov:iam::aws:policy/PowerUserAccess", Some(Power::Nearly)),
            ("arn:aws:iam::111122223333:policy/:iam::aws:policy/AdministratorAccess", None),
            ("arn:aws:iam::aws:policy/AdministratorAccess-Amplify", None),
            ("arn:aws:iam::aws:policy/job-function/AdministratorAccess", None),
            ("arn:aws:iam::111122223333:policy/AdministratorAccess", None),
            ("arn:aws:iam::aws:policy/ReadOnlyAccess", None),
            ("AdministratorAccess", None),
        ] {
            assert_eq!(Power::from_managed(arn), power, "{arn}");
        }
    }

    #[test]
    fn a_document_is_read_in_all_forms_that_iam_accepts() {
        use Power::{Everything, Iam, Nearly, SomeIam};
        let allow = |what: &str| format!(r#"{{"Statement":[{{"Effect":"Allow",{what}}}]}}"#);
        let cases = [
            (allow(r#""Action":"*","Resource":"*""#), Grant::Power(Everything)),
            (allow(r#""Action":["s3:Get*","*:*"],"Resource":["*"]"#), Grant::Power(Everything)),
            (allow(r#""action":"**","RESOURCE":"*?*""#), Grant::Power(Everything)),
            (allow(r#""Action":"IAM:*","Resource":"*""#), Grant::Power(Iam)),
            (allow(r#""Action":"iam:?*","Resource":"*""#), Grant::Power(Iam)),
            (
                allow(r#""Action":"iam:*","Resource":"arn:aws:iam::111122223333:group/a""#),
                Grant::Power(SomeIam),
            ),
            (allow(r#""NotAction":"s3:*","Resource":"*""#), Grant::Power(Nearly)),
            (allow(r#""Action":"*","NotResource":"arn:aws:s3:::b""#), Grant::Power(Nearly)),
            (allow(r#""NotAction":"s3:*","Resource":"arn:aws:s3:::b""#), Grant::Bounded),
            (allow(r#""Action":"*","Resource":"arn:aws:s3:::b""#), Grant::Bounded),
            (allow(r#""Action":"s3:*","Resource":"*""#), Grant::Bounded),
            (allow(r#""Action":"iam:Get*","Resource":"*""#), Grant::Bounded),
            (allow(r#""Action":"iam-roles-anywhere:*","Resource":"*""#), Grant::Bounded),
            (allow(r#""Action":7"#), Grant::Bounded),
            (
                r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#.to_owned(),
                Grant::Power(Everything),
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"},
                    {"Effect":"Allow","Action":"*","Resource":"*"}]}"#
                    .to_owned(),
                Grant::Power(Everything),
            ),
            (
                r#"{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#.to_owned(),
                Grant::Bounded,
            ),
            (r#"{"Statement":7}"#.to_owned(), Grant::Bounded),
            (r#"{"Version":"2012-10-17"}"#.to_owned(), Grant::Unreadable),
            ("not JSON".to_owned(), Grant::Unreadable),
        ];
        for (document, grant) in cases {
            assert_eq!(Grant::from_document(&document), grant, "{document}");
        }
    }
}
