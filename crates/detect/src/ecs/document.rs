//! The whole view at once, as one JSON document.

use kql::Document;
use serde_json::{Map, Value};

use super::clean::cleaned;
use super::field::{FIELDS, Source};
use super::flattened_field::FlattenedField;
use super::object::Resource;
use super::view::RESOURCES;
use super::{Seen, View};
use crate::cloudtrail::Record;

/// The whole view of a record as one nested ECS document: always the same fields in the same order
/// for the same record. Dates and addresses are text.
pub fn document(record: &Record) -> Value {
    let view = View::new(record);
    let mut root = Map::new();
    for (name, source) in FIELDS {
        if let Some(value) = whole(&view, *source) {
            insert(&mut root, name, value);
        }
    }
    let resources: Vec<Value> = view.resources().map(resource).collect();
    if !resources.is_empty() {
        insert(&mut root, RESOURCES, Value::Array(resources));
    }
    for flattened_field in FlattenedField::ALL {
        if let Some(object) = view.object(flattened_field) {
            insert(&mut root, flattened_field.flattened(), cleaned(object));
        }
    }
    Value::Object(root)
}

/// What a source gives: one value as it is, several as a list. Resources are objects and come apart
/// from this.
fn whole(view: &View<'_>, source: Source) -> Option<Value> {
    if matches!(source, Source::Resource(_)) {
        return None;
    }
    let mut values = leaves(|seen| view.any_of(source, seen));
    match values.len() {
        0 => None,
        1 if !matches!(source, Source::Many(_)) => values.pop(),
        _ => Some(Value::Array(values)),
    }
}

fn resource(value: &Value) -> Value {
    let field = |name: &str| {
        let mut values = leaves(|seen| Resource(value).any_value(name, seen));
        if values.len() > 1 { Some(Value::Array(values)) } else { values.pop() }
    };
    Resource::FIELDS.iter().filter_map(|(name, _)| Some((name.to_string(), field(name)?))).collect()
}

fn leaves(any: impl FnOnce(Seen<'_>) -> bool) -> Vec<Value> {
    let mut values = Vec::new();
    any(&mut |leaf| {
        values.push(json(leaf));
        false
    });
    values
}

fn json(leaf: kql::Value<'_>) -> Value {
    match leaf {
        kql::Value::Text(text) => Value::from(text),
        kql::Value::Number(number) => Value::from(number),
        kql::Value::Bool(flag) => Value::from(flag),
        kql::Value::Ip(address) => Value::from(address.to_string()),
        kql::Value::Date(time) => Value::from(time.to_string()),
    }
}

/// Puts a value at a dotted name. No field's name is the beginning of another's.
fn insert(map: &mut Map<String, Value>, name: &str, value: Value) {
    let Some((first, rest)) = name.split_once('.') else {
        map.insert(name.to_owned(), value);
        return;
    };
    if let Value::Object(inner) = map.entry(first).or_insert_with(|| Value::Object(Map::new())) {
        insert(inner, rest, value);
    }
}
