//! Conditions in KQL that only the caller of a call meets.

use super::call::AlertCall;

/// Fields that name a caller, the one that tells people most first. Ids name one caller of a type.
const EXACT: [&str; 2] = ["aws.cloudtrail.user_identity.arn", "user.id"];

/// The conditions: each is enough for callers of this type. None where the record does not tell who
/// called.
pub(super) fn conditions(call: AlertCall<'_>) -> Vec<String> {
    let exact = EXACT.iter().filter_map(|field| Some(condition(field, call.fields.text(field)?)));
    exact.chain(service(call)).collect()
}

/// A service that calls for itself has a name and nothing else, the same in every account.
fn service(call: AlertCall<'_>) -> Option<String> {
    let service = call.fields.text("aws.cloudtrail.user_identity.invoked_by")?;
    let account = call.fields.text("aws.cloudtrail.recipient_account_id")?;
    (call.finding.principal.identity_type == "AWSService").then(|| {
        let service = condition("aws.cloudtrail.user_identity.invoked_by", service);
        let account = condition("aws.cloudtrail.recipient_account_id", account);
        format!("{service} and {account}")
    })
}

/// `field: "value"`, in printable ASCII; no space but the one after the colon.
pub(super) fn condition(field: &str, value: &str) -> String {
    format!("{field}: {}", kql::quote(value))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use kql::Query;

    #[test]
    fn a_condition_is_readable_where_the_value_is() {
        assert_eq!(condition("a", "arn:aws:iam::1:user/b"), r#"a: "arn:aws:iam::1:user/b""#);
        assert_eq!(
            condition("a", "\"\\ \n\u{202e}😀"),
            r#"a: "\"\\\u0020\u000a\u202e\ud83d\ude00""#
        );
    }

    proptest! {
        #[test]
        fn a_condition_holds_for_its_value_alone(value in any::<String>(), other in any::<String>()) {
            let query = Query::parse(&condition("user.id", &value)).unwrap();
            let holds = |id: &str| query.matches(&json!({"user": {"id": id}}), Timestamp::UNIX_EPOCH);
            prop_assert!(holds(&value));
            prop_assert_eq!(holds(&other), other == value);
        }
    }
}
