//! The cleaning that comes before any field is derived, done in place: nothing is copied, what does
//! not survive is passed over.
//!
//! These functions call themselves once per level. Records come from `serde_json`, which refuses
//! more than 128.

use kql;
use serde_json::Value;

use super::{Seen, java};

/// False for what cleaning drops: null, the empty string, `-`, `none`, and lists and objects in
/// which nothing survives.
pub(super) fn is_meaningful(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !matches!(text.as_str(), "" | "-" | "none"),
        Value::Array(items) => items.iter().any(is_meaningful),
        Value::Object(fields) => fields.values().any(is_meaningful),
    }
}

/// A copy without what cleaning drops.
pub(super) fn cleaned(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            items.iter().filter(|item| is_meaningful(item)).map(cleaned).collect()
        }
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, inner)| is_meaningful(inner))
            .map(|(key, inner)| (key.clone(), cleaned(inner)))
            .collect(),
        scalar => scalar.clone(),
    }
}

/// Gives a scalar, or each scalar of a list, to `seen` as the keyword that Elasticsearch makes of
/// it.
pub(super) fn any_keyword(value: &Value, seen: Seen<'_>) -> bool {
    match value {
        Value::String(text) => is_meaningful(value) && seen(kql::Value::Text(text)),
        Value::Bool(flag) => seen(kql::Value::Text(java::boolean(*flag))),
        Value::Number(number) => seen(kql::Value::Text(&java::number(number))),
        Value::Array(items) => items.iter().any(|item| any_keyword(item, seen)),
        Value::Null | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_says_nothing_is_dropped_at_every_depth() {
        let cases = [
            (json!(null), false),
            (json!(""), false),
            (json!("-"), false),
            (json!("none"), false),
            (json!({}), false),
            (json!([]), false),
            (json!({"a": {"b": [null, {"c": "-"}]}}), false),
            (json!("None"), true),
            (json!(" "), true),
            (json!(false), true),
            (json!(0), true),
            (json!({"a": {"b": [null, {"c": 0}]}}), true),
        ];
        for (value, expected) in cases {
            assert_eq!(is_meaningful(&value), expected, "{value}");
        }
        let before = json!({"a": [null, {"b": "none", "c": 1}, []], "d": {"e": ""}});
        assert_eq!(cleaned(&before), json!({"a": [{"c": 1}]}));
    }
}
