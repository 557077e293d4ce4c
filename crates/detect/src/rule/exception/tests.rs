//! Exception files as they come, and what the exceptions in them do.

use std::path::Path;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::cloudtrail::Record;
use crate::rule::{LoadedRules, RuleSet};

const SOUND: &str = r#"[[exception]]
name = "ci"
rules = ["AWS IAM Group Creation"]
query = 'user.name: deploy'
reason = "The pipeline makes groups"
owner = "platform@example.com"
expires = "never"
"#;

fn load(text: &str) -> LoadedExceptions {
    let mut load = LoadedExceptions::default();
    load.add("e.toml".into(), text);
    load.check_names();
    load
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn shown(problems: &[crate::rule::load::Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// The sound file with one line replaced, or left out where nothing replaces it.
fn with(key: &str, line: &str) -> String {
    let is_key = |kept: &&str| !kept.starts_with(&format!("{key} = "));
    format!("{}\n{line}\n", SOUND.lines().filter(is_key).collect::<Vec<_>>().join("\n"))
}

#[test]
fn each_mistake_is_told_at_its_place() {
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
        (with("reason", "reason = 5"), "e.toml:7:10: `reason` must be a string, not this integer"),
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
            "e.toml:7:11: `expires` must be a string, not this integer",
        ),
        (
            with("expires", "starts = 2026-12-02\nexpires = 2026-12-01"),
            "e.toml:8:11: `expires` is before `starts`: it would never hold",
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
            format!("{SOUND}{SOUND}"),
            "e.toml:8:1: the name `ci` is also that of the exception at e.toml:1",
        ),
        (
            SOUND.replace("[[exception]]", "[exception]"),
            "e.toml:1:1: `exception` must be written [[exception]]",
        ),
        (
            SOUND.replace("[[exception]]", "[[exceptions]]"),
            "e.toml:1:3: unknown key `exceptions` in the file; did you mean `exception`?",
        ),
        ("exception = [1]".to_owned(), "e.toml:1:14: `exception` must be a table"),
        ("name = ".to_owned(), "e.toml:1:8: not TOML: "),
    ];
    for (text, expected) in cases {
        let problems = shown(&load(&text).problems);
        assert!(
            problems.iter().any(|problem| problem.starts_with(expected)),
            "{expected}\n{problems:#?}\n{text}"
        );
        assert_eq!(problems.len(), 1, "{expected}: {problems:#?}");
    }
    let all =
        load(&format!("{}{}", with("owner", "onwer = \"x\""), SOUND.replace("'user", "'(user")));
    assert_eq!(all.problems.len(), 3, "{:#?}", shown(&all.problems));
}

#[test]
fn sound_files_have_no_problem_and_no_file_is_empty_handed() {
    for text in
        [SOUND, "", &with("rules", "rules = \"*\""), &with("none", "starts = \"2026-01-01\"")]
    {
        let load = load(text);
        assert_eq!((shown(&load.problems), shown(&load.warnings)), (vec![], vec![]), "{text}");
    }
    let missing = LoadedExceptions::from_paths(&["/no/such/exceptions.toml".into()]);
    assert!(missing.into_exceptions().unwrap_err().to_string().contains("cannot be read"));
}

/// What the embedded rule of this name says about itself.
fn embedded(name: &str) -> RuleInfo {
    let rule = LoadedRules::embedded().rules.into_iter().find(|rule| rule.info.name == name);
    (*rule.unwrap().info).clone()
}

#[test]
fn what_is_risky_is_a_warning_at_its_place() {
    let embedded = RuleSet::new([LoadedRules::embedded().rules]).unwrap();
    let cases = [
        (
            with("query", "query = 'user.name: deploy or user_agent.name: Terraform'"),
            "e.toml:7:31: exception `ci` rests only on what the caller chooses (`user_agent.name`)",
        ),
        (
            with("query", "query = 'event.action: CreateGroup'"),
            "e.toml:7:10: exception `ci` does not say who calls, nor from where",
        ),
        (
            with("rules", "rules = [\"*\", \"AWS IAM Group Craetion\"]"),
            "e.toml:7:15: exception `ci` names no rule that there is: `AWS IAM Group Craetion`; did you mean `AWS IAM \
             Group Creation`?",
        ),
    ];
    for (text, expected) in cases {
        let mut load = load(&text);
        load.check_rules(&embedded);
        let warnings = shown(&load.warnings);
        assert_eq!((warnings.len(), load.problems.len()), (1, 0), "{expected}: {warnings:#?}");
        assert!(warnings[0].starts_with(expected), "{expected}\n{warnings:#?}");
    }
}

#[test]
fn the_example_is_sound_and_each_of_its_exceptions_works() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/exceptions-example.toml");
    let all = RuleSet::new([LoadedRules::embedded().rules]).unwrap();
    let mut load = LoadedExceptions::from_paths(&[path]);
    load.check_rules(&all);
    assert_eq!((shown(&load.problems), shown(&load.warnings)), (vec![], vec![]));
    let exceptions = load.into_exceptions().unwrap();
    let role = |name: &str| {
        let arn = format!("arn:aws:iam::111122223333:role/{name}");
        json!({"type": "AssumedRole", "accountId": "111122223333",
            "sessionContext": {"sessionIssuer": {"arn": arn, "userName": name}}})
    };
    let alice = json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice"});
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
        (role("other"), "203.0.113.9", "team-blue", None),
        (alice, "203.0.113.7", "old", Some("regrouping-2026-12")),
    ];
    let creation = &embedded("AWS IAM Group Creation");
    for (identity, address, group, expected) in cases {
        let record = json!({"eventSource": "iam.amazonaws.com", "eventName": "CreateGroup", "userIdentity": identity,
            "sourceIPAddress": address, "requestParameters": {"groupName": group}});
        let record = Record::from_value(record).unwrap();
        let found = exceptions.matching(creation, &View::new(&record), at("2026-12-05T21:00:00Z"));
        assert_eq!(found.map(|exception| exception.name.as_str()), expected, "{address} {group}");
    }
}

