//! SNS takes 256 KiB a message, attributes included. A document too large for that is cut, and
//! tells what was cut.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>

use serde_json::{Map, Value, json};

use super::json_text;

/// The largest message that SNS takes, in bytes, with its attributes.
pub(super) const LARGEST_MESSAGE: usize = 256 * 1024;

/// Kept free for what frames a message: the keys of its JSON, the attributes' types.
const FRAME: usize = 1_024;

/// Bytes that one byte of a text takes in a JSON string at the most: `\u0000`.
const ESCAPED: usize = 6;

/// Bytes of a value's quotes, each escaped, or its brackets, and of the comma or colon after it;
/// `false` is no longer.
const PUNCTUATION: usize = 8;

/// Bytes of a number, with its comma, at the most.
const LONGEST_NUMBER: usize = 32;

/// Characters of a string that stay when strings are cut.
const SHORT: usize = 200;

/// Elements of a list that stay when lists are cut.
const FEW: usize = 20;

/// What of a record can be large, the first to go first. The rule's query saw all of it, and the
/// origin tells where it is.
const LARGE_FIELDS: [&[&str]; 4] = [
    &["aws", "cloudtrail", "flattened"],
    &["aws", "cloudtrail", "request_parameters"],
    &["aws", "cloudtrail", "response_elements"],
    &["aws", "cloudtrail", "additional_eventdata"],
];

/// The document, cut as little as makes it fit beside a mail and so many bytes of attributes.
pub(super) fn fit(mut document: Value, mail: &str, attributes: usize) -> Value {
    // Nearly all are small, and then nothing needs to be written to be counted.
    if most(&document) + ESCAPED * mail.len() <= room(attributes) {
        return document;
    }
    let room = room(encoded(mail) + attributes);
    let fits = |document: &Value| encoded(&json_text(document)) <= room;
    for path in LARGE_FIELDS {
        if fits(&document) {
            return document;
        }
        drop_field(&mut document, path);
    }
    if !fits(&document) {
        shorten(&mut document);
        note(
            &mut document,
            format!("strings over {SHORT} characters and lists over {FEW} elements"),
        );
    }
    if fits(&document) { document } else { essence(&document) }
}

/// Bytes of a document as a JSON string at the most: every byte of every text escaped, twice where
/// it is a string's.
fn most(document: &Value) -> usize {
    match document {
        Value::String(text) => (ESCAPED + 1) * text.len() + PUNCTUATION,
        Value::Array(list) => list.iter().map(most).sum::<usize>() + PUNCTUATION,
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                (ESCAPED + 1) * name.len() + PUNCTUATION + most(value)
            };
            fields.iter().map(field).sum::<usize>() + PUNCTUATION
        }
        Value::Null | Value::Bool(_) => PUNCTUATION,
        Value::Number(_) => LONGEST_NUMBER,
    }
}

/// Bytes that a document may have, as a JSON string, beside a mail and attributes of `taken` bytes.
pub(super) fn room(taken: usize) -> usize {
    LARGEST_MESSAGE.saturating_sub(FRAME + taken)
}

/// Bytes of a text as a JSON string: a message holds its parts as strings.
pub(super) fn encoded(text: &str) -> usize {
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..b' ' => "\\u0000".len(),
        _ => 1,
    });
    escaped.sum::<usize>() + 2
}

fn drop_field(document: &mut Value, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else { return };
    let parent = parents.iter().try_fold(&mut *document, |value, key| value.get_mut(key));
    let Some(dropped) =
        parent.and_then(Value::as_object_mut).and_then(|parent| parent.shift_remove(*last))
    else {
        return;
    };
    note(document, format!("{} ({} bytes)", path.join("."), dropped.to_string().len()));
}

/// Adds to `trailbell.cut`.
fn note(document: &mut Value, cut: String) {
    if let Some(ours) = document.get_mut("trailbell").and_then(Value::as_object_mut)
        && let Some(list) = ours.entry("cut").or_insert_with(|| json!([])).as_array_mut()
    {
        list.push(cut.into());
    }
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(SHORT) {
                text.truncate(end);
                text.push('…');
            }
        }
        Value::Array(list) => {
            list.truncate(FEW);
            list.iter_mut().for_each(shorten);
        }
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What an alert cannot do without, of a document whose strings and lists are short: no record was
/// ever so large.
fn essence(document: &Value) -> Value {
    let take = |path: &[&str]| {
        path.iter().try_fold(document, |value, key| value.get(key)).filter(|v| v.is_string())
    };
    let mut ours = Map::new();
    for name in ["schema_version", "kind", "finding", "subject", "account", "principal", "origin"] {
        ours.extend(document["trailbell"].get(name).map(|value| (name.to_owned(), value.clone())));
    }
    ours.insert("cut".to_owned(), json!(["everything but what names the finding"]));
    json!({
        "message": document["message"],
        "event": {"id": take(&["event", "id"]), "action": take(&["event", "action"]), "kind": "alert"},
        "rule": {"id": document["rule"]["id"], "name": document["rule"]["name"]},
        "trailbell": ours,
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
        let most = LARGEST_MESSAGE;
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
            let fitted = fit(document(sizes.0, sizes.1, sizes.2), &"m".repeat(9_000), 998);
            assert!(encoded(&fitted.to_string()) + 10_000 <= most, "{sizes:?}");
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
            let size = encoded(&document.to_string());
            assert!(size <= most(&document) + 2, "{document}: {size}");
        }
    }

    #[test]
    fn a_text_is_as_long_as_serde_json_writes_it() {
        let all: String =
            (0..=0x2ff).filter_map(char::from_u32).chain(['\u{2028}', '😀']).collect();
        for text in ["", "plain", &all] {
            assert_eq!(encoded(text), Value::from(text).to_string().len(), "{text:?}");
        }
    }

    #[test]
    fn a_document_of_too_many_short_strings_keeps_what_names_it() {
        let mut document = document(1, 1, 1);
        document["event"] = json!({"id": "e-1", "action": "CreateGroup"});
        document["labels"] =
            (0..100_000).map(|n| (format!("k{n}"), json!("v"))).collect::<Map<_, _>>().into();
        let fitted = fit(document, "", 0);
        assert_eq!(fitted["event"]["id"], "e-1");
        assert_eq!(fitted["trailbell"]["schema_version"], 1);
        assert!(fitted.get("labels").is_none());
    }
}
