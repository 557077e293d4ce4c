//! Why a query matches a record or not: clause by clause, with the values that the record has.

mod eql_clauses;

use std::fmt;

use jiff::Timestamp;
use kql::{Document, Expr, ExprKind, Field, Test, Value};

use super::rule_query::RuleQuery;
use super::toml_file::problem::hint;
use crate::ecs::{self, View};
use crate::text::clean;

/// The most characters of a clause.
const MAX_CLAUSE: usize = 300;
/// The most characters of one value.
const MAX_VALUE: usize = 120;
/// The most values of a field that are shown.
const MAX_VALUES: usize = 5;

/// One clause of a query evaluated over a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Whether the record meets it.
    pub holds: bool,
    /// The condition, safe on a terminal; or `all of`, `any of` or `not` over the parts.
    pub text: String,
    /// What the record has there, safe on a terminal; `None` if the clause has parts.
    pub found: Option<String>,
    /// The clauses that it consists of.
    pub parts: Vec<Clause>,
}

/// Evaluates each clause of a query over a record. Date math counts from `now`.
pub fn explain(query: &RuleQuery, view: &View<'_>, now: Timestamp) -> Clause {
    let explainer = Explainer { view, now };
    match query {
        RuleQuery::Kql(query) => explainer.clause(query.expr()),
        RuleQuery::Eql(query) => explainer.eql_query(query),
        RuleQuery::Sequence(sequence) => explainer.sequence(sequence),
    }
}

struct Explainer<'a> {
    view: &'a View<'a>,
    now: Timestamp,
}

impl Explainer<'_> {
    fn clause(&self, expr: &Expr) -> Clause {
        let holds = expr.matches(self.view, self.now);
        let inner = if let ExprKind::Not(inner) = expr.kind() { inner } else { expr };
        let found = self.found_for(inner);
        let operator = match expr.kind() {
            _ if found.is_some() => None,
            ExprKind::All => None,
            ExprKind::Not(_) => Some("not"),
            ExprKind::Or(_) => Some("any of"),
            _ => Some("all of"),
        };
        match operator {
            Some(operator) => {
                let parts = expr.children().iter().map(|part| self.clause(part)).collect();
                Clause { holds, text: operator.to_owned(), found: None, parts }
            }
            None => {
                let text = clean::text(&expr.to_string(), MAX_CLAUSE);
                Clause { holds, text, found, parts: Vec::new() }
            }
        }
    }

    /// What the record has for a condition, for several on the same field, or for a nested one;
    /// `None` for other clauses.
    fn found_for(&self, expr: &Expr) -> Option<String> {
        match expr.kind() {
            ExprKind::Leaf(leaf) => Some(match leaf.field() {
                Field::Named(name) => self.values_of(name, leaf.test()),
                Field::Any | Field::Like(_) => self.matching_fields(expr),
            }),
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                let first = field_name(parts.first()?)?;
                let is_same = parts.iter().all(|part| field_name(part) == Some(first));
                is_same.then(|| self.values_of(first, &Test::Exists))
            }
            ExprKind::Nested { path, .. } => Some(self.objects_at(path)),
            ExprKind::All | ExprKind::Not(_) => None,
        }
    }

    fn values_of(&self, name: &str, test: &Test) -> String {
        let mut values = Vec::new();
        self.view.any_value(name, &mut |value| {
            values.push(format_value(value));
            false
        });
        if !values.is_empty() {
            return format!("the record has {}", join_values(&values));
        }
        if *test == Test::Exists && self.view.any_object(name, &mut |_| true) {
            return "the record has an object there".to_owned();
        }
        describe_absence(name)
    }

    /// The fields that meet a condition on any field, or on those of a pattern.
    fn matching_fields(&self, expr: &Expr) -> String {
        let mut fields = Vec::new();
        self.view.any_leaf(&mut |name, value| {
            if expr.matches(&OneField { name, value }, self.now) {
                fields.push(format!("{}: {}", clean::text(name, MAX_VALUE), format_value(value)));
            }
            false
        });
        if fields.is_empty() {
            return "no field of the record meets it".to_owned();
        }
        format!("the record has {}", join_values(&fields))
    }

    fn objects_at(&self, path: &str) -> String {
        let mut count = 0;
        self.view.any_object(path, &mut |_| {
            count += 1;
            false
        });
        match count {
            0 => format!("the record has no object at {}", clean::text(path, MAX_CLAUSE)),
            1 => "the record has 1 object there".to_owned(),
            _ => format!("the record has {count} objects there; one of them must meet all of it"),
        }
    }
}

