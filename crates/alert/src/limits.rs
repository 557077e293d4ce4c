//! The size limit of SNS: 256 KiB a message, attributes included. A document too large for that is
//! cut, and lists what was cut.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>

use serde_json::{Map, Value, json};

use crate::document::set;
use crate::message::to_json;

pub(crate) const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// Reserved for what frames a message: the keys of its JSON, the types of the attributes.
const FRAME_BYTES: usize = 1_024;

/// What can be large in a record, in the order in which it is dropped. The rule's query has seen
/// all of it, and the origin says where it is.
const LARGE_FIELDS: [&str; 4] = [
    "/aws/cloudtrail/flattened",
    "/aws/cloudtrail/request_parameters",
    "/aws/cloudtrail/response_elements",
    "/aws/cloudtrail/additional_eventdata",
];

/// Fields of `trailbell` that identify what the alert is about.
const IDENTIFYING_FIELDS: [&str; 10] = [
    "schema_version",
    "id",
    "kind",
    "test",
    "summary",
    "correlation",
    "subject",
    "account",
    "principal",
    "origin",
];

/// The same of ECS.
const IDENTIFYING_ECS_FIELDS: [&str; 17] = [
    "@timestamp",
    "cloud.account.id",
    "cloud.provider",
    "cloud.region",
    "ecs.version",
    "event.action",
    "event.id",
    "event.kind",
    "event.risk_score",
    "event.severity",
    "group.name",
    "message",
    "rule.id",
    "rule.name",
    "source.ip",
    "user.name",
    "user.target.name",
];

/// The entry of `trailbell.cut` when only identifiers are left.
pub(crate) const EVERYTHING_ELSE: &str = "everything except identifiers";

/// Cuts the document as little as needed to fit into a message with this mail and these attributes.
pub(crate) fn fit_document(mut document: Value, mail: &str, attribute_bytes: usize) -> Value {
    let available = MAX_MESSAGE_BYTES.saturating_sub(FRAME_BYTES + attribute_bytes);
    // Most documents are so small that nothing needs to be serialised to know that they fit.
    if max_json_len(&document) + "\\u0000".len() * mail.len() <= available {
        return document;
    }
    let available = available.saturating_sub(escaped_len(mail));
    let fits = |document: &Value| escaped_len(&to_json(document)) <= available;
    if fits(&document) {
        return document;
    }
    for pointer in LARGE_FIELDS {
        if drop_field(&mut document, pointer) && fits(&document) {
            return document;
        }
    }
    drop_members(&mut document, available);
    if !fits(&document) {
        shorten(&mut document);
        add_cut(&mut document, "long strings and lists".to_owned());
    }
    if fits(&document) { document } else { identifying_part(&document) }
}

/// The most bytes that a document can take as a JSON string.
fn max_json_len(document: &Value) -> usize {
    // A control character is `\u0000`, and its backslash is escaped once more.
    const PER_BYTE: usize = 7;
    // A number, or quotes and brackets; with the punctuation of its name.
    const PER_VALUE: usize = 32;
    let content = match document {
        Value::String(text) => PER_BYTE * text.len(),
        Value::Array(list) => list.iter().map(max_json_len).sum(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| PER_BYTE * name.len() + max_json_len(value)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    content + PER_VALUE
}

/// Bytes of a text as a JSON string: a message holds its parts as strings.
pub(crate) fn escaped_len(text: &str) -> usize {
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..b' ' => "\\u0000".len(),
        _ => 1,
    });
    escaped.sum::<usize>() + 2
}

/// Drops a field and lists it in `trailbell.cut`. Returns false if the document does not have it.
fn drop_field(document: &mut Value, pointer: &str) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
    let parent = document.pointer_mut(parent).and_then(Value::as_object_mut);
    let Some(dropped) = parent.and_then(|parent| parent.shift_remove(name)) else { return false };
    let field = pointer[1..].replace('/', ".");
    add_cut(document, format!("{field} ({} bytes)", to_json(&dropped).len()));
    true
}

fn add_cut(document: &mut Value, cut: String) {
    match document["trailbell"].get_mut("cut").and_then(Value::as_array_mut) {
        Some(list) => list.push(cut.into()),
        None => document["trailbell"]["cut"] = json!([cut]),
    }
}

