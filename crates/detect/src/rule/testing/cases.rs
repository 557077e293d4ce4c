//! A file of test cases.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::cloudtrail::Record;
use crate::rule::correlation::Correlation;
use crate::rule::definition::{Rule, RuleOrigin, Severity};
use crate::rule::embedded;
use crate::rule::toml_file::folder::read_text;
use crate::rule::toml_file::problem::{Position, Problem};

pub(super) const EXTENSION: &str = "tests.json";

/// The tests of a rule or correlation.
#[derive(Debug, Default)]
pub struct RuleTests {
    /// What it must match.
    pub must_match: Vec<TestCase>,
    /// What it must not match.
    pub must_not_match: Vec<TestCase>,
}

/// One test: a record for a rule, one or more for a correlation.
#[derive(Debug)]
pub struct TestCase {
    /// A few words, one line.
    pub name: String,
    /// The records, in any order.
    pub records: Vec<Record>,
    /// The severity that a correlation must reach.
    pub severity: Option<Severity>,
}

type Fields = Map<String, Value>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestFile<C> {
    base: Option<Fields>,
    #[serde(default = "Vec::new")]
    must_match: Vec<C>,
    #[serde(default = "Vec::new")]
    must_not_match: Vec<C>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordEntry {
    name: String,
    record: Option<Fields>,
    change: Option<Fields>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SequenceEntry {
    name: String,
    severity: Option<Severity>,
    records: Vec<RecordEntry>,
}

impl RuleTests {
    /// Reads the tests of a rule; there are none if it has no test file.
    ///
    /// # Errors
    /// Fails if the file cannot be used.
    pub fn for_rule(rule: &Rule) -> Result<RuleTests, Problem> {
        RuleTests::read(&rule.origin, TestCase::from_record)
    }

    /// Reads the tests of a correlation; there are none if it has no test file.
    ///
    /// # Errors
    /// Fails if the file cannot be used.
    pub fn for_correlation(correlation: &Correlation) -> Result<RuleTests, Problem> {
        RuleTests::read(&correlation.origin, TestCase::from_sequence)
    }

    fn read<C: DeserializeOwned>(
        origin: &RuleOrigin,
        to_case: fn(C, Option<&Fields>) -> Result<TestCase, String>,
    ) -> Result<RuleTests, Problem> {
        let (path, text) = match origin {
            RuleOrigin::Embedded(name) => {
                let Some(file) = embedded::FILES.iter().find(|file| file.name == *name) else {
                    return Ok(RuleTests::default());
                };
                let path = format!("embedded:{}", test_file_of(Path::new(name)).display());
                (path, Cow::Borrowed(file.tests))
            }
            RuleOrigin::File(rule) => {
                let path = test_file_of(rule);
                if !path.exists() {
                    return Ok(RuleTests::default());
                }
                (path.display().to_string(), Cow::Owned(read_text(&path)?))
            }
        };
        RuleTests::parse(&path, &text, to_case)
    }

    /// Reads the text of a test file; `path` is its name in messages.
    fn parse<C: DeserializeOwned>(
        path: &str,
        text: &str,
        to_case: fn(C, Option<&Fields>) -> Result<TestCase, String>,
    ) -> Result<RuleTests, Problem> {
        let file: TestFile<C> =
            serde_json::from_str(text).map_err(|error| json_problem(path, &error))?;
        let base = file.base.as_ref();
        let to_cases = |entries: Vec<C>| -> Result<Vec<TestCase>, Problem> {
            let cases = entries.into_iter().map(|entry| to_case(entry, base));
            cases.collect::<Result<_, _>>().map_err(|message| Problem::in_file(path, message))
        };
        Ok(RuleTests {
            must_match: to_cases(file.must_match)?,
            must_not_match: to_cases(file.must_not_match)?,
        })
    }

    #[cfg(test)]
    pub(super) fn from_text(path: &str, text: &str) -> Result<RuleTests, Problem> {
        RuleTests::parse(path, text, TestCase::from_record)
    }
}

/// `a-rule.tests.json` next to `a-rule.toml`.
pub(super) fn test_file_of(rule_file: &Path) -> PathBuf {
    rule_file.with_extension(EXTENSION)
}

fn json_problem(path: &str, error: &serde_json::Error) -> Problem {
    // The message ends with the position, which a problem has apart from it.
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let position = Position { line: error.line().max(1), column: error.column().max(1) };
    Problem::in_file(path, message).at(position)
}

impl TestCase {
    fn from_record(entry: RecordEntry, base: Option<&Fields>) -> Result<TestCase, String> {
        let name = entry.name.clone();
        Ok(TestCase { name, records: vec![entry.into_record(base)?], severity: None })
    }

    fn from_sequence(entry: SequenceEntry, base: Option<&Fields>) -> Result<TestCase, String> {
        let SequenceEntry { name, severity, records } = entry;
        let records = records.into_iter().map(|record| record.into_record(base));
        let records = records
            .collect::<Result<_, String>>()
            .map_err(|error| format!("in `{}`: {error}", name.escape_debug()))?;
        Ok(TestCase { name, records, severity })
    }
}

impl RecordEntry {
    fn into_record(self, base: Option<&Fields>) -> Result<Record, String> {
        let name = self.name.escape_debug();
        let fields = match (self.record, self.change, base) {
            (Some(record), None, _) => record,
            (None, Some(change), Some(base)) => {
                let mut fields = base.clone();
                merge_patch(&mut fields, change);
                fields
            }
            (None, Some(_), None) => {
                return Err(format!("case `{name}` has a `change`, but there is no `base`"));
            }
            (Some(_), Some(_), _) | (None, None, _) => {
                return Err(format!("case `{name}` must have either a `record` or a `change`"));
            }
        };
        Record::from_value(Value::Object(fields))
            .map_err(|_| "a record must be an object".to_owned())
    }
}

fn merge_patch(fields: &mut Fields, change: Fields) {
    for (key, value) in change {
        match value {
            Value::Null => {
                fields.shift_remove(&key);
            }
            Value::Object(inner) => {
                let mut target = match fields.get_mut(&key).map(Value::take) {
                    Some(Value::Object(object)) => object,
                    _ => Fields::new(),
                };
                merge_patch(&mut target, inner);
                fields.insert(key, Value::Object(target));
            }
            other => {
                fields.insert(key, other);
            }
        }
    }
}
