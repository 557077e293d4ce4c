//! A file of test cases.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cloudtrail::Record;
use crate::ecs::OwnResources;
use crate::rule::definition::{RuleOrigin, Severity};
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
    /// The ARNs that fill `trailbell.own`.
    pub own: OwnResources,
}

/// One test: a record for a rule, one or more for a correlation.
#[derive(Debug)]
pub struct TestCase {
    /// A few words, one line.
    pub name: String,
    /// The records, in any order.
    pub records: Vec<Record>,
    /// The severity that the finding or the incident must have.
    pub severity: Option<Severity>,
    /// Whether `alert_when` is met by the records alone.
    pub alerted: Option<bool>,
}

type JsonObject = Map<String, Value>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestFile {
    base: Option<JsonObject>,
    #[serde(default)]
    must_match: Vec<CaseEntry>,
    #[serde(default)]
    must_not_match: Vec<CaseEntry>,
    #[serde(default)]
    own: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseEntry {
    name: String,
    severity: Option<Severity>,
    alerted: Option<bool>,
    record: Option<JsonObject>,
    change: Option<JsonObject>,
    records: Option<Vec<RecordEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordEntry {
    name: String,
    record: Option<JsonObject>,
    change: Option<JsonObject>,
}

impl RuleTests {
    /// Reads the tests of the rule or correlation from this origin. There are none if it has no
    /// test file.
    /// Fails if the file cannot be used.
    pub fn for_origin(origin: &RuleOrigin) -> Result<RuleTests, Problem> {
        match origin {
            RuleOrigin::Embedded(name) => {
                let path = format!("embedded:{}", test_file_of(Path::new(name)).display());
                let file = embedded::FILES.iter().find(|file| file.name == *name);
                file.map_or(Ok(RuleTests::default()), |file| RuleTests::parse(&path, file.tests))
            }
            RuleOrigin::File(rule) => {
                let path = test_file_of(rule);
                if !path.exists() {
                    return Ok(RuleTests::default());
                }
                RuleTests::parse(&path.display().to_string(), &read_text(&path)?)
            }
        }
    }

    /// Reads the text of a test file; `path` is its name in messages.
    pub(super) fn parse(path: &str, text: &str) -> Result<RuleTests, Problem> {
        let file: TestFile =
            serde_json::from_str(text).map_err(|error| json_problem(path, &error))?;
        let base = file.base.as_ref();
        let to_cases = |entries: Vec<CaseEntry>| -> Result<Vec<TestCase>, Problem> {
            let cases = entries.into_iter().map(|entry| entry.into_case(base));
            cases.collect::<Result<_, _>>().map_err(|message| Problem::in_file(path, message))
        };
        Ok(RuleTests {
            must_match: to_cases(file.must_match)?,
            must_not_match: to_cases(file.must_not_match)?,
            own: own_resources(&file.own).map_err(|message| Problem::in_file(path, message))?,
        })
    }
}

fn own_resources(arns: &[String]) -> Result<OwnResources, &'static str> {
    match arns {
        [] => Ok(OwnResources::default()),
        arns => OwnResources::parse(&arns.join(",")).ok_or("`own` must have ARNs only"),
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

impl CaseEntry {
    fn into_case(self, base: Option<&JsonObject>) -> Result<TestCase, String> {
        let CaseEntry { name, severity, alerted, record, change, records } = self;
        let mut entries = records.unwrap_or_default();
        if record.is_some() || change.is_some() {
            entries.insert(0, RecordEntry { name: name.clone(), record, change });
        }
        if entries.is_empty() {
            let name = name.escape_debug();
            return Err(format!("`{name}` must have a `record`, a `change` or `records`"));
        }
        let is_several = entries.len() > 1;
        let record = |(entry, number): (RecordEntry, usize)| {
            entry.into_record(base, is_several.then_some(number))
        };
        let records = entries.into_iter().zip(1..).map(record);
        Ok(TestCase { name, records: records.collect::<Result<_, _>>()?, severity, alerted })
    }
}

impl RecordEntry {
    /// `number` counts the records of a case from 1, if it has several.
    fn into_record(
        self,
        base: Option<&JsonObject>,
        number: Option<usize>,
    ) -> Result<Record, String> {
        let name = self.name.escape_debug();
        let has_own_id =
            self.record.iter().chain(&self.change).any(|fields| fields.contains_key("eventID"));
        let mut fields = match (self.record, self.change, base) {
            (Some(record), None, _) => record,
            (None, Some(change), Some(base)) => {
                let mut fields = base.clone();
                merge_patch(&mut fields, change);
                fields
            }
            (None, Some(_), None) => {
                return Err(format!("`{name}` has a `change`, but there is no `base`"));
            }
            (Some(_), Some(_), _) | (None, None, _) => {
                return Err(format!("`{name}` must have either a `record` or a `change`"));
            }
        };
        // Records with one id are one event, which counts once.
        if let Some(number) = number.filter(|_| !has_own_id) {
            let id = fields.get("eventID").and_then(Value::as_str).unwrap_or("event");
            fields.insert("eventID".to_owned(), format!("{id}-{number}").into());
        }
        let has_time = fields.contains_key("eventTime");
        let record = Record::from_value(Value::Object(fields))
            .map_err(|_| format!("`{name}` has a record that is not an object"))?;
        if has_time && record.time().is_none() {
            return Err(format!("`{name}` has an `eventTime` that is not a time in ISO 8601"));
        }
        Ok(record)
    }
}

fn merge_patch(fields: &mut JsonObject, change: JsonObject) {
    for (key, value) in change {
        match value {
            Value::Null => {
                fields.shift_remove(&key);
            }
            Value::Object(inner) => {
                let mut target = match fields.get_mut(&key).map(Value::take) {
                    Some(Value::Object(object)) => object,
                    _ => JsonObject::new(),
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
