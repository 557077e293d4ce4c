//! The checks of a deployment, one line each.

use std::fmt;

use detect::text::clean;
use detect::text::shell::ShellCommand;
use serde::Serialize;
use serde_json::{Value, json};

/// Characters of a line: it may contain a key, and what S3 answered.
const MAX_LINE: usize = 2000;

/// Columns of the name of a check.
const NAME_WIDTH: usize = 13;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It works.
    Ok,
    /// It works, but not as well as it should, or not for long; or that could not be checked.
    Warn,
    /// It does not work.
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The result.
    pub level: Level,
    /// What was checked: one word.
    pub name: &'static str,
    /// What was found.
    pub message: String,
    /// The command that fixes it. Only `ok` has none.
    pub fix: Option<ShellCommand>,
}

impl Check {
    pub(super) fn ok(name: &'static str, message: impl Into<String>) -> Check {
        Check { level: Level::Ok, name, message: message.into(), fix: None }
    }

    pub(super) fn warn(name: &'static str, message: impl Into<String>, fix: ShellCommand) -> Check {
        Check { level: Level::Warn, name, message: message.into(), fix: Some(fix) }
    }

    pub(super) fn fail(name: &'static str, message: impl Into<String>, fix: ShellCommand) -> Check {
        Check { level: Level::Fail, name, message: message.into(), fix: Some(fix) }
    }

    fn line(&self) -> String {
        let lines = self.message.lines().map(str::trim).filter(|line| !line.is_empty());
        clean::text(&lines.collect::<Vec<_>>().join("; "), MAX_LINE)
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
    /// A line, and the fix below it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<5} {:<NAME_WIDTH$} {}", self.level, self.name, self.line())?;
        self.fix.iter().try_for_each(|fix| write!(f, "\n      {fix}"))
    }
}

/// All checks, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoctorReport(pub Vec<Check>);

impl DoctorReport {
    /// The worst result.
    pub fn worst(&self) -> Level {
        self.0.iter().map(|check| check.level).max().unwrap_or(Level::Ok)
    }

    /// The checks as JSON documents, then one with counts.
    pub fn documents(&self) -> Vec<Value> {
        let document = |check: &Check| {
            json!({
                "level": check.level,
                "check": check.name,
                "message": check.line(),
                "fix": check.fix.as_ref().map(ToString::to_string),
            })
        };
        let [ok, warn, fail] = self.counts();
        let summary = json!({
            "level": self.worst(),
            "check": "summary",
            "ok": ok,
            "warn": warn,
            "fail": fail,
        });
        self.0.iter().map(document).chain([summary]).collect()
    }

    fn counts(&self) -> [usize; 3] {
        let count = |level| self.0.iter().filter(|check| check.level == level).count();
        [Level::Ok, Level::Warn, Level::Fail].map(count)
    }
}

impl fmt::Display for DoctorReport {
    /// The checks, and a summary at the end.
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
    fn a_message_is_one_line_with_the_fix_below() {
        let fix = ShellCommand::new("aws sts get-caller-identity");
        let report = DoctorReport(vec![
            Check::ok("rules", "11"),
            Check::warn("topic", "a\n  b\u{1b}[2J\n", fix),
        ]);
        assert_eq!(
            report.to_string(),
            "ok    rules         11\n\
             warn  topic         a; b\\u{1b}[2J\n      aws sts get-caller-identity\n\n\
             1 ok, 1 warn, 0 fail\n"
        );
        let documents = report.documents();
        assert_eq!(
            documents[0],
            json!({"level": "ok", "check": "rules", "message": "11", "fix": null})
        );
        assert_eq!(
            documents[2],
            json!({"level": "warn", "check": "summary", "ok": 1, "warn": 1, "fail": 0})
        );
    }
}
