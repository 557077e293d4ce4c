//! Names that are not known, and what was probably meant.

use std::fmt;

use kql::{Expr, ExprKind, Field, Span, Test};
use query_core::nearest_name;

use super::field::{is_known_field, known_fields};
use super::flattened::FlattenedField;

/// A condition on a field that no record has. It is never true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// The field's full name, as written.
    pub name: String,
    /// The known field that was probably meant.
    pub meant: Option<&'static str>,
    /// The position of the condition in the query.
    pub span: Span,
}

/// Every condition of the query on a field that no record has, in the order written. Skips field
/// names with wildcards, and `extra_fields`, which the query's documents have in addition.
pub fn unknown_fields(query: &Expr, extra_fields: &[&'static str]) -> Vec<UnknownField> {
    let mut unknown = Vec::new();
    collect(query, "", extra_fields, &mut unknown);
    unknown
}

/// Every condition in EQL on a field that no record has, in the order written. Skips optional
/// fields.
pub fn unknown_eql_fields(query: &eql::Expr) -> Vec<UnknownField> {
    let mut unknown = Vec::new();
    if let eql::ExprKind::Leaf(leaf) = query.kind() {
        leaf.term().for_each_field(&mut |name, is_optional| {
            if !is_optional && !is_known_field(name) {
                let meant = did_you_mean(name);
                unknown.push(UnknownField { meant, name: name.to_owned(), span: query.span() });
            }
        });
    }
    unknown.extend(query.children().iter().flat_map(unknown_eql_fields));
    unknown
}

/// The known field that is nearest to a name.
pub fn did_you_mean(field: &str) -> Option<&'static str> {
    let flattened = FlattenedField::ALL.map(FlattenedField::name);
    nearest_name(field, known_fields().chain(flattened))
}

fn collect(expr: &Expr, prefix: &str, extra: &[&'static str], unknown: &mut Vec<UnknownField>) {
    // Looking for what was meant takes long, so it is for mistakes only: rules are read at every
    // start of the function.
    if let Some(name) = unknown_name(expr, prefix).filter(|it| !extra.contains(&it.as_str())) {
        let candidates = did_you_mean(&name).into_iter().chain(extra.iter().copied());
        let meant = nearest_name(&name, candidates);
        unknown.push(UnknownField { meant, name, span: expr.span() });
    }
    let prefix = match expr.kind() {
        ExprKind::Nested { path, .. } => &format!("{prefix}{path}."),
        _ => prefix,
    };
    expr.children().iter().for_each(|child| collect(child, prefix, extra, unknown));
}

fn unknown_name(expr: &Expr, prefix: &str) -> Option<String> {
    let ExprKind::Leaf(leaf) = expr.kind() else { return None };
    let Field::Named(field) = leaf.field() else { return None };
    let name = format!("{prefix}{field}");
    // `user: *` matches if there is any field under `user`.
    let object = format!("{name}.");
    let is_object =
        *leaf.test() == Test::Exists && known_fields().any(|known| known.starts_with(&object));
    (!is_known_field(&name) && !is_object).then_some(name)
}

impl fmt::Display for UnknownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no record has the field `{}`", self.name.escape_debug())?;
        self.meant.map_or(Ok(()), |meant| write!(f, "; did you mean `{meant}`?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_field_is_suggested() {
        let cases = [
            ("event.actoin", Some("event.action")),
            ("user.Name", Some("user.name")),
            ("event.data_set", Some("event.dataset")),
            (
                "aws.cloudtrail.flattened.request_parameter",
                Some("aws.cloudtrail.flattened.request_parameters"),
            ),
            ("process.executable", None),
            ("source.geo.country_name", None),
        ];
        for (field, meant) in cases {
            assert!(!is_known_field(field), "{field}");
            assert_eq!(did_you_mean(field), meant, "{field}");
        }
        assert!(is_known_field("aws.cloudtrail.flattened.request_parameters.anything.at-all"));
    }
}
