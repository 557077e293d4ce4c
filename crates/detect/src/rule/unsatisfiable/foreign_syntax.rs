//! Operators of other languages in KQL, where they are part of a text that is searched for: nothing
//! says so, and the rule never finds anything.

use kql::{Expr, ExprKind, Field, Leaf};

use super::Lint;

/// Every condition that seems to use such an operator, in the order written. What is in quotes is
/// meant as it is.
pub(crate) fn find_foreign_syntax(source: &str, expr: &Expr) -> Vec<Lint> {
    let mut lints = Vec::new();
    collect(source, expr, &mut lints);
    lints
}

fn collect(source: &str, expr: &Expr, lints: &mut Vec<Lint>) {
    if let ExprKind::Leaf(leaf) = expr.kind() {
        let operator = foreign_operator(leaf, expr.span().text(source));
        lints.extend(operator.map(|(operator, instead)| Lint {
            span: expr.span(),
            message: format!("KQL searches for `{operator}` as a text here; {instead}"),
        }));
    }
    expr.children().iter().for_each(|child| collect(source, child, lints));
}

/// The operator, and what is to be written instead.
fn foreign_operator<'s>(leaf: &Leaf, text: &'s str) -> Option<(&'s str, &'static str)> {
    let unquoted = || text.split('"').step_by(2);
    let words = unquoted().flat_map(str::split_whitespace);
    // The first word is a field or a value.
    let pairs = words.clone().zip(words.skip(1));
    let mut operators = pairs.filter(|(before, word)| !is_value(before, word));
    if let Some(found) = operators.find_map(|(_, word)| Some((word, instead_of(word)?))) {
        return Some(found);
    }
    let has_sign = unquoted().any(|part| part.contains('='));
    let is_comparison = matches!(leaf.field(), Field::Any) && has_sign && !text.contains(' ');
    is_comparison.then_some(("=", COMPARE))
}

/// `url.full: //host` has no comment.
fn is_value(before: &str, word: &str) -> bool {
    before.ends_with(':') && word.starts_with("//")
}

const COMPARE: &str = "compare with `:`, as in `user.name: alice`";

fn instead_of(word: &str) -> Option<&'static str> {
    match word {
        "=" | "==" => Some(COMPARE),
        "!=" | "<>" => Some("write `not` before the condition"),
        "&&" | "&" => Some("write `and`"),
        "||" => Some("write `or`"),
        "|" => Some("KQL has no pipes: leave out what follows, or put the value in quotes"),
        _ if word.starts_with("//") => Some("KQL has no comments: leave it out"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use kql::Query;

    use super::*;

    #[test]
    fn operators_of_other_languages_are_reported() {
        let cases = [
            ("user.name = alice", "user.name = alice", "`=` as a text"),
            ("user.name=alice", "user.name=alice", "`=` as a text"),
            ("event.action: A and user.name == alice", "user.name == alice", "`==` as a text"),
            ("user.name != alice", "user.name != alice", "`not`"),
            ("user.name: alice && x", "user.name: alice && x", "write `and`"),
            ("user.name: (alice || bob)", "user.name: (alice || bob)", "write `or`"),
            ("user.name: alice | head", "user.name: alice | head", "no pipes"),
            ("user.name: alice //c", "user.name: alice //c", "no comments"),
            ("not user: { name: alice && x }", "name: alice && x", "write `and`"),
        ];
        for (source, place, message) in cases {
            let query = Query::parse(source).unwrap();
            let lints = find_foreign_syntax(source, query.expr());
            assert_eq!(lints.len(), 1, "{source}");
            assert_eq!(lints[0].span.text(source), place, "{source}");
            assert!(lints[0].message.contains(message), "{source}: {}", lints[0].message);
        }
        for source in [
            "user.name: \"alice && x\"",
            "user.name: \"a = b\" and event.action: A",
            "user.name: a=b",
            "\"a=b\"",
            "user_agent.original: Mozilla* and source.ip >= 10.0.0.1",
            "url.full: //host/path",
            "user.name: alice bob",
        ] {
            let query = Query::parse(source).unwrap();
            let lints = find_foreign_syntax(source, query.expr());
            assert!(lints.is_empty(), "{source}: {}", lints[0].message);
        }
    }
}
