//! A JSON value as a document without a mapping.
//!
//! Strings are text, whatever they look like; a CIDR literal and a range with a date take a text
//! for an address or a date where it is one. Names reach into nested objects and into keys that
//! have dots, in any mix: `a.b.c` finds `{"a": {"b.c": 1}}`. An object that only dotted keys imply
//! is no object to `path: { … }`.

use serde_json::Value as Json;

use super::document::{Document, Value};

impl Document for Json {
    fn any_value(&self, field: &str, seen: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        any_at(self, field, &mut |json| {
            any_element(json, &mut |element| leaf(element).is_some_and(&mut *seen))
        })
    }

    /// Allocates for the names, which JSON does not hold in one piece.
    fn any_leaf(&self, seen: &mut dyn FnMut(&str, Value<'_>) -> bool) -> bool {
        any_under(self, &mut String::new(), seen)
    }

    fn any_object(&self, path: &str, seen: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        any_at(self, path, &mut |json| {
            any_element(json, &mut |element| element.is_object() && seen(element))
        })
    }
}

fn leaf(json: &Json) -> Option<Value<'_>> {
    match json {
        Json::String(text) => Some(Value::Text(text)),
        Json::Number(number) => number.as_f64().map(Value::Number),
        Json::Bool(boolean) => Some(Value::Bool(*boolean)),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Gives everything at `path` to `seen`, taking the path apart at each of its dots.
fn any_at(json: &Json, path: &str, seen: &mut dyn FnMut(&Json) -> bool) -> bool {
    any_element(json, &mut |element| {
        let Some(object) = element.as_object() else { return false };
        let splits = path.match_indices('.').map(|(dot, _)| (&path[..dot], &path[dot + 1..]));
        object.get(path).is_some_and(&mut *seen)
            || splits
                .into_iter()
                .any(|(key, rest)| object.get(key).is_some_and(|inner| any_at(inner, rest, seen)))
    })
}

/// Gives the elements of an array, or the one value, to `seen`.
fn any_element(json: &Json, seen: &mut dyn FnMut(&Json) -> bool) -> bool {
    match json {
        Json::Array(elements) => elements.iter().any(|element| any_element(element, seen)),
        other => seen(other),
    }
}

fn any_under(
    json: &Json,
    name: &mut String,
    seen: &mut dyn FnMut(&str, Value<'_>) -> bool,
) -> bool {
    match json {
        Json::Array(elements) => elements.iter().any(|element| any_under(element, name, seen)),
        Json::Object(object) => object.iter().any(|(key, inner)| {
            let length = name.len();
            let dot = if name.is_empty() { "" } else { "." };
            name.extend([dot, key]);
            let found = any_under(inner, name, seen);
            name.truncate(length);
            found
        }),
        other => leaf(other).is_some_and(|value| seen(name, value)),
    }
}
