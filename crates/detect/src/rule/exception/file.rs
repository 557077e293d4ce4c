//! One file of exceptions: from its text to exceptions, or to what is wrong with them.

use std::path::Path;

use kql::Query;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::load::LoadedExceptions;
use super::{Exception, Expiry, RuleSelector, caller, date};
use crate::rule::load::Position;
use crate::rule::load::query::{self, Written};
use crate::rule::load::reader::Reader;

/// How the table is written.
const TABLE: &str = "[[exception]]";

const KEYS: &[&str] = &["expires", "name", "owner", "query", "reason", "rules", "starts"];

/// Reads a file's text and adds what comes of it to the load. A key that is not known is a problem:
/// a typing error must not make an exception wider than it was meant.
pub(super) fn read(path: &Path, text: &str, load: &mut LoadedExceptions) {
    let name = path.display().to_string();
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader::strict(&name, text, TABLE);
    reader.not_toml(&errors);
    if reader.problems.is_empty() {
        reader.check_keys(root.get_ref(), "the file", &["exception"]);
        for item in items(&mut reader, root.get_ref()) {
            load.exceptions.extend(exception(&mut reader, path, item));
        }
    }
    load.problems.append(&mut reader.problems);
    load.warnings.append(&mut reader.warnings);
}

fn items<'t, 'f>(reader: &mut Reader<'f>, root: &'t DeTable<'f>) -> &'t [Spanned<DeValue<'f>>] {
    let Some(value) = root.get("exception") else { return &[] };
    let Some(items) = value.get_ref().as_array() else {
        reader.wrong("exception", value, "written [[exception]], in double brackets");
        return &[];
    };
    items
}

/// The exception; none where something is wrong with it.
fn exception<'f>(
    reader: &mut Reader<'f>,
    path: &Path,
    item: &Spanned<DeValue<'f>>,
) -> Option<Exception> {
    let Some(table) = item.get_ref().as_table() else {
        reader.wrong("exception", item, "a table");
        return None;
    };
    let before = reader.problems.len();
    reader.head = item.span();
    reader.check_keys(table, TABLE, KEYS);
    let [name, reason, owner] = ["name", "reason", "owner"].map(|key| reader.required(table, key));
    let rules = rules(reader, table);
    let query = query::read(reader, table);
    let starts = time(reader, table, "starts", date::starts, date::EXPECTED);
    let expires = expires(reader, table);
    if let (Some(Expiry::At(last)), Some(starts), Some(place)) =
        (expires, starts, table.get("expires"))
        && last < starts
    {
        reader
            .problem(place.span(), "`expires` is before `starts`: it would never hold".to_owned());
    }
    if let (Some(query), Some(name)) = (&query, name) {
        warn_of_caller(reader, table, query, name);
    }
    let position = Position::of(reader.text, item.span().start);
    let exception = Exception {
        name: name?.to_owned(),
        rules,
        query: query?,
        reason: reason?.to_owned(),
        owner: owner?.to_owned(),
        starts,
        expires: expires?,
        path: path.to_owned(),
        position,
    };
    (reader.problems.len() == before).then_some(exception)
}

/// A list of ids and names, or one of them alone.
fn rules<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>) -> Vec<RuleSelector> {
    let Some(value) = table.get("rules") else {
        reader.missing("rules");
        return Vec::new();
    };
    let items = match value.get_ref() {
        DeValue::Array(items) => &items[..],
        _ => std::slice::from_ref(value),
    };
    if items.is_empty() {
        reader
            .problem(value.span(), "`rules` must name a rule, or be `*` for every rule".to_owned());
    }
    let mut rules = Vec::new();
    for item in items {
        match item.get_ref().as_str().map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => {
                rules.push(RuleSelector {
                    text: text.to_owned(),
                    position: Position::of(reader.text, item.span().start),
                });
            }
            None => {
                reader.wrong("rules", item, "a list of rule ids or names, or `*` for every rule")
            }
        }
    }
    rules
}

fn expires<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>) -> Option<Expiry> {
    let expected = format!("{}, or \"never\"", date::EXPECTED);
    if !table.contains_key("expires") {
        let place = reader.head.clone();
        reader.problem(place, format!("`expires` is missing in {TABLE}: expected {expected}"));
    }
    time(reader, table, "expires", date::expires, &expected)
}

/// A date or a time, as TOML has them or as a string.
fn time<'f, T>(
    reader: &mut Reader<'f>,
    table: &DeTable<'f>,
    key: &str,
    read: fn(&str) -> Option<T>,
    expected: &str,
) -> Option<T> {
    let value = table.get(key)?;
    let DeValue::Datetime(written) = value.get_ref() else {
        return reader.read(table, key, read, expected);
    };
    let text = written.to_string();
    let time = read(&text);
    if time.is_none() {
        reader.problem(value.span(), format!("`{key}` must be {expected}, not `{text}`"));
    }
    time
}

fn warn_of_caller(reader: &mut Reader<'_>, table: &DeTable<'_>, query: &Query, name: &str) {
    let (Some(loose), Some(value)) = (caller::loose(query.expr()), table.get("query")) else {
        return;
    };
    let place = Written::of(reader.text, value, query.source()).place(loose.part.span().start);
    let name = name.escape_debug();
    let message = if loose.chosen.is_empty() {
        format!("exception `{name}` does not say who calls, nor from where: it holds for everyone")
    } else {
        let fields = loose
            .chosen
            .iter()
            .map(|field| format!("`{}`", field.escape_debug()))
            .collect::<Vec<_>>();
        format!(
            "exception `{name}` rests only on what the caller chooses ({}): whoever knows it passes unseen; add who \
             calls or from where, e.g. `aws.cloudtrail.user_identity.session_context.session_issuer.arn` or \
             `source.ip`",
            fields.join(", ")
        )
    };
    reader.warn(place..place, message);
}
