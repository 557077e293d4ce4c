//! The size limit of SNS: 256 KiB a message, attributes included. A document too large for that is
//! cut, and lists what was cut.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>

use serde_json::{Map, Value, json};

use crate::message::to_json;

pub(crate) const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// Bytes reserved for what frames a message: the keys of its JSON, the types of the attributes.
const FRAME_BYTES: usize = 1_024;

/// The most bytes that one byte of a text takes in a JSON string: `\u0000`.
const MAX_ESCAPED_BYTE: usize = 6;

/// Bytes of a value's quotes, each escaped, or its brackets, and of the comma or colon after it;
/// `false` is no longer.
const PUNCTUATION_BYTES: usize = 8;

/// The most bytes of a number, with its comma.
const MAX_NUMBER_BYTES: usize = 32;

/// Characters of a string that remain when strings are cut.
const SHORT_STRING: usize = 200;

/// Elements of a list that remain when lists are cut.
const SHORT_LIST: usize = 20;

/// What can be large in a record, in the order in which it is dropped. The rule's query has seen all
/// of it, and the origin says where it is.
const LARGE_FIELDS: [&[&str]; 4] = [
    &["aws", "cloudtrail", "flattened"],
    &["aws", "cloudtrail", "request_parameters"],
    &["aws", "cloudtrail", "response_elements"],
    &["aws", "cloudtrail", "additional_eventdata"],
];

/// The entry of `trailbell.cut` when only identifiers are left.
pub(crate) const EVERYTHING_ELSE: &str = "everything except identifiers";

/// Fields of `trailbell` that identify what the alert is about.
const IDENTIFYING_FIELDS: [&str; 9] = [
    "schema_version",
    "kind",
    "finding",
    "summary",
    "correlation",
    "subject",
    "account",
    "principal",
    "origin",
];

/// Cuts the document as little as needed to fit into a message with this mail and these attributes.
pub(crate) fn fit_document(mut document: Value, mail: &str, attribute_bytes: usize) -> Value {
    let available = (MAX_MESSAGE_BYTES - FRAME_BYTES).saturating_sub(attribute_bytes);
    // Most documents are so small that nothing needs to be serialised to know that they fit.
    if max_json_len(&document) + MAX_ESCAPED_BYTE * mail.len() <= available {
        return document;
    }
    let available = available.saturating_sub(escaped_len(mail));
    let fits = |document: &Value| escaped_len(&to_json(document)) <= available;
    if fits(&document) {
        return document;
    }
    for path in LARGE_FIELDS {
        if drop_field(&mut document, path) && fits(&document) {
            return document;
        }
    }
    drop_members(&mut document, available);
    if fits(&document) {
        return document;
    }
    shorten(&mut document);
    let limits =
        format!("strings over {SHORT_STRING} characters, lists over {SHORT_LIST} elements");
    add_cut(&mut document, limits);
    if fits(&document) { document } else { identifying_part(&document) }
}

/// The most bytes that a document can take as a JSON string: every byte of every text escaped, twice
/// where it is a string's.
fn max_json_len(document: &Value) -> usize {
    match document {
        Value::String(text) => (MAX_ESCAPED_BYTE + 1) * text.len() + PUNCTUATION_BYTES,
        Value::Array(list) => list.iter().map(max_json_len).sum::<usize>() + PUNCTUATION_BYTES,
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                (MAX_ESCAPED_BYTE + 1) * name.len() + PUNCTUATION_BYTES + max_json_len(value)
            };
            fields.iter().map(field).sum::<usize>() + PUNCTUATION_BYTES
        }
        Value::Null | Value::Bool(_) => PUNCTUATION_BYTES,
        Value::Number(_) => MAX_NUMBER_BYTES,
    }
}

/// Bytes of a text as a JSON string: a message holds its parts as strings.
pub(crate) fn escaped_len(text: &str) -> usize {
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..b' ' => MAX_ESCAPED_BYTE,
        _ => 1,
    });
    escaped.sum::<usize>() + 2
}

/// Returns true if the document had the field.
fn drop_field(document: &mut Value, path: &[&str]) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let parent = parents.iter().try_fold(&mut *document, |value, key| value.get_mut(key));
    let fields = parent.and_then(Value::as_object_mut);
    let Some(dropped) = fields.and_then(|fields| fields.shift_remove(*last)) else { return false };
    let cut = format!("{} ({} bytes)", path.join("."), to_json(&dropped).len());
    add_cut(document, cut);
    true
}

/// Adds to `trailbell.cut`.
fn add_cut(document: &mut Value, cut: String) {
    if let Some(fields) = document.get_mut("trailbell").and_then(Value::as_object_mut)
        && let Some(list) = fields.entry("cut").or_insert_with(|| json!([])).as_array_mut()
    {
        list.push(cut.into());
    }
}

