//! Conditions of a query on fields that no record ever has.

use kql::{Expr, ExprKind, Field, Span, Test};

use super::field::{did_you_mean, is_known, known_fields};

/// A condition on a field that no record ever has: it is never true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// The field's full name, as it was written.
    pub name: String,
    /// The known field that was most likely meant.
    pub meant: Option<&'static str>,
    /// Where the condition stands in the query.
    pub span: Span,
}

/// Every such condition, in the order written. Field wildcards are not looked at.
pub fn unknown_fields(query: &Expr) -> Vec<UnknownField> {
    let mut unknown = Vec::new();
    collect(query, "", &mut unknown);
    unknown
}

fn collect(expr: &Expr, prefix: &str, unknown: &mut Vec<UnknownField>) {
    if let Some(name) = unknown_name(expr, prefix) {
        unknown.push(UnknownField { meant: did_you_mean(&name), name, span: expr.span() });
    }
    let nested = match expr.kind() {
        ExprKind::Nested { path, .. } => format!("{prefix}{path}."),
        _ => prefix.to_owned(),
    };
    expr.children().iter().for_each(|child| collect(child, &nested, unknown));
}

fn unknown_name(expr: &Expr, prefix: &str) -> Option<String> {
    let ExprKind::Leaf(leaf) = expr.kind() else { return None };
    let Field::Named(field) = leaf.field() else { return None };
    let name = format!("{prefix}{field}");
    // `user: *` asks whether there is anything under `user`.
    let object = format!("{name}.");
    let is_object =
        || *leaf.test() == Test::Exists && known_fields().any(|known| known.starts_with(&object));
    (!is_known(&name) && !is_object()).then_some(name)
}

impl std::fmt::Display for UnknownField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no record has the field `{}`", self.name.escape_debug())?;
        self.meant.map_or(Ok(()), |meant| write!(f, "; did you mean `{meant}`?"))
    }
}
