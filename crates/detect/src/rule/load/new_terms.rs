//! `[rule.new_terms]`, or `new_terms_fields` and `history_window_start`.

use jiff::SignedDuration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::date_math;
use super::over_time::{refuse_unknown, texts};
use crate::rule::new_terms::NewTerms;
use crate::rule::toml_file::reader::{TomlReader, elements};

/// Keys of the table in files of Elastic's repository.
const TABLE_KEYS: &str = "field history_window_start value";

/// The fields and the start of the window, wherever they are written.
struct Parts<'t, 'v> {
    fields: Option<&'t Spanned<DeValue<'v>>>,
    start: Option<&'t Spanned<DeValue<'v>>>,
}

impl<'t, 'v> Parts<'t, 'v> {
    fn new(table: &'t DeTable<'v>) -> Parts<'t, 'v> {
        let nested = table.get("new_terms").and_then(|value| value.get_ref().as_table());
        let nested_start =
            nested.and_then(|nested| elements(nested.get("history_window_start")?).first());
        let start = nested_start.and_then(|start| start.get_ref().as_table()?.get("value"));
        Parts {
            fields: table.get("new_terms_fields").or(nested.and_then(|nested| nested.get("value"))),
            start: table.get("history_window_start").or(start),
        }
    }
}

/// Which values of a rule are new.
pub(super) fn read_new_terms(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<NewTerms> {
    if let Some(nested) = reader.table(table, "new_terms") {
        reader.check_keys(nested, "[rule.new_terms]", TABLE_KEYS);
    }
    let parse = |text: &str| match text {
        "alert" => Some(true),
        "record" => Some(false),
        _ => None,
    };
    let learning = reader.parsed(table, "learning", parse, "`record` or `alert`");
    let parts = Parts::new(table);
    let fields = read_fields(reader, parts.fields);
    let window = read_window(reader, parts.start);
    let alerts_while_learning = learning.unwrap_or_default();
    Some(NewTerms { fields: fields?, window: window?, alerts_while_learning })
}

fn read_fields(
    reader: &mut TomlReader<'_>,
    value: Option<&Spanned<DeValue<'_>>>,
) -> Option<Vec<String>> {
    let Some(value) = value else {
        reader.missing_key("new_terms_fields");
        return None;
    };
    let fields = texts(Some(value));
    let all_are_texts = fields.len() == elements(value).len();
    if !all_are_texts || !(1..=NewTerms::MAX_FIELDS).contains(&fields.len()) {
        let message = format!("`new_terms_fields` must be 1 to {} fields", NewTerms::MAX_FIELDS);
        reader.add_problem(value.span(), message);
        return None;
    }
    refuse_unknown(reader, Some(value), "its new terms are of");
    Some(fields.into_iter().map(str::to_owned).collect())
}

fn read_window(
    reader: &mut TomlReader<'_>,
    value: Option<&Spanned<DeValue<'_>>>,
) -> Option<SignedDuration> {
    let Some(value) = value else {
        reader.missing_key("history_window_start");
        return None;
    };
    let window = date_math::read_look_back(reader, "history_window_start", value, "now-10d")?;
    let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
    if window > NewTerms::MAX_WINDOW {
        let start = value.get_ref().as_str().unwrap_or_default().escape_debug();
        let reason = format!(
            "its `history_window_start` is `{start}`, and values are known for at most 30 days"
        );
        reader.add_unsupported(value.span(), reason, "");
    }
    Some(window)
}
