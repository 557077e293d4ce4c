//! A file of test cases.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cloudtrail::Record;
use crate::rule::load::{Position, Problem};

/// What a rule must match and what it must not.
#[derive(Debug, Default)]
pub struct TestCases {
    /// Records that the rule must match.
    pub must_match: Vec<TestCase>,
    /// Records that the rule must not match.
    pub must_not_match: Vec<TestCase>,
}

/// One record, by a name that tells what it is.
#[derive(Debug)]
pub struct TestCase {
    /// A few words, one line.
    pub name: String,
    /// The record.
    pub record: Record,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    base: Option<Map<String, Value>>,
    #[serde(default)]
    must_match: Vec<Entry>,
    #[serde(default)]
    must_not_match: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    name: String,
    record: Option<Map<String, Value>>,
    change: Option<Map<String, Value>>,
}

impl TestCases {
    /// Reads the text of a test file; `path` is for what is said of it.
    ///
    /// # Errors
    /// Says what is wrong: not JSON, or not of this shape.
    pub fn parse(path: &str, text: &str) -> Result<TestCases, Problem> {
        let file: File = serde_json::from_str(text).map_err(|error| wrong_json(path, &error))?;
        let cases = |entries: Vec<Entry>| -> Result<Vec<TestCase>, Problem> {
            let base = file.base.as_ref();
            let case = |entry| {
                case(entry, base).map_err(|message| Problem::of_file(path.to_owned(), message))
            };
            entries.into_iter().map(case).collect()
        };
        Ok(TestCases {
            must_match: cases(file.must_match)?,
            must_not_match: cases(file.must_not_match)?,
        })
    }
}

pub(super) fn wrong_json(path: &str, error: &serde_json::Error) -> Problem {
    // The place is told apart from the message, which ends with it.
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let position = Position { line: error.line().max(1), column: error.column().max(1) };
    Problem {
        path: path.to_owned(),
        position: Some(position),
        message: message.to_owned(),
        excerpt: None,
    }
}

fn case(entry: Entry, base: Option<&Map<String, Value>>) -> Result<TestCase, String> {
    Ok(TestCase { name: entry.name.clone(), record: record(entry, base)? })
}

/// The record of an entry.
pub(super) fn record(entry: Entry, base: Option<&Map<String, Value>>) -> Result<Record, String> {
    let Entry { name, record, change } = entry;
    let fields = match (record, change, base) {
        (Some(record), None, _) => record,
        (None, Some(change), Some(base)) => merged(base, change),
        (None, Some(_), None) => {
            return Err(format!("case `{}` has a `change`, but there is no `base`", shown(&name)));
        }
        _ => {
            return Err(format!(
                "case `{}` must have either a `record` or a `change`",
                shown(&name)
            ));
        }
    };
    Record::from_value(Value::Object(fields)).map_err(|_| "a record must be an object".to_owned())
}

pub(super) fn shown(name: &str) -> String {
    name.escape_debug().to_string()
}

fn merged(base: &Map<String, Value>, change: Map<String, Value>) -> Map<String, Value> {
    let mut fields = base.clone();
    merge(&mut fields, change);
    fields
}

/// A JSON merge patch.
fn merge(fields: &mut Map<String, Value>, change: Map<String, Value>) {
    for (key, value) in change {
        match value {
            Value::Null => {
                fields.shift_remove(&key);
            }
            Value::Object(inner) => {
                let mut target = match fields.get_mut(&key).map(Value::take) {
                    Some(Value::Object(object)) => object,
                    _ => Map::new(),
                };
                merge(&mut target, inner);
                fields.insert(key, Value::Object(target));
            }
            other => {
                fields.insert(key, other);
            }
        }
    }
}
