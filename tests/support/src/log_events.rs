//! What a CloudWatch Logs subscription sends.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// A subscription's payload with these texts as the messages of its log events.
pub fn subscription(messages: &[impl AsRef<str>]) -> Value {
    let event = |(index, message): (usize, &str)| json!({"id": index.to_string(), "timestamp": 0, "message": message});
    let messages = messages.iter().map(AsRef::as_ref);
    let data = json!({
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": "trail",
        "logStream": "s",
        "subscriptionFilters": ["f"],
        "logEvents": messages.enumerate().map(event).collect::<Vec<_>>(),
    });
    payload(data.to_string().as_bytes())
}

/// A subscription's payload with this text, which is JSON if it is one of AWS.
pub fn payload(text: &[u8]) -> Value {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text).unwrap();
    json!({"awslogs": {"data": base64(&gzip.finish().unwrap())}})
}

/// Source: RFC 4648, section 4.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let digit = char::from(DIGITS[(bits >> (18 - 6 * index) & 63) as usize]);
            text.push(if index <= chunk.len() { digit } else { '=' });
        }
    }
    text
}
