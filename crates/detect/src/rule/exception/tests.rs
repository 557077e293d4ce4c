//! Exception files, their problems and warnings, and which findings they suppress.

use std::path::Path;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::cloudtrail::Record;
use crate::finding::PrivilegedGroups;
use crate::rule::{LoadedRules, Problem, RuleSet};

const VALID: &str = r#"[[exception]]
name = "ci"
rules = ["AWS IAM Group Creation"]
query = 'user.id: AIDA1'
reason = "The pipeline makes groups"
owner = "platform@example.com"
expires = "never"
"#;

fn load(text: &str) -> LoadedExceptions {
    LoadedExceptions::from_texts([("e.toml", text)].into_iter())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn to_strings(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// The valid file with one line replaced or removed.
fn with(key: &str, line: &str) -> String {
    let is_key = |kept: &&str| !kept.starts_with(&format!("{key} = "));
    format!("{}\n{line}\n", VALID.lines().filter(is_key).collect::<Vec<_>>().join("\n"))
}

#[test]
fn problems_are_reported_with_their_place() {
    let cases = [
        (with("name", ""), "e.toml:1:1: `name` is missing in [[exception]]"),
        (with("rules", ""), "e.toml:1:1: `rules` is missing in [[exception]]"),
        (with("query", ""), "e.toml:1:1: `query` is missing in [[exception]]"),
        (with("reason", ""), "e.toml:1:1: `reason` is missing in [[exception]]"),
        (with("owner", ""), "e.toml:1:1: `owner` is missing in [[exception]]"),
        (
            with("expires", ""),
            "e.toml:1:1: `expires` is missing in [[exception]]: expected a date such as",
        ),
        (with("owner", "owner = \" \""), "e.toml:7:9: `owner` must not be empty"),
        (
            with("reason", "reason = 5"),
            "e.toml:7:10: in `reason`: expected a string, found the number `5`",
        ),
        (
            with("rules", "rules = []"),
            "e.toml:7:9: `rules` must name a rule, or be `*` for every rule",
        ),
        (
            with("rules", "rules = [\"*\", 7]"),
            "e.toml:7:15: `rules` must be a list of rule ids or names",
        ),
        (with("rules", "rules = 7"), "e.toml:7:9: `rules` must be a list of rule ids or names"),
        (with("expires", "expires = \"soon\""), "e.toml:7:11: `expires` must be a date such as"),
        (
            with("expires", "expires = 2026-12-31T10:00:00"),
            "e.toml:7:11: `expires` must be a date such as",
        ),
        (
            with("expires", "expires = 20261231"),
            "e.toml:7:11: in `expires`: expected a string, found the number `20261231`",
        ),
        (
            with("expires", "starts = 2026-12-02\nexpires = 2026-12-01"),
            "e.toml:8:11: `expires` is before `starts`: the exception would never be active",
        ),
        (with("none", "starts = \"never\""), "e.toml:8:10: `starts` must be a date such as"),
        (
            with("none", "rule = \"x\""),
            "e.toml:8:1: unknown key `rule` in [[exception]]; did you mean `rules`?",
        ),
        (with("query", "query = 'user.name: ('"), "e.toml:7:22: in `query`: expected"),
        (
            with("query", "query = 'user.name: a and not user.nmae: b'"),
            "e.toml:7:31: no record has the field `user.nmae`; did you mean `user.name`?",
        ),
        (
            with("query", "query = 'user.name: a and not event.outcome: Failure'"),
            "e.toml:7:31: can never be true: ",
        ),
        (
            format!("{VALID}{VALID}"),
            "e.toml:8:1: the name `ci` is also used by the exception at e.toml:1",
        ),
        (
            VALID.replace("[[exception]]", "[exception]"),
            "e.toml:1:1: `exception` must be written [[exception]]",
        ),
        (
            VALID.replace("[[exception]]", "[[exceptions]]"),
            "e.toml:1:3: unknown key `exceptions` in the file; did you mean `exception`?",
        ),
        ("exception = [1]".to_owned(), "e.toml:1:14: `exception` must be a table"),
        ("name = ".to_owned(), "e.toml:1:8: not TOML: "),
    ];
    for (text, expected) in cases {
        let problems = to_strings(&load(&text).problems);
        assert!(
            problems.iter().any(|problem| problem.starts_with(expected)),
            "{expected}\n{problems:#?}\n{text}"
        );
        assert_eq!(problems.len(), 1, "{expected}: {problems:#?}");
    }
    let all =
        load(&format!("{}{}", with("owner", "onwer = \"x\""), VALID.replace("'user", "'(user")));
    assert_eq!(all.problems.len(), 3, "{:#?}", to_strings(&all.problems));
}

#[test]
fn valid_files_have_no_problems_and_a_missing_file_has_one() {
    for text in
        [VALID, "", &with("rules", "rules = \"*\""), &with("none", "starts = \"2026-01-01\"")]
    {
        let load = load(text);
        assert_eq!(
            (to_strings(&load.problems), to_strings(&load.warnings)),
            (vec![], vec![]),
            "{text}"
        );
    }
    let missing = LoadedExceptions::from_paths(&["/no/such/exceptions.toml".into()]);
    assert!(missing.into_exceptions().unwrap_err().to_string().contains("cannot be read"));
}

fn embedded_rule(name: &str) -> RuleInfo {
    let rule = LoadedRules::embedded().rules.into_iter().find(|rule| rule.info.name == name);
    (*rule.unwrap().info).clone()
}

#[test]
fn risky_exceptions_are_warnings() {
    let embedded_rules = RuleSet::new(LoadedRules::embedded().rules).unwrap();
    let cases = [
        (
            with("query", "query = 'user.id: AIDA1 or user_agent.name: Terraform'"),
            "e.toml:7:28: exception `ci` depends only on values that others can choose or have \
             (`user_agent.name`)",
        ),
        (
            with("query", "query = 'event.action: CreateGroup'"),
            "e.toml:7:10: exception `ci` matches any principal from anywhere",
        ),
        (
            with("rules", "rules = [\"*\", \"AWS IAM Group Craetion\"]"),
            "e.toml:7:15: exception `ci` names a rule that does not exist: `AWS IAM Group \
             Craetion`; did you mean `AWS IAM Group Creation`?",
        ),
    ];
    for (text, expected) in cases {
        let mut load = load(&text);
        load.check_rules(&embedded_rules);
        let warnings = to_strings(&load.warnings);
        assert_eq!((warnings.len(), load.problems.len()), (1, 0), "{expected}: {warnings:#?}");
        assert!(warnings[0].starts_with(expected), "{expected}\n{warnings:#?}");
    }
}

#[test]
fn an_exception_that_could_be_about_a_privileged_group_is_warned_of() {
    let rules = RuleSet::new(LoadedRules::embedded().rules).unwrap();
    let groups = PrivilegedGroups::parse("Admin*, breakglass").unwrap();
    let addition = "rules = [\"AWS IAM User Addition to Group\"]";
    let creation = "rules = [\"AWS IAM Group Creation\"]";
    let any = "rules = \"*\"";
    let alice = "user.id: AIDA1";
    for (rules_line, query, expected) in [
        (addition, alice.to_owned(), Some("admin")),
        (any, alice.to_owned(), Some("admin")),
        (creation, format!("{alice} and event.action: AddUserToGroup"), None),
        (any, format!("{alice} and event.action: StopLogging"), None),
        (any, format!("{alice} and event.provider: sso.amazonaws.com"), None),
        (addition, format!("{alice} and group.name: billing"), None),
        (addition, format!("{alice} and group: {{ name: billing }}"), None),
        (addition, format!("{alice} and group.name: (billing or BREAKGLASS)"), Some("breakglass")),
        (addition, format!("{alice} and group.name: *"), Some("admin")),
        (addition, format!("{alice} and group.name: bill*"), None),
        (addition, format!("{alice} and not group.name: admin*"), Some("breakglass")),
        (addition, format!("{alice} and not group.name: (admin* or breakglass)"), None),
        (addition, format!("{alice} and not group.name: admin"), Some("adminx")),
        (addition, format!("group.name: billing or {alice}"), Some("admin")),
        (addition, format!("group.name: billing or ({alice} and group.name: team)"), None),
        (addition, format!("{alice} and group.*: billing"), Some("admin")),
    ] {
        let query_line = format!("query = '{query}'");
        let mut load = load(&with("rules", rules_line).replace(&query_of(VALID), &query_line));
        load.warnings.clear();
        load.check_privileged(&rules, &groups);
        let warnings = to_strings(&load.warnings);
        let group = warnings.first().and_then(|it| it.split('`').nth(3));
        assert_eq!(group, expected, "{rules_line} {query}: {warnings:?}");
        load.warnings.clear();
        load.check_privileged(&rules, &PrivilegedGroups::default());
        assert_eq!(load.warnings.len(), 0, "no group is known to be privileged");
    }
}

fn query_of(text: &str) -> String {
    text.lines().find(|line| line.starts_with("query")).unwrap().to_owned()
}

#[test]
fn the_placeholder_of_a_suggestion_is_an_error() {
    for (key, line) in [
        ("reason", "reason = \"FILL IN: why no alert is needed\""),
        ("owner", "owner = \"FILL IN\""),
    ] {
        let problems = to_strings(&load(&with(key, line)).problems);
        assert_eq!(problems.len(), 1, "{problems:?}");
        let expected = format!("`{key}` still says `FILL IN`: replace all of it");
        assert!(
            problems[0].contains(&expected) && problems[0].starts_with("e.toml:"),
            "{problems:?}"
        );
    }
}

#[test]
fn the_example_is_valid_and_each_of_its_exceptions_matches() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/exceptions-example.toml");
    let embedded_rules = RuleSet::new(LoadedRules::embedded().rules).unwrap();
    let mut load = LoadedExceptions::from_paths(&[path]);
    load.check_rules(&embedded_rules);
    assert_eq!((to_strings(&load.problems), to_strings(&load.warnings)), (vec![], vec![]));
    let exceptions = load.into_exceptions().unwrap();
    let role_in = |account: &str, name: &str| {
        let arn = format!("arn:aws:iam::{account}:role/{name}");
        json!({"type": "AssumedRole", "accountId": account,
            "sessionContext": {"sessionIssuer": {"arn": arn, "userName": name}}})
    };
    let role = |name: &str| role_in("111122223333", name);
    let foreign_role = |name: &str| role_in("444455556666", name);
    let user = |name: &str| {
        let arn = format!("arn:aws:iam::111122223333:user/{name}");
        json!({"type": "IAMUser", "accountId": "111122223333", "arn": arn, "userName": name})
    };
    let cases = [
        (role("terraform"), "192.0.2.3", "Admins", Some("terraform-from-ci")),
        (role("terraform"), "203.0.113.9", "Admins", None),
        (
            role("cfn-deploy"),
            "cloudformation.amazonaws.com",
            "stack-1",
            Some("cloudformation-stacks"),
        ),
        (role("other"), "cloudformation.amazonaws.com", "stack-1", None),
        (role("team-onboarding"), "203.0.113.9", "team-blue", Some("team-groups")),
        (role("team-onboarding"), "203.0.113.9", "team-admins", None),
        (role("team-onboarding"), "203.0.113.9", "team-Admins", None),
        (role("team-onboarding"), "203.0.113.9", "Team-Blue", Some("team-groups")),
        (user("team-onboarding"), "203.0.113.9", "team-blue", None),
        (foreign_role("team-onboarding"), "203.0.113.9", "team-blue", None),
        (role("other"), "203.0.113.9", "team-blue", None),
        (user("alice"), "203.0.113.7", "old", Some("regrouping-2026-12")),
    ];
    let creation = &embedded_rule("AWS IAM Group Creation");
    for (identity, address, group, expected) in cases {
        let record = json!({
            "eventSource": "iam.amazonaws.com",
            "eventName": "CreateGroup",
            "userIdentity": identity,
            "sourceIPAddress": address,
            "requestParameters": {"groupName": group},
        });
        let record = Record::from_value(record).unwrap();
        let found = exceptions.matching(creation, &View::new(&record), at("2026-12-05T21:00:00Z"));
        assert_eq!(found.map(|exception| exception.name.as_str()), expected, "{address} {group}");
    }
}

#[test]
fn an_exception_is_active_from_its_first_to_its_last_instant() {
    let text = with("expires", "starts = 2026-12-01\nexpires = 2026-12-31");
    let exceptions = load(&text).into_exceptions().unwrap();
    let exception = &exceptions.as_slice()[0];
    let record = Record::from_value(json!({"userIdentity": {"principalId": "AIDA1"}})).unwrap();
    let rule = &embedded_rule("AWS IAM Group Creation");
    let cases = [
        ("2026-11-30T23:59:59.999999999Z", ExceptionState::NotYet),
        ("2026-12-01T00:00:00Z", ExceptionState::Active),
        ("2026-12-31T23:59:59.999999999Z", ExceptionState::Active),
        ("2027-01-01T00:00:00Z", ExceptionState::Expired),
    ];
    for (now, state) in cases {
        assert_eq!(exception.state(at(now)), state, "{now}");
        let found = exceptions.matching(rule, &View::new(&record), at(now));
        assert_eq!(found.is_some(), state == ExceptionState::Active, "{now}");
    }
}

#[test]
fn an_exception_applies_only_to_its_rules() {
    let creation = &embedded_rule("AWS IAM Group Creation");
    let addition = &embedded_rule("AWS IAM User Addition to Group");
    let cases = [
        ("rules = [\"AWS IAM Group Creation\"]", true, false),
        ("rules = [\"333de828-8190-4cf5-8d7c-7575846f6fe0\"]", false, true),
        ("rules = [\"aws iam group creation\", \"AWS IAM*\"]", false, false),
        ("rules = [\"*\"]", true, true),
    ];
    for (line, first, second) in cases {
        let exceptions = load(&with("rules", line)).into_exceptions().unwrap();
        let exception = &exceptions.as_slice()[0];
        assert_eq!(
            (exception.applies_to(creation), exception.applies_to(addition)),
            (first, second),
            "{line}"
        );
    }
}

#[test]
fn an_expiry_is_announced_before_and_after() {
    let text = with("expires", "expires = 2026-12-31T00:00:00Z");
    let exceptions = load(&text).into_exceptions().unwrap();
    let cases = [
        ("2026-11-30T23:59:59Z", None),
        (
            "2026-12-01T00:00:00Z",
            Some("exception `ci` expires in 30 days (2026-12-31 00:00 UTC); owner: platform@"),
        ),
        ("2026-12-30T01:00:00Z", Some("exception `ci` expires in 23 hours (")),
        ("2026-12-30T23:30:00Z", Some("exception `ci` expires in less than an hour (")),
        (
            "2027-01-03T00:00:00Z",
            Some("exception `ci` expired 3 days ago (2026-12-31 00:00 UTC), its findings are"),
        ),
        ("2027-01-30T00:00:01Z", None),
    ];
    for (now, expected) in cases {
        let notices: Vec<_> = exceptions.expiry_notices(at(now)).collect();
        assert_eq!(notices.len(), expected.iter().count(), "{now}: {notices:?}");
        let start = expected.unwrap_or_default();
        assert!(notices.iter().all(|notice| notice.starts_with(start)), "{now}: {notices:?}");
    }
    assert_eq!(
        load(VALID).into_exceptions().unwrap().expiry_notices(at("2026-12-31T00:00:00Z")).count(),
        0
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        text in "(\\[\\[exception\\]\\]\n)?\
                 ([a-z]{0,7} ?= ?[\\[\\]\"'*a-z0-9: -]{0,12}\n){0,6}",
    ) {
        let load = load(&text);
        prop_assert!(load.exceptions.iter().all(|exception| !exception.rules.is_empty()));
    }
}
