//! `trailbell exceptions check`, and exceptions in `scan` and `invoke`: what is printed, and the
//! exit codes.

use crate::cli::{Folder, create_group, text, trailbell};
use serde_json::{Value, json};

fn exception(name: &str, query: &str, expires: &str) -> String {
    format!(
        "[[exception]]\nname = '{name}'\nrules = ['*']\nquery = '{query}'\nreason = 'x'\nowner = 'platform'\n\
         expires = {expires}\n"
    )
}

#[test]
fn the_exit_code_of_check_tells_what_there_is_to_do() {
    let folder = Folder::new();
    let cases = [
        (
            exception("a", "user.name: alice", "2099-01-01"),
            0,
            ["active", "until 2099-01-01 23:59 UTC"],
            "",
        ),
        (exception("a", "user.name: alice", "'never'"), 0, ["never expires", "platform"], ""),
        (exception("a", "user.name: alice", "2020-01-01"), 1, ["EXPIRED", "every rule"], ""),
        (
            exception("a", "group.name: app", "2099-01-01"),
            1,
            ["active", " a "],
            "only on values that the principal chooses",
        ),
        (
            exception("a", "group.nmae: app", "2099-01-01"),
            2,
            ["", ""],
            "e.toml:4:10: no record has the field",
        ),
        ("[[exception]]\nname = 'a'\n".to_owned(), 2, ["", ""], "5 problems in exception files:"),
        (String::new(), 0, ["there is no exception", ""], ""),
    ];
    for (file, code, told, complaint) in cases {
        let path = folder.write("e.toml", &file);
        let (exit, out, err) = trailbell(&["exceptions", "check", text(&path)], &[]);
        assert_eq!(exit, code, "{file}\n{out}\n{err}");
        assert!(told.iter().all(|part| out.contains(part)), "{file}\n{out}");
        assert!(
            err.contains(complaint) && (!complaint.is_empty() || err.is_empty()),
            "{file}\n{err}"
        );
    }
}

#[test]
fn a_scan_shows_what_exceptions_would_hide() {
    let folder = Folder::new();
    let (log, file) = (
        folder.log(&[create_group("app"), create_group("Admins")]),
        folder.write("e.toml", &exception("app", "group.name: app", "2099-01-01")),
    );
    let args = ["scan", text(&log), "--exceptions", text(&file)];
    let (exit, out, err) = trailbell(&args, &[]);
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains("suppressed by app"), "{out}");
    assert!(err.contains("2 findings (1 suppressed) in 2 records of 1 file"), "{err}");

    let (_, out, _) = trailbell(&[&args[..], &["--format", "ndjson"]].concat(), &[]);
    let marks: Vec<Value> =
        out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
    let marks: Vec<&Value> = marks.iter().map(|line| &line["trailbell"]["exception"]).collect();
    assert_eq!(marks, [&json!("app"), &Value::Null]);
}

#[test]
fn suppressed_findings_do_not_count_for_fail_on() {
    let folder = Folder::new();
    let log = folder.log(&[create_group("app"), create_group("Admins")]);
    for (query, code) in [("user.name: alice", 0), ("user.name: alice and group.name: app", 1)] {
        let file = folder.write("e.toml", &exception("a", query, "2099-01-01"));
        let (exit, ..) =
            trailbell(&["scan", text(&log), "--exceptions", text(&file), "--fail-on", "low"], &[]);
        assert_eq!(exit, code, "{query}");
    }
}

#[test]
fn a_scan_refuses_exceptions_that_it_cannot_use_with_all_that_is_wrong() {
    let folder = Folder::new();
    let log = folder.log(&[create_group("app"), create_group("Admins")]);
    let one = folder.write("one.toml", &exception("a", "user.name: (", "'never'"));
    let two = folder.write("two.toml", &exception("b", "user.name: a", "'soon'"));
    let args = ["scan", text(&log), "--exceptions", text(&one), "--exceptions", text(&two)];
    let (exit, out, err) = trailbell(&args, &[]);
    assert_eq!((exit, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("one.toml:4:") && err.contains("two.toml:7:11"), "{err}");
}

#[test]
fn invoke_reads_the_functions_setting() {
    let folder = Folder::new();
    let expires = exception("all", "user.name: * or source.ip: 0.0.0.0/0", "'never'");
    let all = folder.write("all.toml", &expires);
    let bad = folder.write("bad.toml", "[[exception]]\n");
    let (exit, out, err) =
        trailbell(&["invoke", "events/s3-put.json"], &[("TRAILBELL_EXCEPTIONS", text(&all))]);
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains("suppressed)") && out.contains("suppressed by exception `all`"), "{out}");
    let (exit, _, err) =
        trailbell(&["invoke", "events/s3-put.json"], &[("TRAILBELL_EXCEPTIONS", text(&bad))]);
    assert_eq!(exit, 2);
    assert!(err.contains("6 problems in exception files"), "{err}");
}
