//! The query of a rule file: errors and odd fields are reported at their place in the file.

use kql::{ParseError, Query};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::Reader;
use super::report::Problem;
use crate::ecs;
use crate::rule::check::unsatisfiable;

/// The query, parsed, where it can be.
pub(in crate::rule) fn read<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>) -> Option<Query> {
    read_for(reader, table, &|_| false)
}

/// The same for documents that have further fields.
pub(in crate::rule) fn read_for<'f>(
    reader: &mut Reader<'f>,
    table: &DeTable<'f>,
    has_field: &dyn Fn(&str) -> bool,
) -> Option<Query> {
    let source = reader.required(table, "query")?;
    let written = Written::of(reader.text, table.get("query")?, source);
    match Query::parse(source) {
        Ok(query) => {
            // Public rules have some of these; they are false there as here.
            for unknown in
                ecs::unknown_fields(query.expr()).into_iter().filter(|it| !has_field(&it.name))
            {
                let place = written.place(unknown.span.start);
                reader.odd(place..place, unknown.to_string());
            }
            for lint in unsatisfiable::lints(query.expr()) {
                let place = written.place(lint.span.start);
                reader.odd(place..place, lint.message);
            }
            Some(query)
        }
        Err(error) => {
            let place = written.place(error.span().start);
            let message = format!("in `query`: {}", error.message());
            let mut problem = Problem::at(reader.path, reader.text, place..place, message);
            problem.excerpt = Some(excerpt(
                &error,
                problem.position.map_or(error.line(), |position| position.line),
            ));
            reader.problems.push(problem);
            None
        }
    }
}

/// Where the text of a TOML string stands in the file.
pub(in crate::rule) struct Written {
    start: usize,
    /// Between the quotes stands the text itself, no escapes: then every byte of it has a place of
    /// its own.
    literally: bool,
}

impl Written {
    pub(in crate::rule) fn of(file: &str, value: &Spanned<DeValue<'_>>, text: &str) -> Written {
        let between = content(file, value.span().start);
        let literally = file.get(between..).is_some_and(|rest| rest.starts_with(text));
        Written { start: between, literally }
    }

    /// The byte of the file at which a byte of the text stands; where the text starts, if it is
    /// written with escapes.
    pub(in crate::rule) fn place(&self, byte: usize) -> usize {
        if self.literally { self.start + byte } else { self.start }
    }
}

/// The first byte after the opening quotes. A line break right after three of them is not part of
/// the text.
fn content(file: &str, start: usize) -> usize {
    let value = file.get(start..).unwrap_or_default();
    let long = ["'''", "\"\"\""].iter().find_map(|quotes| value.strip_prefix(quotes));
    let rest = match long {
        Some(rest) => rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest),
        None => value.get(1..).unwrap_or_default(),
    };
    file.len() - rest.len()
}

/// The line at fault and the caret, as the error shows them, under the number that the line has in
/// the file.
fn excerpt(error: &ParseError, line: usize) -> String {
    let shown = error.to_string();
    let mut bodies =
        shown.lines().skip(1).filter_map(|line| line.split_once(" | ").map(|(_, body)| body));
    let (text, caret) = (bodies.next().unwrap_or_default(), bodies.next().unwrap_or_default());
    let number = line.to_string();
    format!("{number} | {text}\n{} | {caret}", " ".repeat(number.len()))
}
