//! `trailbell ledger`, as a person runs it.

use std::fs;

use crate::bucket::{Bucket, create_group, exception};
use crate::cli::trailbell;
use serde_json::{Value, json};
use support::{aws, moto};

/// Findings of two accounts, three callers and two rules; one of them suppressed.
fn filled() -> Bucket {
    let bucket = Bucket::new();
    let mut elsewhere = create_group("ops", "carol", "10:02:00");
    elsewhere["recipientAccountId"] = json!("444455556666");
    let mut gone = create_group("admins", "alice", "10:03:00");
    gone["eventName"] = json!("DeleteGroup");
    gone["eventID"] = json!("gone");
    let records = [
        create_group("admins", "alice", "10:00:00"),
        create_group("billing", "alice2", "10:01:00"),
        elsewhere,
        gone,
        create_group("robots", "deploy", "10:04:00"),
    ];
    bucket.put("1005", &records);
    let exceptions = bucket.write("exceptions.toml", &exception("deploy"));
    let args = ["replay", &bucket.text("logs"), "--publish"];
    let (exit, out, err) = bucket.run_with(&args, &[("TRAILBELL_EXCEPTIONS", &exceptions)]);
    assert_eq!(exit, 0, "{out}{err}");
    bucket
}

fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `ledger list` as JSON: exit code, the groups in order, and standard error.
fn list(bucket: &Bucket, args: &[&str]) -> (i32, Vec<String>, String) {
    let (exit, out, err) = bucket.run(&[&["ledger", "list", "--format", "json"], args].concat());
    let group = |line: Value| line["group"].as_str().unwrap_or_default().to_owned();
    (exit, lines(&out).into_iter().map(group).collect(), err)
}

