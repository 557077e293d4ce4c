//! Any text as a query: what is printed parses to the same query, and matches the same.

#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use kql::{MAX_BYTES, Query};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "a": ["x", 1, true, null],
        "b.c": "192.0.2.1",
        "o": [{ "a": "2026-01-01T00:00:00Z" }, { "a": { "b": "xyz" } }],
    })
});

fuzz_target!(|text: &str| {
    let Ok(query) = Query::parse(text).inspect_err(|error| drop(error.to_string())) else { return };
    let printed = query.expr().to_string();
    if printed.len() > MAX_BYTES {
        return;
    }
    let again = Query::parse(&printed).expect("what was printed is a query");
    assert_eq!(again.expr(), query.expr(), "printed as {printed}");
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(
        again.matches(&*DOCUMENT, now),
        query.matches(&*DOCUMENT, now),
        "printed as {printed}"
    );
});
