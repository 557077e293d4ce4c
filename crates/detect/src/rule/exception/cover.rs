//! Which exceptions would suppress findings about privileged groups.

use jiff::Timestamp;
use kql::{Document, Expr, ExprKind, Field};

use super::Exception;
use crate::finding::{GroupAction, PrivilegedGroups};
use crate::rule::RequiredFields;
use crate::rule::definition::Rule;

const IAM: &str = "iam.amazonaws.com";

/// What is known of a call on a group; any other field can have any value.
struct GroupCall<'a> {
    action: &'a str,
    group: &'a str,
}

/// What a condition comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    False,
    /// It depends on what is not known.
    Unknown,
    True,
}

/// The name of a privileged group, or a name like it, about which a finding of one of these rules
/// could be suppressed. `None` if there is none.
pub(super) fn covered_group(
    exception: &Exception,
    rules: &[Rule],
    groups: &PrivilegedGroups,
) -> Option<String> {
    let selected: Vec<RequiredFields> = rules
        .iter()
        .filter(|rule| exception.applies_to(&rule.info))
        .map(|rule| rule.query.required_fields())
        .collect();
    let can_find = |action: &str| {
        selected.iter().any(|RequiredFields { providers, actions, .. }| {
            providers.as_ref().is_none_or(|providers| providers.contains(IAM))
                && actions.as_ref().is_none_or(|actions| actions.contains(action))
        })
    };
    let actions = GroupAction::NAMES.into_iter().filter(|action| can_find(action));
    let actions: Vec<&str> = actions.collect();
    let is_covered = |group: &String| {
        let can_match = |action: &&str| {
            let call = GroupCall { action, group };
            truth(exception.query.expr(), "", &call) != Truth::False
        };
        actions.iter().any(can_match)
    };
    groups.examples().find(is_covered)
}

fn truth(expr: &Expr, prefix: &str, call: &GroupCall<'_>) -> Truth {
    let of_children = |prefix: &str| {
        expr.children().iter().map(|child| truth(child, prefix, call)).collect::<Vec<_>>()
    };
    match expr.kind() {
        ExprKind::All => Truth::True,
        ExprKind::Leaf(leaf) => leaf_truth(expr, leaf.field(), prefix, call),
        ExprKind::Nested { path, expr } => truth(expr, &format!("{prefix}{path}."), call),
        ExprKind::Not(inner) => match truth(inner, prefix, call) {
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
            Truth::True => Truth::False,
        },
        ExprKind::And(_) => of_children(prefix).into_iter().min().unwrap_or(Truth::True),
        ExprKind::Or(_) => of_children(prefix).into_iter().max().unwrap_or(Truth::False),
    }
}

/// A condition on a field that is known, is as it is for a record with that field alone.
fn leaf_truth(expr: &Expr, field: &Field, prefix: &str, call: &GroupCall<'_>) -> Truth {
    let Field::Named(name) = field else { return Truth::Unknown };
    let name = format!("{prefix}{name}");
    let Some(value) = call.value(&name) else { return Truth::Unknown };
    let is_true = expr.matches(&OneField { value }, Timestamp::UNIX_EPOCH);
    if is_true { Truth::True } else { Truth::False }
}

impl GroupCall<'_> {
    fn value(&self, field: &str) -> Option<kql::Value<'_>> {
        match field {
            "group.name" | "aws.cloudtrail.flattened.request_parameters.groupName" => {
                Some(kql::Value::Name(self.group))
            }
            "event.action" => Some(kql::Value::Text(self.action)),
            "event.provider" => Some(kql::Value::Text(IAM)),
            _ => None,
        }
    }
}

/// A document whose fields all have this value.
struct OneField<'a> {
    value: kql::Value<'a>,
}

impl Document for OneField<'_> {
    fn any_value(&self, _field: &str, on_value: &mut dyn FnMut(kql::Value<'_>) -> bool) -> bool {
        on_value(self.value)
    }

    fn any_leaf(&self, _on_leaf: &mut dyn FnMut(&str, kql::Value<'_>) -> bool) -> bool {
        false
    }

    fn any_object(&self, _path: &str, _on: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
        false
    }
}
