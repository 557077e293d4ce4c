//! Rules in EQL: what loads, what it matches, and what is refused.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{load, to_strings};
use crate::cloudtrail::Record;
use crate::ecs::View;
use crate::rule::{Condition, Position, RequiredFields, RuleQuery};

const HEAD: &str = r#"[rule]
name = "A rule in EQL"
rule_id = "e-1"
description = "Detects what it detects."
type = "eql"
language = "eql"
severity = "medium"
risk_score = 47
"#;

fn rule_file(lines: &str, query: &str) -> String {
    format!("{HEAD}{lines}\nquery = '''\n{query}\n'''\n")
}

fn record(changes: Value) -> Record {
    let mut record = json!({
        "eventTime": "2026-03-01T10:00:00Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "AttachGroupPolicy",
        "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333",
        "sourceIPAddress": "192.0.2.7",
        "userAgent": "aws-cli/2.15.0",
        "userIdentity": {"type": "IAMUser", "userName": "alice", "accessKeyId": "ASIAEXAMPLE"},
        "requestParameters": {
            "groupName": "Team",
            "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
        },
    });
    for (key, value) in changes.as_object().unwrap() {
        record[key] = value.clone();
    }
    Record::from_value(record).unwrap()
}

fn matches(file: &str, changes: Value) -> bool {
    let load = load(file);
    assert_eq!(to_strings(&load.problems), [""; 0]);
    let record = record(changes);
    load.rules[0].query.matches(&View::new(&record), Timestamp::UNIX_EPOCH)
}

/// The shapes of the conditions in Elastic's AWS rules, over the fields that they use.
#[test]
fn conditions_of_public_rules_match_the_ecs_view() {
    let bucket_policy = |principal: Value| {
        json!({
            "eventSource": "s3.amazonaws.com",
            "eventName": "PutBucketPolicy",
            "requestParameters": {
                "bucketName": "b",
                "bucketPolicy": {"Statement": [{"Effect": "Allow", "Principal": principal}]},
            },
        })
    };
    let upload = |arn: &str| {
        json!({
            "eventSource": "s3.amazonaws.com",
            "eventName": "PutObject",
            "resources": [{"ARN": "arn:aws:s3:::b"}, {"ARN": arn}],
        })
    };
    let denied = json!({"errorCode": "AccessDenied"});
    let other_policy = json!({"requestParameters": {"policyArn": "arn:aws:iam::aws:policy/A"}});
    let admin = r#"any where event.dataset == "aws.cloudtrail"
        and event.provider == "iam.amazonaws.com" and event.action == "AttachGroupPolicy"
        and event.outcome == "success"
        and stringContains(aws.cloudtrail.request_parameters, "policy/AdministratorAccess")"#;
    let public = r#"any where event.action == "PutBucketPolicy"
        and stringContains (aws.cloudtrail.request_parameters, "Effect=Allow")
        and stringContains (aws.cloudtrail.request_parameters, "Principal=\\*")"#;
    let external = r#"any where event.action == "PutBucketPolicy"
        and stringContains(aws.cloudtrail.request_parameters, "AWS=")
        and not stringContains(aws.cloudtrail.request_parameters,
                               aws.cloudtrail.recipient_account_id)"#;
    let note = r#"file where event.action == "PutObject" /* after the bucket's name */
        and aws.cloudtrail.resources.arn regex~ "arn:aws:s3:::[^/]+/.*?(readme|decrypt).*"
        and not aws.cloudtrail.resources.arn regex~ ".*(AWSLogs|access-logs).*"
        and not aws.cloudtrail.user_identity.type == "AWSService""#;
    let key = r#"iam where event.action in ("CreateVirtualMFADevice", "AttachGroupPolicy")
        and startsWith (aws.cloudtrail.user_identity.access_key_id, "ASIA")
        and not aws.cloudtrail.session_credential_from_console == "true""#;
    let agent = r#"any where event.action : "Attach*Policy"
        and not user_agent.original like~ ("*terraform*", "*Pulumi*")"#;
    for (query, changes, expected) in [
        (admin, json!({}), true),
        (admin, denied, false),
        (admin, other_policy, false),
        (public, bucket_policy(json!("*")), true),
        (public, bucket_policy(json!({"AWS": "*"})), false),
        (external, bucket_policy(json!({"AWS": "arn:aws:iam::444455556666:root"})), true),
        (external, bucket_policy(json!({"AWS": "arn:aws:iam::111122223333:root"})), false),
        (note, upload("arn:aws:s3:::b/x/README.txt"), true),
        (note, upload("arn:aws:s3:::b/x/list.txt"), false),
        (note, upload("arn:aws:s3:::b/AWSLogs/readme"), false),
        (key, json!({}), true),
        (key, json!({"sessionCredentialFromConsole": "true"}), false),
        (key, json!({"eventName": "EnableMFADevice"}), false),
        (agent, json!({}), true),
        (agent, json!({"userAgent": "HashiCorp Terraform/1.0"}), false),
        // A field that the record has not meets the negation.
        (agent, json!({"userAgent": null}), true),
    ] {
        assert_eq!(matches(&rule_file("", query), changes.clone()), expected, "{query} {changes}");
    }
}

