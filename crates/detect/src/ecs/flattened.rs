//! The parts of a record whose shape each service chooses, as Elasticsearch's `flattened` type
//! indexes them: every scalar is a keyword, reached by the keys on the way to it, joined by dots.
//! Lists add nothing to the name.

use kql::{Document, any_json_at, any_json_scalar};
use serde_json::Value;

use super::clean::is_meaningful;
use super::java::{format_boolean, format_number};

/// Called with each value until it returns true.
pub(super) type OnValue<'v> = &'v mut dyn FnMut(kql::Value<'_>) -> bool;

/// Called with each value and its name until it returns true.
pub(super) type OnNamedValue<'v> = &'v mut dyn FnMut(&str, kql::Value<'_>) -> bool;

/// A part of a record that is available as text, and as an object if the text is not too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlattenedField {
    RequestParameters,
    ResponseElements,
    AdditionalEventData,
    ServiceEventDetails,
}

impl FlattenedField {
    pub(super) const ALL: [FlattenedField; 4] = [
        FlattenedField::RequestParameters,
        FlattenedField::ResponseElements,
        FlattenedField::AdditionalEventData,
        FlattenedField::ServiceEventDetails,
    ];

    /// Its name in the record.
    pub(super) fn key(self) -> &'static str {
        match self {
            FlattenedField::RequestParameters => "requestParameters",
            FlattenedField::ResponseElements => "responseElements",
            FlattenedField::AdditionalEventData => "additionalEventData",
            FlattenedField::ServiceEventDetails => "serviceEventDetails",
        }
    }

    /// The ECS field of its object.
    pub(super) fn name(self) -> &'static str {
        match self {
            FlattenedField::RequestParameters => "aws.cloudtrail.flattened.request_parameters",
            FlattenedField::ResponseElements => "aws.cloudtrail.flattened.response_elements",
            FlattenedField::AdditionalEventData => "aws.cloudtrail.flattened.additional_eventdata",
            FlattenedField::ServiceEventDetails => "aws.cloudtrail.flattened.service_event_details",
        }
    }

    /// Splits the name of an ECS field into the object and the dotted path within it. The path is
    /// `None` for the object itself.
    pub(super) fn split(field: &str) -> Option<(FlattenedField, Option<&str>)> {
        // Nearly all fields are others.
        if !field.starts_with("aws.cloudtrail.flattened.") {
            return None;
        }
        FlattenedField::ALL.into_iter().find_map(|object| {
            match field.strip_prefix(object.name())? {
                "" => Some((object, None)),
                rest => Some((object, Some(rest.strip_prefix('.')?))),
            }
        })
    }
}

/// A JSON object as a document of keywords.
pub(super) struct Flattened<'a>(pub(super) &'a Value);

impl Document for Flattened<'_> {
    fn any_value(&self, field: &str, on_value: OnValue<'_>) -> bool {
        any_json_at(self.0, field, &mut |value| any_keyword(value, on_value))
    }

    fn any_leaf(&self, on_leaf: OnNamedValue<'_>) -> bool {
        any_json_scalar(self.0, &mut |path, scalar| {
            any_keyword(scalar, &mut |leaf| on_leaf(path, leaf))
        })
    }

    fn any_object(&self, path: &str, on_object: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        any_json_at(self.0, path, &mut |value| value.is_object() && on_object(&Flattened(value)))
    }
}

/// Calls `on_value` with a scalar, or with each scalar of a list, as a keyword.
pub(super) fn any_keyword(value: &Value, on_value: OnValue<'_>) -> bool {
    match value {
        Value::String(text) => is_meaningful(value) && on_value(kql::Value::Text(text)),
        Value::Bool(flag) => on_value(kql::Value::Text(format_boolean(*flag))),
        Value::Number(number) => on_value(kql::Value::Text(&format_number(number))),
        Value::Array(items) => items.iter().any(|item| any_keyword(item, on_value)),
        Value::Null | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_flattened_field_is_an_object_and_a_path_split() {
        let cases = [
            (
                "aws.cloudtrail.flattened.request_parameters.policyArn",
                Some((FlattenedField::RequestParameters, Some("policyArn"))),
            ),
            (
                "aws.cloudtrail.flattened.response_elements.user.arn",
                Some((FlattenedField::ResponseElements, Some("user.arn"))),
            ),
            (
                "aws.cloudtrail.flattened.additional_eventdata",
                Some((FlattenedField::AdditionalEventData, None)),
            ),
            ("aws.cloudtrail.flattened.request_parametersX", None),
            ("aws.cloudtrail.flattened", None),
            ("aws.cloudtrail.request_parameters.policyArn", None),
        ];
        for (field, expected) in cases {
            assert_eq!(FlattenedField::split(field), expected, "{field}");
        }
    }

    fn texts(object: &Value, field: &str) -> Vec<String> {
        let mut texts = Vec::new();
        Flattened(object).any_value(field, &mut |value| {
            texts.push(format!("{value:?}"));
            false
        });
        texts
    }

    #[test]
    fn a_dotted_name_finds_every_leaf_at_it() {
        let object = json!({
            "a": {"b": "x", "list": [{"c": 1}, {"c": true}, {"c": "none"}]},
            "a.b": "y",
            "d": {"e": {}},
        });
        let cases: [(&str, &[&str]); 7] = [
            ("a.b", &[r#"Text("y")"#, r#"Text("x")"#]),
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
    fn objects_of_a_list_are_documents() {
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
