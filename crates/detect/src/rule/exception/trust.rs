//! Whether a query requires a field that AWS vouches for, and that others cannot have too. A
//! principal can choose its user agent, the name of its session, or the name of a group; another
//! account can have a user or a group of any name.

use kql::{Case, Expr, ExprKind, Field, Leaf, Literal, Test, Wildcard};

use crate::cloudtrail::key::is_account_id;
use crate::ecs;

/// Fields that AWS fills in, with values that only one account or principal can have: accounts,
/// origins, and ids that AWS assigns. Names alone are not among them, nor what many principals have
/// in common, such as their type or the service that calls for them. Other fields describe the
/// call, or hold what the principal wrote.
const TRUSTED_FIELDS: &[&str] = &[
    "aws.cloudtrail.recipient_account_id",
    "aws.cloudtrail.request_id",
    "aws.cloudtrail.shared_event_id",
    "aws.cloudtrail.user_identity.access_key_id",
    "aws.cloudtrail.user_identity.arn",
    "aws.cloudtrail.user_identity.session_context.session_issuer.account_id",
    "aws.cloudtrail.user_identity.session_context.session_issuer.arn",
    "aws.cloudtrail.user_identity.session_context.session_issuer.principal_id",
    "aws.cloudtrail.vpc_endpoint_id",
    "cloud.account.id",
    "event.id",
    "group.id",
    "source.address",
    "source.ip",
    "user.id",
    "user.target.id",
];

/// Trusted fields whose value is an ARN: it must name the account.
const ARN_FIELDS: [&str; 2] = [
    "aws.cloudtrail.user_identity.arn",
    "aws.cloudtrail.user_identity.session_context.session_issuer.arn",
];

/// Trusted fields whose value is an account's id, of which a part says nothing.
const ACCOUNT_FIELDS: [&str; 3] = [
    "aws.cloudtrail.recipient_account_id",
    "aws.cloudtrail.user_identity.session_context.session_issuer.account_id",
    "cloud.account.id",
];

/// A trusted field whose value is an address, or the name of a service that calls for anyone.
const ADDRESS_FIELD: &str = "source.address";

/// Starts of fields that describe the call. The principal does not write them, but every principal
/// can have the same.
const CALL_FIELDS: [&str; 8] = [
    "aws.cloudtrail.error_code",
    "aws.cloudtrail.event_",
    "aws.cloudtrail.management_event",
    "aws.cloudtrail.read_only",
    "cloud.",
    "data_stream.",
    "event.",
    "@timestamp",
];

/// The part of a query that any principal can match.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spoofable<'q> {
    /// The whole query, or a branch of an `or`.
    pub(super) part: &'q Expr,
    /// The fields in it that the principal chooses, each once, in the order written.
    pub(super) fields: Vec<String>,
}

/// The first spoofable part; `None` if every way to match requires a trusted field. A negation is
/// spoofable: it matches all other principals.
pub(super) fn find_spoofable(query: &Expr) -> Option<Spoofable<'_>> {
    let part = spoofable_part(query, "")?;
    let mut fields = Vec::new();
    collect_chosen_fields(part, "", &mut fields);
    Some(Spoofable { part, fields })
}

fn spoofable_part<'q>(expr: &'q Expr, prefix: &str) -> Option<&'q Expr> {
    match expr.kind() {
        ExprKind::All | ExprKind::Not(_) => Some(expr),
        ExprKind::Leaf(leaf) => (!is_trusted(leaf, prefix)).then_some(expr),
        ExprKind::Nested { path, expr: inner } => {
            spoofable_part(inner, &format!("{prefix}{path}.")).map(|_| expr)
        }
        ExprKind::And(parts) => {
            parts.iter().all(|part| spoofable_part(part, prefix).is_some()).then_some(expr)
        }
        ExprKind::Or(parts) => parts.iter().find_map(|part| spoofable_part(part, prefix)),
    }
}

fn is_trusted(leaf: &Leaf, prefix: &str) -> bool {
    match leaf.field() {
        Field::Any => false,
        Field::Named(name) => is_trusted_field(&format!("{prefix}{name}"), leaf.test()),
        Field::Like(pattern) => {
            let mut fields =
                ecs::known_fields().filter(|name| pattern.matches(name, Case::Exact)).peekable();
            fields.peek().is_some() && fields.all(|name| is_trusted_field(name, leaf.test()))
        }
    }
}

