//! A log object's body to its records, one at a time, in memory that does not grow with the object.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::error::RecordProblem;
use super::inflate::Inflate;
use super::literals::Prefilter;
use super::split::{Next, RawRecord, Splitter};
use super::{BadRecord, Body, ReadError, Record, lenient};

/// How to read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Inflated bytes accepted of one object.
    pub max_bytes: u64,
    /// Whether the text is known to be line-delimited (`.ndjson`, `.jsonl`); otherwise that is
    /// found out.
    pub lines: bool,
}

/// What was read, and at what price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    /// Inflated bytes.
    pub bytes: u64,
    /// Records, good and bad. 0 where the object was only probed: then nobody has counted them.
    pub records: u64,
    /// How many of them were parsed.
    pub parsed: u64,
    /// How far reading went.
    pub mode: ScanMode,
    /// Where the time went.
    pub times: Times,
}

/// How far into an object reading went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ScanMode {
    /// It was split into records.
    #[default]
    Parsed,
    /// It was inflated, and nothing that is looked for stands in it.
    Prefiltered,
}

/// Where the time went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Inflating a whole object.
    pub inflate: Duration,
    /// Searching it for needles.
    pub prefilter: Duration,
    /// Splitting, parsing and whatever the visitor does; inflating too, where an object comes piece
    /// by piece.
    pub full: Duration,
}

/// What is given each record, with its index from 0.
pub type Visit<'v> = &'v mut dyn FnMut(usize, Result<Record, BadRecord>);

/// Gives every record of `body` to `visit`, in the order they stand. A bad record is given by name,
/// and those after it follow. Says how much was read, also when the object is damaged: then the
/// error comes with it, and what was visited before stands.
pub fn read(body: Body, options: Options, visit: Visit<'_>) -> (Read, Result<(), ReadError>) {
    in_one_pass(body, options, None, visit)
}

/// As [`read`], in memory that does not grow with the object. Where there are needles, only records
/// in which one may stand are parsed and given.
pub(super) fn in_one_pass(
    body: Body,
    options: Options,
    literals: Option<&Prefilter>,
    visit: Visit<'_>,
) -> (Read, Result<(), ReadError>) {
    let (start, mut read) = (Instant::now(), Read::default());
    let result = match Inflate::new(body, options.max_bytes) {
        Ok(inflate) => {
            split(&mut Splitter::new(inflate, options.lines), literals, &mut read, visit)
        }
        Err(problem) => Err(ReadError { offset: 0, problem }),
    };
    read.times.full = start.elapsed();
    (read, result)
}

/// Inflates `body` and looks no further: how many bytes it holds, at most `max_bytes`.
pub fn inflated(body: Body, max_bytes: u64) -> Result<u64, ReadError> {
    let (mut bytes, mut piece) = (0, vec![0; 64 * 1024]);
    let failed = |offset| move |problem| ReadError { offset, problem };
    let mut inflate = Inflate::new(body, max_bytes).map_err(failed(0))?;
    loop {
        match inflate.read(&mut piece).map_err(failed(bytes))? {
            0 => return Ok(bytes),
            count => bytes += count as u64,
        }
    }
}

pub(super) fn split(
    splitter: &mut Splitter,
    literals: Option<&Prefilter>,
    read: &mut Read,
    visit: Visit<'_>,
) -> Result<(), ReadError> {
    let result = loop {
        match splitter.next() {
            Ok(Next::Record(raw)) if literals.is_some_and(|literals| is_quiet(&raw, literals)) => {}
            Ok(Next::Record(raw)) => {
                read.parsed += 1;
                visit(raw.index, parsed(&raw));
            }
            Ok(Next::Bad(bad)) => visit(bad.index, Err(bad)),
            Ok(Next::End) => break Ok(()),
            Err(error) => break Err(error),
        }
        read.records += 1;
    };
    read.bytes = splitter.offset();
    result
}

/// An object in which no needle may stand. What is no object at all is told, as it costs nothing.
fn is_quiet(raw: &RawRecord<'_>, literals: &Prefilter) -> bool {
    raw.bytes.starts_with(b"{") && !literals.may_stand_in(raw.bytes)
}

fn parsed(raw: &RawRecord<'_>) -> Result<Record, BadRecord> {
    let bad = |problem| BadRecord { index: raw.index, offset: raw.offset, problem };
    let repaired = |error| serde_json::from_str(&lenient::repaired(raw.bytes)).map_err(|_| error);
    let value = serde_json::from_slice(raw.bytes).or_else(repaired);
    let value = value.map_err(|error| bad(RecordProblem::NotJson(error)))?;
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
