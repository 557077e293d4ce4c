//! `trailbell exceptions check`, and exceptions in `scan` and `invoke`.

use serde_json::{Value, json};

use crate::program::{TestDir, create_group, documents, exception, trailbell};

/// A log of a group of this name, and of `Admins`.
fn log(dir: &TestDir) -> String {
    dir.log(&[
        create_group("app", "alice", "10:00:00"),
        create_group("Admins", "alice", "10:00:00"),
    ])
}

#[test]
fn the_exit_code_of_check_shows_whether_something_is_to_be_done() {
    let dir = TestDir::new();
    let alice = "user.name: alice and cloud.account.id: 111122223333";
    let cases = [
        (exception("a", alice, "2099-01-01"), 0, ["active", "until 2099-01-01 23:59 UTC"], ""),
        (exception("a", alice, "'never'"), 0, ["never expires", "platform"], ""),
        (exception("a", alice, "2020-01-01"), 1, ["EXPIRED", "every rule"], ""),
        (
            exception("a", "group.name: app", "2099-01-01"),
            1,
            ["active", " a "],
            "only on values that others can choose or have",
        ),
        (
            exception("a", "group.nmae: app", "2099-01-01"),
            2,
            ["", ""],
            "e.toml:4:10: no record has the field",
        ),
        ("[[exception]]\nname = 'a'\n".to_owned(), 2, ["", ""], "5 problems in exception files:"),
        (String::new(), 0, ["no exceptions in these files", ""], ""),
    ];
    for (file, expected, texts, message) in cases {
        let path = dir.write("e.toml", &file);
        let (code, out, err) = trailbell(&["exceptions", "check", &path], &[]);
        assert_eq!(code, expected, "{file}\n{out}\n{err}");
        assert!(texts.iter().all(|text| out.contains(text)), "{file}\n{out}");
        assert!(err.contains(message) && err.is_empty() == message.is_empty(), "{file}\n{err}");
    }
}

#[test]
fn check_counts_what_exceptions_would_suppress() {
    let dir = TestDir::new();
    let log = log(&dir);
    let principal = "cloud.account.id: 111122223333 and user.name:";
    let files = [
        exception("app", &format!("{principal} alice and group.name: app"), "2020-01-01"),
        exception("rest", &format!("{principal} alice"), "2099-01-01"),
        exception("nobody", &format!("{principal} carol"), "2099-01-01"),
    ];
    let file = dir.write("e.toml", files.concat());
    let args = ["exceptions", "check", &file, "--against", &log];
    let (code, out, err) = trailbell(&args, &[]);
    assert_eq!(code, 1, "one has expired\n{out}\n{err}");
    for text in [
        "app would suppress 1 finding\n",
        "[low] IAM group app created by alice in 111122223333",
        "rest would suppress 1 finding\n",
        "[low] IAM group Admins created by alice in 111122223333",
        "nobody would suppress nothing",
    ] {
        assert!(out.contains(text), "{text}\n{out}");
    }
    assert!(err.contains("2 findings (2 suppressed) in 2 records of 1 file"), "{err}");
    assert!(!out.contains("ABOVE MEDIUM"), "{out}");

    let (_, out, _) = trailbell(&[&args[..], &["--until", "2026-02-28"]].concat(), &[]);
    assert!(out.contains("rest would suppress nothing"), "{out}");

    let missing = dir.text("missing.json");
    let (code, out, err) = trailbell(&["exceptions", "check", &file, "--against", &missing], &[]);
    assert_eq!(code, 2, "{out}\n{err}");
    let (code, _, err) = trailbell(&["exceptions", "check", &file, "--since", "7d"], &[]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("--since and --until need --against"), "{err}");
}

#[test]
fn check_fails_if_a_severe_finding_would_be_suppressed() {
    let dir = TestDir::new();
    let mut by_root = create_group("app", "root", "10:00:00");
    let arn = "arn:aws:iam::111122223333:root";
    by_root["userIdentity"] = json!({"type": "Root", "arn": arn, "accountId": "111122223333"});
    let records: Vec<Value> = (0..30)
        .map(|n| create_group(&format!("group-{n}"), "alice", &format!("10:00:{n:02}")))
        .chain([by_root])
        .collect();
    let log = dir.log(&records);
    let file = dir.write("e.toml", exception("all", "cloud.account.id: 1111*", "2099-01-01"));
    let (code, out, err) = trailbell(&["exceptions", "check", &file, "--against", &log], &[]);
    assert_eq!(code, 1, "{out}\n{err}");
    assert!(out.contains("all would suppress 31 findings, 1 of them ABOVE MEDIUM"), "{out}");
    assert!(out.contains("[high] IAM group app created by the root user"), "{out}");
    assert!(out.contains("and 11 more: trailbell scan --exceptions shows all"), "{out}");
}

