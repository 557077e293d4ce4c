//! Any JSON as the payload of an invocation: every message has an outcome, described on one line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use trailbell::notification::{Item, decode};

fuzz_target!(|payload: &[u8]| {
    let Ok(payload) = serde_json::from_slice::<Value>(payload) else { return };
    let notification = decode(&payload);
    assert!(!notification.messages.is_empty(), "a payload without a message");
    for message in &notification.messages {
        assert!(!message.items.is_empty(), "a message without an item");
        for text in message.items.iter().filter_map(describe) {
            assert!(!text.contains(char::is_control), "{text:?}");
        }
    }
});

/// The text of an item in the log and in the reply.
fn describe(item: &Item) -> Option<String> {
    match item {
        Item::Object(object) => Some(object.to_string()),
        Item::Ignored(why) => Some(why.clone()),
        Item::Unreadable(error) => Some(error.to_string()),
        Item::Record(_) | Item::LogEvents(_) | Item::Sweep | Item::Canary | Item::Report => None,
    }
}
