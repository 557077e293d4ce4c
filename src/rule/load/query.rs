//! The query of a rule file: errors and odd fields are reported at their place in the file.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::Reader;
use super::report::Problem;
use crate::ecs;
use crate::kql::{Expr, ExprKind, Field, ParseError, Query, Test};

/// The query, parsed, where it can be.
pub(super) fn read<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>) -> Option<Query> {
    let source = reader.required(table, "query")?;
    let written = Written::of(reader.text, table.get("query")?, source);
    match Query::parse(source) {
        Ok(query) => {
            warn_of_fields(reader, &written, query.expr(), "");
            Some(query)
        }
        Err(error) => {
            let place = written.place(error.span().start);
            let message = format!("in `query`: {}", error.message());
            let mut problem = Problem::at(reader.path, reader.text, place..place, message);
            problem.excerpt = Some(excerpt(&error, problem.position.map_or(error.line(), |position| position.line)));
            reader.problems.push(problem);
            None
        }
    }
}

/// Where the text of a TOML string stands in the file.
struct Written {
    start: usize,
    /// Between the quotes stands the text itself, no escapes: then every byte of it has a place of its own.
    literally: bool,
}

impl Written {
    fn of(file: &str, value: &Spanned<DeValue<'_>>, text: &str) -> Written {
        let between = content(file, value.span().start);
        let literally = file.get(between..).is_some_and(|rest| rest.starts_with(text));
        Written { start: between, literally }
    }

    fn place(&self, byte: usize) -> usize {
        if self.literally { self.start + byte } else { self.start }
    }
}

/// The first byte after the opening quotes. A line break right after three of them is not part of the text.
fn content(file: &str, start: usize) -> usize {
    let value = file.get(start..).unwrap_or_default();
    let long = ["'''", "\"\"\""].iter().find_map(|quotes| value.strip_prefix(quotes));
    let rest = match long {
        Some(rest) => rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest),
        None => value.get(1..).unwrap_or_default(),
    };
    file.len() - rest.len()
}

/// The line at fault and the caret, as the error shows them, under the number that the line has in the file.
fn excerpt(error: &ParseError, line: usize) -> String {
    let shown = error.to_string();
    let mut bodies = shown.lines().skip(1).filter_map(|line| line.split_once(" | ").map(|(_, body)| body));
    let (text, caret) = (bodies.next().unwrap_or_default(), bodies.next().unwrap_or_default());
    let number = line.to_string();
    format!("{number} | {text}\n{} | {caret}", " ".repeat(number.len()))
}

/// Warns of conditions on fields that no record ever has. Public rules have some; they are false there as here.
fn warn_of_fields(reader: &mut Reader<'_>, written: &Written, expr: &Expr, prefix: &str) {
    if let Some(name) = unknown_field(expr, prefix) {
        let place = written.place(expr.span().start);
        let hint = ecs::did_you_mean(&name).map(|meant| format!("; did you mean `{meant}`?"));
        let message = format!("no record has the field `{}`{}", name.escape_debug(), hint.unwrap_or_default());
        reader.warn(place..place, message);
    }
    let nested = match expr.kind() {
        ExprKind::Nested { path, .. } => format!("{prefix}{path}."),
        _ => prefix.to_owned(),
    };
    expr.children().iter().for_each(|child| warn_of_fields(reader, written, child, &nested));
}

fn unknown_field(expr: &Expr, prefix: &str) -> Option<String> {
    let ExprKind::Leaf(leaf) = expr.kind() else { return None };
    let Field::Named(field) = leaf.field() else { return None };
    let name = format!("{prefix}{field}");
    // `user: *` asks whether there is anything under `user`.
    let object = format!("{name}.");
    let is_object = || *leaf.test() == Test::Exists && ecs::known_fields().any(|known| known.starts_with(&object));
    (!ecs::is_known(&name) && !is_object()).then_some(name)
}