#[test]
fn check_warns_of_privileged_groups_and_refuses_placeholders() {
    let dir = TestDir::new();
    let alice = "user.name: alice and cloud.account.id: 111122223333";
    let file = dir.write("e.toml", exception("a", alice, "2099-01-01"));
    let check = ["exceptions", "check", &file];
    assert_eq!(trailbell(&check, &[]).0, 0, "no group is known to be privileged");
    let vars = [("TRAILBELL_PRIVILEGED_GROUPS", "Admin*")];
    let named = [&check[..], &["--privileged-groups", "Admin*"]].concat();
    for (code, _, err) in [trailbell(&check, &vars), trailbell(&named, &[])] {
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("would suppress findings about privileged groups"), "{err}");
    }
    let (code, _, err) = trailbell(&check, &[("TRAILBELL_PRIVILEGED_GROUPS", "a b")]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("TRAILBELL_PRIVILEGED_GROUPS is \"a b\""), "{err}");

    let file = exception("a", alice, "2099-01-01").replace("'platform'", "'FILL IN: who'");
    let file = dir.write("e.toml", file);
    let (code, _, err) = trailbell(&["exceptions", "check", &file], &[]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("e.toml:6:9: `owner` still says `FILL IN`: replace all of it"), "{err}");
}

#[test]
fn scan_marks_suppressed_findings() {
    let dir = TestDir::new();
    let log = log(&dir);
    let file = dir.write("e.toml", exception("app", "group.name: app", "2099-01-01"));
    let args = ["scan", &log, "--exceptions", &file];
    let (code, out, err) = trailbell(&args, &[]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("suppressed by app"), "{out}");
    assert!(err.contains("2 findings (1 suppressed) in 2 records of 1 file"), "{err}");

    let (_, out, _) = trailbell(&[&args[..], &["--format", "ndjson"]].concat(), &[]);
    let findings = documents(&out);
    let exceptions: Vec<&Value> =
        findings.iter().map(|finding| &finding["trailbell"]["exception"]).collect();
    assert_eq!(exceptions, [&json!("app"), &Value::Null]);
}

#[test]
fn suppressed_findings_do_not_count_for_fail_on() {
    let dir = TestDir::new();
    let log = log(&dir);
    for (query, expected) in [("user.name: alice", 0), ("user.name: alice and group.name: app", 1)]
    {
        let file = dir.write("e.toml", exception("a", query, "2099-01-01"));
        let args = ["scan", &log, "--exceptions", &file, "--fail-on", "low"];
        assert_eq!(trailbell(&args, &[]).0, expected, "{query}");
    }
}

#[test]
fn scan_reports_all_problems_of_exception_files() {
    let dir = TestDir::new();
    let log = log(&dir);
    let one = dir.write("one.toml", exception("a", "user.name: (", "'never'"));
    let two = dir.write("two.toml", exception("b", "user.name: a", "'soon'"));
    let args = ["scan", &log, "--exceptions", &one, "--exceptions", &two];
    let (code, out, err) = trailbell(&args, &[]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("one.toml:4:") && err.contains("two.toml:7:11"), "{err}");
}

#[test]
fn invoke_uses_the_exceptions_of_the_function() {
    let dir = TestDir::new();
    let invoke = |exceptions: &str| {
        trailbell(&["invoke", "events/s3-put.json"], &[("TRAILBELL_EXCEPTIONS", exceptions)])
    };
    let query = "user.name: * or source.ip: 0.0.0.0/0";
    let (code, out, err) = invoke(&dir.write("all.toml", exception("all", query, "'never'")));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("suppressed)") && out.contains("suppressed by exception `all`"), "{out}");
    let (code, _, err) = invoke(&dir.write("bad.toml", "[[exception]]\n"));
    assert_eq!(code, 2);
    assert!(err.contains("6 problems in exception files"), "{err}");
}
