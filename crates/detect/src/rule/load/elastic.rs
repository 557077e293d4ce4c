//! Keys of Elastic's rule files that change what becomes of findings, or that are only checked.

use serde::Deserialize;
use toml::de::DeTable;

use crate::rule::toml_file::reader::TomlReader;

/// `investigation_fields`, an object of one list. Fields that no record has are never shown, so
/// they do no harm.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvestigationFields {
    field_names: Vec<String>,
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
    fields.map(|fields| fields.field_names).unwrap_or_default()
}

/// Returns true for the only type of building blocks that Elastic has.
pub(super) fn is_building_block(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> bool {
    let parse = |text: &str| (text == "default").then_some(());
    reader.parsed(table, "building_block_type", parse, "`default`").is_some()
}

/// Reports values of a wrong type for keys that have no effect here.
pub(super) fn check_keys_without_effect(reader: &mut TomlReader<'_>, table: &DeTable<'_>) {
    for key in ["timestamp_override", "rule_name_override", "license", "timeline_id"] {
        reader.optional::<String>(table, key);
    }
    reader.optional::<Vec<RelatedIntegration>>(table, "related_integrations");
    reader.optional::<Vec<RequiredField>>(table, "required_fields");
}
