//! Any text as a query: what is printed parses to the same query, and matches the same.

#![no_main]

use std::sync::LazyLock;

use eql::{MAX_BYTES, Query, Statement, Step};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "event.category": "iam",
        "a": ["x", 1, true, null],
        "b.c": "192.0.2.1",
        "d": "2026-01-01T00:00:00Z",
    })
});

fuzz_target!(|text: &str| {
    let Ok(statement) = Statement::parse(text).inspect_err(|error| drop(error.to_string())) else {
        return;
    };
    let printed = statement.to_string();
    if printed.len() > MAX_BYTES {
        return;
    }
    let again = match Statement::parse(&printed) {
        Ok(again) => again,
        // `f(x) != true` is printed as `not f(x)`, which is one level more.
        Err(error) if error.message().contains(" levels of ") => return,
        Err(error) => panic!("printed as {printed}\n{error}"),
    };
    assert_eq!(again.to_string(), printed, "printed as {printed}");
    let pairs = queries(&again).zip(queries(&statement));
    for (again, query) in pairs {
        assert_eq!(again.expr(), query.expr(), "printed as {printed}");
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(
            again.matches(&*DOCUMENT, now),
            query.matches(&*DOCUMENT, now),
            "printed as {printed}"
        );
    }
});

/// The query, or those of the steps.
fn queries(statement: &Statement) -> Box<dyn Iterator<Item = &Query> + '_> {
    match statement {
        Statement::Event(query) => Box::new(std::iter::once(query)),
        Statement::Sequence(sequence) => Box::new(sequence.all_steps().map(Step::query)),
    }
}
