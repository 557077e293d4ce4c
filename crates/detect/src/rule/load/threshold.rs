//! `[rule.threshold]`.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

use super::over_time::{known_field, texts};
use crate::rule::correlation::Correlation;
use crate::rule::threshold::{Cardinality, Threshold};
use crate::rule::toml_file::reader::TomlReader;

/// The most matches or values that are counted, as in correlations.
const MAX_COUNT: u32 = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdTable {
    #[serde(default)]
    field: Fields,
    value: Spanned<u32>,
    #[serde(default)]
    cardinality: Vec<CardinalityTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardinalityTable {
    field: Spanned<String>,
    value: Spanned<u32>,
}

/// One field, or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Fields {
    One(String),
    Several(Vec<String>),
}

impl Default for Fields {
    fn default() -> Fields {
        Fields::Several(Vec::new())
    }
}

/// The threshold of a rule that looks back for `from`.
pub(super) fn read_threshold(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    from: Duration,
) -> Option<Threshold> {
    let read: ThresholdTable = reader.required(table, "threshold")?;
    if from > Correlation::MAX_TIMESPAN.unsigned_abs() {
        let span = table.get("from").map(Spanned::span).unwrap_or_default();
        reader.add_problem(span, "`from` of a threshold must be at most 48 hours");
    }
    if let Some((key, _)) = table.get_key_value("building_block_type") {
        let message = "a building block has no `threshold`: nothing would be alerted";
        reader.add_problem(key.span(), message);
    }
    let value = checked_count(reader, "threshold.value", &read.value);
    let cardinality = read.cardinality.into_iter().next().map(|cardinality| Cardinality {
        value: checked_count(reader, "threshold.cardinality.value", &cardinality.value),
        field: cardinality.field.into_inner(),
    });
    let fields = match read.field {
        Fields::One(field) => vec![field],
        Fields::Several(fields) => fields,
    };
    Some(Threshold { fields, value, cardinality })
}

fn checked_count(reader: &mut TomlReader<'_>, name: &str, count: &Spanned<u32>) -> u32 {
    if !(1..=MAX_COUNT).contains(count.get_ref()) {
        let message = format!("`{name}` must be a whole number from 1 to {MAX_COUNT}");
        reader.add_problem(count.span(), message);
    }
    *count.get_ref()
}

/// Why a threshold that may be valid cannot be counted here.
pub(super) fn find_unsupported(table: &DeTable<'_>) -> Option<String> {
    let read = table.get("threshold")?.get_ref().as_table()?;
    let fields = texts(read.get("field"));
    let cardinality = read.get("cardinality").and_then(|value| value.get_ref().as_array());
    let counted: Vec<&DeTable<'_>> =
        cardinality.into_iter().flatten().filter_map(|it| it.get_ref().as_table()).collect();
    if counted.len() > 1 {
        return Some("it counts the values of several fields (`cardinality`)".to_owned());
    }
    let counted_fields = counted.iter().flat_map(|it| texts(it.get("field")));
    let unknown = fields.into_iter().chain(counted_fields).find(|field| !known_field(field));
    let unknown = unknown?.escape_debug();
    Some(format!("it counts by `{unknown}`, which no record has"))
}
