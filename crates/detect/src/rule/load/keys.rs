//! The keys of rule files, and those that have no effect where they are.

use toml::de::DeTable;

use crate::rule::toml_file::reader::TomlReader;

/// The keys of Elastic's rule files, by table. Not all of them have a meaning here.
const FILE_KEYS: &str = "metadata rule transform";
const METADATA_KEYS: &str = "bypass_bbr_timing comments creation_date deprecated_reason \
    deprecation_date ecs_version endgame_version integration maturity min_stack_comments \
    min_stack_version os_type_list promotion query_schema_validation related_endpoint_rules \
    source_integration updated_date";
const RULE_KEYS: &str = "actions alert_suppression alert_when anomaly_threshold author \
    building_block_type concurrent_searches correlation data_view_id description enabled \
    event_category_override exceptions_list false_positives filters from high_volume \
    history_window_start index interval investigation_fields items_per_search language learning \
    license machine_learning_job_id max_signals meta name namespace new_terms new_terms_fields \
    note query references related_integrations required_fields response_actions revision \
    risk_score risk_score_mapping rule_id rule_name_override saved_id setup severity \
    severity_mapping severity_when tags threat threat_filters threat_index threat_indicator_path \
    threat_language threat_mapping threat_query threshold throttle tiebreaker_field timeline_id \
    timeline_title timestamp_field timestamp_override timestamp_override_fallback_disabled to \
    type version";

/// Keys that only rules of one type have, and that type. In another rule they would be ignored:
/// each match of what is meant as a threshold would be alerted.
const TYPE_KEYS: [(&str, &str); 6] = [
    ("correlation", "correlation"),
    ("history_window_start", "new_terms"),
    ("learning", "new_terms"),
    ("new_terms", "new_terms"),
    ("new_terms_fields", "new_terms"),
    ("threshold", "threshold"),
];

/// Checks the keys of the file and of its `[metadata]`.
pub(super) fn check_file(reader: &mut TomlReader<'_>, root: &DeTable<'_>) {
    reader.check_keys(root, "the file", FILE_KEYS);
    let Some(metadata) = reader.table(root, "metadata") else { return };
    reader.check_keys(metadata, "[metadata]", METADATA_KEYS);
    if let Some(maturity) = metadata.get("maturity")
        && maturity.get_ref().as_str() == Some("deprecated")
    {
        let message = "its `maturity` is `deprecated`: its author no longer maintains it";
        reader.add_lint(maturity.span(), message);
    }
}

/// Checks the keys of `[rule]`.
pub(super) fn check_rule(reader: &mut TomlReader<'_>, table: &DeTable<'_>) {
    reader.check_keys(table, "[rule]", RULE_KEYS);
    if let Some((key, _)) = table.get_key_value("enabled")
        && reader.optional(table, "enabled") == Some(false)
    {
        let message = "`enabled = false` has no effect: without the file the rule does not run";
        reader.add_lint(key.span(), message);
    }
}

/// Reports keys that a rule of this type cannot have.
pub(super) fn check_type(reader: &mut TomlReader<'_>, table: &DeTable<'_>, rule_type: &str) {
    for (name, needed) in TYPE_KEYS.into_iter().filter(|(_, needed)| *needed != rule_type) {
        if let Some((key, _)) = table.get_key_value(name) {
            let message = format!(
                "`{name}` has no meaning in a rule of type `{rule_type}`, only in one of type \
                 `{needed}`"
            );
            reader.add_problem(key.span(), message);
        }
    }
}
