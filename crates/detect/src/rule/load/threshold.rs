//! `[rule.threshold]`.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;
use toml::de::DeTable;

use super::over_time::{refuse_unknown, texts};
use crate::ecs;
use crate::rule::correlation::Correlation;
use crate::rule::threshold::{Cardinality, Threshold};
use crate::rule::toml_file::reader::{TomlReader, elements};

/// The most matches or values that are counted, as in correlations.
const MAX_COUNT: u32 = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdTable {
    /// One field or a list, which is read by itself.
    #[serde(default, rename = "field")]
    _field: IgnoredAny,
    value: Spanned<i64>,
    #[serde(default)]
    cardinality: Vec<CardinalityTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardinalityTable {
    field: Spanned<String>,
    value: Spanned<i64>,
}

/// The threshold of a rule that looks back for `from`.
pub(super) fn read_threshold(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    from: Duration,
) -> Option<Threshold> {
    let read: ThresholdTable = reader.required(table, "threshold")?;
    let nested = table.get("threshold")?.get_ref().as_table()?;
    refuse_long(reader, table, from);
    refuse_unknown_fields(reader, nested);
    let value = checked_count(reader, "threshold.value", "matches", &read.value);
    let fields = read_fields(reader, nested);
    let cardinality =
        read.cardinality.into_iter().next().map(|CardinalityTable { field, value }| {
            let value = checked_count(reader, "threshold.cardinality.value", "values", &value);
            if value > 1 && fields.contains(field.get_ref()) {
                warn_of_one_value(reader, &field);
            }
            Cardinality { field: field.into_inner(), value }
        });
    Some(Threshold { fields, value, cardinality })
}

fn read_fields(reader: &mut TomlReader<'_>, threshold: &DeTable<'_>) -> Vec<String> {
    let Some(value) = threshold.get("field") else { return Vec::new() };
    let fields = texts(Some(value));
    if fields.len() != elements(value).len() {
        reader.wrong_type("threshold.field", value, "a field or a list of fields");
    }
    fields.into_iter().map(str::to_owned).collect()
}

/// Calls with the same values of some fields have one value of each, unless it can have several.
fn warn_of_one_value(reader: &mut TomlReader<'_>, field: &Spanned<String>) {
    let name = field.get_ref();
    if ecs::field_shape(name).is_some_and(|(_, is_single)| is_single) {
        let message = format!(
            "can never be true: calls are counted by `{name}`, so all that are counted together \
             have the same value of it"
        );
        reader.add_lint(field.span(), message);
    }
}

fn refuse_long(reader: &mut TomlReader<'_>, table: &DeTable<'_>, from: Duration) {
    if let Some(value) = table.get("from")
        && from > Correlation::MAX_TIMESPAN.unsigned_abs()
    {
        let from = value.get_ref().as_str().unwrap_or_default().escape_debug();
        let reason =
            format!("its `from` is `{from}`, and a threshold counts over at most 48 hours");
        reader.add_unsupported(value.span(), reason, "");
    }
}

fn refuse_unknown_fields(reader: &mut TomlReader<'_>, threshold: &DeTable<'_>) {
    const DOES: &str = "it counts by";
    refuse_unknown(reader, threshold.get("field"), DOES);
    let Some(counted) = threshold.get("cardinality") else { return };
    let tables = counted.get_ref().as_array().into_iter().flatten();
    let tables: Vec<&DeTable<'_>> = tables.filter_map(|it| it.get_ref().as_table()).collect();
    if tables.len() > 1 {
        let reason = "it counts the values of several fields (`cardinality`)";
        reader.add_unsupported(counted.span(), reason.to_owned(), "");
    }
    for table in tables {
        refuse_unknown(reader, table.get("field"), DOES);
    }
}

/// `counted` is what the number is one of: `matches`.
fn checked_count(
    reader: &mut TomlReader<'_>,
    name: &str,
    counted: &str,
    count: &Spanned<i64>,
) -> u32 {
    let number = *count.get_ref();
    if number < 1 {
        let message = format!("`{name}` must be a whole number above 0, found {number}");
        reader.add_problem(count.span(), message);
    } else if number > i64::from(MAX_COUNT) {
        let reason =
            format!("its `{name}` is {number}, and at most {MAX_COUNT} {counted} are counted");
        reader.add_unsupported(count.span(), reason, "");
    }
    u32::try_from(number).unwrap_or_default()
}
