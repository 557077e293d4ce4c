//! A query in a file: its errors and suspicious parts are reported at their place in the file.

use std::ops::Range;

use kql::{ParseError, Query};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::TomlReader;
use crate::ecs::{self, UnknownField, nearest_name};
use crate::rule::unsatisfiable;

/// The query of a table. `extra_fields` are fields that documents have in addition to those
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
            // Public rules have some of these conditions; they are never true in Elastic either.
            for unknown in ecs::unknown_fields(query.expr()) {
                if extra_fields.contains(&unknown.name.as_str()) {
                    continue;
                }
                let extra = || nearest_name(&unknown.name, extra_fields.iter().copied());
                let unknown = UnknownField { meant: unknown.meant.or_else(extra), ..unknown };
                reader.add_lint(place.span(unknown.span.start), unknown.to_string());
            }
            for lint in unsatisfiable::find_unsatisfiable(query.expr()) {
                reader.add_lint(place.span(lint.span.start), lint.message);
            }
            Some(query)
        }
        Err(error) => {
            let span = place.span(error.span().start);
            let line = reader.position(span.clone()).line;
            reader.add_problem(span, format!("in `query`: {}", error.message()));
            if let Some(problem) = reader.problems.last_mut() {
                problem.excerpt = Some(excerpt(&error, line));
            }
            None
        }
    }
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