fn is_trusted_field(name: &str, test: &Test) -> bool {
    TRUSTED_FIELDS.contains(&name)
        && match test {
            Test::Exists | Test::Range(..) => false,
            Test::Equals(literal) => is_trusted_value(name, literal),
            Test::Like(pattern) => is_trusted_pattern(name, pattern),
        }
}

fn is_trusted_value(name: &str, literal: &Literal) -> bool {
    match name {
        ADDRESS_FIELD => literal.is_ip() || literal.is_cidr(),
        _ if ARN_FIELDS.contains(&name) => names_account(literal.text()),
        _ => true,
    }
}

/// The value begins before the first star: a session name, which the principal chooses, comes last.
fn is_trusted_pattern(name: &str, pattern: &Wildcard) -> bool {
    let start = pattern.pieces().flatten().next().map(String::as_str).unwrap_or_default();
    match name {
        ADDRESS_FIELD => start.starts_with(|it: char| it.is_ascii_digit()),
        _ if ACCOUNT_FIELDS.contains(&name) => false,
        _ if ARN_FIELDS.contains(&name) => names_account(start),
        _ => !start.is_empty(),
    }
}

/// Returns true for `arn:PARTITION:SERVICE:REGION:ACCOUNT:…`.
fn names_account(arn: &str) -> bool {
    let mut parts = arn.split(':').skip(4);
    parts.next().is_some_and(is_account_id) && parts.next().is_some()
}