/// The id of the finding about a group.
fn id_of(bucket: &Bucket, group: &str) -> String {
    let (_, out, err) =
        bucket.run(&["ledger", "list", "--format", "json", "--group", group, "--limit", "1"]);
    lines(&out).first().unwrap_or_else(|| panic!("no {group}: {err}"))["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn the_latest_come_first_and_every_filter_counts() {
    let bucket = filled();
    let all: &[&str] = &["robots", "admins", "ops", "billing", "admins"];
    let cases: [(&[&str], &[&str]); 18] = [
        (&[], all),
        (&["--limit", "2"], &["robots", "admins"]),
        (&["--group", "admins"], &["admins", "admins"]),
        (&["--group", "ADMINS"], &["admins", "admins"]),
        (&["--group", "admin"], &[]),
        (&["--group", "ops", "--account", "111122223333"], &[]),
        (&["--group", "ops", "--account", "444455556666"], &["ops"]),
        (&["--account", "444455556666"], &["ops"]),
        (&["--principal", "arn:aws:iam::111122223333:user/alice"], &["admins", "admins"]),
        (&["--principal", "Alice"], &["admins", "billing", "admins"]),
        (&["--principal", "alice2", "--group", "admins"], &[]),
        (&["--rule", "deletion"], &["admins"]),
        (
            &["--rule", "169f3a93-efc7-4df2-94d6-0d9438c310d1", "--principal", "alice"],
            &["billing", "admins"],
        ),
        (&["--state", "suppressed"], &["robots"]),
        (&["--state", "suppressed", "--state", "alerted"], all),
        (&["--state", "open"], &[]),
        (&["--since", "2026-03-01T10:03:00Z"], &["robots", "admins"]),
        (&["--group", "admins", "--until", "2026-03-01T10:02:59Z"], &["admins"]),
    ];
    for (args, expected) in cases {
        let (exit, groups, err) = list(&bucket, args);
        assert_eq!(
            (exit, groups),
            (0, expected.iter().map(|group| (*group).to_owned()).collect()),
            "{args:?}: {err}"
        );
    }
}

#[test]
fn a_table_tells_what_happened_and_what_became_of_it() {
    let bucket = filled();
    let (exit, out, err) = bucket.run(&["ledger", "list"]);
    assert_eq!(exit, 0, "{err}");
    for part in [
        "2026-03-01 10:04:00   suppressed: deploy-may",
        "[low] IAM group admins created by alice in 111122223333",
        "AWS IAM Group Deletion",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    assert!(err.contains("5 entries"), "{err}");
    let (_, _, err) = bucket.run(&["ledger", "list", "--group", "nobody"]);
    assert!(err.contains("0 entries in dir:"), "the place may be the wrong one: {err}");
    let (_, _, err) = bucket.run(&["ledger", "list", "--limit", "1"]);
    assert!(err.contains("5 entries, the latest 1 shown"), "{err}");
}

#[test]
fn only_the_index_is_read_where_there_is_one() {
    let bucket = filled();
    let kept = id_of(&bucket, "billing");
    for key in bucket.keys("entries").iter().filter(|key| !key.ends_with(&kept)) {
        bucket.write(&format!("state/ledger/{key}"), "damaged");
    }
    for args in [["--group", "billing"], ["--principal", "arn:aws:iam::111122223333:user/alice2"]] {
        let (exit, groups, err) = list(&bucket, &args);
        assert_eq!((exit, groups.as_slice()), (0, &["billing".to_owned()][..]), "{args:?}: {err}");
    }
    assert_eq!(list(&bucket, &[]).0, 1, "without an index all of them are read");
}

/// Programs of other versions write more behind the id.
#[test]
fn index_keys_of_another_layout_are_read() {
    let bucket = filled();
    for key in bucket.keys("by-group/111122223333/admins") {
        let path = bucket.path("state/ledger").join(key);
        fs::rename(&path, format!("{}-alice~x", path.display())).unwrap();
    }
    assert_eq!(list(&bucket, &["--group", "admins"]).1, ["admins", "admins"]);
}

#[test]
fn what_cannot_be_read_is_named_and_stops_nothing() {
    let bucket = filled();
    let (damaged, newer) = (id_of(&bucket, "ops"), id_of(&bucket, "billing"));
    bucket.write(&format!("state/ledger/entries/{damaged}"), "{\"version\":1,\"\u{1b}[2J\":0}");
    bucket.write(&format!("state/ledger/entries/{newer}"), r#"{"version":99}"#);
    bucket.write("state/ledger/entries/README.txt", "hello");
    let (exit, groups, err) = list(&bucket, &[]);
    assert_eq!((exit, groups.len()), (1, 3), "{err}");
    for part in [
        format!("entries/{damaged}: the entry is damaged"),
        format!("entries/{newer}: the entry is of version 99"),
        "entries/README.txt: not named as an entry".to_owned(),
        "3 entries; 2 damaged; 1 of a newer version".to_owned(),
    ] {
        assert!(err.contains(&part), "{part} in {err}");
    }
    assert!(!err.contains('\u{1b}'), "{err:?}");
    let (exit, out, err) = bucket.run(&["ledger", "stats", "--format", "json"]);
    let stats: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, &stats["unreadable"]), (1, &json!({"damaged": 2, "newer": 1})), "{err}");
    for id in [&damaged, &newer] {
        let (exit, out, err) = bucket.run(&["ledger", "show", id]);
        assert_eq!((exit, out.as_str()), (1, ""), "{err}");
        assert!(err.contains(id.as_str()), "{err}");
    }
    fs::remove_file(bucket.path(&format!("state/ledger/entries/{damaged}"))).unwrap();
    let (exit, _, err) = list(&bucket, &["--group", "ops"]);
    assert!(
        exit == 1 && err.contains("an index names it, and there is no such entry"),
        "{exit} {err}"
    );
}

#[test]
fn a_finding_is_shown_by_the_start_of_its_id() {
    let bucket = filled();
    let id = id_of(&bucket, "billing");
    for said in [&id[..10], &id, &format!("entries/{id}"), &id[..10].to_uppercase()] {
        let (exit, out, err) = bucket.run(&["ledger", "show", said]);
        assert_eq!(exit, 0, "{said}: {err}");
        for part in [
            id.as_str(),
            "alerted: the topic accepted the alert",
            "2026-03-01 10:01:00",
            "AWS IAM Group Creation (169f3a93-efc7-4df2-94d6-0d9438c310d1)",
            "arn:aws:iam::111122223333:user/alice2",
            "event-billing",
            "record 1",
        ] {
            assert!(out.contains(part), "{said}: {part} in {out}");
        }
        let label = |name: &str| {
            out.lines().any(|line| line.starts_with(name) && !line.contains("not recorded"))
        };
        assert!(label("Claimed") && label("Completed") && label("Message"), "{out}");
    }
    let (_, out, _) = bucket.run(&["ledger", "show", &id, "--alert"]);
    assert!(
        out.contains("Subject: [low] IAM group billing created") && out.contains("WHAT TO CHECK"),
        "{out}"
    );
    let (_, out, _) = bucket.run(&["ledger", "show", &id, "--format", "json"]);
    let entry: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&entry["state"], &entry["content"]["finding"]["group"]),
        (&json!("alerted"), &json!("billing"))
    );
}

