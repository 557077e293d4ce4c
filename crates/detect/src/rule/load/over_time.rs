//! What the rule types that look at several records have in common.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::severity::{did_you_mean, is_known_field};
use crate::rule::definition::Rule;
use crate::rule::toml_file::problem::hint;
use crate::rule::toml_file::reader::{TomlReader, elements};

/// The texts of a list, or the text that stands for a list of one.
pub(super) fn texts<'t>(value: Option<&'t Spanned<DeValue<'_>>>) -> Vec<&'t str> {
    let elements = value.map(elements).unwrap_or_default();
    elements.iter().filter_map(|element| element.get_ref().as_str()).collect()
}

/// Refuses a rule that does something with a field that no findings have. `does` is what it does:
/// `it counts by`.
pub(super) fn refuse_unknown(
    reader: &mut TomlReader<'_>,
    fields: Option<&Spanned<DeValue<'_>>>,
    does: &str,
) {
    for field in fields.map(elements).unwrap_or_default() {
        let Some(name) = field.get_ref().as_str().filter(|name| !is_known_field(name)) else {
            continue;
        };
        let reason = format!("{does} `{}`, which no record has", name.escape_debug());
        reader.add_unsupported(field.span(), reason, &hint(did_you_mean(name)));
    }
}

/// Refuses a rule that can match nearly every record, if each match costs requests to the ledger
/// and the file has no `high_volume = true`.
pub(super) fn refuse_volume(reader: &mut TomlReader<'_>, table: &DeTable<'_>, rule: &Rule) {
    let is_accepted: Option<bool> = reader.optional(table, "high_volume");
    let info = &rule.info;
    let is_costly = info.new_terms.is_some() || info.threshold.is_some() || info.sequence;
    let is_specific = rule.query.required_fields().is_specific();
    if is_costly && !is_specific && is_accepted != Some(true) {
        let span = table.get("query").map(Spanned::span).unwrap_or_default();
        let reason = "its query requires neither a service, a call nor a user agent, so it can \
                      match every record: `high_volume = true` accepts that";
        reader.add_unsupported(span, reason.to_owned(), "");
    }
}
