//! `trailbell explain`.

use serde_json::{Value, json};

use crate::program::{TestDir, create_group, eql_rule, exception, is_hostile, trailbell};

/// Explains a record of a log.
fn explain(log: &str, record: &str, args: &[&str]) -> (i32, String, String) {
    trailbell(&[&["explain", log, "--record", record], args].concat(), &[])
}

/// A log of one group.
fn log(dir: &TestDir) -> String {
    dir.log(&[create_group("app", "alice", "10:00:00")])
}

#[test]
fn a_record_is_printed_as_an_ecs_document_with_the_rules_that_match() {
    let dir = TestDir::new();
    let hostile = "app\u{202e}\u{9b}";
    let log =
        dir.log(&[json!({"eventName": "ListGroups"}), create_group(hostile, "alice", "10:00:00")]);
    let (code, out, err) = explain(&log, "1", &[]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let (document, rules) = out.split_once("\n\n").unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["event"]["action"], "CreateGroup");
    assert_eq!(document["group"]["name"], hostile);
    assert!(!is_hostile(&out), "{out}");
    let (creation, rest) = rules.split_once('\n').unwrap();
    assert_eq!(creation, "✓ AWS IAM Group Creation (169f3a93-efc7-4df2-94d6-0d9438c310d1), low");
    assert!(rest.lines().all(|line| line.starts_with("✓ counts for correlation ")), "{rest}");

    let (code, out, _) = explain(&log, "0", &[]);
    assert_eq!(code, 0);
    assert!(out.contains("rules matches; --rule RULE explains why"), "{out}");
}

#[test]
fn a_rule_is_explained_clause_by_clause() {
    let dir = TestDir::new();
    let log = log(&dir);
    for rule in ["AWS IAM User Addition to Group", "333de828-8190-4cf5-8d7c-7575846f6fe0"] {
        let (code, out, err) = explain(&log, "0", &["--rule", rule]);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        for line in [
            "AWS IAM User Addition to Group (333de828-8190-4cf5-8d7c-7575846f6fe0) \
             does not match this record:\n✗ all of\n",
            "  ✗ event.action: AddUserToGroup  (the record has CreateGroup)\n",
            "  ✓ event.provider: iam.amazonaws.com  (the record has iam.amazonaws.com)\n",
        ] {
            assert!(out.contains(line), "{line}\n{out}");
        }
    }
}