/// The field of a condition on one field.
fn field_name(expr: &Expr) -> Option<&str> {
    let ExprKind::Leaf(leaf) = expr.kind() else { return None };
    let Field::Named(name) = leaf.field() else { return None };
    Some(name)
}

/// People do not expect that a field without a value meets no condition, but `not` of each.
fn describe_absence(field: &str) -> String {
    let name = clean::text(field, MAX_CLAUSE);
    if ecs::is_known_field(field) {
        return format!("the record has no {name}, so only `not` conditions on it are met");
    }
    let hint = hint(ecs::did_you_mean(field));
    format!("no record has the field {name}, so no condition on it is ever met{hint}")
}

fn format_value(value: Value<'_>) -> String {
    match value {
        Value::Text(text) | Value::Name(text) => clean::text(text, MAX_VALUE),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Ip(address) => address.to_string(),
        Value::Date(time) => time.to_string(),
    }
}

fn join_values(values: &[String]) -> String {
    let shown = values[..values.len().min(MAX_VALUES)].join(", ");
    match values.len().saturating_sub(MAX_VALUES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A document of one field.
struct OneField<'a> {
    name: &'a str,
    value: Value<'a>,
}

impl Document for OneField<'_> {
    fn any_value(&self, field: &str, accept: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        field == self.name && accept(self.value)
    }

    fn any_leaf(&self, accept: &mut dyn FnMut(&str, Value<'_>) -> bool) -> bool {
        accept(self.name, self.value)
    }

    fn any_object(&self, _path: &str, _accept: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        false
    }
}

impl Clause {
    fn write_at_depth(&self, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.holds { '✓' } else { '✗' };
        write!(f, "{}{mark} {}", "  ".repeat(depth), self.text)?;
        if let Some(found) = &self.found {
            write!(f, "  ({found})")?;
        }
        writeln!(f)?;
        self.parts.iter().try_for_each(|part| part.write_at_depth(depth + 1, f))
    }
}

impl fmt::Display for Clause {
    /// An indented tree, one line for each clause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_at_depth(0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudtrail::Record;
    use serde_json::json;

    fn record() -> Record {
        let record = Record::from_value(json!({
            "eventName": "CreateGroup",
            "eventSource": "iam.amazonaws.com",
            "sourceIPAddress": "192.0.2.7",
            "userAgent": "evil\u{1b}[2J\u{202e}",
            "userIdentity": {"userName": "alice"},
            "requestParameters": {
                "groupName": "g",
                "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}],
            },
        }));
        record.unwrap()
    }

    #[test]
    fn each_clause_shows_whether_it_holds_and_what_the_record_has() {
        let record = record();
        let queries = [
            "event.action: CreateGroup",
            "event.action: (AddUserToGroup or DeleteGroup)",
            "not user.name: bob",
            "user.target.name: bob",
            "user.nmae: bob",
            "user: *",
            "source.ip: 192.0.2.0/24",
            "user_agent.original: x",
            "alice",
            "group.*: h",
            "aws.cloudtrail.flattened.request_parameters.tags: { key: a and value: 2 }",
            "aws.cloudtrail.flattened.request_parameters.none: { key: a }",
            "*",
            "event.action: CreateGroup and not (user.name: alice and source.ip: 192.0.2.7)",
            "user.name: bob or group.name: g",
        ];
        let trees = queries.map(|query| {
            let query = kql::Query::parse(query).unwrap().into();
            explain(&query, &View::new(&record), Timestamp::UNIX_EPOCH).to_string()
        });
        insta::assert_snapshot!(trees.join("\n"));
    }

    #[test]
    fn clauses_in_eql_show_the_same() {
        let record = record();
        let queries = [
            "iam where event.action == \"CreateGroup\" and user.name in (\"bob\", \"carol\")",
            "\"process\" where true",
            "any where not (user.name : \"AL*\" or source.ip == \"192.0.2.0/24\")",
            "any where user.name != \"bob\" and not event.action like \"Create*\"",
            "any where stringContains(aws.cloudtrail.request_parameters, \"groupName=g\")",
            "any where length(concat(user.name, user.target.name)) > 3",
            "any where user.nmae == null or user.target.name == null",
        ];
        let trees = queries.map(|query| {
            let query = eql::Query::parse(query).unwrap().into();
            explain(&query, &View::new(&record), Timestamp::UNIX_EPOCH).to_string()
        });
        insta::assert_snapshot!(trees.join("\n"));
    }
}