#[test]
fn the_category_can_be_in_another_field() {
    let query = "change where event.action == \"AttachGroupPolicy\"";
    let overridden = rule_file("event_category_override = 'event.type'", query);
    assert!(matches(&overridden, json!({})));
    assert!(!matches(&overridden, json!({"eventName": "CreateGroup"})));
    assert!(!matches(&rule_file("", query), json!({})));
    assert!(matches(&rule_file("", "iam where true"), json!({})));
    assert!(!matches(&rule_file("", "iam where true"), json!({"eventName": "Decrypt"})));
    let every_key = "event_category_override = 'event.type'\ntimestamp_field = '@timestamp'\n\
        tiebreaker_field = 'event.id'";
    let load = load(&rule_file(every_key, query));
    assert_eq!((to_strings(&load.problems), to_strings(&load.warnings)), (vec![], vec![]));
    let rule = &load.rules[0];
    assert_eq!(
        (rule.query.language(), rule.query.source()),
        ("eql", format!("{query}\n").as_str())
    );
    let RuleQuery::Eql(query) = &rule.query else { panic!("EQL") };
    assert_eq!((query.category(), query.category_field()), (Some("change"), "event.type"));
    let RequiredFields { actions, .. } = rule.query.required_fields();
    assert_eq!(actions.unwrap().into_iter().collect::<Vec<_>>(), ["AttachGroupPolicy"]);
}

#[test]
fn valid_queries_that_cannot_run_are_unsupported() {
    let cases = [
        (
            "sample by user.name [any where true] [any where true]",
            (11, 1),
            "a query of single events, found `sample`",
        ),
        ("any where true\n  | head 5", (12, 3), "a query without pipes, found `|`"),
        (
            "sequence by user.name\n [any where true] [any where true]\n  | tail 1",
            (13, 3),
            "a query without pipes, found `|`",
        ),
        (
            "sequence by user.name\n  [any where true] with runs=101",
            (12, 30),
            "at most 100 runs, found `101`",
        ),
        (
            "sequence by user.name [any where true] ![any where true]",
            (11, 40),
            "an event, found `![`: that an event is missing cannot be known while calls still \
             arrive",
        ),
        (
            "sequence by user.name with maxspan=3d [any where true] [any where true]",
            (11, 28),
            "a `maxspan` of at most 48 hours",
        ),
        (
            "any where user.name regex \"a|<1-9>\"",
            (11, 27),
            "a regular expression without the interval (`<`); the character itself is `\\<`",
        ),
        (
            "sequence [any where true] [any where user.name regex~ (\"x\", \"a&~b\")]",
            (11, 61),
            "a regular expression without the intersection (`&`); the character itself is `\\&`",
        ),
    ];
    for (query, (line, column), expected) in cases {
        let load = load(&rule_file("", query));
        assert_eq!(to_strings(&load.problems), [""; 0], "{query}");
        assert!(load.rules.is_empty(), "{query}");
        let [problem] = load.unsupported.as_slice() else { panic!("{query}") };
        assert_eq!(problem.position, Some(Position { line, column }), "{query}");
        let expected =
            format!("unsupported rule \"A rule in EQL\": in `query`: expected {expected}");
        assert_eq!(problem.message, expected, "{query}");
    }
}

const SEQUENCE: &str = "sequence by user.name\n  [iam where event.action == \"CreateUser\"]\n  \
    [any where event.action == \"CreateAccessKey\"] with runs=2\n\
    until [any where event.action == \"DeleteUser\"]";