/// Keeps as many of `trailbell.members` as fit, and counts the others in `members_left_out`.
fn drop_members(document: &mut Value, available: usize) {
    let Some(members) = document.pointer_mut("/trailbell/members") else { return };
    let Value::Array(mut members) = members.take() else { return };
    let mut used = escaped_len(&to_json(document));
    let fitting = members.iter().take_while(|member| {
        used += escaped_len(&to_json(member));
        used <= available
    });
    let kept = fitting.count();
    let left_out = document["trailbell"]["members_left_out"].as_u64().unwrap_or_default();
    document["trailbell"]["members_left_out"] = json!(left_out + (members.len() - kept) as u64);
    members.truncate(kept);
    document["trailbell"]["members"] = members.into();
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(SHORT_STRING) {
                text.truncate(end);
                text.push('…');
            }
        }
        Value::Array(list) => {
            list.truncate(SHORT_LIST);
            list.iter_mut().for_each(shorten);
        }
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The last resort for a document whose strings and lists are short already: no real record is so
/// large.
fn identifying_part(document: &Value) -> Value {
    let text = |pointer: &str| document.pointer(pointer).filter(|value| value.is_string());
    let field = |name: &str| Some((name.to_owned(), document["trailbell"].get(name)?.clone()));
    let mut fields: Map<String, Value> = IDENTIFYING_FIELDS.into_iter().filter_map(field).collect();
    fields.insert("cut".to_owned(), json!([EVERYTHING_ELSE]));
    json!({
        "message": document["message"],
        "event": {"id": text("/event/id"), "action": text("/event/action"), "kind": "alert"},
        "rule": {"id": document["rule"]["id"], "name": document["rule"]["name"]},
        "trailbell": fields,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(flattened: usize, request: usize, agent: usize) -> Value {
        json!({
            "message": "m",
            "aws": {"cloudtrail": {
                "flattened": {"request_parameters": {"x": "f".repeat(flattened)}},
                "request_parameters": "r".repeat(request),
            }},
            "user_agent": {"original": "u".repeat(agent)},
            "trailbell": {"schema_version": 1},
        })
    }

    fn cut(document: &Value) -> Vec<&str> {
        document["trailbell"]["cut"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    #[test]
    fn as_little_is_cut_as_will_do_and_what_was_is_told() {
        let most = MAX_MESSAGE_BYTES;
        for (sizes, dropped) in [
            ((1_000, 1_000, 1_000), vec![]),
            ((most, 1_000, 1_000), vec!["aws.cloudtrail.flattened"]),
            (
                (most, most, 1_000),
                vec!["aws.cloudtrail.flattened", "aws.cloudtrail.request_parameters"],
            ),
            (
                (10, 10, most),
                vec![
                    "aws.cloudtrail.flattened",
                    "aws.cloudtrail.request_parameters",
                    "strings over",
                ],
            ),
        ] {
            let fitted = fit_document(document(sizes.0, sizes.1, sizes.2), &"m".repeat(9_000), 998);
            assert!(escaped_len(&fitted.to_string()) + 10_000 <= most, "{sizes:?}");
            let told = cut(&fitted);
            assert_eq!(told.len(), dropped.len(), "{sizes:?}: {told:?}");
            assert!(
                told.iter().zip(&dropped).all(|(told, field)| told.starts_with(field)),
                "{sizes:?}: {told:?}"
            );
        }
    }

    #[test]
    fn no_document_is_larger_than_it_is_taken_to_be() {
        let control: String = (0..0x80).filter_map(char::from_u32).collect();
        for document in [
            json!({}),
            json!([]),
            json!(null),
            json!([null, true, false, -1.7976931348623157e308, u64::MAX, i64::MIN]),
            json!({&control: [&control, {"": ""}, "\"\"\\\\"], "a": "\u{2028}管"}),
        ] {
            let size = escaped_len(&document.to_string());
            assert!(size <= max_json_len(&document) + 2, "{document}: {size}");
        }
    }

    #[test]
    fn a_text_is_as_long_as_serde_json_writes_it() {
        let all: String =
            (0..=0x2ff).filter_map(char::from_u32).chain(['\u{2028}', '😀']).collect();
        for text in ["", "plain", &all] {
            assert_eq!(escaped_len(text), Value::from(text).to_string().len(), "{text:?}");
        }
    }

    #[test]
    fn a_document_of_too_many_short_strings_keeps_what_names_it() {
        let mut document = document(1, 1, 1);
        document["event"] = json!({"id": "e-1", "action": "CreateGroup"});
        document["labels"] =
            (0..100_000).map(|n| (format!("k{n}"), json!("v"))).collect::<Map<_, _>>().into();
        let fitted = fit_document(document, "", 0);
        assert_eq!(fitted["event"]["id"], "e-1");
        assert_eq!(fitted["trailbell"]["schema_version"], 1);
        assert!(fitted.get("labels").is_none());
    }
}
