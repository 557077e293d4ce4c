//! Fields that are read in several tables of rule files.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use toml::de::DeTable;

use super::{date_math, elastic};
use crate::rule::definition::RuleInfo;
use crate::rule::toml_file::reader::TomlReader;

pub(super) fn rule_info(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<RuleInfo> {
    let id = reader.required_text(table, "rule_id");
    let name = reader.required_text(table, "name");
    let description = reader.required_text(table, "description");
    let severity = reader.required(table, "severity");
    let risk_score = risk_score(reader, table);
    let version = reader.integer(table, "version", 1..=u32::MAX);
    Some(RuleInfo {
        version,
        setup: reader.optional(table, "setup"),
        note: reader.optional(table, "note"),
        tags: reader.optional(table, "tags").unwrap_or_default(),
        references: reader.optional(table, "references").unwrap_or_default(),
        false_positives: reader.optional(table, "false_positives").unwrap_or_default(),
        threat: reader.optional(table, "threat").unwrap_or_default(),
        investigation_fields: elastic::investigation_fields(reader, table),
        building_block: elastic::is_building_block(reader, table),
        alert_suppression: None,
        threshold: None,
        new_terms: None,
        sequence: false,
        id: id?,
        name: name?,
        description: description?,
        severity: severity?,
        risk_score: risk_score?,
    })
}

pub(super) fn risk_score(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<u8> {
    if !table.contains_key("risk_score") {
        reader.missing_key("risk_score");
    }
    reader.integer(table, "risk_score", 0..=100).and_then(|score| u8::try_from(score).ok())
}

pub(super) fn interval(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<Duration> {
    reader.parsed(table, "interval", parse_interval, "a time such as `10m`")
}

pub(super) fn look_back(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<Duration> {
    date_math::read_look_back(reader, "from", table.get("from")?, "now-60m")
}

/// Reads a positive whole number and a unit: `s`, `m`, `h`, `d` or `w`.
pub(super) fn parse_interval(text: &str) -> Option<Duration> {
    let digits = text.strip_suffix(['s', 'm', 'h', 'd', 'w'])?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok().filter(|duration| !duration.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_a_number_and_a_unit() {
        let cases = [
            ("30s", Some(30)),
            ("10m", Some(600)),
            ("1h", Some(3600)),
            ("1d", Some(86_400)),
            ("2w", Some(1_209_600)),
            ("0m", None),
            ("m", None),
            ("", None),
            ("10", None),
            ("10M", None),
            ("+1m", None),
            ("1.5h", None),
            ("1m30s", None),
            ("99999999999999999999m", None),
            ("18446744073709551615w", None),
            ("1é", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse_interval(text), seconds.map(Duration::from_secs), "{text:?}");
        }
    }
}
