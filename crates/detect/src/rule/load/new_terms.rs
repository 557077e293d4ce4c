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
        let nested = nested.map(Parts::nested);
        Parts {
            fields: table.get("new_terms_fields").or(nested.as_ref().and_then(|it| it.fields)),
            start: table.get("history_window_start").or(nested.as_ref().and_then(|it| it.start)),
        }
    }

    /// Those of `[rule.new_terms]`.
    fn nested(nested: &'t DeTable<'v>) -> Parts<'t, 'v> {
        let start = nested.get("history_window_start").and_then(|it| elements(it).first());
        let start = start.and_then(|start| start.get_ref().as_table()?.get("value"));
        Parts { fields: nested.get("value"), start }
    }
}

/// Which values of a rule are new.
pub(super) fn read_new_terms(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<NewTerms> {
    if let Some(nested) = reader.table(table, "new_terms") {
        check_table(reader, nested);
        check_spellings(reader, table, nested);
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

/// Checks what names the keys that the values of `[rule.new_terms]` are those of.
fn check_table(reader: &mut TomlReader<'_>, nested: &DeTable<'_>) {
    const START: &str = "history_window_start";
    reader.check_keys(nested, "[rule.new_terms]", TABLE_KEYS);
    check_name(reader, nested, "new_terms_fields");
    let starts = nested.get(START).map(elements).unwrap_or_default();
    for start in starts.iter().filter_map(|start| start.get_ref().as_table()) {
        reader.check_keys(start, "[[rule.new_terms.history_window_start]]", "field value");
        check_name(reader, start, START);
    }
    if let Some(second) = starts.get(1) {
        reader.add_problem(second.span(), "`history_window_start` must be one table");
    }
}

fn check_name(reader: &mut TomlReader<'_>, table: &DeTable<'_>, name: &str) {
    let parse = |text: &str| (text == name).then_some(());
    reader.parsed(table, "field", parse, &format!("`{name}`"));
}

/// Reports values that are written in both places, and differ.
fn check_spellings(reader: &mut TomlReader<'_>, table: &DeTable<'_>, nested: &DeTable<'_>) {
    let other = Parts::nested(nested);
    for (key, other) in [("new_terms_fields", other.fields), ("history_window_start", other.start)]
    {
        let (Some(value), Some(other)) = (table.get(key), other) else { continue };
        let [mut value_texts, mut other_texts] = [value, other].map(|it| texts(Some(it)));
        value_texts.sort_unstable();
        other_texts.sort_unstable();
        if value_texts != other_texts {
            let message = format!("`{key}` differs from that in [rule.new_terms]");
            reader.add_problem(value.span(), message);
        }
    }
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
