//! The JSON Schema of the document, made of the field list.

use serde_json::{Map, Value, json};

use super::fields::DocumentField;

/// Objects below this may have more fields than the schema lists: new ones are added at any time.
const OPEN: &str = "trailbell";

pub fn json_schema(fields: &[DocumentField]) -> Value {
    let mut root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Alert of Trailbell",
        "description": "The document for machines: alerts, summaries and correlations, and the \
                        findings that `trailbell scan` prints. Fields outside `aws` and \
                        `trailbell` are those of the Elastic Common Schema, those in `aws` of \
                        Elastic's AWS integration.",
        "$defs": {
            "keyword": one_or_more(json!({"type": "string"})),
            "keywords": {"type": "array", "items": {"type": "string"}},
            "date": {"type": "string", "format": "date-time"},
            "ip": {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
        },
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": false,
    });
    for field in fields {
        insert(&mut root, field.path, field);
    }
    root
}

/// A field that Elasticsearch takes both ways. Records of some services have lists where others
/// have one value.
fn one_or_more(one: Value) -> Value {
    json!({"anyOf": [one, {"type": "array", "items": one}]})
}

/// Adds the field at `path`, relative to an object.
fn insert(object: &mut Value, path: &str, field: &DocumentField) {
    let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
    let name = first.trim_end_matches("[]");
    if field.is_always_there {
        require(object, name);
    }
    let properties = object["properties"].as_object_mut().unwrap();
    let Some(rest) = rest else {
        properties.insert(name.to_owned(), leaf(first, field));
        return;
    };
    let is_list = first.ends_with("[]");
    let is_open = field.path.starts_with(OPEN);
    let child = properties.entry(name).or_insert_with(|| empty_object(is_list, is_open));
    insert(if is_list { &mut child["items"] } else { child }, rest, field);
}

fn empty_object(is_list: bool, is_open: bool) -> Value {
    let mut object = json!({"type": "object", "properties": {}});
    if !is_open {
        object["additionalProperties"] = false.into();
    }
    if is_list { json!({"type": "array", "items": object}) } else { object }
}

fn require(object: &mut Value, name: &str) {
    let fields: &mut Map<String, Value> = object.as_object_mut().unwrap();
    let required = fields.entry("required").or_insert_with(|| json!([]));
    let required = required.as_array_mut().unwrap();
    if !required.iter().any(|it| it == name) {
        required.push(name.into());
    }
}

/// The schema of a value. `name` ends with as many `[]` as there are lists around it.
fn leaf(name: &str, field: &DocumentField) -> Value {
    let mut schema = match field.field_type {
        "keyword" if name.ends_with("[]") && !field.is_ours() => {
            json!({"$ref": "#/$defs/keywords"})
        }
        "keyword" if !field.is_ours() && field.allowed.is_empty() => {
            json!({"$ref": "#/$defs/keyword"})
        }
        "keyword" | "text" | "match_only_text" => json!({"type": "string"}),
        "boolean" => json!({"type": "boolean"}),
        "long" => json!({"type": "integer"}),
        "float" => json!({"type": "number"}),
        "date" => json!({"$ref": "#/$defs/date"}),
        "ip" => json!({"$ref": "#/$defs/ip"}),
        "flattened" => json!({"type": "object"}),
        other => panic!("{}: the type {other} has no schema", field.path),
    };
    if !field.allowed.is_empty() {
        schema["enum"] = json!(field.allowed);
    }
    let is_wrapped = schema.get("$ref").is_some_and(|it| it == "#/$defs/keywords");
    for _ in 0..name.matches("[]").count() - usize::from(is_wrapped) {
        schema = json!({"type": "array", "items": schema});
    }
    if !field.about.is_empty() {
        schema["description"] = field.about.into();
    }
    schema
}
