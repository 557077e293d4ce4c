//! Where a report goes.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};
use detect::text::clean;
use report::Report;

use crate::commands::output::{pluralize, print_message};

/// All data of a report, indented.
pub fn json(report: &Report) -> Result<String> {
    Ok(clean::json(&serde_json::to_string_pretty(report)?) + "\n")
}

pub fn write(path: Option<&Path>, text: &str) -> Result<()> {
    match path {
        Some(path) => {
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
        }
        None => {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            Ok(out.flush()?)
        }
    }
}

pub fn print_summary(report: &Report, path: Option<&Path>, bytes: usize) {
    let verdict = &report.verdict;
    let mut line = format!(
        "{} to {}; {} to answer",
        pluralize(verdict.changes, "change"),
        pluralize(verdict.groups, "group"),
        verdict.open,
    );
    if !report.unreadable.is_empty() {
        line += &format!("; {} could not be read", report.unreadable.len());
    }
    if let Some(path) = path {
        line += &format!(": {} ({} KB)", path.display(), bytes.div_ceil(1000));
    }
    print_message(line);
}
