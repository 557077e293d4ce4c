//! Queries over findings and their facts. Its author relies on it, so what can never be
//! true is an error.

use kql::{Case, Expr, ExprKind, Field, Leaf, Query, Test};
use toml::de::DeTable;

use crate::finding::{FACT_FIELDS, FactKind};
use crate::rule::toml_file::query::{StringPlace, read_query};
use crate::rule::toml_file::reader::TomlReader;

/// The query of a table.
pub(super) fn read_fact_query(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<Query> {
    let was_strict = std::mem::replace(&mut reader.strict, true);
    let query = read_query(reader, table, &FACT_FIELDS.map(|(name, _)| name));
    reader.strict = was_strict;
    let query = query?;
    let place = StringPlace::new(reader.text, &table["query"], query.source());
    let mut wrong = Vec::new();
    collect_wrong_values(query.expr(), &mut wrong);
    for (start, message) in wrong {
        reader.add_problem(place.span(start), message);
    }
    Some(query)
}

/// The kind of a fact. Returns `None` for a field of records, and for one that does not exist.
pub(super) fn fact_kind(field: &str) -> Option<FactKind> {
    FACT_FIELDS.iter().find(|(name, _)| *name == field).map(|(_, kind)| *kind)
}

/// `admin, escalates, limited or unknown`
pub(super) fn words_of(kind: FactKind) -> String {
    let words: Vec<String> = kind.words().iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Every condition on a fact that no value of it meets, with its place in the query.
fn collect_wrong_values(expr: &Expr, wrong: &mut Vec<(usize, String)>) {
    if let ExprKind::Leaf(leaf) = expr.kind()
        && let Field::Named(field) = leaf.field()
        && let Some(kind) = fact_kind(field)
        && !can_match(leaf, kind)
    {
        wrong.push((expr.span().start, format!("`{field}` is {}", words_of(kind))));
    }
    expr.children().iter().for_each(|child| collect_wrong_values(child, wrong));
}

fn can_match(leaf: &Leaf, kind: FactKind) -> bool {
    match leaf.test() {
        Test::Exists => true,
        Test::Equals(literal) => kind.words().contains(&literal.text()),
        Test::Like(wildcard) => {
            kind != FactKind::Flag
                && kind.words().iter().any(|word| wildcard.matches(word, Case::Exact))
        }
        Test::Range(..) => false,
    }
}
