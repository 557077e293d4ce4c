//! `new_terms`: a rule that alerts when it matches values that it has not matched for a while.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::correlation::format_timespan;

/// Which matches of a rule are findings: those with new values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTerms {
    /// The fields whose values together are new, one to three.
    pub fields: Vec<String>,
    /// For how long values are known.
    pub window: SignedDuration,
    /// `learning = "alert"`: findings are alerted while the rule has watched for less than the
    /// window. Otherwise they are only recorded.
    #[serde(default)]
    pub alerts_while_learning: bool,
}

impl NewTerms {
    /// The longest window.
    pub const MAX_WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

    /// The most fields.
    pub const MAX_FIELDS: usize = 3;

    /// `not seen for 10 days`.
    pub fn describe(&self) -> String {
        let days = self.window.as_hours() / 24;
        let window = match self.window.as_secs() % 86_400 {
            0 if days == 1 => "1 day".to_owned(),
            0 => format!("{days} days"),
            _ => format_timespan(self.window),
        };
        let together = if self.fields.len() > 1 { " together" } else { "" };
        format!("not seen{together} for {window}")
    }
}
