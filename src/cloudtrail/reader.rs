//! A log object's body to its records, one at a time, in memory that does not grow with the object.

use serde_json::Value;

use super::error::RecordProblem;
use super::inflate::Inflate;
use super::split::{Next, RawRecord, Splitter};
use super::{BadRecord, Body, ReadError, Record};

/// How to read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Inflated bytes accepted of one object.
    pub max_bytes: u64,
    /// Whether the text is known to be line-delimited (`.ndjson`, `.jsonl`); otherwise that is found out.
    pub lines: bool,
}

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    /// Inflated bytes.
    pub bytes: u64,
    /// Records, good and bad.
    pub records: u64,
}

/// Gives every record of `body` to `visit`, with its index from 0, in the order they stand. A bad record is given by
/// name, and those after it follow. Says how much was read, also when the object is damaged: then the error comes with
/// it, and what was visited before stands.
pub fn read(
    body: Body,
    options: Options,
    visit: &mut dyn FnMut(usize, Result<Record, BadRecord>),
) -> (Read, Result<(), ReadError>) {
    let mut splitter = match Inflate::new(body, options.max_bytes) {
        Ok(inflate) => Splitter::new(inflate, options.lines),
        Err(problem) => return (Read::default(), Err(ReadError { offset: 0, problem })),
    };
    let mut records = 0;
    let result = loop {
        match splitter.next() {
            Ok(Next::Record(raw)) => visit(raw.index, parsed(&raw)),
            Ok(Next::Bad(bad)) => visit(bad.index, Err(bad)),
            Ok(Next::End) => break Ok(()),
            Err(error) => break Err(error),
        }
        records += 1;
    };
    (Read { bytes: splitter.offset(), records }, result)
}

fn parsed(raw: &RawRecord<'_>) -> Result<Record, BadRecord> {
    let bad = |problem| BadRecord { index: raw.index, offset: raw.offset, problem };
    let value = serde_json::from_slice(raw.bytes).map_err(|error| bad(RecordProblem::NotJson(error)))?;
    Record::from_value(value).map_err(|other| bad(RecordProblem::NotObject(kind(&other))))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
