//! S3's own notification. A small tolerant type: emitters differ in what they leave out.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

use super::{DecodeError, Item, ObjectRef};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct S3Record {
    event_version: String,
    event_name: String,
    s3: S3Entity,
}

#[derive(Deserialize)]
struct S3Entity {
    bucket: S3Bucket,
    object: S3Object,
}

#[derive(Deserialize)]
struct S3Bucket {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct S3Object {
    key: String,
    version_id: Option<String>,
}

/// What the record at `index` of an S3 notification says.
pub(super) fn item(index: usize, record: &Value) -> Item {
    let envelope = || format!("S3 record {index}");
    match S3Record::deserialize(record) {
        Ok(record) => created(record).unwrap_or_else(|problem| {
            Item::Unreadable(DecodeError::malformed(envelope(), problem)) //
        }),
        Err(error) => Item::Unreadable(DecodeError::malformed(envelope(), error)),
    }
}

fn created(record: S3Record) -> Result<Item, String> {
    // Newer minor versions only add.
    if record.event_version.split('.').next() != Some("2") {
        return Err(format!("eventVersion {:?}: only 2.x is known", record.event_version));
    }
    // Some emitters write the configuration's name of the event, with `s3:` in front.
    let name = record.event_name.trim_start_matches("s3:");
    if !name.starts_with("ObjectCreated:") {
        return Ok(Item::Ignored(format!("S3 {}: no new object", name.escape_debug())));
    }
    let key = form_decoded(&record.s3.object.key)?;
    Ok(Item::Object(ObjectRef { bucket: record.s3.bucket.name, key, version_id: record.s3.object.version_id }))
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
