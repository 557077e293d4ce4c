//! What the rule types that look at several records have in common.

use toml::Spanned;
use toml::de::DeValue;

use crate::ecs;
use crate::finding::FACT_FIELDS;
use crate::rule::toml_file::reader::elements;

/// Returns true if findings can have the field.
pub(super) fn known_field(field: &str) -> bool {
    ecs::is_known_field(field) || FACT_FIELDS.iter().any(|(name, _)| *name == field)
}

/// The texts of a list, or the text that stands for a list of one.
pub(super) fn texts<'t>(value: Option<&'t Spanned<DeValue<'_>>>) -> Vec<&'t str> {
    let elements = value.map(elements).unwrap_or_default();
    elements.iter().filter_map(|element| element.get_ref().as_str()).collect()
}