#[test]
fn a_sequence_is_a_rule_and_the_correlation_of_its_steps() {
    for (keys, with, seconds) in [
        ("", " with maxspan=5m", 300),
        ("", " with maxspan=1500ms", 2),
        // As long as Elastic would look back, which is 6 minutes by default.
        ("", "", 360),
        ("from = 'now-2h'", "", 7200),
        ("from = 'now-7d'", " with maxspan=48h", 172_800),
    ] {
        let query = SEQUENCE.replacen("user.name", &format!("user.name{with}"), 1);
        let load = load(&rule_file(keys, &query));
        assert_eq!((to_strings(&load.problems), to_strings(&load.warnings)), (vec![], vec![]));
        let set = load.into_rule_set().unwrap();
        let [rule] = set.rules() else { panic!("one rule") };
        assert_eq!((rule.query.language(), rule.info.sequence), ("eql", true));
        let RequiredFields { actions, .. } = rule.query.required_fields();
        let actions: Vec<String> = actions.unwrap().into_iter().collect();
        assert_eq!(actions, ["CreateAccessKey", "CreateUser", "DeleteUser"]);
        let [correlation] = set.correlations() else { panic!("one correlation") };
        let condition = Condition::Sequence { runs: vec![1, 2], has_until: true, joined_by: None };
        assert_eq!(correlation.condition, condition);
        assert_eq!(correlation.timespan.as_secs(), seconds, "{keys} {with}");
        assert_eq!(correlation.group_by, ["user.name"]);
        let names: Vec<&str> = correlation.rule_references().map(|it| &*it.name).collect();
        let expected = [
            r#"iam where event.action == "CreateUser""#,
            r#"2 × any where event.action == "CreateAccessKey""#,
        ];
        assert_eq!(names, expected);
    }
}

#[test]
fn a_sequence_has_no_key_that_would_have_no_effect() {
    for (keys, query, problems, warnings) in [
        (
            "alert_when = { query = 'user.name: a' }",
            SEQUENCE.to_owned(),
            vec!["a.toml:9:1: a sequence cannot have `alert_when`"],
            vec![],
        ),
        (
            "",
            SEQUENCE.replace("sequence by user.name", "sequence by user.nmae, ?nothing"),
            vec![],
            vec![
                "a.toml:11:13: its sequence is by `user.nmae`, which no record has; did you mean \
                 `user.name`?",
            ],
        ),
        (
            "",
            "sequence with maxspan=5m\n  [any where event.action == \"A\"] by ?user.nmae, user.ip\n\
             \u{20} [any where event.action == \"B\"] by user.name, source.ip\n\
             until [any where event.action == \"C\"] by user.name, user.ib"
                .to_owned(),
            vec![],
            vec![
                "a.toml:12:50: its sequence is by `user.ip`, which no record has; did you mean \
                 `user.id`?",
                "a.toml:14:53: its sequence is by `user.ib`, which no record has; did you mean \
                 `user.id`?",
            ],
        ),
    ] {
        let load = load(&rule_file(keys, &query));
        assert_eq!(to_strings(&load.problems), problems, "{keys} {query}");
        assert_eq!(to_strings(&load.warnings)[..warnings.len()], warnings, "{keys} {query}");
    }
}

#[test]
fn problems_are_reported_with_their_place() {
    let cases = [
        (
            rule_file("", "any where event.action == \"X\"\n  and stringContain(user.name, \"a\")"),
            "a.toml:12:7: in `query`: expected a function, found `stringContain`; did you mean \
             `stringContains`?\n12 |   and stringContain(user.name, \"a\")\n   |       ^^^^^^^^^^^^^",
        ),
        (
            rule_file("", "any where event.action regex \"((x{1000}){1000}){1000}\""),
            "a.toml:11:30: in `query`: expected a regular expression: it is too \
             large\n11 | any where event.action regex \"((x{1000}){1000}){1000}\"\n   | \
             \u{20}                            ^^^^^^^^^^^^^^^^^^^^^^^^^",
        ),
        (
            rule_file("timestamp_field = 5", "any where true"),
            "a.toml:9:19: in `timestamp_field`: expected a string, found the number `5`",
        ),
        (HEAD.to_owned(), "a.toml:1:2: `query` is missing in [rule]"),
    ];
    for (text, expected) in cases {
        let load = load(&text);
        assert_eq!(to_strings(&load.problems), [expected], "{text}");
        assert!(load.rules.is_empty() && load.unsupported.is_empty(), "{text}");
    }
    let other =
        rule_file("", "any where true").replace("language = \"eql\"", "language = \"kuery\"");
    assert_eq!(
        to_strings(&load(&other).unsupported),
        [
            "a.toml: unsupported rule \"A rule in EQL\": its language is `kuery`, of type `eql` only \
          `eql` can run"
        ]
    );
}

