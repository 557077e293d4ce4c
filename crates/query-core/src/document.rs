//! The documents that queries match, and JSON as one of them.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value as Json;

/// A value of a document, typed as Elasticsearch's mapping of the field would type it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A keyword: compared exactly and case-sensitively.
    Text(&'a str),
    /// A name that its service matches in any case: compared exactly, but in any ASCII case.
    Name(&'a str),
    /// A number.
    Number(f64),
    /// A boolean.
    Bool(bool),
    /// An ip: single addresses and CIDR blocks match.
    Ip(IpAddr),
    /// A date: compared as an instant.
    Date(Timestamp),
}

/// A document: values ("leaves") by dotted field names. The methods call back with one item at a
/// time until the callback returns true, and return true if it did.
pub trait Document {
    /// Calls back with every value of exactly this field. A field that is absent, null or an object
    /// has none.
    fn any_value(&self, field: &str, on_value: &mut dyn FnMut(Value<'_>) -> bool) -> bool;

    /// Calls back with every value of the document and its dotted name. For free text, and field
    /// names with wildcards.
    fn any_leaf(&self, on_leaf: &mut dyn FnMut(&str, Value<'_>) -> bool) -> bool;

    /// Calls back with the object at `path`, or with each object of an array there, as a document
    /// whose names are relative to the path. For `path: { … }`, and for `path: *` on objects.
    fn any_object(&self, path: &str, on_object: &mut dyn FnMut(&dyn Document) -> bool) -> bool;
}

/// A document without a mapping. Strings are text, but a CIDR literal or a range with a date
/// compares them as addresses or dates if they are.
///
/// Names are resolved by [`any_json_at`]. An object that only dotted keys imply is not an object to
/// `path: { … }`.
impl Document for Json {
    fn any_value(&self, field: &str, on_value: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        any_json_at(self, field, &mut |json| scalar(json).is_some_and(&mut *on_value))
    }

    /// Allocates, because JSON does not hold the dotted names.
    fn any_leaf(&self, on_leaf: &mut dyn FnMut(&str, Value<'_>) -> bool) -> bool {
        any_json_scalar(self, &mut |name, json| {
            scalar(json).is_some_and(|value| on_leaf(name, value))
        })
    }

    fn any_object(&self, path: &str, on_object: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        any_json_at(self, path, &mut |json| json.is_object() && on_object(json))
    }
}

/// Calls back with every JSON value at a dotted path, until the callback returns true. Arrays are
/// replaced by their elements.
///
/// A key may hold dots, so every way to split the path is tried: `a.b.c` finds
/// `{"a": {"b.c": 1}}`.
pub fn any_json_at(json: &Json, path: &str, on_json: &mut dyn FnMut(&Json) -> bool) -> bool {
    any_element(json, &mut |element| {
        let Some(object) = element.as_object() else { return false };
        let mut splits = path.match_indices('.').map(|(dot, _)| (&path[..dot], &path[dot + 1..]));
        object.get(path).is_some_and(|inner| any_element(inner, on_json))
            || splits.any(|(key, rest)| {
                object.get(key).is_some_and(|inner| any_json_at(inner, rest, on_json))
            })
    })
}

/// Calls back with every scalar of a JSON value and its dotted path, until the callback returns
/// true. Arrays are replaced by their elements.
pub fn any_json_scalar(json: &Json, on_scalar: &mut dyn FnMut(&str, &Json) -> bool) -> bool {
    any_scalar_below(json, &mut String::new(), on_scalar)
}

fn any_scalar_below(
    json: &Json,
    path: &mut String,
    on_scalar: &mut dyn FnMut(&str, &Json) -> bool,
) -> bool {
    any_element(json, &mut |element| {
        let Some(object) = element.as_object() else { return on_scalar(path, element) };
        object.iter().any(|(key, inner)| {
            let length = path.len();
            path.extend([if length == 0 { "" } else { "." }, key]);
            let stop = any_scalar_below(inner, path, on_scalar);
            path.truncate(length);
            stop
        })
    })
}

fn any_element(json: &Json, on_json: &mut dyn FnMut(&Json) -> bool) -> bool {
    match json {
        Json::Array(elements) => elements.iter().any(|element| any_element(element, on_json)),
        other => on_json(other),
    }
}

fn scalar(json: &Json) -> Option<Value<'_>> {
    match json {
        Json::String(text) => Some(Value::Text(text)),
        Json::Number(number) => number.as_f64().map(Value::Number),
        Json::Bool(boolean) => Some(Value::Bool(*boolean)),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}
