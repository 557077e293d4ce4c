//! Which calls a query can match at all: read off its tree, so that a record is held only against
//! the few rules that its service and its call leave over.

use std::collections::BTreeSet;

use kql::{Expr, ExprKind, Field, Leaf, Test};

/// Values of a field.
type Names = BTreeSet<String>;

/// What `event.provider` and `event.action` must be among for a record to match; none where
/// anything will do. Never too narrow; it may be too wide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequiredFields {
    /// What `event.provider` must be among.
    pub providers: Option<Names>,
    /// What `event.action` must be among.
    pub actions: Option<Names>,
}

impl RequiredFields {
    /// What an expression asks for. A negation, a wildcard, a range or another field asks for
    /// nothing.
    pub fn from_expr(expr: &Expr) -> RequiredFields {
        let children = || expr.children().iter().map(RequiredFields::from_expr);
        match expr.kind() {
            ExprKind::Leaf(leaf) => RequiredFields::of_leaf(leaf),
            ExprKind::And(_) => children().reduce(RequiredFields::and).unwrap_or_default(),
            ExprKind::Or(_) => children().reduce(RequiredFields::or).unwrap_or_default(),
            ExprKind::All | ExprKind::Nested { .. } | ExprKind::Not(_) => RequiredFields::default(),
        }
    }

    fn of_leaf(leaf: &Leaf) -> RequiredFields {
        let (Field::Named(field), Test::Equals(literal)) = (leaf.field(), leaf.test()) else {
            return RequiredFields::default();
        };
        // A block of addresses equals every address in it, in keywords too.
        if literal.text().contains('/') {
            return RequiredFields::default();
        }
        let names = Some(Names::from([literal.text().to_owned()]));
        match field.as_str() {
            "event.provider" => RequiredFields { providers: names, actions: None },
            "event.action" => RequiredFields { providers: None, actions: names },
            _ => RequiredFields::default(),
        }
    }

    fn and(self, other: RequiredFields) -> RequiredFields {
        RequiredFields {
            providers: both(self.providers, other.providers),
            actions: both(self.actions, other.actions),
        }
    }

    fn or(self, other: RequiredFields) -> RequiredFields {
        RequiredFields {
            providers: either(self.providers, other.providers),
            actions: either(self.actions, other.actions),
        }
    }
}

fn both(one: Option<Names>, other: Option<Names>) -> Option<Names> {
    match (one, other) {
        (Some(one), Some(other)) => Some(&one & &other),
        (one, other) => one.or(other),
    }
}

fn either(one: Option<Names>, other: Option<Names>) -> Option<Names> {
    Some(&one? | &other?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql::Query;

    fn names(names: Option<Names>) -> String {
        names.map_or("*".to_owned(), |names| names.into_iter().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn only_what_must_be_so_is_pinned() {
        let cases = [
            (
                "event.provider: iam.amazonaws.com and event.action: CreateGroup",
                "iam.amazonaws.com",
                "CreateGroup",
            ),
            ("event.provider: a and event.action: (X or Y)", "a", "X Y"),
            (
                "(event.provider: a and event.action: X) or (event.provider: b and event.action: Y)",
                "a b",
                "X Y",
            ),
            ("event.provider: a or event.action: X", "*", "*"),
            ("event.provider: (a or b) and event.provider: (b or c)", "b", "*"),
            ("event.provider: a and event.provider: b", "", "*"),
            ("event.provider: a and not event.action: X", "a", "*"),
            ("not event.provider: a", "*", "*"),
            ("event.provider: a and event.action: Create*", "a", "*"),
            ("event.action: *", "*", "*"),
            ("event.action >= A", "*", "*"),
            ("event.*: X", "*", "*"),
            ("CreateGroup", "*", "*"),
            ("event: { action: X }", "*", "*"),
            ("event.action: 192.0.2.0/24", "*", "*"),
            ("user.name: alice and event.action: X", "*", "X"),
            ("", "*", "*"),
        ];
        for (query, providers, actions) in cases {
            let required_fields = RequiredFields::from_expr(Query::parse(query).unwrap().expr());
            assert_eq!(
                (names(required_fields.providers), names(required_fields.actions)),
                (providers.to_owned(), actions.to_owned()),
                "{query}"
            );
        }
    }
}
