//! A query in a file: its errors and suspicious parts are reported at their place in the file.

use std::collections::BTreeMap;
use std::ops::Range;

use eql::Statement;
use kql::Query;
use query_core::{ParseError, Span};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, hint};
use super::reader::TomlReader;
use crate::ecs::{self, UnknownField};
use crate::rule::correlation::Correlation;
use crate::rule::load::UnsupportedRule;
use crate::rule::rule_query::RuleQuery;
use crate::rule::unsatisfiable::{
    Lint, find_foreign_syntax, find_unsatisfiable, find_unsatisfiable_eql,
};

/// The query of a table, in KQL. `extra_fields` are fields that documents have in addition to those
/// of records.
pub(crate) fn read_query(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    extra_fields: &[&'static str],
) -> Option<Query> {
    let source = reader.required_text(table, "query")?;
    let place = StringPlace::new(reader.text, &table["query"], &source);
    match Query::parse(&source) {
        Ok(query) => {
            let unknown = ecs::unknown_fields(query.expr(), extra_fields);
            let foreign = find_foreign_syntax(&source, query.expr());
            let lints = find_unsatisfiable(query.expr()).into_iter().chain(foreign).collect();
            add_lints(reader, &place, unknown, lints);
            Some(query)
        }
        Err(error) => {
            add_query_problem(reader, &place, &error);
            None
        }
    }
}

/// The query of a table, in EQL, with the category in `category_field`.
pub(crate) fn read_eql(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    category_field: Option<String>,
) -> Option<RuleQuery> {
    let source = reader.required_text(table, "query")?;
    let place = StringPlace::new(reader.text, &table["query"], &source);
    match Statement::parse(&source) {
        Ok(Statement::Event(query)) => {
            let query = match category_field {
                Some(field) => query.with_category_field(field),
                None => query,
            };
            add_eql_lints(reader, &place, &query);
            Some(RuleQuery::Eql(query))
        }
        Ok(Statement::Sequence(sequence)) => {
            let sequence = match category_field {
                Some(field) => sequence.with_category_field(&field),
                None => sequence,
            };
            for step in sequence.all_steps() {
                add_eql_lints(reader, &place, step.query());
            }
            for (start, message) in unknown_keys(&sequence) {
                reader.add_lint(place.span(start), message);
            }
            Some(RuleQuery::Sequence(Box::new(sequence)))
        }
        Err(error) => {
            add_query_problem(reader, &place, &error);
            None
        }
    }
}

fn add_eql_lints(reader: &mut TomlReader<'_>, place: &StringPlace, query: &eql::Query) {
    let unknown = ecs::unknown_eql_fields(query.expr());
    add_lints(reader, place, unknown, find_unsatisfiable_eql(query));
}

/// No event is in a sequence by a field that no record has. The messages are by their places: those
/// before the steps are keys of each step, and written once.
fn unknown_keys(sequence: &eql::Sequence) -> BTreeMap<usize, String> {
    let keys = sequence.all_steps().flat_map(|step| step.keys());
    let unknown = keys.filter(|key| !key.is_optional && !ecs::is_known_field(&key.field));
    let messages = unknown.map(|key| {
        let hint = hint(ecs::did_you_mean(&key.field));
        let field = key.field.escape_debug();
        (key.span.start, format!("its sequence is by `{field}`, which no record has{hint}"))
    });
    messages.collect()
}

/// Why a valid query in EQL cannot run here; `None` if it can, or if it is not valid.
pub(crate) fn find_unsupported_eql(
    reader: &TomlReader<'_>,
    table: &DeTable<'_>,
) -> Option<UnsupportedRule> {
    let value = table.get("query")?;
    let source = value.get_ref().as_str()?;
    let place = StringPlace::new(reader.text, value, source);
    let error = match Statement::parse(source) {
        Ok(Statement::Sequence(sequence)) => {
            let longest = Correlation::MAX_TIMESPAN.unsigned_abs();
            sequence.maxspan().filter(|maxspan| *maxspan > longest)?;
            let start = source.find("maxspan").unwrap_or_default();
            let span = Span { start, end: start + "maxspan".len() };
            ParseError::unsupported(source, span, "expected a `maxspan` of at most 48 hours".into())
        }
        parsed => parsed.err().filter(ParseError::is_unsupported)?,
    };
    let problem = Problem { excerpt: None, ..query_problem(reader, &place, &error) };
    Some(UnsupportedRule { reason: error.message().to_owned(), problem })
}

/// Public rules have some of these conditions; they are never true in Elastic either.
fn add_lints(
    reader: &mut TomlReader<'_>,
    place: &StringPlace,
    unknown: Vec<UnknownField>,
    unsatisfiable: Vec<Lint>,
) {
    for field in unknown {
        reader.add_lint(place.span(field.span.start), field.to_string());
    }
    for Lint { span: Span { start, .. }, message } in unsatisfiable {
        reader.add_lint(place.span(start), message);
    }
}

fn add_query_problem(reader: &mut TomlReader<'_>, place: &StringPlace, error: &ParseError) {
    let problem = query_problem(reader, place, error);
    reader.problems.push(problem);
}

fn query_problem(reader: &TomlReader<'_>, place: &StringPlace, error: &ParseError) -> Problem {
    let position = reader.position(place.span(error.span().start));
    let problem = Problem::in_file(reader.path, format!("in `query`: {}", error.message()));
    Problem { excerpt: Some(excerpt(error, position.line)), ..problem.at(position) }
}

/// Where the text of a TOML string is in the file.
pub(crate) struct StringPlace {
    start: usize,
    /// The file has the text itself, without escapes: each of its bytes has a place of its own.
    is_literal: bool,
}

impl StringPlace {
    pub(crate) fn new(file: &str, value: &Spanned<DeValue<'_>>, text: &str) -> StringPlace {
        let start = content_start(file, value.span().start);
        let is_literal = file.get(start..).is_some_and(|rest| rest.starts_with(text));
        StringPlace { start, is_literal }
    }

    /// The place of a byte of the text in the file; the start of the text if it has escapes.
    pub(crate) fn span(&self, byte: usize) -> Range<usize> {
        let place = if self.is_literal { self.start + byte } else { self.start };
        place..place
    }
}

/// The first byte after the opening quotes. A line break right after three quotes is not part of
/// the text. Source: <https://toml.io/en/v1.0.0#string>
fn content_start(file: &str, start: usize) -> usize {
    let value = file.get(start..).unwrap_or_default();
    let long = ["'''", "\"\"\""].iter().find_map(|quotes| value.strip_prefix(quotes));
    let rest = match long {
        Some(rest) => rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest),
        None => value.get(1..).unwrap_or_default(),
    };
    file.len() - rest.len()
}

/// The excerpt that the error shows, with the line's number in the file.
fn excerpt(error: &ParseError, line: usize) -> String {
    let message = error.to_string();
    let mut lines = message.lines().skip(1).filter_map(|line| Some(line.split_once(" | ")?.1));
    let text = lines.next().unwrap_or_default();
    let caret = lines.next().unwrap_or_default();
    let number = line.to_string();
    format!("{number} | {text}\n{:width$} | {caret}", "", width = number.len())
}