#[test]
fn an_id_that_is_none_or_not_enough_is_told() {
    let bucket = filled();
    bucket.write(&format!("state/ledger/entries/{}", "ab".repeat(32)), "x");
    bucket.write(&format!("state/ledger/entries/{}", "ab".repeat(31) + "ac"), "x");
    let twice = "ab".repeat(31);
    for (said, told) in [
        (twice.as_str(), "the ids of 2 entries begin with abab"),
        ("0123456789abcdef0", "no entry's id begins with 0123456789abcdef0"),
        ("../x", "is no id"),
        ("", "is no id"),
    ] {
        let (exit, out, err) = bucket.run(&["ledger", "show", said]);
        assert_eq!((exit, out.as_str()), (2, ""), "{said}");
        assert!(err.contains(told), "{said}: {err}");
    }
}

#[test]
fn stats_tell_what_is_not_done() {
    let bucket = filled();
    let burst: Vec<Value> =
        (0..12).map(|n| create_group(&format!("many-{n}"), "erin", "11:00:00")).collect();
    bucket.put("1105", &burst);
    bucket.publish();
    // An outbox that cannot be written fails one more.
    bucket.put("1205", &[create_group("late", "frank", "12:00:00")]);
    let nowhere = format!("dir:{}", bucket.write("a-file", ""));
    let args = ["replay", &bucket.text("logs"), "--publish", "--alerts", &nowhere];
    assert_eq!(bucket.run(&args).0, 2);
    let (exit, out, err) = bucket.run(&["ledger", "stats", "--format", "json"]);
    assert_eq!(exit, 0, "{err}");
    let stats: Value = serde_json::from_str(&out).unwrap();
    let late = id_of(&bucket, "late");
    for (path, expected) in [
        ("/findings", json!({"alerted": 7, "suppressed": 1, "grouped": 9, "released": 1})),
        ("/days/2026-03-01/grouped", json!(9)),
        ("/open", json!(1)),
        ("/open_markers", json!(1)),
        ("/oldest_open/id", json!(late)),
        ("/waiting_for_summary", json!(9)),
        ("/heartbeat", json!(null)),
    ] {
        assert_eq!(stats.pointer(path).unwrap(), &expected, "{path}");
    }
    let creation = stats["rules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["name"] == "AWS IAM Group Creation");
    assert_eq!(
        creation.unwrap()["states"],
        json!({"alerted": 6, "suppressed": 1, "grouped": 9, "released": 1})
    );
    let (_, out, _) = bucket.run(&["ledger", "stats"]);
    for part in
        [&format!(": {late}"), "To summarise  9", "Last sweep    never", "2026-03-01", "all rules"]
    {
        assert!(out.contains(part), "{part} in {out}");
    }
    let (_, out, _) = bucket.run(&["ledger", "show", &late]);
    assert!(
        out.contains("released: publishing failed; the next sweep or delivery tries again"),
        "{out}"
    );
    let (_, groups, _) = list(&bucket, &["--state", "open"]);
    assert_eq!(groups, ["late"]);
}

#[test]
fn stats_tell_of_the_last_sweep_and_each_trail() {
    let bucket = filled();
    let store = format!("dir:{}", bucket.path("").display());
    let vars = [("TRAILBELL_STORE", store.as_str()), ("TRAILBELL_TRAILS", "s3://logs")];
    let (exit, _, err) = bucket.run_with(&["invoke", "events/sweep/sweep.json"], &vars);
    assert_eq!(exit, 0, "{err}");
    let (_, out, _) = bucket.run(&["ledger", "stats"]);
    assert!(out.contains("0 listed, 0 failed, 0 given up, backlog 0"), "{out}");
    assert!(out.contains("Trail         s3://logs/: all before 20"), "{out}");
    bucket.write("state/ledger/sweep/heartbeat", "\u{1b}[2J");
    for key in bucket.keys("sweep/cursor") {
        bucket.write(&format!("state/ledger/{key}"), "{}");
    }
    let (exit, out, _) = bucket.run(&["ledger", "stats"]);
    assert_eq!((exit, out.matches("is damaged").count()), (0, 2), "{out}");
}

#[test]
fn names_that_callers_chose_cannot_break_the_terminal() {
    let bucket = Bucket::new();
    let hostile = "x\u{1b}[2J\r\n\u{202e}evil";
    let mut record = create_group(hostile, "mallory\u{9b}", "10:00:00");
    record["eventID"] = json!("e\u{1b}]0;x");
    bucket.put("1005", &[record]);
    bucket.publish();
    let id = bucket.keys("entries")[0].rsplit('/').next().unwrap().to_owned();
    let commands: [&[&str]; 5] = [
        &["ledger", "list"],
        &["ledger", "list", "--format", "json"],
        &["ledger", "show", &id, "--alert"],
        &["ledger", "show", &id, "--format", "json"],
        &["ledger", "stats"],
    ];
    for args in commands {
        let (exit, out, err) = bucket.run(args);
        assert_eq!(exit, 0, "{args:?}: {err}");
        let bad =
            |text: &str| text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
        assert!(!bad(&out) && !bad(&err), "{args:?}: {out:?} {err:?}");
    }
}

#[test]
fn looking_changes_nothing() {
    let bucket = filled();
    let id = id_of(&bucket, "admins");
    let before = bucket.snapshot("state/ledger");
    for args in
        [&["list"][..], &["list", "--group", "admins"], &["show", &id, "--alert"], &["stats"]]
    {
        assert_eq!(bucket.run(&[&["ledger"], args].concat()).0, 0, "{args:?}");
    }
    assert!(bucket.snapshot("state/ledger") == before);
}

#[test]
fn a_ledger_that_is_not_there_is_an_error_and_is_not_made() {
    let bucket = Bucket::new();
    let nowhere = bucket.dir("nowhere");
    let cases: [(&[&str], &str); 5] = [
        (&["list", "--ledger", &nowhere], "there is no ledger in "),
        (&["stats"], "there is no ledger in "),
        (
            &["list", "--ledger", "none"],
            "the ledger is \"none\": expected s3://BUCKET/PREFIX or dir:PATH",
        ),
        (&["show", "ab", "--ledger", "memory"], "the ledger is \"memory\""),
        (&["list", "--since", "yesterday"], "--since is `yesterday`"),
    ];
    for (args, told) in cases {
        let (exit, _, err) = bucket.run(&[&["ledger"], args].concat());
        assert_eq!(exit, 2, "{args:?}");
        assert!(err.contains(told), "{args:?}: {err}");
    }
    assert!(!bucket.path("nowhere").exists() && !bucket.path("state").exists());
    let (exit, _, err) = trailbell(&["ledger", "list"], &[]);
    assert!(exit == 2 && err.contains("which ledger? say --ledger"), "{err}");
}

/// A bucket of S3 as `bucket` has it.
async fn uploaded(bucket: &Bucket, folder: &str) -> String {
    let client = aws::s3(moto::url());
    let name = moto::unique("ledger");
    client.create_bucket().bucket(&name).send().await.unwrap();
    let root = bucket.path(folder);
    for (path, (bytes, _)) in bucket.snapshot(folder) {
        let key = path.strip_prefix(&root).unwrap().to_str().unwrap();
        client
            .put_object()
            .bucket(&name)
            .key(format!("p/{key}"))
            .body(bytes.into())
            .send()
            .await
            .unwrap();
    }
    name
}

#[tokio::test]
async fn a_ledger_in_s3_reads_the_same() {
    let bucket = filled();
    let id = id_of(&bucket, "billing");
    let name = uploaded(&bucket, "state/ledger").await;
    let ledger = format!("s3://{name}/p");
    let vars = aws::variables(moto::url());
    let commands: [&[&str]; 3] = [
        &["ledger", "list", "--format", "json"],
        &["ledger", "list", "--group", "admins"],
        &["ledger", "stats", "--format", "json"],
    ];
    for args in commands {
        let here = bucket.run(args);
        let (exit, out, err) = trailbell(&[args, &["--ledger", &ledger]].concat(), &vars);
        assert_eq!((exit, out), (here.0, here.1), "{args:?}: {err}");
    }
    let (exit, out, err) = trailbell(&["ledger", "show", &id[..10], "--ledger", &ledger], &vars);
    assert!(exit == 0 && out.contains(&id), "{out}{err}");
    let nowhere = format!("s3://{}/p", moto::unique("none"));
    let (exit, _, err) = trailbell(&["ledger", "list", "--ledger", &nowhere], &vars);
    assert!(exit == 2 && err.contains("NoSuchBucket: "), "{err}");
}
