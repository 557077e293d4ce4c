//! What a rule with a sequence in EQL cannot have.

use eql::Statement;
use toml::de::DeTable;

use super::fields::parse_look_back;
use crate::rule::correlation::Correlation;
use crate::rule::toml_file::reader::TomlReader;

/// Keys that would have no effect: the alerts are those of sequences, not of single findings.
const KEYS_WITHOUT_EFFECT: [&str; 2] = ["alert_when", "building_block_type"];

/// Reports keys that a sequence cannot have.
pub(super) fn check_keys(reader: &mut TomlReader<'_>, table: &DeTable<'_>) {
    for key in KEYS_WITHOUT_EFFECT {
        if let Some((key, _)) = table.get_key_value(key) {
            let message = format!("a sequence cannot have `{}`", key.get_ref());
            reader.add_problem(key.span(), message);
        }
    }
}

/// Why a sequence that may be valid cannot run here.
pub(super) fn find_unsupported(table: &DeTable<'_>) -> Option<String> {
    let text = |key: &str| table.get(key)?.get_ref().as_str();
    let Ok(Statement::Sequence(sequence)) = Statement::parse(text("query")?) else { return None };
    let longest = Correlation::MAX_TIMESPAN.unsigned_abs();
    let from = text("from").and_then(parse_look_back).filter(|from| *from > longest);
    (from.is_some() && sequence.maxspan().is_none()).then(|| {
        "its sequence has no `maxspan`, and it looks back for more than 48 hours".to_owned()
    })
}
