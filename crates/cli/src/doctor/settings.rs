//! Settings that cannot be used: then there is nothing to look at.

use detect::text::shell::ShellCommand;
use trailbell::app::config::{ConfigError, SettingError};

use super::{Check, DoctorReport};

/// A line for each thing that is wrong.
pub fn unusable(error: &ConfigError) -> DoctorReport {
    let line = |error: &SettingError| {
        let cure = match error {
            SettingError::Unknown { name } => ShellCommand::new("unset").argument(name),
            SettingError::Missing { name, .. } | SettingError::Invalid { name, .. } => {
                ShellCommand::export(name, None)
            }
        };
        Check::fail("settings", error.to_string(), cure)
    };
    DoctorReport(error.0.iter().map(line).collect())
}
