//! The cleaning that Elastic's pipeline does before it derives any field. Nothing is copied: values
//! that cleaning drops are passed over.
//!
//! Functions recurse once per level. `serde_json`, which parses the records, refuses more than 128.

use serde_json::Value;

use crate::cloudtrail::Record;

/// A record without the values that cleaning drops.
#[derive(Debug, Clone, Copy)]
pub(super) struct CleanRecord<'a>(pub(super) &'a Record);

impl<'a> CleanRecord<'a> {
    pub(super) fn get(self, path: &[&str]) -> Option<&'a Value> {
        self.0.get(path).filter(|value| is_meaningful(value))
    }

    pub(super) fn text(self, path: &[&str]) -> Option<&'a str> {
        self.get(path)?.as_str()
    }
}

/// Returns false for what cleaning drops: null, the empty string, `-`, `none`, and lists and
/// objects in which nothing is left.
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
pub(super) fn clean_copy(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            items.iter().filter(|item| is_meaningful(item)).map(clean_copy).collect()
        }
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, inner)| is_meaningful(inner))
            .map(|(key, inner)| (key.clone(), clean_copy(inner)))
            .collect(),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_without_meaning_are_dropped_at_every_depth() {
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
        assert_eq!(clean_copy(&before), json!({"a": [{"c": 1}]}));
    }
}
