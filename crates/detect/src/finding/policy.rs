//! What a policy grants, as far as a reader must know at once: everything, all of IAM, or something
//! to look up.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::{Call, GroupAction};

/// What makes a policy more than something to look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Every action of IAM, but not on everything.
    SomeIam,
    /// Every action but those that it excludes.
    Nearly,
    /// Every action of IAM: with that, one can give oneself everything.
    Iam,
    /// Every action on every resource.
    Everything,
}

/// What could be made out of a policy that a call attaches or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// It has this power.
    Power(Power),
    /// Its text was read and has none of these.
    Bounded,
    /// Its text is not a policy that can be read.
    Unreadable,
    /// The call wrote a policy, and the record does not have it: CloudTrail leaves out a request
    /// that is too large, and IAM does not count the white space that can make it so.
    NotRecorded,
}

impl Power {
    /// The power of the policy that a call attaches or writes, where it has one.
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

    /// Looks only for what is plain to see. Conditions are not weighed.
    fn of_statement(statement: &Value) -> Option<Power> {
        let values =
            |field| member(statement, field).into_iter().flat_map(each).filter_map(Value::as_str);
        if !values("Effect").any(|effect| effect == "Allow") {
            return None;
        }
        let everywhere =
            values("Resource").any(is_all) || member(statement, "NotResource").is_some();
        let nearly =
            member(statement, "NotAction").is_some() || member(statement, "NotResource").is_some();
        let action = |wanted: fn(&str) -> bool| values("Action").any(wanted);
        match (everywhere, nearly) {
            (true, false) if action(is_every_action) => Some(Power::Everything),
            (true, false) if action(is_all_of_iam) => Some(Power::Iam),
            (true, true) if action(is_every_action) || member(statement, "NotAction").is_some() => {
                Some(Power::Nearly)
            }
            _ => action(is_all_of_iam).then_some(Power::SomeIam),
        }
    }
}

impl Grant {
    /// Absent where the call neither attaches nor writes a policy whose power can be told.
    pub fn from_call(call: Call<'_>) -> Option<Grant> {
        let managed = call.parameter("policyArn").and_then(Power::from_managed).map(Grant::Power);
        let written = || call.parameter("policyDocument").map(Grant::of_document);
        let left_out = || {
            (call.group_action() == Some(GroupAction::PutPolicy) && !call.failed())
                .then_some(Grant::NotRecorded)
        };
        managed.or_else(written).or_else(left_out)
    }

    fn of_document(document: &str) -> Grant {
        let document: Option<Value> = serde_json::from_str(document).ok();
        let Some(statements) = document.as_ref().and_then(|document| member(document, "Statement"))
        else {
            return Grant::Unreadable;
        };
        each(statements).filter_map(Power::of_statement).max().map_or(Grant::Bounded, Grant::Power)
    }
}

/// The path and name of a policy that AWS manages: such an ARN has `aws` for an account. A policy
/// of a customer can have the same name, and a path that looks like the rest of the ARN.
/// Source:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns>
pub fn aws_managed(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let head = [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    parts.next()?.strip_prefix("policy/").filter(|_| matches!(head, ["arn", _, "iam", "", "aws"]))
}

/// The field of an object, in whatever letters its name is written.
fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object
        .as_object()?
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// `*`, however often, and with `?` besides.
fn is_all(pattern: &str) -> bool {
    pattern.contains('*') && pattern.bytes().all(|byte| b"*?".contains(&byte))
}

fn is_every_action(action: &str) -> bool {
    is_all(action)
        || action.split_once(':').is_some_and(|(service, call)| is_all(service) && is_all(call))
}

fn is_all_of_iam(action: &str) -> bool {
    action
        .split_once(':')
        .is_some_and(|(service, call)| service.eq_ignore_ascii_case("iam") && is_all(call))
}

/// The elements of a list; IAM lets one element stand without its list.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_aws_own_policies_are_known_by_name() {
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
    fn a_document_is_read_in_all_the_shapes_iam_takes() {
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
            assert_eq!(Grant::of_document(&document), grant, "{document}");
        }
    }
}