#[test]
fn it_holds_from_its_first_to_its_last_instant() {
    let text = with("expires", "starts = 2026-12-01\nexpires = 2026-12-31");
    let exceptions = load(&text).into_exceptions().unwrap();
    let exception = &exceptions.as_slice()[0];
    let record = Record::from_value(json!({"userIdentity": {"userName": "deploy"}})).unwrap();
    let rule = &embedded("AWS IAM Group Creation");
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
fn it_is_for_its_rules_only() {
    let (creation, addition) =
        (&embedded("AWS IAM Group Creation"), &embedded("AWS IAM User Addition to Group"));
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
fn an_end_that_is_near_is_told_before_and_after() {
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
            Some("exception `ci` expired 3 days ago (2026-12-31 00:00 UTC): what it matched is"),
        ),
        ("2027-01-30T00:00:01Z", None),
    ];
    for (now, expected) in cases {
        let told: Vec<_> = exceptions.expiry_notices(at(now)).collect();
        assert_eq!(told.len(), expected.iter().count(), "{now}: {told:?}");
        assert!(
            told.iter().zip(expected).all(|(told, start)| told.starts_with(start)),
            "{now}: {told:?}"
        );
    }
    assert_eq!(
        load(SOUND).into_exceptions().unwrap().expiry_notices(at("2026-12-31T00:00:00Z")).count(),
        0
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\[\\[exception\\]\\]\n)?([a-z]{0,7} ?= ?[\\[\\]\"'*a-z0-9: -]{0,12}\n){0,6}") {
        let load = load(&text);
        prop_assert!(load.exceptions.iter().all(|exception| !exception.rules.is_empty()));
    }
}
