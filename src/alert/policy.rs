//! What a policy grants, as far as a reader must know at once: everything, all of IAM, or something to look up.

use serde_json::Value;

use super::call::Call;

/// A policy that makes its holder an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    /// Every action on every resource.
    Everything,
    /// Every action of IAM: with that, one can give oneself everything.
    Iam,
}

impl Power {
    /// What the policy does.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Power::Everything => "allows everything",
            Power::Iam => "allows all of IAM and so everything",
        }
    }

    /// The power of the policy that a call attaches or writes, where it is one of these.
    pub(super) fn of(call: Call<'_>) -> Option<Power> {
        let managed = call.parameter("policyArn").and_then(Power::of_managed);
        managed.or_else(|| call.parameter("policyDocument").and_then(Power::of_document))
    }

    /// AWS's own policies have `aws` for an account: a customer's policy of the same name is another policy.
    fn of_managed(arn: &str) -> Option<Power> {
        match arn.rsplit_once(":iam::aws:policy/")?.1 {
            "AdministratorAccess" => Some(Power::Everything),
            "IAMFullAccess" => Some(Power::Iam),
            _ => None,
        }
    }

    /// Looks only for what is plain to see: a statement that allows `*` or `iam:*` on `*`. Conditions are not weighed.
    fn of_document(document: &str) -> Option<Power> {
        let document: Value = serde_json::from_str(document).ok()?;
        let powers = each(document.get("Statement")?).filter_map(Power::of_statement);
        powers.min_by_key(|power| *power != Power::Everything)
    }

    fn of_statement(statement: &Value) -> Option<Power> {
        let has = |field, wanted: &[&str]| {
            let values = statement.get(field).into_iter().flat_map(each);
            values.filter_map(Value::as_str).any(|value| wanted.contains(&value))
        };
        if !has("Effect", &["Allow"]) || !has("Resource", &["*"]) {
            return None;
        }
        let everything = has("Action", &["*", "*:*"]).then_some(Power::Everything);
        everything.or_else(|| has("Action", &["iam:*", "IAM:*"]).then_some(Power::Iam))
    }
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
            ("arn:aws:iam::111122223333:policy/AdministratorAccess", None),
            ("arn:aws:iam::aws:policy/ReadOnlyAccess", None),
            ("AdministratorAccess", None),
        ] {
            assert_eq!(Power::of_managed(arn), power, "{arn}");
        }
    }

    #[test]
    fn a_document_is_read_in_all_the_shapes_iam_takes() {
        for (document, power) in [
            (r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#, Some(Power::Everything)),
            (r#"{"Statement":{"Effect":"Allow","Action":["s3:*","iam:*"],"Resource":["*"]}}"#, Some(Power::Iam)),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"},
                    {"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
                Some(Power::Everything),
            ),
            (r#"{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#, None),
            (r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b"}]}"#, None),
            (r#"{"Statement":7}"#, None),
            ("not JSON", None),
        ] {
            assert_eq!(Power::of_document(document), power, "{document}");
        }
    }
}
