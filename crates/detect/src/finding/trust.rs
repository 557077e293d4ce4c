//! Who may assume a role, as a new trust policy says it.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use serde_json::Value;

use super::call::Call;

/// Who may assume a role now, seen from its account. Ordered by how far it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Principals of the account itself, services of AWS, or nobody.
    Account,
    /// Principals of other accounts, or users of a public identity provider.
    Outside,
    /// Everyone.
    Anyone,
    /// The document is not in the record, or cannot be parsed.
    Unknown,
}

impl Trust {
    /// All, in their order.
    pub const ALL: [Trust; 4] = [Trust::Account, Trust::Outside, Trust::Anyone, Trust::Unknown];

    /// What a call lets assume a role. `None` if it changes no trust policy.
    pub fn from_call(call: Call<'_>) -> Option<Trust> {
        if call.iam_action() != Some("UpdateAssumeRolePolicy") || call.failed() {
            return None;
        }
        let document =
            call.parameter("policyDocument").and_then(|it| serde_json::from_str(it).ok());
        let account = call.account();
        Some(document.map_or(Trust::Unknown, |document| Trust::from_document(&document, account)))
    }

    /// The name in documents and queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Trust::Account => "account",
            Trust::Outside => "outside",
            Trust::Anyone => "anyone",
            Trust::Unknown => "unknown",
        }
    }

    /// Conditions are not evaluated: everyone named is let in.
    fn from_document(document: &Value, account: Option<&str>) -> Trust {
        let Some(statements) = field(document, "Statement") else { return Trust::Unknown };
        let allowed = elements(statements).iter().filter(|statement| {
            field(statement, "Effect").and_then(Value::as_str) == Some("Allow")
        });
        let trusts = allowed.map(|statement| match field(statement, "Principal") {
            Some(principal) => principals(principal, account),
            // NotPrincipal: everyone else.
            None => Trust::Anyone,
        });
        trusts.max().unwrap_or(Trust::Account)
    }
}

/// `"*"`, or names by their kind.
fn principals(principal: &Value, account: Option<&str>) -> Trust {
    let Some(kinds) = principal.as_object() else { return one(principal.as_str(), account) };
    let trusts = kinds.iter().flat_map(|(kind, names)| {
        let is_service = kind.eq_ignore_ascii_case("Service");
        let names = if is_service { &[] } else { elements(names) };
        names.iter().map(|name| one(name.as_str(), account))
    });
    trusts.max().unwrap_or(Trust::Account)
}

/// An account's id, an ARN, the domain of an identity provider, or the id of a principal that was
/// deleted.
fn one(name: Option<&str>, account: Option<&str>) -> Trust {
    let Some(name) = name else { return Trust::Unknown };
    if name == "*" {
        return Trust::Anyone;
    }
    let owner = if name.starts_with("arn:") { name.split(':').nth(4) } else { Some(name) };
    let is_deleted = name.len() > 16 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match owner {
        Some(owner) if Some(owner) == account || is_deleted => Trust::Account,
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
        use Trust::{Account, Anyone, Outside, Unknown};
        let arn = |account: &str| format!("arn:aws:iam::{account}:root");
        let own = "111122223333";
        for (principal, expected) in [
            (json!({"Service": "ec2.amazonaws.com"}), Account),
            (json!({"AWS": own}), Account),
            (json!({"AWS": arn(own)}), Account),
            (json!({"AWS": [arn(own), "AROADBQP57FF2AEXAMPLE"]}), Account),
            (json!({"AWS": "444455556666"}), Outside),
            (json!({"aws": [arn(own), arn("444455556666")]}), Outside),
            (json!({"Federated": format!("arn:aws:iam::{own}:saml-provider/idp")}), Account),
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
                assert_eq!(Trust::from_document(&document, Some(own)), expected, "{principal}");
            }
        }
        let other = |document: Value| Trust::from_document(&document, Some(own));
        assert_eq!(other(json!({"Statement": {"Effect": "Deny", "Principal": "*"}})), Account);
        let not = json!({"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": own}}});
        assert_eq!(other(not), Anyone);
        assert_eq!(other(json!({})), Unknown);
        assert_eq!(other(json!([])), Unknown);
    }
}
