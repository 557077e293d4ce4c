//! An object whose field names are not known in advance, as Elasticsearch's `flattened` type
//! indexes it: every scalar is a keyword, reached by the names on the way to it, joined by dots.
//! Lists are seen through.

use kql::Document;
use serde_json::Value;

use super::Seen;
use super::clean::any_keyword;

/// A JSON object as a document of keywords.
pub(super) struct Flattened<'a>(pub(super) &'a Value);

impl Document for Flattened<'_> {
    fn any_value(&self, field: &str, seen: Seen<'_>) -> bool {
        any_at(self.0, field, &mut |value| any_keyword(value, seen))
    }

    fn any_leaf(&self, seen: &mut dyn FnMut(&str, kql::Value<'_>) -> bool) -> bool {
        any_named(self.0, &mut String::new(), seen)
    }

    fn any_object(&self, path: &str, seen: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        any_at(self.0, path, &mut |value| any_object_in(value, seen))
    }
}

/// Each value at a dotted path. A key may hold dots itself, so every way to cut the path is tried.
fn any_at(value: &Value, path: &str, found: &mut dyn FnMut(&Value) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| any_at(item, path, found)),
        Value::Object(fields) => {
            fields.iter().any(|(key, inner)| match path.strip_prefix(key.as_str()) {
                Some("") => found(inner),
                Some(rest) => rest.strip_prefix('.').is_some_and(|rest| any_at(inner, rest, found)),
                None => false,
            })
        }
        _ => false,
    }
}

fn any_named(
    value: &Value,
    path: &mut String,
    seen: &mut dyn FnMut(&str, kql::Value<'_>) -> bool,
) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| any_named(item, path, seen)),
        Value::Object(fields) => fields.iter().any(|(key, inner)| {
            let before = path.len();
            path.push_str(if before == 0 { "" } else { "." });
            path.push_str(key);
            let stop = any_named(inner, path, seen);
            path.truncate(before);
            stop
        }),
        scalar => any_keyword(scalar, &mut |leaf| seen(path, leaf)),
    }
}

/// The object, or each object of a list.
pub(super) fn any_object_in(value: &Value, seen: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| any_object_in(item, seen)),
        Value::Object(_) => seen(&Flattened(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn texts(object: &Value, field: &str) -> Vec<String> {
        let mut texts = Vec::new();
        Flattened(object).any_value(field, &mut |value| {
            texts.push(format!("{value:?}"));
            false
        });
        texts
    }

    #[test]
    fn a_dotted_name_finds_every_leaf_under_it() {
        let object = json!({"a": {"b": "x", "list": [{"c": 1}, {"c": true}, {"c": "none"}]}, "a.b": "y", "d": {"e": {}}});
        let cases: [(&str, &[&str]); 7] = [
            ("a.b", &[r#"Text("x")"#, r#"Text("y")"#]),
            ("a.list.c", &[r#"Text("1")"#, r#"Text("true")"#]),
            ("a.list", &[]),
            ("a", &[]),
            ("d.e", &[]),
            ("a.", &[]),
            ("A.b", &[]),
        ];
        for (field, expected) in cases {
            assert_eq!(texts(&object, field), expected, "{field}");
        }
    }

    #[test]
    fn objects_of_a_list_are_documents_of_their_own() {
        let object =
            json!({"rules": {"items": [{"port": 22, "cidr": "0.0.0.0/0"}, {"port": 443}]}});
        let mut ports = Vec::new();
        Flattened(&object).any_object("rules.items", &mut |item| {
            item.any_value("port", &mut |port| {
                ports.push(format!("{port:?}"));
                false
            })
        });
        assert_eq!(ports, [r#"Text("22")"#, r#"Text("443")"#]);
    }
}
