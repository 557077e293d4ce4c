//! Keys of Elastic's rule files that change what becomes of findings, or that are only checked.

use std::ops::Range;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

use crate::ecs;
use crate::rule::suppression::{AlertSuppression, MissingFields};
use crate::rule::toml_file::problem::hint;
use crate::rule::toml_file::reader::TomlReader;

/// The most fields that Elastic groups by.
const MAX_GROUP_BY: usize = 3;

/// `investigation_fields`, an object of one list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvestigationFields {
    field_names: Vec<Spanned<String>>,
}

/// `alert_suppression`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuppressionTable {
    group_by: Vec<Spanned<String>>,
    duration: Option<SuppressionDuration>,
    missing_fields_strategy: Option<Strategy>,
}

/// `alert_suppression` of a threshold: its groups are the values that it counts by.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdSuppressionTable {
    duration: SuppressionDuration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Strategy {
    Suppress,
    DoNotSuppress,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuppressionDuration {
    value: i64,
    unit: Unit,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unit {
    S,
    M,
    H,
}

impl SuppressionDuration {
    /// Returns `None` if it is too long to be a time.
    fn to_duration(&self) -> Option<SignedDuration> {
        let seconds = match self.unit {
            Unit::S => 1,
            Unit::M => 60,
            Unit::H => 3600,
        };
        self.value.checked_mul(seconds).map(SignedDuration::from_secs)
    }
}

/// One of `related_integrations`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "they are checked, and have no meaning here")]
struct RelatedIntegration {
    package: String,
    version: String,
    integration: Option<String>,
}

/// One of `required_fields`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "they are checked, and have no meaning here")]
struct RequiredField {
    name: String,
    r#type: String,
    ecs: Option<bool>,
}

pub(super) fn investigation_fields(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
) -> Vec<String> {
    let fields: Option<InvestigationFields> = reader.optional(table, "investigation_fields");
    let fields = fields.map(|fields| fields.field_names).unwrap_or_default();
    // Elastic's files name fields of other sources, too. They are never shown, and do no harm.
    let is_misspelt = |name: &str| !ecs::is_known_field(name) && ecs::did_you_mean(name).is_some();
    for field in fields.iter().filter(|field| is_misspelt(field.get_ref())) {
        warn_of_unknown(reader, field);
    }
    fields.into_iter().map(Spanned::into_inner).collect()
}

/// Returns true for the only type of building blocks that Elastic has.
pub(super) fn is_building_block(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> bool {
    let parse = |text: &str| (text == "default").then_some(());
    reader.parsed(table, "building_block_type", parse, "`default`").is_some()
}

/// Which findings one alert stands for. Without a duration it stands for those of one run of the
/// rule, as in Elastic.
pub(super) fn alert_suppression(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    interval: Duration,
) -> Option<AlertSuppression> {
    let key = table.get_key_value("alert_suppression")?.0.span();
    let read: SuppressionTable = reader.optional(table, "alert_suppression")?;
    if !(1..=MAX_GROUP_BY).contains(&read.group_by.len()) {
        let message = format!("`alert_suppression.group_by` must have 1 to {MAX_GROUP_BY} fields");
        reader.add_problem(key.clone(), message);
    }
    for field in &read.group_by {
        warn_of_unknown(reader, field);
    }
    let duration = match read.duration {
        Some(duration) => checked_duration(reader, key, &duration),
        None => SignedDuration::try_from(interval).ok(),
    };
    let missing_fields = match read.missing_fields_strategy {
        Some(Strategy::DoNotSuppress) => MissingFields::DoNotSuppress,
        Some(Strategy::Suppress) | None => MissingFields::Suppress,
    };
    let group_by = read.group_by.into_iter().map(Spanned::into_inner).collect();
    Some(AlertSuppression { group_by, duration: duration?, missing_fields })
}

/// That of a threshold which counts by these fields.
pub(super) fn threshold_suppression(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    fields: &[String],
) -> Option<AlertSuppression> {
    let key = table.get_key_value("alert_suppression")?.0.span();
    let read: ThresholdSuppressionTable = reader.optional(table, "alert_suppression")?;
    let duration = checked_duration(reader, key, &read.duration)?;
    let missing_fields = MissingFields::Suppress;
    Some(AlertSuppression { group_by: fields.to_vec(), duration, missing_fields })
}

fn checked_duration(
    reader: &mut TomlReader<'_>,
    key: Range<usize>,
    read: &SuppressionDuration,
) -> Option<SignedDuration> {
    if read.value < 1 {
        let message = "`value` in `alert_suppression.duration` must be a whole number above 0";
        reader.add_problem(key, message);
        return None;
    }
    let duration = read.to_duration().unwrap_or(SignedDuration::MAX);
    if duration > AlertSuppression::MAX_DURATION {
        let reason = "its `alert_suppression.duration` is longer than 30 days";
        reader.add_unsupported(key, reason.to_owned(), "");
    }
    Some(duration)
}

/// Refuses a building block whose alerts are not those of single findings. `kind` is what it is.
pub(super) fn refuse_building_block(reader: &mut TomlReader<'_>, table: &DeTable<'_>, kind: &str) {
    if let Some((key, _)) = table.get_key_value("building_block_type") {
        let reason =
            format!("it is a building block (`building_block_type`), which {kind} cannot be here");
        reader.add_unsupported(key.span(), reason, "");
    }
}

/// A field that no record has is the same for all: one alert would stand for every finding.
fn warn_of_unknown(reader: &mut TomlReader<'_>, field: &Spanned<String>) {
    let name = field.get_ref().as_str();
    if !ecs::is_known_field(name) {
        let hint = hint(ecs::did_you_mean(name));
        let message = format!("no record has the field `{}`{hint}", name.escape_debug());
        reader.add_lint(field.span(), message);
    }
}

/// Reports values of a wrong type for keys that have no effect here.
pub(super) fn check_keys_without_effect(reader: &mut TomlReader<'_>, table: &DeTable<'_>) {
    for key in ["timestamp_override", "rule_name_override", "license", "timeline_id"] {
        reader.optional::<String>(table, key);
    }
    reader.optional::<Vec<RelatedIntegration>>(table, "related_integrations");
    reader.optional::<Vec<RequiredField>>(table, "required_fields");
}
