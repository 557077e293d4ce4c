//! The clauses of a query in EQL.

use eql::{Expr, ExprKind, JoinKey, Leaf, Sequence, Step};
use kql::{Document, Test};

use super::{Clause, Explainer, MAX_CLAUSE};
use crate::ecs;
use crate::rule::toml_file::problem::hint;
use crate::text::clean;

impl Explainer<'_> {
    /// The category and the condition.
    pub(super) fn eql_query(&self, query: &eql::Query) -> Clause {
        let condition = self.eql_clause(query.expr());
        let Some(category) = query.category() else { return condition };
        let field = query.category_field();
        let category = Clause {
            holds: query.matches_category(self.view),
            text: clean::text(&format!("{field} == {category:?}"), MAX_CLAUSE),
            found: Some(self.values_of(field, &Test::Exists)),
            parts: Vec::new(),
        };
        let holds = category.holds && condition.holds;
        let parts = match query.expr().kind() {
            ExprKind::And(_) => [category].into_iter().chain(condition.parts).collect(),
            _ => vec![category, condition],
        };
        Clause { holds, text: "all of".to_owned(), found: None, parts }
    }

    /// The steps, any of which a record can match.
    pub(super) fn sequence(&self, sequence: &Sequence) -> Clause {
        let count = sequence.steps().len();
        let name = |index: usize| match index {
            _ if index < count => format!("step {} of {count}", index + 1),
            _ => "until".to_owned(),
        };
        let steps = sequence.all_steps().enumerate();
        let parts: Vec<Clause> =
            steps.map(|(index, step)| self.sequence_step(step, name(index))).collect();
        let holds = parts.iter().any(|part| part.holds);
        Clause { holds, text: "any of".to_owned(), found: None, parts }
    }

    fn sequence_step(&self, step: &Step, text: String) -> Clause {
        let query = self.eql_query(step.query());
        let keys = step.keys().iter().map(|JoinKey { field, is_optional, .. }| {
            let has_value = self.view.any_value(field, &mut |_| true);
            let by = if *is_optional { "by ?" } else { "by " };
            Clause {
                holds: has_value || *is_optional,
                text: clean::text(&format!("{by}{field}"), MAX_CLAUSE),
                found: Some(match has_value {
                    true => self.values_of(field, &Test::Exists),
                    false => describe_null(field),
                }),
                parts: Vec::new(),
            }
        });
        let parts: Vec<Clause> = std::iter::once(query).chain(keys).collect();
        Clause { holds: parts.iter().all(|part| part.holds), text, found: None, parts }
    }

    fn eql_clause(&self, expr: &Expr) -> Clause {
        let holds = expr.matches(self.view, self.now);
        let inner = if let ExprKind::Not(inner) = expr.kind() { inner } else { expr };
        let operator = match (inner.kind(), expr.kind()) {
            (ExprKind::Leaf(leaf), _) => {
                let text = clean::text(&expr.to_string(), MAX_CLAUSE);
                return Clause { holds, text, found: Some(self.found_in(leaf)), parts: Vec::new() };
            }
            (ExprKind::Constant(_), _) => {
                let text = clean::text(&expr.to_string(), MAX_CLAUSE);
                return Clause { holds, text, found: None, parts: Vec::new() };
            }
            (_, ExprKind::Not(_)) => "not",
            (_, ExprKind::Or(_)) => "any of",
            _ => "all of",
        };
        let parts = expr.children().iter().map(|part| self.eql_clause(part)).collect();
        Clause { holds, text: operator.to_owned(), found: None, parts }
    }

    /// What the record has in the fields of a condition.
    fn found_in(&self, leaf: &Leaf) -> String {
        let mut names: Vec<String> = Vec::new();
        leaf.term().for_each_field(&mut |name, _| {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        });
        let found = |name: &String| {
            let has_value = self.view.any_value(name, &mut |_| true);
            if has_value { self.values_of(name, &Test::Exists) } else { describe_null(name) }
        };
        names.iter().map(found).collect::<Vec<_>>().join("; ")
    }
}

/// People do not expect that a field without a value meets `not` of each condition.
fn describe_null(field: &str) -> String {
    let name = clean::text(field, MAX_CLAUSE);
    if ecs::is_known_field(field) {
        return format!("the record has no {name}: it is null");
    }
    let hint = hint(ecs::did_you_mean(field));
    format!("no record has the field {name}: it is null{hint}")
}
