//! Settings that cannot be used: then there is nothing to look at.

use detect::text::shell::ShellCommand;
use trailbell::app::config::ConfigError;

use super::{Check, DoctorReport};

/// A line for each thing that is wrong.
pub fn unusable(error: &ConfigError) -> DoctorReport {
    let line = |problem: &String| {
        let name = problem.split([':', ' ']).next().unwrap_or_default();
        let known = name.starts_with("TRAILBELL_") && !problem.contains("no such setting");
        let cure = if known {
            ShellCommand::export(name, None)
        } else {
            ShellCommand::new("unset").argument(name)
        };
        Check::fail("settings", problem, cure)
    };
    DoctorReport(error.0.iter().map(line).collect())
}
