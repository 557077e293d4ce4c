//! The whole view as one JSON document.

use kql::Document;
use serde_json::{Map, Value};

use super::clean::clean_copy;
use super::field::{FIELDS, FieldSource};
use super::flattened::{FlattenedField, OnValue};
use super::view::{RESOURCES, Resource, View};
use crate::cloudtrail::Record;

/// All fields of a record as one nested ECS document, in an order that only depends on the record.
/// Dates and addresses are text.
pub fn document(record: &Record) -> Value {
    let view = View::new(record);
    let mut root = Map::new();
    for (name, source) in FIELDS {
        if let Some(value) = value_of(&view, *source) {
            insert(&mut root, name, value);
        }
    }
    let resources: Vec<Value> = view.record.resources().map(resource).collect();
    if !resources.is_empty() {
        insert(&mut root, RESOURCES, Value::Array(resources));
    }
    for field in FlattenedField::ALL {
        if let Some(object) = view.object(field) {
            insert(&mut root, field.name(), clean_copy(object));
        }
    }
    Value::Object(root)
}

/// One value as it is, several as a list.
fn value_of(view: &View<'_>, source: FieldSource) -> Option<Value> {
    // Resources are inserted as objects.
    if matches!(source, FieldSource::Resource(_)) {
        return None;
    }
    let values = collect_values(|on_value| view.any_of(source, on_value));
    if matches!(source, FieldSource::Many(_)) && !values.is_empty() {
        return Some(Value::Array(values));
    }
    scalar_or_list(values)
}

fn resource(value: &Value) -> Value {
    let fields = Resource::FIELDS.iter().filter_map(|(name, _)| {
        let values = collect_values(|on_value| Resource(value).any_value(name, on_value));
        Some((name.to_string(), scalar_or_list(values)?))
    });
    fields.collect()
}

fn scalar_or_list(mut values: Vec<Value>) -> Option<Value> {
    if values.len() > 1 { Some(Value::Array(values)) } else { values.pop() }
}

fn collect_values(any: impl FnOnce(OnValue<'_>) -> bool) -> Vec<Value> {
    let mut values = Vec::new();
    any(&mut |value| {
        values.push(match value {
            kql::Value::Text(text) | kql::Value::Name(text) => Value::from(text),
            kql::Value::Number(number) => Value::from(number),
            kql::Value::Bool(flag) => Value::from(flag),
            kql::Value::Ip(address) => Value::from(address.to_string()),
            kql::Value::Date(time) => Value::from(time.to_string()),
        });
        false
    });
    values
}

/// Inserts a value at a dotted name. No field's name is the start of another's.
fn insert(map: &mut Map<String, Value>, name: &str, value: Value) {
    let Some((first, rest)) = name.split_once('.') else {
        map.insert(name.to_owned(), value);
        return;
    };
    if let Value::Object(inner) = map.entry(first).or_insert_with(|| Value::Object(Map::new())) {
        insert(inner, rest, value);
    }
}
