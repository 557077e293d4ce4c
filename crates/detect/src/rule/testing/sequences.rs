//! Tests of correlations: beside `a-correlation.toml`, `a-correlation.tests.json` holds sequences
//! of records at which it must ring, and such at which it must not.
//!
//! ```json
//! {
//!   "base": {"eventSource": "iam.amazonaws.com"},
//!   "must_match": [{"name": "both", "severity": "high", "records": [
//!     {"name": "a group is created", "change": {"eventName": "CreateGroup", "eventID": "1"}},
//!     {"name": "and filled", "change": {"eventName": "AddUserToGroup", "eventID": "2"}}
//!   ]}],
//!   "must_not_match": []
//! }
//! ```
//!
//! Records stand in any order: their `eventTime` counts. `severity`, if it is there, is what must
//! be reached.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::cases::{Entry, record, shown, wrong_json};
use super::run::{TESTS, test_file};
use crate::cloudtrail::Record;
use crate::rule::embedded::CORRELATIONS;
use crate::rule::load::{self, Problem};
use crate::rule::{Correlation, RuleOrigin, Severity};

/// At which sequences a correlation must ring, and at which not.
#[derive(Debug, Default)]
pub struct TestSequences {
    /// Those at which it must ring.
    pub must_match: Vec<TestSequence>,
    /// Those at which it must not.
    pub must_not_match: Vec<TestSequence>,
}

/// Records, by a name that tells what they come to.
#[derive(Debug)]
pub struct TestSequence {
    /// A few words, one line.
    pub name: String,
    /// The records, in any order.
    pub records: Vec<Record>,
    /// The severity that must be reached, where the test says so.
    pub severity: Option<Severity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    base: Option<Map<String, Value>>,
    #[serde(default)]
    must_match: Vec<Written>,
    #[serde(default)]
    must_not_match: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    severity: Option<Severity>,
    records: Vec<Entry>,
}

impl TestSequences {
    /// The tests of a correlation: those that came with it, or those beside its file; none where
    /// there are none.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn for_correlation(correlation: &Correlation) -> Result<Option<TestSequences>, Problem> {
        match &correlation.origin {
            RuleOrigin::Embedded(name) => {
                let file = CORRELATIONS.iter().find(|file| file.name == *name);
                let path = format!("embedded:{}", Path::new(name).with_extension(TESTS).display());
                file.map(|file| TestSequences::parse(&path, file.tests)).transpose()
            }
            RuleOrigin::File(path) => beside(path),
        }
    }

    /// Reads the text of a test file; `path` is for what is said of it.
    ///
    /// # Errors
    /// Says what is wrong: not JSON, or not of this shape.
    pub fn parse(path: &str, text: &str) -> Result<TestSequences, Problem> {
        let file: File = serde_json::from_str(text).map_err(|error| wrong_json(path, &error))?;
        let sequences = |all: Vec<Written>| -> Result<Vec<TestSequence>, Problem> {
            let base = file.base.as_ref();
            let read = |it| {
                sequence(it, base).map_err(|message| Problem::of_file(path.to_owned(), message))
            };
            all.into_iter().map(read).collect()
        };
        Ok(TestSequences {
            must_match: sequences(file.must_match)?,
            must_not_match: sequences(file.must_not_match)?,
        })
    }
}

fn beside(rule: &Path) -> Result<Option<TestSequences>, Problem> {
    let path = test_file(rule);
    if !path.exists() {
        return Ok(None);
    }
    let name = path.display().to_string();
    let text = load::read_text(&path).map_err(|message| Problem::of_file(name.clone(), message))?;
    TestSequences::parse(&name, &text).map(Some)
}

fn sequence(written: Written, base: Option<&Map<String, Value>>) -> Result<TestSequence, String> {
    let Written { name, severity, records } = written;
    let records =
        records.into_iter().map(|entry| record(entry, base)).collect::<Result<Vec<_>, _>>();
    let records = records.map_err(|error| format!("in `{}`: {error}", shown(&name)))?;
    Ok(TestSequence { name, records, severity })
}
