//! `--query`, `--summary`, `--since` and `--until`.

use serde_json::{Value, json};

use super::scan;
use crate::program::{TestDir, documents, is_hostile, trailbell};

fn call(user: &str, action: &str, time: &str, error: Option<&str>) -> Value {
    json!({
        "eventVersion": "1.11",
        "eventSource": "iam.amazonaws.com",
        "eventName": action,
        "eventTime": time,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.7",
        "errorCode": error,
        "recipientAccountId": "111122223333",
        "userIdentity": {
            "type": "IAMUser",
            "userName": user,
            "arn": format!("arn:aws:iam::111122223333:user/{user}"),
        },
    })
}

fn calls() -> Vec<Value> {
    vec![
        call("alice", "ListGroups", "2026-03-02T10:00:00Z", None),
        call("alice", "ListGroups", "2026-03-01T10:00:00Z", None),
        call("alice", "CreateGroup", "2026-03-03T10:00:00Z", Some("AccessDenied")),
        call("bob", "ListGroups", "2026-03-01T11:00:00Z", None),
    ]
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn matching_records_are_sorted_by_time() {
    let dir = TestDir::new();
    let log = dir.log(&calls());
    let wide = [("COLUMNS", "300")];
    let (code, out, err) = trailbell(&["scan", &log, "--query", "user.name: alice"], &wide);
    assert_eq!((code, err.as_str()), (0, "3 matches in 4 records of 1 file\n"), "{out}");
    let rows: Vec<Vec<&str>> = out.lines().skip(2).map(words).collect();
    let call = "10:00:00 alice ACTION iam.amazonaws.com 192.0.2.7 us-east-1";
    let expected = [
        ("2026-03-01", "ListGroups", "success", 1),
        ("2026-03-02", "ListGroups", "success", 0),
        ("2026-03-03", "CreateGroup", "AccessDenied", 2),
    ]
    .map(|(day, action, outcome, record)| {
        format!("{day} {} {outcome} {log}#{record}", call.replace("ACTION", action))
    });
    assert_eq!(rows, expected.iter().map(|row| words(row)).collect::<Vec<_>>());
}

#[test]
fn json_has_the_ecs_document_and_where_it_was_read() {
    let dir = TestDir::new();
    let log = dir.log(&calls());
    let args = [&log, "--query", "event.outcome: failure", "--format"];
    let (code, out, _) = scan(&[&args[..], &["ndjson"]].concat());
    let [document] = &documents(&out)[..] else { panic!("{out}") };
    assert_eq!((code, &document["event"]["action"]), (0, &json!("CreateGroup")));
    let origin = json!({"kind": "file", "path": log, "record": 2});
    assert_eq!(document["trailbell"], json!({"kind": "record", "origin": origin}));
    let (_, out, _) = scan(&[&args[..], &["json"]].concat());
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), json!([document]));
}

#[test]
fn a_summary_counts_by_principal_service_and_action() {
    let dir = TestDir::new();
    let log = dir.log(&calls());
    let args = [&log, "--query", "event.provider: iam.amazonaws.com", "--summary"];
    let (code, out, _) = scan(&[&args[..], &["--format", "ndjson"]].concat());
    assert_eq!(code, 0);
    let summary: Vec<Value> = documents(&out)
        .into_iter()
        .map(|count| {
            json!([
                count["principal"]["label"],
                count["action"],
                count["count"],
                count["failed"],
                count["first"],
                count["last"],
            ])
        })
        .collect();
    assert_eq!(
        summary,
        [
            json!(["alice", "ListGroups", 2, 0, "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z"]),
            json!(["bob", "ListGroups", 1, 0, "2026-03-01T11:00:00Z", "2026-03-01T11:00:00Z"]),
            json!(["alice", "CreateGroup", 1, 1, "2026-03-03T10:00:00Z", "2026-03-03T10:00:00Z"]),
        ]
    );

    let (_, out, err) = scan(&args);
    let row = "2 alice iam.amazonaws.com ListGroups 2026-03-01 10:00:00 2026-03-02 10:00:00";
    assert_eq!(words(out.lines().nth(2).unwrap()), words(row), "{out}");
    assert!(err.starts_with("4 matches in 4 records"), "{err}");
}

#[test]
fn a_time_range_leaves_out_other_calls() {
    let dir = TestDir::new();
    let without_time = json!({"eventName": "ListGroups", "userIdentity": {"userName": "alice"}});
    let log = dir.log(&[calls(), vec![without_time]].concat());
    // The record without a time always counts.
    let cases: [(&[&str], usize); 6] = [
        (&[], 4),
        (&["--since", "2026-03-02"], 3),
        (&["--until", "2026-03-02"], 3),
        (&["--since", "2026-03-02T10:00:00Z", "--until", "2026-03-02T10:00:00Z"], 2),
        (&["--since", "24h"], 1),
        (&["--since", "10000d"], 4),
    ];
    for (range, count) in cases {
        let args = [&[&log, "--query", "user.name: alice", "--format", "ndjson"], range].concat();
        let (code, out, err) = scan(&args);
        assert_eq!((code, out.lines().count()), (0, count), "{range:?}: {err}");
    }
}

#[test]
fn wrong_usage_is_an_error() {
    let dir = TestDir::new();
    let log = dir.log(&calls());
    let cases: [(&[&str], &str); 7] = [
        (
            &["--query", "user.name: (alice"],
            "cannot parse --query: expected `and`, `or` or `)`, found the end of the query \
             (line 1, column 18)\n1 | user.name: (alice\n  |                  ^",
        ),
        (&["--summary"], "--query"),
        (&["--query", "*", "--fail-on", "low"], "cannot be used with"),
        (&["--query", "*", "--exceptions", "x"], "cannot be used with"),
        (&["--since", "yesterday"], "--since is \"yesterday\": expected a duration such as 90m"),
        (&["--since", "1h", "--until", "2h"], "is before --since"),
        (&["s3://logs/AWSLogs/"], "s3://logs/AWSLogs/: a time range is needed: add --since"),
    ];
    for (args, message) in cases {
        let (code, out, err) = scan(&[&[log.as_str()], args].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(message), "{args:?}: {err}");
    }
}

#[test]
fn an_unknown_field_is_a_warning() {
    let dir = TestDir::new();
    let log = dir.log(&calls());
    let (code, _, err) = scan(&[&log, "--query", "user.nmae: alice"]);
    assert_eq!(code, 0);
    let warning =
        "warning: --query: no record has the field `user.nmae`; did you mean `user.name`?";
    assert!(err.contains(warning) && err.contains("0 matches in 4 records"), "{err}");
}

#[test]
fn hostile_names_cannot_break_the_output() {
    let dir = TestDir::new();
    let hostile = call("x\u{1b}[2J\u{202e}\n", "A\u{9b}2J", "2026-03-01T10:00:00Z", Some("E\u{7}"));
    let log = dir.log(&[hostile]);
    for summary in [&[][..], &["--summary"]] {
        for format in ["text", "ndjson", "json"] {
            let args = [&[&log, "--query", "*", "--format", format], summary].concat();
            let (code, out, _) = scan(&args);
            assert!(code == 0 && !is_hostile(&out), "{format}: {out:?}");
        }
    }
}
