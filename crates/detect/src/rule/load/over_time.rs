//! What the rule types that look at several records have in common.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ecs;
use crate::finding::FACT_FIELDS;
use crate::rule::definition::Rule;
use crate::rule::toml_file::reader::{TomlReader, elements};

/// Returns true if findings can have the field.
pub(super) fn known_field(field: &str) -> bool {
    ecs::is_known_field(field) || FACT_FIELDS.iter().any(|(name, _)| *name == field)
}

/// The texts of a list, or the text that stands for a list of one.
pub(super) fn texts<'t>(value: Option<&'t Spanned<DeValue<'_>>>) -> Vec<&'t str> {
    let elements = value.map(elements).unwrap_or_default();
    elements.iter().filter_map(|element| element.get_ref().as_str()).collect()
}

/// Why a rule must not run without `high_volume = true`: it can match nearly every record, and each
/// match costs requests to the ledger.
pub(super) fn refused_volume(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    rule: &Rule,
) -> Option<String> {
    let is_accepted: Option<bool> = reader.optional(table, "high_volume");
    let is_costly = rule.info.new_terms.is_some() || rule.info.sequence;
    let is_specific = rule.query.required_fields().is_specific();
    (is_costly && !is_specific && is_accepted != Some(true)).then(|| {
        "its query requires neither a service, a call nor a user agent, so it can match every \
         record: `high_volume = true` accepts that"
            .to_owned()
    })
}
