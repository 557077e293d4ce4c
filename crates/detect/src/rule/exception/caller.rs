//! What an exception's query rests on. Whoever wants to pass unseen can choose a user agent or the
//! name of a group; who they are to AWS, and where they come from, they cannot.

use kql::{Expr, ExprKind, Field, Test};

use crate::ecs;

/// Fields that AWS fills in about who calls, from where and in which account, and the ids that it
/// gives. All other fields say what was called and how that went, or hold what the caller wrote.
const TRUSTED_FIELDS: &[&str] = &[
    "aws.cloudtrail.recipient_account_id",
    "aws.cloudtrail.request_id",
    "aws.cloudtrail.session_credential_from_console",
    "aws.cloudtrail.shared_event_id",
    "aws.cloudtrail.user_identity.access_key_id",
    "aws.cloudtrail.user_identity.arn",
    "aws.cloudtrail.user_identity.invoked_by",
    "aws.cloudtrail.user_identity.session_context.creation_date",
    "aws.cloudtrail.user_identity.session_context.mfa_authenticated",
    "aws.cloudtrail.user_identity.session_context.session_issuer.account_id",
    "aws.cloudtrail.user_identity.session_context.session_issuer.arn",
    "aws.cloudtrail.user_identity.session_context.session_issuer.principal_id",
    "aws.cloudtrail.user_identity.session_context.session_issuer.type",
    "aws.cloudtrail.user_identity.type",
    "aws.cloudtrail.vpc_endpoint_id",
    "cloud.account.id",
    "event.id",
    "group.id",
    "source.address",
    "source.ip",
    "user.email",
    "user.id",
    "user.name",
    "user.target.id",
];

/// Firm fields that end with the name of a role's session, which whoever assumes the role chooses.
const SESSION_LAST: [&str; 2] = ["aws.cloudtrail.user_identity.arn", "user.id"];

/// Fields that say what was called and how that went: the caller does not write them, but any
/// caller has them.
const OF_THE_CALL: [&str; 8] = [
    "aws.cloudtrail.error_code",
    "aws.cloudtrail.event_",
    "aws.cloudtrail.management_event",
    "aws.cloudtrail.read_only",
    "cloud.",
    "data_stream.",
    "event.",
    "@timestamp",
];

/// The part of a query that any caller can meet if only they choose their words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spoofable<'q> {
    /// The part: the whole query, or a branch of an `or`.
    pub(super) part: &'q Expr,
    /// The fields in it that the caller fills in, each once, in the order written. Empty where the
    /// part says nothing of the caller at all.
    pub(super) chosen: Vec<String>,
}

/// The first such part; none where every way to match takes a caller, an origin or an account that
/// AWS vouches for. `not` vouches for nothing: it leaves everyone else.
pub(super) fn loose(query: &Expr) -> Option<Spoofable<'_>> {
    let part = loose_part(query, "")?;
    let mut chosen = Vec::new();
    collect_chosen(part, "", &mut chosen);
    Some(Spoofable { part, chosen })
}

fn loose_part<'q>(expr: &'q Expr, prefix: &str) -> Option<&'q Expr> {
    match expr.kind() {
        ExprKind::All | ExprKind::Not(_) => Some(expr),
        ExprKind::Leaf(leaf) => (!is_firm(leaf.field(), leaf.test(), prefix)).then_some(expr),
        ExprKind::Nested { path, expr: inner } => {
            loose_part(inner, &format!("{prefix}{path}.")).map(|_| expr)
        }
        ExprKind::And(parts) => {
            parts.iter().all(|part| loose_part(part, prefix).is_some()).then_some(expr)
        }
        ExprKind::Or(parts) => parts.iter().find_map(|part| loose_part(part, prefix)),
    }
}

/// That a field exists says nothing of its value.
fn is_firm(field: &Field, test: &Test, prefix: &str) -> bool {
    let firm = |name: &str| {
        TRUSTED_FIELDS.contains(&name)
            && !(SESSION_LAST.contains(&name) && leaves_the_start_open(test))
    };
    let named = match field {
        Field::Any => false,
        Field::Named(name) => firm(&format!("{prefix}{name}")),
        Field::Like(pattern) => {
            let mut meant = ecs::known_fields().filter(|name| pattern.matches(name)).peekable();
            meant.peek().is_some() && meant.all(firm)
        }
    };
    named && *test != Test::Exists
}

fn leaves_the_start_open(test: &Test) -> bool {
    matches!(test, Test::Like(pattern) if pattern.pieces().next().is_some_and(str::is_empty))
}