#[test]
fn a_correlation_is_explained_by_what_it_counts() {
    let dir = TestDir::new();
    let mut added = create_group("app", "alice", "10:00:00");
    added["eventName"] = json!("AddUserToGroup");
    added["requestParameters"]["userName"] = json!("bob");
    let log = dir.log(&[added, create_group("app", "alice", "10:00:00")]);
    let (code, out, err) = explain(&log, "0", &["--rule", "many users added"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("✓ counts for correlation Many users added to one IAM group under "),
        "{out}"
    );
    let (code, out, err) = explain(&log, "1", &["--rule", "many users added"]);
    assert_eq!(code, 0, "{err}");
    for line in [
        "✗ does not count for correlation Many users added to one IAM group.\n",
        "\n  AWS IAM User Addition to Group\n",
    ] {
        assert!(out.contains(line), "{line}\n{out}");
    }
}

#[test]
fn an_exception_is_named_if_a_rule_matches() {
    let dir = TestDir::new();
    let log = log(&dir);
    let file = dir.write("e.toml", exception("ci", "user.name: alice", "'never'"));
    let last_line = "AWS IAM Group Creation is suppressed by exception `ci`\n";
    for (rule, suppressed) in [
        (None, true),
        (Some("AWS IAM Group Creation"), true),
        (Some("AWS IAM User Addition to Group"), false),
    ] {
        let mut args = vec!["--exceptions", &file];
        args.extend(rule.into_iter().flat_map(|rule| ["--rule", rule]));
        let (code, out, err) = explain(&log, "0", &args);
        assert_eq!((code, out.ends_with(last_line)), (0, suppressed), "{rule:?}: {out}{err}");
    }
}

#[test]
fn a_missing_record_rule_or_file_is_an_error() {
    let dir = TestDir::new();
    let log = dir.log(&[create_group("app", "alice", "10:00:00"), json!("no object")]);
    let empty = dir.write("empty.json", "{\"Records\": []}");
    let damaged = dir.write("bad.json", "{\"Records\": [");
    let cases: [(&str, &str, &[&str], &str); 6] = [
        (&log, "2", &[], "there is no record 2: the last one is 1"),
        (&log, "1", &[], "record 1 at byte"),
        (&log, "0", &["--rule", "x-x"], "no rule has \"x-x\" in its name"),
        (&empty, "0", &[], "empty.json: the file has no records"),
        (&damaged, "0", &[], "bad.json: at byte"),
        ("/no/such/file.json", "0", &[], "cannot read /no/such/file.json: "),
    ];
    for (log, record, args, message) in cases {
        let (code, out, err) = explain(log, record, args);
        assert_eq!((code, out.as_str()), (2, ""), "{log} {record} {args:?}");
        assert!(err.contains(message), "{log} {record} {args:?}: {err}");
    }
}

#[test]
fn a_sequence_is_explained_step_by_step() {
    let dir = TestDir::new();
    let log = log(&dir);
    let query = "sequence by user.name with maxspan=5m [any where event.action == \"CreateUser\"] \
                 [iam where event.action : \"CreateG*\"] \
                 until [any where event.action == \"CreateGroup\"]";
    dir.write("rules/s.toml", eql_rule("s", query) + "high_volume = true\n");
    let args = ["--rules", &dir.text("rules"), "--rule-sets", "none"];
    let (code, out, err) = explain(&log, "0", &args);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    for line in [
        "✓ s (s), low\n",
        "✓ is step 2 of 2 of the sequence s under alice\n",
        "✓ ends the sequence s under alice\n",
    ] {
        assert!(out.contains(line), "{line}\n{out}");
    }
    let (_, out, _) = explain(&log, "0", &[&args[..], &["--rule", "s"]].concat());
    let expected = "\
✓ any of
  ✗ step 1 of 2
    ✗ event.action == \"CreateUser\"  (the record has CreateGroup)
    ✓ by user.name  (the record has alice)
  ✓ step 2 of 2
    ✓ all of
      ✓ event.category == \"iam\"  (the record has iam)
      ✓ event.action : \"CreateG*\"  (the record has CreateGroup)
    ✓ by user.name  (the record has alice)
  ✓ until
    ✓ event.action == \"CreateGroup\"  (the record has CreateGroup)
    ✓ by user.name  (the record has alice)
";
    assert!(out.contains(expected), "{out}");
}

#[test]
fn values_that_are_counted_or_new_are_shown() {
    let dir = TestDir::new();
    let log = log(&dir);
    let kuery = |rule_type: &str, lines: &str| {
        let query = "query = 'event.action: CreateGroup'";
        format!(
            "[rule]\nname = \"r\"\nrule_id = \"r\"\ndescription = \"d\"\ntype = \"{rule_type}\"\n\
             language = \"kuery\"\nseverity = \"low\"\nrisk_score = 21\n{query}\n{lines}\n"
        )
    };
    let threshold =
        |fields: &str| kuery("threshold", &format!("threshold = {{field = {fields}, value = 2}}"));
    let new_terms = |fields: &str| {
        let lines = format!("new_terms_fields = {fields}\nhistory_window_start = 'now-7d'");
        kuery("new_terms", &lines)
    };
    let args = ["--rules", &dir.text("rules"), "--rule-sets", "none", "--rule", "r"];
    for (rule, line) in [
        (threshold("['user.name']"), "✓ counts towards the threshold of r under alice\n"),
        (threshold("[]"), "✓ counts towards the threshold of r\n"),
        (
            threshold("['user.name', 'user.target.name']"),
            "✗ does not count towards the threshold: it needs user.name and user.target.name\n",
        ),
        (
            new_terms("['user.name', 'event.action']"),
            "✓ a finding if new: user.name · event.action = alice · CreateGroup\n",
        ),
        (new_terms("['user.target.name']"), "✗ no finding: it needs user.target.name\n"),
    ] {
        dir.write("rules/r.toml", &rule);
        let (code, out, err) = explain(&log, "0", &args);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        assert!(out.contains("r (r) matches this record:\n"), "{out}");
        assert!(out.ends_with(line), "{out}");
    }
}
