//! Why a query matches a record, or does not: clause by clause, with the values that the record
//! has.

use std::fmt;

use jiff::Timestamp;
use kql::{Document, Expr, ExprKind, Field, Query, Test, Value};

use crate::ecs::{self, View};
use crate::text::clean;

/// The most characters of a clause's text, and of one value.
const CLAUSE: usize = 300;
const VALUE: usize = 120;

/// The most values of a field that are shown.
const VALUES: usize = 5;

/// One clause of a query held against a record, and those under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Whether the record meets it.
    pub holds: bool,
    /// What it says, safe on a terminal: the condition, or `all of`, `any of`, `not` over the
    /// clauses under it.
    pub text: String,
    /// What the record has there, safe on a terminal; absent for a clause with others under it.
    pub found: Option<String>,
    /// The clauses under it.
    pub parts: Vec<Clause>,
}

/// Takes a query apart over a record. `now` is what date math counts from.
pub fn explain(query: &Query, view: &View<'_>, now: Timestamp) -> Clause {
    Explainer { view, now }.clause(query.expr())
}

struct Explainer<'a> {
    view: &'a View<'a>,
    now: Timestamp,
}

impl Explainer<'_> {
    fn clause(&self, expr: &Expr) -> Clause {
        let over = |text: &str| Clause {
            holds: expr.matches(self.view, self.now),
            text: text.to_owned(),
            found: None,
            parts: expr.children().iter().map(|part| self.clause(part)).collect(),
        };
        match expr.kind() {
            ExprKind::All => self.unit(expr, None),
            _ if let Some(found) = self.found_by(expr) => self.unit(expr, Some(found)),
            ExprKind::Not(inner) => match self.found_by(inner) {
                Some(found) => self.unit(expr, Some(found)),
                None => over("not"),
            },
            ExprKind::Or(_) => over("any of"),
            _ => over("all of"),
        }
    }

    /// A clause that is shown whole.
    fn unit(&self, expr: &Expr, found: Option<String>) -> Clause {
        let text = clean::text(&expr.to_string(), CLAUSE);
        Clause { holds: expr.matches(self.view, self.now), text, found, parts: Vec::new() }
    }

    /// What the record has for a condition, for several on one field, or for a `nested` one; none
    /// for other clauses.
    fn found_by(&self, expr: &Expr) -> Option<String> {
        match expr.kind() {
            ExprKind::Leaf(leaf) => Some(match leaf.field() {
                Field::Named(name) => self.values_of(name, leaf.test()),
                Field::Any | Field::Like(_) => self.leaves_for(expr),
            }),
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                let first = name_of(parts.first()?)?;
                let same = parts.iter().all(|part| name_of(part) == Some(first));
                same.then(|| self.values_of(first, &Test::Exists))
            }
            ExprKind::Nested { path, .. } => Some(self.objects_at(path)),
            ExprKind::All | ExprKind::Not(_) => None,
        }
    }

    fn values_of(&self, name: &str, test: &Test) -> String {
        let mut values = Vec::new();
        self.view.any_value(name, &mut |value| {
            values.push(shown(value));
            false
        });
        if !values.is_empty() {
            return format!("the record has {}", listed(values));
        }
        if *test == Test::Exists && self.view.any_object(name, &mut |_| true) {
            return "the record has an object there".to_owned();
        }
        absent(name)
    }

    /// The fields that meet a condition on any field, or on those of a pattern.
    fn leaves_for(&self, expr: &Expr) -> String {
        let mut found = Vec::new();
        self.view.any_leaf(&mut |name, value| {
            if expr.matches(&OneLeaf { name, value }, self.now) {
                found.push(format!("{}: {}", clean::text(name, VALUE), shown(value)));
            }
            false
        });
        if found.is_empty() {
            return "no field of the record meets it".to_owned();
        }
        format!("the record has {}", listed(found))
    }

    fn objects_at(&self, path: &str) -> String {
        let mut count = 0;
        self.view.any_object(path, &mut |_| {
            count += 1;
            false
        });
        match count {
            0 => {
                format!("the record has no object at {}: it is not met", clean::text(path, CLAUSE))
            }
            1 => "the record has 1 object there".to_owned(),
            _ => format!("the record has {count} objects there; one of them must meet all of it"),
        }
    }
}

/// The field of a condition on one field.
fn name_of(expr: &Expr) -> Option<&str> {
    match expr.kind() {
        ExprKind::Leaf(leaf) => match leaf.field() {
            Field::Named(name) => Some(name),
            Field::Any | Field::Like(_) => None,
        },
        _ => None,
    }
}