/// Keeps as many of `trailbell.members` as fit, and counts the others in `members_left_out`.
fn drop_members(document: &mut Value, available: usize) {
    let members = document.pointer_mut("/trailbell/members").map(Value::take);
    let Some(Value::Array(mut members)) = members else { return };
    let mut used = escaped_len(&to_json(document));
    let fitting = members.iter().take_while(|member| {
        used += escaped_len(&to_json(member));
        used <= available
    });
    let kept = fitting.count();
    let fields = &mut document["trailbell"];
    let left_out = fields["members_left_out"].as_u64().unwrap_or_default();
    fields["members_left_out"] = json!(left_out + (members.len() - kept) as u64);
    members.truncate(kept);
    fields["members"] = members.into();
}

/// The value with strings of at most 200 characters and lists of at most 20 elements.
pub(crate) fn shortened(mut value: Value) -> Value {
    shorten(&mut value);
    value
}

/// Cuts strings to 200 characters and lists to 20 elements.
fn shorten(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(200) {
                text.truncate(end);
                text.push('…');
            }
        }
        Value::Array(list) => {
            list.truncate(20);
            list.iter_mut().for_each(shorten);
        }
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The last resort, for a shortened document: CloudTrail does not write records that large.
fn identifying_part(document: &Value) -> Value {
    let mut part = Map::new();
    for name in IDENTIFYING_ECS_FIELDS {
        let value = document.pointer(&format!("/{}", name.replace('.', "/")));
        if let Some(value) = value.filter(|value| value.is_string() || value.is_number()) {
            set(&mut part, name, value.clone());
        }
    }
    let field = |name: &str| Some((name.to_owned(), document["trailbell"].get(name)?.clone()));
    let mut fields: Map<String, Value> = IDENTIFYING_FIELDS.into_iter().filter_map(field).collect();
    fields.insert("cut".to_owned(), json!([EVERYTHING_ELSE]));
    part.insert("trailbell".to_owned(), fields.into());
    part.into()
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
        let cut = document["trailbell"]["cut"].as_array().into_iter().flatten();
        cut.filter_map(Value::as_str).collect()
    }

    #[test]
    fn as_little_as_possible_is_cut_and_all_of_it_is_listed() {
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
                    "long strings",
                ],
            ),
        ] {
            let fitted = fit_document(document(sizes.0, sizes.1, sizes.2), &"m".repeat(9_000), 998);
            assert!(escaped_len(&fitted.to_string()) + 10_000 <= most, "{sizes:?}");
            let cut = cut(&fitted);
            assert_eq!(cut.len(), dropped.len(), "{sizes:?}: {cut:?}");
            assert!(
                cut.iter().zip(&dropped).all(|(cut, field)| cut.starts_with(field)),
                "{sizes:?}: {cut:?}"
            );
        }
    }

    #[test]
    fn no_document_is_larger_than_its_bound() {
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
    fn the_length_of_a_text_is_that_which_serde_json_writes() {
        let all: String =
            (0..=0x2ff).filter_map(char::from_u32).chain(['\u{2028}', '😀']).collect();
        for text in ["", "plain", &all] {
            assert_eq!(escaped_len(text), Value::from(text).to_string().len(), "{text:?}");
        }
    }

    #[test]
    fn members_that_do_not_fit_are_counted() {
        let mut document = document(1, 1, 1);
        document["trailbell"]["members"] =
            (0..1_000).map(|n| json!({"id": "x".repeat(n)})).collect();
        document["trailbell"]["members_left_out"] = json!(5);
        let fitted = fit_document(document, "", 0);
        assert!(escaped_len(&fitted.to_string()) <= MAX_MESSAGE_BYTES);
        let kept = fitted["trailbell"]["members"].as_array().unwrap().len();
        assert!((600..1_000).contains(&kept), "{kept}");
        assert_eq!(fitted["trailbell"]["members_left_out"], json!(1_005 - kept));
    }

    #[test]
    fn a_document_of_too_many_short_strings_keeps_its_identifiers() {
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
