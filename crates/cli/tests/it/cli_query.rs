//! `trailbell scan --query`, `--summary`, `--since` and `--until`: what is printed, and the exit
//! codes.

use crate::cli::{Folder, text, trailbell};
use serde_json::{Value, json};

fn call(who: &str, action: &str, time: &str, error: Option<&str>) -> Value {
    json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": action, "eventTime": time,
        "awsRegion": "us-east-1", "sourceIPAddress": "192.0.2.7", "errorCode": error, "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "userName": who, "arn": format!("arn:aws:iam::111122223333:user/{who}")}})
}

fn calls() -> Vec<Value> {
    vec![
        call("alice", "ListGroups", "2026-03-02T10:00:00Z", None),
        call("alice", "ListGroups", "2026-03-01T10:00:00Z", None),
        call("alice", "CreateGroup", "2026-03-03T10:00:00Z", Some("AccessDenied")),
        call("bob", "ListGroups", "2026-03-01T11:00:00Z", None),
    ]
}

fn ndjson(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn matching_records_are_printed_in_the_order_of_time() {
    let folder = Folder::new();
    let log = folder.log(&calls());
    let (exit, out, err) = trailbell(&["scan", text(&log), "--query", "user.name: alice"], &[]);
    assert_eq!((exit, err.as_str()), (0, "3 matches in 4 records of 1 file\n"), "{out}");
    let rows: Vec<Vec<&str>> =
        out.lines().skip(2).map(|line| line.split_whitespace().collect()).collect();
    let place = |record: usize| format!("{}#{record}", text(&log));
    let row = |day: &'static str, action: &'static str, outcome: &'static str| {
        [day, "10:00:00", "alice", action, "iam.amazonaws.com", "192.0.2.7", "us-east-1", outcome]
    };
    let expected = [
        (row("2026-03-01", "ListGroups", "success"), place(1)),
        (row("2026-03-02", "ListGroups", "success"), place(0)),
        (row("2026-03-03", "CreateGroup", "AccessDenied"), place(2)),
    ];
    let expected: Vec<Vec<&str>> = expected
        .iter()
        .map(|(row, place)| row.iter().copied().chain([place.as_str()]).collect())
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn machines_get_the_ecs_document_and_its_place() {
    let folder = Folder::new();
    let log = folder.log(&calls());
    let args = ["scan", text(&log), "--query", "event.outcome: failure", "--format"];
    let (exit, out, _) = trailbell(&[&args[..], &["ndjson"]].concat(), &[]);
    let [document] = &ndjson(&out)[..] else { panic!("{out}") };
    assert_eq!((exit, &document["event"]["action"]), (0, &json!("CreateGroup")));
    assert_eq!(document["trailbell"], json!({"source": text(&log), "record": 2}));
    let (_, out, _) = trailbell(&[&args[..], &["json"]].concat(), &[]);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), json!([document]));
}

#[test]
fn a_summary_counts_by_caller_service_and_call() {
    let folder = Folder::new();
    let log = folder.log(&calls());
    let args = ["scan", text(&log), "--query", "event.provider: iam.amazonaws.com", "--summary"];
    let (exit, out, _) = trailbell(&[&args[..], &["--format", "ndjson"]].concat(), &[]);
    assert_eq!(exit, 0);
    let group = |group: &Value| {
        let names = [
            &group["principal"]["label"],
            &group["event"]["action"],
            &group["first"],
            &group["last"],
        ];
        (
            names.map(|name| name.as_str().unwrap().to_owned()),
            [&group["count"], &group["failed"]].map(|n| n.as_u64().unwrap()),
        )
    };
    let expected = [
        (["alice", "ListGroups", "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z"], [2, 0]),
        (["bob", "ListGroups", "2026-03-01T11:00:00Z", "2026-03-01T11:00:00Z"], [1, 0]),
        (["alice", "CreateGroup", "2026-03-03T10:00:00Z", "2026-03-03T10:00:00Z"], [1, 1]),
    ];
    let groups: Vec<_> = ndjson(&out).iter().map(group).collect();
    assert_eq!(groups, expected.map(|(names, counts)| (names.map(str::to_owned), counts)));

    let (_, out, err) = trailbell(&args, &[]);
    assert!(
        out.lines().nth(2).unwrap().split_whitespace().eq([
            "2",
            "alice",
            "iam.amazonaws.com",
            "ListGroups",
            "2026-03-01",
            "10:00:00",
            "2026-03-02",
            "10:00:00"
        ]),
        "{out}"
    );
    assert!(err.starts_with("4 matches in 4 records"), "{err}");
}