/// Why a field without a value matters: to people a missing value is often a surprise.
fn absent(name: &str) -> String {
    let shown = clean::text(name, CLAUSE);
    if ecs::is_known_field(name) {
        return format!("the record has no {shown}: no condition on it is met, `not` of one is");
    }
    let hint = ecs::did_you_mean(name).map(|meant| format!("; did you mean {meant}?"));
    format!(
        "no record has the field {shown}: no condition on it is ever met{}",
        hint.unwrap_or_default()
    )
}

fn shown(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => clean::text(text, VALUE),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Ip(address) => address.to_string(),
        Value::Date(time) => time.to_string(),
    }
}

fn listed(mut values: Vec<String>) -> String {
    let more = values.len().saturating_sub(VALUES);
    values.truncate(VALUES);
    let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{and_more}", values.join(", "))
}

/// A document of one leaf: what a condition on several fields is held against, field by field.
struct OneLeaf<'a> {
    name: &'a str,
    value: Value<'a>,
}

impl Document for OneLeaf<'_> {
    fn any_value(&self, field: &str, seen: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        field == self.name && seen(self.value)
    }

    fn any_leaf(&self, seen: &mut dyn FnMut(&str, Value<'_>) -> bool) -> bool {
        seen(self.name, self.value)
    }

    fn any_object(&self, _path: &str, _seen: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        false
    }
}

impl Clause {
    fn write(&self, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.holds { '✓' } else { '✗' };
        write!(f, "{}{mark} {}", "  ".repeat(depth), self.text)?;
        match &self.found {
            Some(found) => writeln!(f, "  ({found})")?,
            None => writeln!(f)?,
        }
        self.parts.iter().try_for_each(|part| part.write(depth + 1, f))
    }
}

impl fmt::Display for Clause {
    /// An indented tree, a line a clause, each ending with a line break.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudtrail::Record;
    use serde_json::json;

    fn tree(query: &str) -> String {
        let record = Record::from_value(json!({
            "eventName": "CreateGroup", "eventSource": "iam.amazonaws.com", "sourceIPAddress": "192.0.2.7",
            "userAgent": "evil\u{1b}[2J\u{202e}", "userIdentity": {"userName": "alice"},
            "requestParameters": {"groupName": "g", "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]},
        }));
        let record = record.unwrap();
        explain(&Query::parse(query).unwrap(), &View::new(&record), Timestamp::UNIX_EPOCH)
            .to_string()
    }

    #[test]
    fn each_clause_says_whether_it_holds_and_what_is_there() {
        let cases = [
            (
                "event.action: CreateGroup",
                "✓ event.action: CreateGroup  (the record has CreateGroup)\n",
            ),
            (
                "event.action: (AddUserToGroup or DeleteGroup)",
                "✗ event.action: (AddUserToGroup or DeleteGroup)  (the record has CreateGroup)\n",
            ),
            ("not user.name: bob", "✓ not user.name: bob  (the record has alice)\n"),
            (
                "user.target.name: bob",
                "✗ user.target.name: bob  (the record has no user.target.name: no condition on it is met, `not` of \
                 one is)\n",
            ),
            (
                "user.nmae: bob",
                "✗ user.nmae: bob  (no record has the field user.nmae: no condition on it is ever met; did you mean \
                 user.name?)\n",
            ),
            ("user: *", "✓ user: *  (the record has an object there)\n"),
            ("source.ip: 192.0.2.0/24", "✓ source.ip: 192.0.2.0/24  (the record has 192.0.2.7)\n"),
            (
                "user_agent.original: x",
                "✗ user_agent.original: x  (the record has evil\\u{1b}[2J\\u{202e})\n",
            ),
            ("alice", "✓ alice  (the record has related.user: alice, user.name: alice)\n"),
            ("group.*: h", "✗ group.*: h  (no field of the record meets it)\n"),
            (
                "aws.cloudtrail.flattened.request_parameters.tags: { key: a and value: 2 }",
                "✗ aws.cloudtrail.flattened.request_parameters.tags: { key: a and value: 2 }  (the record has 2 \
                 objects there; one of them must meet all of it)\n",
            ),
            ("*", "✓ *\n"),
            (
                "event.action: CreateGroup and not (user.name: alice and source.ip: 192.0.2.7)",
                "✗ all of\n  ✓ event.action: CreateGroup  (the record has CreateGroup)\n  ✗ not\n    ✓ all of\n      \
                 ✓ user.name: alice  (the record has alice)\n      ✓ source.ip: 192.0.2.7  (the record has \
                 192.0.2.7)\n",
            ),
            (
                "user.name: bob or group.name: g",
                "✓ any of\n  ✗ user.name: bob  (the record has alice)\n  ✓ group.name: g  (the record has g)\n",
            ),
        ];
        for (query, expected) in cases {
            assert_eq!(tree(query), expected, "{query}");
        }
    }
}
