//! Policy documents and what they let their holders do.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::pattern::tests::plain_glob;
use super::ways::TABLES;
use super::*;

fn grants(document: &Value) -> Grants {
    Grants::from_text(&document.to_string()).unwrap().grants
}

fn policy(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn allow(action: impl Serialize, resource: impl Serialize) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

fn deny(action: impl Serialize, resource: impl Serialize) -> Value {
    json!({"Effect": "Deny", "Action": action, "Resource": resource})
}

fn with(mut statement: Value, element: &str, value: Value) -> Value {
    statement[element] = value;
    statement
}

/// `admin`, `limited`, or the ids of the open ways, each with its notes: `Way (note; note)`.
fn judge(statements: &[Value]) -> String {
    let power = Power::from_grants(&grants(&policy(statements)));
    let noted = |name: &str, opening: &Opening| match &opening.notes[..] {
        [] => name.to_owned(),
        notes => format!("{name} ({})", notes.join("; ")),
    };
    match &power {
        Power::Escalates(ways) => {
            let ways: Vec<String> =
                ways.iter().map(|way| noted(way.way.id, &way.opening)).collect();
            ways.join(", ")
        }
        Power::Admin(opening) => noted("admin", opening),
        power => power.level().as_str().to_owned(),
    }
}

#[test]
fn every_way_is_open_with_its_actions_and_closed_without_one_of_them() {
    for way in Way::all() {
        let open = Power::from_grants(&grants(&policy(&[allow(&way.actions, "*")])));
        let Power::Escalates(open) = open else { panic!("{} is not open", way.id) };
        let found = open.iter().find(|open| open.way.id == way.id).expect(way.id);
        assert_eq!(found.opening.notes, Vec::<String>::new(), "{}", way.id);
        assert_eq!(found.opening.sources.len(), 1, "{}", way.id);
        for other in &open {
            assert!(way.rights.includes(other.way.rights), "{} opens {}", way.id, other.way.id);
        }
        for missing in &way.actions {
            let rest: Vec<&&str> = way.actions.iter().filter(|it| it != &missing).collect();
            let ways = open_ways(&grants(&policy(&[allow(rest, "*")])));
            assert!(ways.iter().all(|open| open.way.id != way.id), "{} without {missing}", way.id);
        }
    }
}

#[test]
fn a_document_is_judged_as_iam_reads_it() {
    let account = "arn:aws:iam::111122223333";
    let put = "PutUserPolicy";
    let mfa = |value: &str| json!({"Bool": {"aws:MultiFactorAuthPresent": value}});
    let not_action = |effect: &str, action: Value| json!({"Effect": effect, "NotAction": action, "Resource": "*"});
    for (statements, expected) in [
        (vec![allow("*", "*")], "admin"),
        (vec![allow(["s3:Get*", "*:*"], ["*"])], "admin"),
        (vec![allow("**", "*")], "admin"),
        (vec![with(allow("*", "*"), "Condition", mfa("true"))], "admin (if MFA is present)"),
        (vec![allow("*", "*"), deny("s3:*", "*")], "admin (except what is denied)"),
        (
            vec![allow("*", "*"), with(deny("*", "*"), "Condition", mfa("false"))],
            "admin (denied if MFA is absent)",
        ),
        (vec![allow("*", "*"), deny("*", "*")], "limited"),
        (vec![deny("*", "*")], "limited"),
        (vec![allow("s3:*", "*")], "limited"),
        (vec![allow("iam:Get*", "*")], "limited"),
        (vec![allow("iam-roles-anywhere:*", "*")], "limited"),
        (vec![allow("iam:PassRole", "*")], "limited"),
        (vec![allow("*", "arn:aws:s3:::bucket/*")], "limited"),
        (vec![allow("iam:putUSERpolicy", "*")], put),
        (vec![allow("iam:Put?serP*", "*")], put),
        (vec![allow("iam:PutUserPolicy", format!("{account}:user/*"))], put),
        (vec![allow("iam:PutUserPolicy", format!("{account}:role/*"))], "limited"),
        (
            vec![allow("iam:PutUserPolicy", format!("{account}:user/bob"))],
            "PutUserPolicy (on user bob)",
        ),
        (
            vec![allow("iam:PutUserPolicy", format!("{account}:user/${{aws:username}}"))],
            "PutUserPolicy (on its own user)",
        ),
        (
            vec![allow("iam:CreateAccessKey", format!("{account}:user/${{aws:username}}"))],
            "limited",
        ),
        (
            vec![
                allow("iam:CreateAccessKey", "*"),
                json!({"Effect": "Deny", "Action": "iam:*",
                       "NotResource": format!("{account}:user/${{aws:username}}")}),
            ],
            "limited",
        ),
        (
            vec![json!({"Effect": "Allow", "Action": "iam:PutUserPolicy",
                        "NotResource": format!("{account}:user/root-like")})],
            "PutUserPolicy (not on user root-like)",
        ),
        (
            vec![json!({"Effect": "Allow", "Action": "iam:PutUserPolicy", "NotResource": "*"})],
            "limited",
        ),
        (
            vec![with(
                allow("iam:PutUserPolicy", format!("{account}:user/bob")),
                "Condition",
                mfa("true"),
            )],
            "PutUserPolicy (on user bob; if MFA is present)",
        ),
        (vec![allow("iam:PutUserPolicy", "*"), deny("iam:Put*", "*")], "limited"),
        (
            vec![allow("iam:PutUserPolicy", "*"), deny("iam:Put*", "arn:aws:iam::*:user/*")],
            "limited",
        ),
        (
            vec![
                allow("iam:PutUserPolicy", "*"),
                deny("iam:*", format!("{account}:user/root-like")),
            ],
            "PutUserPolicy (denied on user root-like)",
        ),
        (
            vec![allow("iam:PutUserPolicy", "*"), with(deny("*", "*"), "Condition", mfa("false"))],
            "PutUserPolicy (denied if MFA is absent)",
        ),
        (vec![allow("iam:PutUserPolicy", "*"), not_action("Deny", json!("s3:*"))], "limited"),
        (vec![allow("iam:PutUserPolicy", "*"), not_action("Deny", json!(["iam:*", "s3:*"]))], put),
        (
            vec![allow("iam:PutUserPolicy", format!("{account}:user/bob")), allow("iam:Put*", "*")],
            "PutUserPolicy, PutGroupPolicy, PutRolePolicy",
        ),
        (
            vec![allow("lambda:*", "*"), allow("iam:PassRole", format!("{account}:role/app"))],
            "PassExistingRoleToNewLambdaThenInvoke (iam:passrole on role app), \
             PassExistingRoleToNewLambdaThenTriggerWithExistingDynamo (iam:passrole on role app), \
             EditExistingLambdaFunctionWithRole, UpdateAndInvokeLambdaFunction, \
             UpdateLambdaFunctionAndAddPermission, \
             PassExistingRoleToNewLambdaThenAddPermission (iam:passrole on role app)",
        ),
        (
            vec![
                allow(["ec2:RunInstances", "glue:CreateDevEndpoint"], "*"),
                with(
                    allow("iam:PassRole", "*"),
                    "Condition",
                    json!({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
                ),
            ],
            "CreateEC2WithExistingIP",
        ),
        (
            vec![
                allow(["ec2:RunInstances", "iam:PassRole"], "*"),
                with(
                    deny("iam:PassRole", "*"),
                    "Condition",
                    json!({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
                ),
            ],
            "limited",
        ),
    ] {
        assert_eq!(judge(&statements), expected, "{statements:?}");
    }
}

#[test]
fn everything_but_some_services_is_not_everything() {
    let all_but_iam = json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"});
    let ways = open_ways(&grants(&policy(std::slice::from_ref(&all_but_iam))));
    assert!(ways.len() > 10, "{ways:?}");
    for way in &ways {
        assert!(way.way.actions.iter().all(|action| !action.starts_with("iam:")), "{way:?}");
    }
    let without_iam = policy(&[allow("*", "*"), deny("iam:*", "*")]);
    assert_eq!(open_ways(&grants(&without_iam)).len(), ways.len());
    let power = Power::from_grants(&grants(&without_iam));
    assert_eq!(power.level(), PowerLevel::Escalates, "the denial cannot be lifted");
}

#[test]
fn policies_are_judged_together() {
    let pass = grants(&policy(&[allow("iam:PassRole", "*")])).of_policy("pass");
    let lambda = json!(["lambda:CreateFunction", "lambda:InvokeFunction"]);
    let create = grants(&policy(&[with(allow(lambda, "*"), "Sid", json!("Build"))]));
    let create = create.of_policy("build");
    assert_eq!(Power::from_grants(&pass), Power::Limited);
    assert_eq!(Power::from_grants(&create), Power::Limited);
    let both = Grants::union([pass.clone(), create.clone()]);
    let Power::Escalates(ways) = Power::from_grants(&both) else { panic!("no way is open") };
    let [way] = &ways[..] else { panic!("{ways:?}") };
    assert_eq!(way.way.id, "PassExistingRoleToNewLambdaThenInvoke");
    let source = |policy: &str, statement: &str| Source {
        policy: Some(policy.to_owned()),
        statement: statement.to_owned(),
    };
    assert_eq!(way.opening.sources, [source("pass", "1"), source("build", "Build")]);
    let denial = grants(&policy(&[deny("iam:PassRole", "*")]));
    assert_eq!(Power::from_grants(&Grants::union([pass, create, denial])), Power::Limited);
}

#[test]
fn grants_are_stored_as_json() {
    let statements = [
        with(allow(["iam:PassRole", "lambda:*"], "arn:aws:iam::*:role/app"), "Sid", json!("A")),
        allow("*", "*"),
        deny("sts:AssumeRole", "*"),
        deny("s3:*", "*"),
    ];
    let grants = grants(&policy(&statements));
    let stored = serde_json::to_string(&grants).unwrap();
    insta::assert_snapshot!(stored);
    assert_eq!(serde_json::from_str::<Grants>(&stored).unwrap(), grants);
}

#[test]
fn thousands_of_wildcards_are_judged() {
    let stars = "*a?".repeat(2_000);
    let actions = [format!("iam:{stars}"), format!("{stars}:{stars}"), "iam:*".to_owned()];
    let resources = [format!("arn:aws:iam::*:user/{stars}"), "*?".repeat(3_000) + "x", stars];
    let ways = open_ways(&grants(&policy(&[allow(actions, resources)])));
    assert!(ways.iter().any(|way| way.way.id == "PutUserPolicy"));
}

/// An action of a policy: often one of the ways', or a pattern of it.
fn action() -> impl Strategy<Value = String> {
    let actions: Vec<&str> = TABLES.rights.iter().map(|right| right.action).collect();
    let action = prop::sample::select(actions);
    prop_oneof![
        action.clone().prop_map(str::to_ascii_uppercase),
        (action, 0..30_usize, any::<bool>()).prop_map(|(action, at, is_prefix)| {
            let at = at.min(action.len());
            if is_prefix { format!("{}*", &action[..at]) } else { format!("*{}", &action[at..]) }
        }),
        "(iam|lambda|s3|\\*):[a-zA-Z*?]{0,6}",
    ]
}

fn statement() -> impl Strategy<Value = Value> {
    let actions = prop::collection::vec(action(), 0..4);
    (actions, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(actions, allows, negated, sid)| {
            let effect = if allows { "Allow" } else { "Deny" };
            let element = if negated { "NotAction" } else { "Action" };
            let mut statement = json!({"Effect": effect, "Resource": "*"});
            statement[element] = json!(actions);
            if sid {
                statement["Sid"] = json!("S");
            }
            statement
        },
    )
}

/// Every action of the ways is compared with every pattern, in the textbook way.
fn plain_actions(statements: &[Value]) -> Vec<&'static str> {
    let matches = |statement: &Value, action: &str| {
        let has = |element: &str| {
            let patterns = statement[element].as_array()?;
            let mut patterns = patterns.iter().filter_map(Value::as_str);
            Some(patterns.any(|it| plain_glob(it.as_bytes(), action.as_bytes())))
        };
        has("Action").or_else(|| Some(!has("NotAction")?)).unwrap_or_default()
    };
    let any = |effect: &str, action: &str| {
        statements.iter().any(|it| it["Effect"] == effect && matches(it, action))
    };
    let mut actions: Vec<&str> = TABLES.rights.iter().map(|right| right.action).collect();
    actions.dedup();
    actions.retain(|action| any("Allow", action) && !any("Deny", action));
    actions
}

proptest! {
    #[test]
    fn the_fast_judge_is_the_plain_one(statements in prop::collection::vec(statement(), 0..4)) {
        let actions = plain_actions(&statements);
        let expected: Vec<&str> = Way::all()
            .iter()
            .filter(|way| way.actions.iter().all(|action| actions.contains(action)))
            .map(|way| way.id)
            .collect();
        let open = open_ways(&grants(&policy(&statements)));
        let open: Vec<&str> = open.iter().map(|way| way.way.id).collect();
        prop_assert_eq!(open, expected);
    }

    #[test]
    fn two_policies_are_judged_like_one_with_all_their_statements(
        first in prop::collection::vec(statement(), 0..3),
        second in prop::collection::vec(statement(), 0..3),
    ) {
        let union = Grants::union([grants(&policy(&first)), grants(&policy(&second))]);
        let whole = grants(&policy(&[first, second].concat()));
        let levels = [&union, &whole].map(|grants| Power::from_grants(grants).level());
        prop_assert_eq!(levels[0], levels[1]);
        let ways = |grants: &Grants| -> Vec<&str> {
            open_ways(grants).iter().map(|way| way.way.id).collect()
        };
        prop_assert_eq!(ways(&union), ways(&whole));
    }

    #[test]
    fn no_text_stops_the_judge(text in any::<String>(), action in "[iam:*?$\\{\\}]{0,20}") {
        let _ = Grants::from_text(&text);
        let _ = grants(&policy(&[allow([&action, &text], [&action, &text])]));
    }
}