#[test]
fn a_window_leaves_out_what_is_outside() {
    let folder = Folder::new();
    let log = folder.log(
        &[calls(), vec![json!({"eventName": "ListGroups", "userIdentity": {"userName": "alice"}})]]
            .concat(),
    );
    // The record without a time is always among them.
    let cases: [(&[&str], usize); 6] = [
        (&[], 4),
        (&["--since", "2026-03-02"], 3),
        (&["--until", "2026-03-02"], 3),
        (&["--since", "2026-03-02T10:00:00Z", "--until", "2026-03-02T10:00:00Z"], 2),
        (&["--since", "24h"], 1),
        (&["--since", "10000d"], 4),
    ];
    for (window, count) in cases {
        let args =
            [&["scan", text(&log), "--query", "user.name: alice", "--format", "ndjson"], window]
                .concat();
        let (exit, out, err) = trailbell(&args, &[]);
        assert_eq!((exit, out.lines().count()), (0, count), "{window:?}: {err}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let folder = Folder::new();
    let log = folder.log(&calls());
    let cases: [(&[&str], &str); 7] = [
        (
            &["--query", "user.name: (alice"],
            "--query: expected `and`, `or` or `)`, found the end of the query (line 1, column 18)\n1 | user.name: (alice\n  |                  ^",
        ),
        (&["--summary"], "--query"),
        (&["--query", "*", "--fail-on", "low"], "cannot be used with"),
        (&["--query", "*", "--exceptions", "x"], "cannot be used with"),
        (
            &["--since", "yesterday"],
            "--since is `yesterday`: expected a length of time ago such as 90m",
        ),
        (&["--since", "1h", "--until", "2h"], "is before --since"),
        (
            &["s3://logs/AWSLogs/"],
            "s3://logs/AWSLogs/: say how far back with --since, or name a day",
        ),
    ];
    for (args, complaint) in cases {
        let (exit, out, err) = trailbell(&[&["scan", text(&log)], args].concat(), &[]);
        assert_eq!((exit, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(complaint), "{args:?}: {err}");
    }
}

#[test]
fn a_field_that_no_record_has_is_a_warning() {
    let folder = Folder::new();
    let log = folder.log(&calls());
    let (exit, _, err) = trailbell(&["scan", text(&log), "--query", "user.nmae: alice"], &[]);
    assert_eq!(exit, 0);
    assert!(
        err.contains(
            "warning: --query: no record has the field `user.nmae`; did you mean `user.name`?"
        ),
        "{err}"
    );
    assert!(err.contains("0 matches in 4 records"), "{err}");
}

#[test]
fn what_a_caller_wrote_cannot_forge_a_table() {
    let folder = Folder::new();
    let log = folder.log(&[call(
        "x\u{1b}[2J\u{202e}\n",
        "A\u{9b}2J",
        "2026-03-01T10:00:00Z",
        Some("E\u{7}"),
    )]);
    for summary in [&[][..], &["--summary"]] {
        for format in ["table", "ndjson", "json"] {
            let args =
                [&["scan", text(&log), "--query", "*", "--format", format], summary].concat();
            let (exit, out, _) = trailbell(&args, &[]);
            assert_eq!(exit, 0);
            assert!(
                out.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'),
                "{format}: {out:?}"
            );
        }
    }
}
