//! Index templates for Elasticsearch and OpenSearch, made of the field list.

use serde_json::{Value, json};

use super::fields::{DocumentField, ecs_version};

/// What the mapping is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Elasticsearch,
    OpenSearch,
}

/// Longer keywords are kept and shown, but not indexed. ECS has this limit for all keywords.
const MAX_KEYWORD_CHARS: usize = 1_024;
/// The same for values in flattened objects: Lucene takes 32,766 bytes, with the name of the value.
const MAX_FLATTENED_CHARS: usize = 4_096;
/// Elasticsearch rejects a document that is deeper. JSON that is deeper than this is not read.
const MAX_DEPTH: usize = 128;

pub fn index_template(engine: Engine, fields: &[DocumentField]) -> Value {
    // Nothing is mapped that is not listed, so no caller can add fields to the index; and a value
    // that is no date or address does not keep the rest of the document out.
    let mut mappings = json!({"dynamic": false, "date_detection": false, "properties": {}});
    for field in fields {
        insert(&mut mappings, &field.name(), mapping(engine, field));
    }
    json!({
        "index_patterns": ["trailbell-alerts*"],
        "priority": 500,
        "template": {"settings": {"index.mapping.ignore_malformed": true}, "mappings": mappings},
        "_meta": {"description": "Alerts of Trailbell", "ecs_version": ecs_version()},
    })
}

fn insert(object: &mut Value, name: &str, mapping: Value) {
    let properties = object["properties"].as_object_mut().unwrap();
    match name.split_once('.') {
        None => drop(properties.insert(name.to_owned(), mapping)),
        Some((first, rest)) => {
            let child = properties.entry(first).or_insert_with(|| json!({"properties": {}}));
            insert(child, rest, mapping);
        }
    }
}

fn mapping(engine: Engine, field: &DocumentField) -> Value {
    match (field.field_type, engine) {
        ("keyword", _) => json!({"type": "keyword", "ignore_above": MAX_KEYWORD_CHARS}),
        ("flattened", Engine::Elasticsearch) => json!({
            "type": "flattened",
            "ignore_above": MAX_FLATTENED_CHARS,
            "depth_limit": MAX_DEPTH,
        }),
        // It takes no parameters.
        ("flattened", Engine::OpenSearch) => json!({"type": "flat_object"}),
        // OpenSearch before 2.12 has no match_only_text.
        ("match_only_text", Engine::OpenSearch) => json!({"type": "text"}),
        (field_type, _) => json!({"type": field_type}),
    }
}
