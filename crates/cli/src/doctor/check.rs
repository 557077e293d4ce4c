//! What came of looking, one line each.

use std::fmt;

use detect::text::clean;
use detect::text::shell::ShellCommand;
use serde::Serialize;
use serde_json::{Value, json};

/// The most characters of a line: it may name a key, and what S3 answered.
const LINE: usize = 2000;

/// Columns of the name of what was looked at.
const NAME: usize = 13;

/// How it stands with something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, but not as well, or not for long; or it cannot be told.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// How it stands.
    pub level: Level,
    /// What was looked at: one word.
    pub what: &'static str,
    /// What was found, on one line.
    pub told: String,
    /// The command that mends it; always there, but where it is as it should be.
    pub cure: Option<ShellCommand>,
}

impl Check {
    pub(super) fn ok(what: &'static str, told: impl Into<String>) -> Check {
        Check { level: Level::Ok, what, told: told.into(), cure: None }
    }

    pub(super) fn warn(what: &'static str, told: impl Into<String>, cure: ShellCommand) -> Check {
        Check { level: Level::Warn, what, told: told.into(), cure: Some(cure) }
    }

    pub(super) fn fail(what: &'static str, told: impl Into<String>, cure: ShellCommand) -> Check {
        Check { level: Level::Fail, what, told: told.into(), cure: Some(cure) }
    }

    fn told(&self) -> String {
        let lines: Vec<&str> =
            self.told.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        clean::text(&lines.join("; "), LINE)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "fail",
        })
    }
}

impl fmt::Display for Check {
    /// For people: what mends it stands below.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<5} {:<NAME$} {}", self.level, self.what, self.told())?;
        self.cure.iter().try_for_each(|cure| write!(f, "\n      {cure}"))
    }
}

/// All that was looked at, in the order of looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoctorReport(pub Vec<Check>);

impl DoctorReport {
    /// How it stands with the worst of it.
    pub fn worst(&self) -> Level {
        self.0.iter().map(|check| check.level).max().unwrap_or(Level::Ok)
    }

    /// The checks as JSON documents, then one with counts.
    pub fn documents(&self) -> Vec<Value> {
        let check = |check: &Check| {
            json!({
                "level": check.level,
                "check": check.what,
                "message": check.told(),
                "fix": check.cure.as_ref().map(ToString::to_string),
            })
        };
        let [ok, warn, fail] = self.counts();
        let summary = json!({"level": self.worst(), "check": "summary", "ok": ok, "warn": warn, "fail": fail});
        self.0.iter().map(check).chain([summary]).collect()
    }

    fn counts(&self) -> [usize; 3] {
        let count = |level| self.0.iter().filter(|check| check.level == level).count();
        [Level::Ok, Level::Warn, Level::Fail].map(count)
    }
}

impl fmt::Display for DoctorReport {
    /// For people, with a summary at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|check| writeln!(f, "{check}"))?;
        let [ok, warn, fail] = self.counts();
        writeln!(f, "\n{ok} ok, {warn} warn, {fail} fail")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line_and_says_what_mends_it() {
        let cure = ShellCommand::new("aws sts get-caller-identity");
        let examined = DoctorReport(vec![
            Check::ok("rules", "11"),
            Check::warn("topic", "a\n  b\u{1b}[2J\n", cure),
        ]);
        let told = "ok    rules         11\nwarn  topic         a; b\\u{1b}[2J\n      aws sts get-caller-identity\n\n\
                    1 ok, 1 warn, 0 fail\n";
        assert_eq!(examined.to_string(), told);
        let lines = examined.documents();
        assert_eq!(
            lines[0],
            json!({"level": "ok", "check": "rules", "message": "11", "fix": null})
        );
        assert_eq!(
            lines[2],
            json!({"level": "warn", "check": "summary", "ok": 1, "warn": 1, "fail": 0})
        );
        assert_eq!(examined.worst(), Level::Warn);
    }
}