#[test]
fn suspicious_conditions_are_warnings() {
    let cases: [(&str, &[&str]); 16] = [
        (
            "any where user_agent.original == \"*curl*\"",
            &[
                "a.toml:11:11: `*` is an ordinary character in `*curl*`: with `:` or `like` it is a \
               wildcard",
            ],
        ),
        (
            "any where event.action in (\"A\", \"Add*\") or event.action not in~ (\"Del*\")",
            &[
                "a.toml:11:11: `*` is an ordinary character in `Add*`: with `:` or `like` it is a \
                 wildcard",
                "a.toml:11:44: `*` is an ordinary character in `Del*`: with `:` or `like` it is a \
                 wildcard",
            ],
        ),
        (
            "any where event.outcome != \"s*\" and user.name == \"*\"",
            &[
                "a.toml:11:11: `*` is an ordinary character in `s*`: with `:` or `like` it is a \
                 wildcard",
                "a.toml:11:37: `*` is an ordinary character here: `!= null` is true for every \
                 value",
            ],
        ),
        (
            "any where event.category == \"IAM\" or event.outcome == \"sucess\"",
            &[
                "a.toml:11:11: can never be true: no record has the `event.category` `IAM`; did \
                 you mean `iam`?",
                "a.toml:11:38: can never be true: no record has the `event.outcome` `sucess`; did \
                 you mean `success`?",
            ],
        ),
        (
            "any where event.outcome in (\"success\", \"Failure\") or event.type != \"change\"",
            &["a.toml:11:11: no record has the `event.outcome` `Failure`; did you mean `failure`?"],
        ),
        (
            "any where event.action == \"A\" and event.outcome == \"success\" and event.action == \
             \"B\"",
            &["a.toml:11:66: can never be true: `event.action` has one value, and elsewhere it \
               must be `A`"],
        ),
        (
            "sequence [any where event.action == \"A\"] [any where event.action in (\"B\", \"C\")]\n\
             until [any where event.action == \"A\" and event.action : \"b*\"]",
            &["a.toml:12:42: can never be true: `event.action` has one value, and elsewhere it \
               must be `A`"],
        ),
        (
            "any where event.action : \"A*\" and event.action like (\"*b\", \"c\") and \
             aws.cloudtrail.flattened.request_parameters.principal == \"*\"",
            &[],
        ),
        (
            "any where event.actoin == \"X\" and ?event.nothing == 1",
            &["a.toml:11:11: no record has the field `event.actoin`; did you mean `event.action`?"],
        ),
        (
            "any where length(user.nmae) > 3",
            &["a.toml:11:11: no record has the field `user.nmae`; did you mean `user.name`?"],
        ),
        (
            "files where true",
            &[
                "a.toml:11:1: can never be true: no record has the `event.category` `files`; did you \
               mean `file`?",
            ],
        ),
        (
            "any where event.outcome == \"Success\"",
            &["a.toml:11:11: can never be true: no record has the `event.outcome` `Success`; did \
               you mean `success`?"],
        ),
        (
            "any where event.outcome : \"Success\" and user.name != \"none\"",
            &["a.toml:11:41: is always true: `user.name` is absent if the record has an empty \
             text, `-` or `none` for it"],
        ),
        (
            "any where aws.cloudtrail.read_only like \"t*\" or source.ip in (\"10.0.0.300\")",
            &[
                "a.toml:11:11: can never be true: `aws.cloudtrail.read_only` is `true` or \
                 `false`, without wildcards or order",
                "a.toml:11:49: can never be true: `source.ip` is an IP address; it can equal a \
                 block, but not be compared with one",
            ],
        ),
        (
            "any where user.name regex (\"a.*\", \"^admin\")",
            &["a.toml:11:11: `^` and `$` are ordinary characters in `^admin`: a regular \
               expression always matches the whole value"],
        ),
        (
            "any where @timestamp > \"now-1d\" and cloud.provider : \"AWS\" and user.name regex \"a\\\\$\"",
            &[],
        ),
    ];
    for (query, warnings) in cases {
        let load = load(&rule_file("", query));
        assert_eq!(to_strings(&load.problems), [""; 0], "{query}");
        assert_eq!(to_strings(&load.warnings), *warnings, "{query}");
        assert_eq!(load.rules.len(), 1, "{query}");
    }
}
