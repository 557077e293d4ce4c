//! Who may assume a role, as a new trust policy says it.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use std::collections::BTreeSet;

use serde_json::Value;

use super::call::Call;

/// Who may assume a role now, seen from its account. Ordered by how far it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Principals of the account itself, services of AWS, or nobody.
    Account,
    /// Principals of other accounts whose logs the trail delivers.
    Trail,
    /// Principals of other accounts, or users of a public identity provider.
    Outside,
    /// Everyone.
    Anyone,
    /// The document is not in the record, or cannot be parsed.
    Unknown,
}

impl Trust {
    /// All, in their order.
    pub const ALL: [Trust; 5] =
        [Trust::Account, Trust::Trail, Trust::Outside, Trust::Anyone, Trust::Unknown];

    /// What a call lets assume a role. `of_trail`: the accounts whose logs the trail delivers.
    /// `None` if it changes no trust policy.
    pub fn from_call(call: Call<'_>, of_trail: &BTreeSet<String>) -> Option<Trust> {
        if call.iam_action() != Some("UpdateAssumeRolePolicy") || call.failed() {
            return None;
        }
        let document =
            call.parameter("policyDocument").and_then(|it| serde_json::from_str(it).ok());
        let own = OwnAccounts { account: call.account(), of_trail };
        Some(document.map_or(Trust::Unknown, |document| Trust::from_document(&document, own)))
    }

    /// The name in documents and queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Trust::Account => "account",
            Trust::Trail => "trail",
            Trust::Outside => "outside",
            Trust::Anyone => "anyone",
            Trust::Unknown => "unknown",
        }
    }

    /// Conditions are not evaluated: everyone named is let in.
    fn from_document(document: &Value, own: OwnAccounts<'_>) -> Trust {
        let Some(statements) = field(document, "Statement") else { return Trust::Unknown };
        let allowed = elements(statements).iter().filter(|statement| {
            field(statement, "Effect").and_then(Value::as_str) == Some("Allow")
        });
        let trusts = allowed.map(|statement| match field(statement, "Principal") {
            Some(principal) => principals(principal, own),
            // NotPrincipal: everyone else.
            None => Trust::Anyone,
        });
        trusts.max().unwrap_or(Trust::Account)
    }
}

/// The account of the role, and the others of its trail.
#[derive(Clone, Copy)]
struct OwnAccounts<'a> {
    account: Option<&'a str>,
    of_trail: &'a BTreeSet<String>,
}

/// `"*"`, or names by their kind.
fn principals(principal: &Value, own: OwnAccounts<'_>) -> Trust {
    let Some(kinds) = principal.as_object() else { return one(principal.as_str(), own) };
    let trusts = kinds.iter().flat_map(|(kind, names)| {
        let is_service = kind.eq_ignore_ascii_case("Service");
        let names = if is_service { &[] } else { elements(names) };
        names.iter().map(|name| one(name.as_str(), own))
    });
    trusts.max().unwrap_or(Trust::Account)
}

/// An account's id, an ARN, the domain of an identity provider, or the id of a principal that was
/// deleted.
fn one(name: Option<&str>, own: OwnAccounts<'_>) -> Trust {
    let Some(name) = name else { return Trust::Unknown };
    if name == "*" {
        return Trust::Anyone;
    }
    let owner = if name.starts_with("arn:") { name.split(':').nth(4) } else { Some(name) };
    let is_deleted = name.len() > 16 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match owner {
        Some(owner) if Some(owner) == own.account || is_deleted => Trust::Account,
        Some(owner) if own.of_trail.contains(owner) => Trust::Trail,
        _ => Trust::Outside,
    }
}

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let (_, value) = value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(value)
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        value => std::slice::from_ref(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whom_a_trust_policy_lets_in() {
        use Trust::{Account, Anyone, Outside, Trail, Unknown};
        let arn = |account: &str| format!("arn:aws:iam::{account}:root");
        let account = "111122223333";
        let of_trail = BTreeSet::from(["777788889999".to_owned()]);
        let own = OwnAccounts { account: Some(account), of_trail: &of_trail };
        for (principal, expected) in [
            (json!({"Service": "ec2.amazonaws.com"}), Account),
            (json!({"AWS": account}), Account),
            (json!({"AWS": arn(account)}), Account),
            (json!({"AWS": [arn(account), "AROADBQP57FF2AEXAMPLE"]}), Account),
            (json!({"AWS": "444455556666"}), Outside),
            (json!({"AWS": "777788889999"}), Trail),
            (json!({"AWS": [arn(account), arn("777788889999")]}), Trail),
            (json!({"AWS": [arn("444455556666"), arn("777788889999")]}), Outside),
            (json!({"aws": [arn(account), arn("444455556666")]}), Outside),
            (json!({"Federated": format!("arn:aws:iam::{account}:saml-provider/idp")}), Account),
            (json!({"Federated": "accounts.google.com"}), Outside),
            (json!({"CanonicalUser": "0123456789abcdef/x"}), Outside),
            (json!({"AWS": "*"}), Anyone),
            (json!("*"), Anyone),
            (json!({"AWS": [arn("444455556666"), "*"]}), Anyone),
            (json!({"AWS": 1}), Unknown),
        ] {
            let statement = json!({"Effect": "Allow", "Principal": principal.clone()});
            for statement in [statement.clone(), json!([statement])] {
                let document = json!({"Statement": statement});
                assert_eq!(Trust::from_document(&document, own), expected, "{principal}");
            }
        }
        let other = |document: Value| Trust::from_document(&document, own);
        assert_eq!(other(json!({"Statement": {"Effect": "Deny", "Principal": "*"}})), Account);
        let not = json!({"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": account}}});
        assert_eq!(other(not), Anyone);
        assert_eq!(other(json!({})), Unknown);
        assert_eq!(other(json!([])), Unknown);
    }
}