fn collect_chosen(expr: &Expr, prefix: &str, chosen: &mut Vec<String>) {
    let nested = match expr.kind() {
        ExprKind::Nested { path, .. } => format!("{prefix}{path}."),
        _ => prefix.to_owned(),
    };
    if let ExprKind::Leaf(leaf) = expr.kind() {
        let name = match leaf.field() {
            Field::Any => "any field".to_owned(),
            Field::Named(name) => format!("{prefix}{name}"),
            Field::Like(pattern) => pattern.pieces().collect::<Vec<_>>().join("*"),
        };
        let of_the_call = OF_THE_CALL.iter().any(|start| name.starts_with(start));
        let open = SESSION_LAST.contains(&name.as_str()) && leaves_the_start_open(leaf.test());
        if (open || !TRUSTED_FIELDS.contains(&name.as_str()))
            && !of_the_call
            && !chosen.contains(&name)
        {
            chosen.push(name);
        }
    }
    expr.children().iter().for_each(|child| collect_chosen(child, &nested, chosen));
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::cloudtrail::Record;
    use crate::ecs::View;
    use kql::Query;

    #[test]
    fn the_tables_name_fields_that_there_are() {
        assert!(TRUSTED_FIELDS.is_sorted());
        assert!(TRUSTED_FIELDS.iter().chain(&SESSION_LAST).all(|name| ecs::is_known_field(name)));
        assert!(
            OF_THE_CALL.iter().all(|start| ecs::known_fields().any(|name| name.starts_with(start)))
        );
    }

    #[test]
    fn a_way_to_match_must_rest_on_what_the_caller_cannot_choose() {
        // The part that is loose, and the fields in it that the caller fills in.
        let cases = [
            ("user.name: deploy", None),
            ("source.ip: 192.0.2.0/24", None),
            ("user_agent.name: Terraform", Some(("user_agent.name: Terraform", "user_agent.name"))),
            ("user_agent.name: Terraform and source.ip: 192.0.2.0/24", None),
            (
                "group.name: app-* and user_agent.original: *Terraform*",
                Some((
                    "group.name: app-* and user_agent.original: *Terraform*",
                    "group.name user_agent.original",
                )),
            ),
            ("user.name: deploy or group.name: app-*", Some(("group.name: app-*", "group.name"))),
            ("user.name: deploy and (group.name: a or group.name: b)", None),
            ("(user.name: deploy or group.name: a) and group.name: b", Some(("", "group.name"))),
            ("not user.name: alice", Some(("not user.name: alice", ""))),
            ("user.name: alice and not group.name: Admins", None),
            ("not user.name: alice and group.name: app-*", Some(("", "group.name"))),
            ("event.action: CreateGroup", Some(("event.action: CreateGroup", ""))),
            ("event.action: CreateGroup and user.target.name: bot", Some(("", "user.target.name"))),
            (
                "aws.cloudtrail.flattened.request_parameters.path: /app/*",
                Some((
                    "aws.cloudtrail.flattened.request_parameters.path: /app/*",
                    "aws.cloudtrail.flattened.request_parameters.path",
                )),
            ),
            ("Terraform", Some(("Terraform", "any field"))),
            ("*", Some(("*", ""))),
            ("user.name: *", Some(("user.name: *", ""))),
            ("user.name: deploy*", None),
            ("user*: deploy", Some(("user*: deploy", "user*"))),
            ("aws.cloudtrail.user_identity.session_context.session_issuer.*: deploy", None),
            (
                "aws.cloudtrail.user_identity.arn: *\\:terraform",
                Some(("", "aws.cloudtrail.user_identity.arn")),
            ),
            (
                "aws.cloudtrail.user_identity.arn: arn\\:aws\\:sts\\:\\:111122223333\\:assumed-role/Deploy/*",
                None,
            ),
            ("user.id: *\\:terraform", Some(("", "user.id"))),
            ("aws.cloudtrail.user_identity: { invoked_by: cloudformation.amazonaws.com }", None),
            ("aws.cloudtrail.user_identity.invoked_by: cloudformation.amazonaws.com", None),
        ];
        for (text, expected) in cases {
            let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let found = loose(query.expr());
            let shown =
                found.as_ref().map(|loose| (loose.part.span().text(text), loose.chosen.join(" ")));
            // An empty part stands for the whole query.
            let expected = expected.map(|(part, chosen)| {
                (if part.is_empty() { text } else { part }, chosen.to_owned())
            });
            assert_eq!(shown, expected, "{text}");
        }
    }

    fn query() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "user.name: alice",
            "source.ip: 192.0.2.7",
            "user: { name: alice }",
            "group.name: g",
            "user_agent.name: u",
            "event.action: A",
            "group.*: g",
            "g",
            "*",
        ]);
        leaf.prop_map(str::to_owned).prop_recursive(4, 12, 3, |inner| {
            prop_oneof![
                vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
                vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
                inner.prop_map(|part| format!("(not {part})")),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_a_stranger_can_meet_is_loose(text in query()) {
            let query = Query::parse(&text).unwrap();
            for choice in 0..8 {
                // A record of which the caller is nobody, with and without each thing that a caller
                // chooses.
                let value = |bit: u8, value: &'static str| if choice & bit == 0 { "other" } else { value };
                let record = json!({"requestParameters": {"groupName": value(1, "g")},
                    "userAgent": format!("{}/1", value(2, "u")), "eventName": value(4, "A")});
                let record = Record::from_value(record).unwrap();
                if query.matches(&View::new(&record), Timestamp::UNIX_EPOCH) {
                    prop_assert!(loose(query.expr()).is_some(), "{} is met by {:?}", text, record);
                }
            }
        }
    }
}
