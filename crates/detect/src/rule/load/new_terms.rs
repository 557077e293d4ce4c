//! `[rule.new_terms]`, or `new_terms_fields` and `history_window_start`.

use jiff::SignedDuration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fields::parse_look_back;
use super::over_time::{known_field, texts};
use crate::rule::definition::Rule;
use crate::rule::new_terms::NewTerms;
use crate::rule::required_fields::RequiredFields;
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
    reader.optional::<bool>(table, "high_volume");
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
    let window = value.get_ref().as_str().and_then(parse_look_back);
    let window = window.and_then(|window| SignedDuration::try_from(window).ok());
    let window = window.filter(|window| *window <= NewTerms::MAX_WINDOW);
    if window.is_none() {
        let message =
            "`history_window_start` must be a time back such as `now-10d`, at most 30 days";
        reader.add_problem(value.span(), message);
    }
    window
}

/// Why a rule that may be valid cannot run here.
pub(super) fn find_unsupported(table: &DeTable<'_>) -> Option<String> {
    let fields = texts(Parts::new(table).fields);
    if fields.len() > NewTerms::MAX_FIELDS {
        return None;
    }
    let unknown = fields.into_iter().find(|field| !known_field(field))?.escape_debug();
    Some(format!("its new terms are of `{unknown}`, which no record has"))
}

/// Why a rule must not run without `high_volume = true`: it can match nearly every record.
pub(super) fn refused_volume(table: &DeTable<'_>, rule: &Rule) -> Option<String> {
    let is_accepted = table.get("high_volume").and_then(|value| value.get_ref().as_bool());
    let RequiredFields { providers, actions, .. } = rule.query.required_fields();
    let is_specific = providers.is_some() || actions.is_some();
    (rule.info.new_terms.is_some() && !is_specific && is_accepted != Some(true)).then(|| {
        "its query requires neither a service nor a call, so it can match every record: \
         `high_volume = true` accepts that"
            .to_owned()
    })
}
