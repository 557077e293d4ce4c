//! What a rule with a sequence in EQL cannot have.

use std::time::Duration;

use eql::Sequence;
use toml::Spanned;
use toml::de::DeTable;

use crate::rule::correlation::Correlation;
use crate::rule::toml_file::reader::TomlReader;

/// Reports and refuses what a sequence cannot have, in a rule that looks back for `from`.
pub(super) fn check(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    sequence: &Sequence,
    from: Duration,
) {
    // It would have no effect: the alerts are those of sequences, not of single findings.
    if let Some((key, _)) = table.get_key_value("alert_when") {
        reader.add_problem(key.span(), "a sequence cannot have `alert_when`");
    }
    if sequence.maxspan().is_none() && from > Correlation::MAX_TIMESPAN.unsigned_abs() {
        let span = table.get("from").map(Spanned::span).unwrap_or_default();
        let reason = "its sequence has no `maxspan`, and it looks back for more than 48 hours";
        reader.add_unsupported(span, reason.to_owned(), "");
    }
}
