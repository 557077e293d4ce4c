//! `trailbell ledger list`.

use std::fs;

use serde_json::{Value, json};

use super::{filled, id_of_group, list_groups};

#[test]
fn entries_are_filtered_and_the_latest_come_first() {
    let dir = filled();
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
        let (code, groups, err) = list_groups(&dir, args);
        assert_eq!(code, 0, "{args:?}: {err}");
        assert_eq!(groups, expected, "{args:?}: {err}");
    }
}

#[test]
fn the_table_has_the_time_the_state_and_the_subject() {
    let dir = filled();
    let (code, out, err) = dir.run_with(&["ledger", "list"], &[("COLUMNS", "200")]);
    assert_eq!(code, 0, "{err}");
    let header: Vec<&str> = out.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(header, ["Time", "(UTC)", "State", "Id", "Subject", "Rule"]);
    for part in [
        "2026-03-01 10:04:00   suppressed: deploy-may",
        "[low] IAM group admins created by alice in 111122223333",
        "AWS IAM Group Deletion",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    assert!(err.contains("5 entries in dir:"), "{err}");
    let (_, _, err) = dir.run(&["ledger", "list", "--group", "nobody"]);
    assert!(err.contains("0 entries in dir:"), "it may be the wrong ledger: {err}");
    let (_, _, err) = dir.run(&["ledger", "list", "--limit", "1"]);
    assert!(err.contains(", the latest 1 shown"), "{err}");
}

#[test]
fn a_group_or_principal_is_read_from_its_index() {
    let dir = filled();
    let intact = id_of_group(&dir, "billing");
    for key in dir.keys("entries").iter().filter(|key| !key.ends_with(&intact)) {
        dir.write(&format!("state/ledger/{key}"), "damaged");
    }
    for args in [["--group", "billing"], ["--principal", "arn:aws:iam::111122223333:user/alice2"]] {
        let (code, groups, err) = list_groups(&dir, &args);
        assert_eq!(code, 0, "{args:?}: {err}");
        assert_eq!(groups, ["billing"], "{args:?}");
    }
    assert_eq!(list_groups(&dir, &[]).0, 1, "without an index all entries are read");
}

/// Other versions may write more after the id.
#[test]
fn index_keys_of_another_layout_are_read() {
    let dir = filled();
    for key in dir.keys("by-group/111122223333/admins") {
        let path = dir.path("state/ledger").join(key);
        fs::rename(&path, format!("{}-alice~x", path.display())).unwrap();
    }
    assert_eq!(list_groups(&dir, &["--group", "admins"]).1, ["admins", "admins"]);
}

#[test]
fn unreadable_entries_are_named_and_the_others_are_listed() {
    let dir = filled();
    let [damaged, newer] = ["ops", "billing"].map(|group| id_of_group(&dir, group));
    dir.write(&format!("state/ledger/entries/{damaged}"), "{\"version\":1,\"\u{1b}[2J\":0}");
    dir.write(&format!("state/ledger/entries/{newer}"), r#"{"version":99}"#);
    dir.write("state/ledger/entries/README.txt", "hello");
    let (code, groups, err) = list_groups(&dir, &[]);
    assert_eq!((code, groups.len()), (1, 3), "{err}");
    for part in [
        format!("entries/{damaged}: the entry is damaged"),
        format!("entries/{newer}: the entry is of version 99"),
        "entries/README.txt: not named like an entry".to_owned(),
        "; 2 damaged; 1 of a newer version".to_owned(),
    ] {
        assert!(err.contains(&part), "{part} in {err}");
    }
    assert!(!err.contains('\u{1b}'), "{err:?}");

    let (code, out, err) = dir.run(&["ledger", "stats", "--format", "json"]);
    let stats: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &stats["unreadable"]), (1, &json!({"damaged": 2, "newer": 1})), "{err}");
    for id in [&damaged, &newer] {
        let (code, out, err) = dir.run(&["ledger", "show", id]);
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.contains(id.as_str()), "{err}");
    }

    fs::remove_file(dir.path(&format!("state/ledger/entries/{damaged}"))).unwrap();
    let (code, _, err) = list_groups(&dir, &["--group", "ops"]);
    assert!(code == 1 && err.contains("in an index, but there is no such entry"), "{err}");
}
