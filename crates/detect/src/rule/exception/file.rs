//! One file of exceptions: from its text to exceptions, or to what is wrong with them.

use std::ops::Range;
use std::path::Path;

use jiff::Timestamp;
use kql::Query;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::expiry::{Expiry, TIME_EXPECTED, parse_expiry, parse_start};
use super::trust::find_spoofable;
use super::{Exception, RuleSelector};
use crate::rule::toml_file::query::{StringPlace, read_query};
use crate::rule::toml_file::reader::TomlReader;

const TABLE: &str = "[[exception]]";
const KEYS: &str = "expires name owner query reason rules starts";
/// What the exception that an alert suggests has for a reason and an owner, so that nobody uses it
/// as it is.
pub const PLACEHOLDER: &str = "FILL IN";

const RULES_EXPECTED: &str = "a list of rule ids or names, or `*` for every rule";

/// Reads the exceptions of a file.
pub(super) fn read_exceptions(
    reader: &mut TomlReader<'_>,
    root: &DeTable<'_>,
    path: &Path,
) -> Vec<Exception> {
    reader.check_keys(root, "the file", "exception");
    let Some(value) = root.get("exception") else { return Vec::new() };
    let Some(items) = value.get_ref().as_array() else {
        reader.wrong_type("exception", value, "written [[exception]], in double brackets");
        return Vec::new();
    };
    items.iter().filter_map(|item| read_exception(reader, path, item)).collect()
}

/// Returns `None` if something is wrong with the exception.
fn read_exception(
    reader: &mut TomlReader<'_>,
    path: &Path,
    item: &Spanned<DeValue<'_>>,
) -> Option<Exception> {
    let Some(table) = item.get_ref().as_table() else {
        reader.wrong_type("exception", item, "a table");
        return None;
    };
    let problems_before = reader.problems.len();
    reader.enter_table(TABLE, item.span());
    reader.check_keys(table, TABLE, KEYS);
    let name = reader.required_text(table, "name");
    let reason = read_filled_in(reader, table, "reason");
    let owner = read_filled_in(reader, table, "owner");
    let rules = read_rules(reader, table);
    let query = read_query(reader, table, &[]);
    let starts = reader.parsed(table, "starts", parse_start, TIME_EXPECTED);
    let expires = read_expires(reader, table, item.span());
    check_order(reader, table, starts, expires);
    if let (Some(query), Some(name)) = (&query, &name) {
        warn_if_spoofable(reader, &table["query"], query, name);
    }
    let exception = Exception {
        name: name?,
        rules,
        query: query?,
        reason: reason?,
        owner: owner?,
        starts,
        expires: expires?,
        path: path.to_owned(),
        position: reader.position(item.span()),
    };
    (reader.problems.len() == problems_before).then_some(exception)
}

/// A text that is not the placeholder of a suggested exception any more.
fn read_filled_in(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    key: &'static str,
) -> Option<String> {
    let text = reader.required_text(table, key)?;
    if text.contains(PLACEHOLDER) {
        let message = format!("`{key}` still says `{PLACEHOLDER}`: replace all of it");
        reader.add_problem(table[key].span(), message);
    }
    Some(text)
}

fn read_rules(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Vec<RuleSelector> {
    let items = reader.required_list(table, "rules");
    if let (Some(value), []) = (table.get("rules"), items) {
        reader.add_problem(value.span(), "`rules` must name a rule, or be `*` for every rule");
    }
    let mut rules = Vec::new();
    for item in items {
        match item.get_ref().as_str().map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => {
                let position = reader.position(item.span());
                rules.push(RuleSelector { text: text.to_owned(), position });
            }
            None => reader.wrong_type("rules", item, RULES_EXPECTED),
        }
    }
    rules
}

fn read_expires(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    table_span: Range<usize>,
) -> Option<Expiry> {
    let expected = format!("{TIME_EXPECTED}, or \"never\"");
    if !table.contains_key("expires") {
        let message = format!("`expires` is missing in {TABLE}: expected {expected}");
        reader.add_problem(table_span, message);
    }
    reader.parsed(table, "expires", parse_expiry, &expected)
}

fn check_order(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    starts: Option<Timestamp>,
    expires: Option<Expiry>,
) {
    if let (Some(starts), Some(Expiry::At(last))) = (starts, expires)
        && last < starts
    {
        let message = "`expires` is before `starts`: the exception would never be active";
        reader.add_problem(table["expires"].span(), message);
    }
}

/// Warns of a query that anyone can satisfy who knows it.
fn warn_if_spoofable(
    reader: &mut TomlReader<'_>,
    value: &Spanned<DeValue<'_>>,
    query: &Query,
    name: &str,
) {
    let Some(spoofable) = find_spoofable(query.expr()) else { return };
    let place = StringPlace::new(reader.text, value, query.source());
    let name = name.escape_debug();
    let fields: Vec<String> =
        spoofable.fields.iter().map(|field| format!("`{}`", field.escape_debug())).collect();
    let reason = if fields.is_empty() {
        "matches any principal from anywhere".to_owned()
    } else {
        format!("depends only on values that others can choose or have ({})", fields.join(", "))
    };
    let message = format!(
        "exception `{name}` {reason}; also require the account (`cloud.account.id`), an ARN that \
         names it, e.g. `aws.cloudtrail.user_identity.session_context.session_issuer.arn`, or \
         `source.ip`"
    );
    reader.add_warning(place.span(spoofable.part.span().start), message);
}
