//! S3's own notification. A small tolerant type: emitters differ in what they leave out.
//!
//! Source:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{DecodeError, Item, ObjectRef};

/// What the record at `index` of an S3 notification says.
pub(super) fn item(index: usize, record: &Value) -> Item {
    said(record).unwrap_or_else(|problem| {
        Item::Unreadable(DecodeError::malformed(format!("S3 record {index}"), problem)) //
    })
}

fn said(record: &Value) -> Result<Item, String> {
    let version = text(record, "/eventVersion")?;
    // Newer minor versions only add.
    if version.split('.').next() != Some("2") {
        return Err(format!(
            "eventVersion is {:?}, only 2.x is known",
            version.chars().take(10).collect::<String>()
        ));
    }
    // Some emitters write the configuration's name of the event, with `s3:` in front.
    let name = text(record, "/eventName")?.trim_start_matches("s3:");
    if !name.starts_with("ObjectCreated:") {
        return Ok(Item::Ignored(format!("S3 {}: no new object", name.escape_debug())));
    }
    let bucket = text(record, "/s3/bucket/name")?.to_owned();
    let key = form_decoded(text(record, "/s3/object/key")?)?;
    let version_id =
        record.pointer("/s3/object/versionId").and_then(Value::as_str).filter(|id| !id.is_empty());
    Ok(Item::Object(ObjectRef { bucket, key, version_id: version_id.map(str::to_owned) }))
}

/// The text at a JSON pointer. The error names the place and never what stands there.
fn text<'a>(record: &'a Value, pointer: &str) -> Result<&'a str, String> {
    let place = || pointer.trim_start_matches('/').replace('/', ".");
    match record.pointer(pointer) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("{} is not a string", place())),
        None => Err(format!("{} is missing", place())),
    }
}

/// S3 encodes keys as HTML forms do: a plus is a space, the rest is percent-encoded UTF-8.
fn form_decoded(key: &str) -> Result<String, String> {
    let spaced = key.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err("the key is not percent-encoded UTF-8".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_as_forms_are() {
        for (encoded, decoded) in [
            ("AWSLogs/a.json.gz", "AWSLogs/a.json.gz"),
            ("a+b/c%2Bd", "a b/c+d"),
            ("a%2Fb%20c", "a/b c"),
            ("caf%C3%A9", "café"),
            ("100%", "100%"),
        ] {
            assert_eq!(form_decoded(encoded).as_deref(), Ok(decoded), "{encoded}");
        }
        assert!(form_decoded("%ff%fe").is_err());
    }
}