fn collect_chosen_fields(expr: &Expr, prefix: &str, fields: &mut Vec<String>) {
    if let ExprKind::Leaf(leaf) = expr.kind() {
        let name = match leaf.field() {
            Field::Any => "any field".to_owned(),
            Field::Named(name) => format!("{prefix}{name}"),
            Field::Like(pattern) => {
                pattern.pieces().flatten().cloned().collect::<Vec<_>>().join("*")
            }
        };
        let describes_call = CALL_FIELDS.iter().any(|start| name.starts_with(start));
        if !describes_call && !is_trusted_field(&name, leaf.test()) && !fields.contains(&name) {
            fields.push(name);
        }
    }
    let nested = match expr.kind() {
        ExprKind::Nested { path, .. } => format!("{prefix}{path}."),
        _ => prefix.to_owned(),
    };
    expr.children().iter().for_each(|child| collect_chosen_fields(child, &nested, fields));
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
    fn the_tables_name_known_fields() {
        assert!(TRUSTED_FIELDS.is_sorted());
        assert!(TRUSTED_FIELDS.iter().all(|name| ecs::is_known_field(name)));
        let special = ARN_FIELDS.iter().chain(&ACCOUNT_FIELDS).chain([&ADDRESS_FIELD]);
        assert!(special.into_iter().all(|name| TRUSTED_FIELDS.contains(name)));
        assert!(
            CALL_FIELDS.iter().all(|start| ecs::known_fields().any(|name| name.starts_with(start)))
        );
    }

    #[test]
    fn every_way_to_match_must_require_a_trusted_field() {
        // The spoofable part, and the fields in it that the principal chooses.
        let cases = [
            ("source.ip: 192.0.2.0/24", None),
            ("cloud.account.id: 111122223333", None),
            ("user.name: deploy", Some(("", "user.name"))),
            ("user.name: deploy and cloud.account.id: 111122223333", None),
            ("group.name: a and cloud.account.id: 111122223333", None),
            ("user.name: deploy and cloud.account.id: 1*", Some(("", "user.name"))),
            ("user.name: deploy and cloud.account.id: *", Some(("", "user.name"))),
            (
                "user.name: deploy and aws.cloudtrail.user_identity.type: IAMUser",
                Some(("", "user.name aws.cloudtrail.user_identity.type")),
            ),
            ("user.email: a@example.com", Some(("", "user.email"))),
            ("user_agent.name: Terraform", Some(("user_agent.name: Terraform", "user_agent.name"))),
            ("user_agent.name: Terraform and source.ip: 192.0.2.0/24", None),
            (
                "group.name: app-* and user_agent.original: *Terraform*",
                Some((
                    "group.name: app-* and user_agent.original: *Terraform*",
                    "group.name user_agent.original",
                )),
            ),
            ("user.id: AIDA1 or group.name: app-*", Some(("group.name: app-*", "group.name"))),
            ("user.id: AIDA1 and (group.name: a or group.name: b)", None),
            ("(user.id: AIDA1 or group.name: a) and group.name: b", Some(("", "group.name"))),
            ("not user.id: AIDA1", Some(("not user.id: AIDA1", ""))),
            ("user.id: AIDA1 and not group.name: Admins", None),
            ("not user.id: AIDA1 and group.name: app-*", Some(("", "group.name"))),
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
            ("user.id: *", Some(("user.id: *", "user.id"))),
            ("user.id > A", Some(("", "user.id"))),
            ("user*: deploy", Some(("user*: deploy", "user*"))),
            ("aws.cloudtrail.user_identity.arn: \"arn:aws:iam::111122223333:user/alice\"", None),
            (
                "aws.cloudtrail.user_identity.arn: alice",
                Some(("", "aws.cloudtrail.user_identity.arn")),
            ),
            (
                "aws.cloudtrail.user_identity.arn: *\\:terraform",
                Some(("", "aws.cloudtrail.user_identity.arn")),
            ),
            (
                "aws.cloudtrail.user_identity.arn: arn\\:aws\\:iam\\:\\:*\\:user/alice",
                Some(("", "aws.cloudtrail.user_identity.arn")),
            ),
            (
                "aws.cloudtrail.user_identity.arn: \
                 arn\\:aws\\:sts\\:\\:111122223333\\:assumed-role/Deploy/*",
                None,
            ),
            (
                "aws.cloudtrail.user_identity.session_context.session_issuer.arn: *role/Deploy",
                Some(("", "aws.cloudtrail.user_identity.session_context.session_issuer.arn")),
            ),
            ("user.id: AROA1\\:*", None),
            ("user.id: *\\:terraform", Some(("", "user.id"))),
            ("source.address: 192.0.2.7", None),
            ("source.address: cloudformation.amazonaws.com", Some(("", "source.address"))),
            (
                "aws.cloudtrail.user_identity.invoked_by: cloudformation.amazonaws.com",
                Some(("", "aws.cloudtrail.user_identity.invoked_by")),
            ),
            (
                "aws.cloudtrail.user_identity: { invoked_by: cloudformation.amazonaws.com } \
                 and aws.cloudtrail.recipient_account_id: 111122223333",
                None,
            ),
        ];
        for (text, expected) in cases {
            let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let found = find_spoofable(query.expr());
            let shown = found
                .as_ref()
                .map(|spoofable| (spoofable.part.span().text(text), spoofable.fields.join(" ")));
            // An empty part stands for the whole query.
            let expected = expected.map(|(part, fields)| {
                (if part.is_empty() { text } else { part }, fields.to_owned())
            });
            assert_eq!(shown, expected, "{text}");
        }
    }

    fn query() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "user.id: AIDA1",
            "source.ip: 192.0.2.7",
            "user: { id: AIDA1 }",
            "user.name: n",
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
        fn a_query_that_a_stranger_can_match_is_spoofable(text in query()) {
            let query = Query::parse(&text).unwrap();
            for choice in 0..16 {
                // A record of an unknown principal, with and without each value that a principal
                // chooses.
                let value = |bit: u8, value: &'static str| {
                    if choice & bit == 0 { "other" } else { value }
                };
                let record = json!({
                    "requestParameters": {"groupName": value(1, "g")},
                    "userAgent": format!("{}/1", value(2, "u")),
                    "eventName": value(4, "A"),
                    "userIdentity": {"type": "IAMUser", "userName": value(8, "n")},
                });
                let record = Record::from_value(record).unwrap();
                if query.matches(&View::new(&record), Timestamp::UNIX_EPOCH) {
                    let spoofable = find_spoofable(query.expr());
                    prop_assert!(spoofable.is_some(), "{} matches {:?}", text, record);
                }
            }
        }
    }
}
