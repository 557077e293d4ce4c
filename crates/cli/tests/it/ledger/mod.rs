//! `trailbell ledger`.

mod list;
mod show;
mod stats;

use serde_json::{Value, json};
use support::{aws, moto};

use crate::program::{TestDir, create_group, documents, exception, is_hostile, trailbell};

/// Findings of two accounts, four principals and two rules. One of them is suppressed.
fn filled() -> TestDir {
    let dir = TestDir::new();
    let mut ops = create_group("ops", "carol", "10:02:00");
    ops["recipientAccountId"] = json!("444455556666");
    let mut deleted = create_group("admins", "alice", "10:03:00");
    deleted["eventName"] = json!("DeleteGroup");
    deleted["eventID"] = json!("deleted");
    dir.put(
        "1005",
        &[
            create_group("admins", "alice", "10:00:00"),
            create_group("billing", "alice2", "10:01:00"),
            ops,
            deleted,
            create_group("robots", "deploy", "10:04:00"),
        ],
    );
    let exception = exception("deploy-may", "user.name: deploy", "2099-01-01");
    let exceptions = dir.write("exceptions.toml", exception);
    dir.publish(&[("TRAILBELL_EXCEPTIONS", &exceptions)]);
    dir
}

/// The groups that `ledger list` finds, in order, with the exit code and standard error.
fn list_groups(dir: &TestDir, args: &[&str]) -> (i32, Vec<String>, String) {
    let (code, out, err) = dir.run(&[&["ledger", "list", "--format", "ndjson"], args].concat());
    let group = |entry: &Value| entry["group"].as_str().unwrap_or_default().to_owned();
    (code, documents(&out).iter().map(group).collect(), err)
}

/// The id of the latest finding about a group.
fn id_of_group(dir: &TestDir, group: &str) -> String {
    let args = ["ledger", "list", "--format", "ndjson", "--group", group, "--limit", "1"];
    let (_, out, err) = dir.run(&args);
    let entries = documents(&out);
    let entry = entries.first().unwrap_or_else(|| panic!("no {group}: {err}"));
    entry["id"].as_str().unwrap().to_owned()
}

#[test]
fn hostile_names_cannot_break_the_output() {
    let dir = TestDir::new();
    let mut record = create_group("x\u{1b}[2J\r\n\u{202e}evil", "mallory\u{9b}", "10:00:00");
    record["eventID"] = json!("e\u{1b}]0;x");
    dir.put("1005", &[record]);
    dir.publish(&[]);
    let id = dir.keys("entries")[0].rsplit('/').next().unwrap().to_owned();
    let commands: [&[&str]; 5] = [
        &["ledger", "list"],
        &["ledger", "list", "--format", "json"],
        &["ledger", "show", &id, "--alert"],
        &["ledger", "show", &id, "--format", "json"],
        &["ledger", "stats"],
    ];
    for args in commands {
        let (code, out, err) = dir.run(args);
        assert_eq!(code, 0, "{args:?}: {err}");
        assert!(!is_hostile(&out) && !is_hostile(&err), "{args:?}: {out:?} {err:?}");
    }
}

#[test]
fn reading_changes_nothing() {
    let dir = filled();
    let id = id_of_group(&dir, "admins");
    let before = dir.snapshot("state/ledger");
    let commands: [&[&str]; 4] =
        [&["list"], &["list", "--group", "admins"], &["show", &id, "--alert"], &["stats"]];
    for args in commands {
        assert_eq!(dir.run(&[&["ledger"], args].concat()).0, 0, "{args:?}");
    }
    assert!(dir.snapshot("state/ledger") == before);
}

#[test]
fn a_ledger_that_does_not_exist_is_an_error_and_is_not_created() {
    let dir = TestDir::new();
    let nowhere = dir.dir("nowhere");
    let cases: [(&[&str], &str); 5] = [
        (&["list", "--ledger", &nowhere], "there is no ledger in "),
        (&["stats"], "there is no ledger in "),
        (
            &["list", "--ledger", "none"],
            "the ledger is \"none\": expected s3://BUCKET/PREFIX or dir:PATH",
        ),
        (&["show", "ab", "--ledger", "memory"], "the ledger is \"memory\""),
        (&["list", "--since", "yesterday"], "--since is \"yesterday\""),
    ];
    for (args, message) in cases {
        let (code, _, err) = dir.run(&[&["ledger"], args].concat());
        assert_eq!(code, 2, "{args:?}");
        assert!(err.contains(message), "{args:?}: {err}");
    }
    assert!(!dir.path("nowhere").exists() && !dir.path("state").exists());
    let (code, _, err) = trailbell(&["ledger", "list"], &[]);
    assert!(code == 2 && err.contains("no ledger: add --ledger"), "{err}");
}

/// Uploads a directory below `p/` and returns the bucket's name.
async fn upload(dir: &TestDir, directory: &str) -> String {
    let client = aws::s3(moto::url());
    let bucket = moto::unique("ledger");
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    let root = dir.path(directory);
    for (path, (bytes, _)) in dir.snapshot(directory) {
        let key = format!("p/{}", path.strip_prefix(&root).unwrap().to_str().unwrap());
        client.put_object().bucket(&bucket).key(key).body(bytes.into()).send().await.unwrap();
    }
    bucket
}

#[tokio::test]
async fn a_ledger_in_s3_reads_the_same() {
    let dir = filled();
    let id = id_of_group(&dir, "billing");
    let ledger = format!("s3://{}/p", upload(&dir, "state/ledger").await);
    let vars = aws::variables(moto::url());
    let commands: [&[&str]; 3] = [
        &["ledger", "list", "--format", "json"],
        &["ledger", "list", "--group", "admins"],
        &["ledger", "stats", "--format", "json"],
    ];
    for args in commands {
        let (local_code, local_out, _) = dir.run(args);
        let (code, out, err) = trailbell(&[args, &["--ledger", &ledger]].concat(), &vars);
        assert_eq!((code, out), (local_code, local_out), "{args:?}: {err}");
    }
    let (code, out, err) = trailbell(&["ledger", "show", &id[..10], "--ledger", &ledger], &vars);
    assert!(code == 0 && out.contains(&id), "{out}{err}");
    let nowhere = format!("s3://{}/p", moto::unique("none"));
    let (code, _, err) = trailbell(&["ledger", "list", "--ledger", &nowhere], &vars);
    assert!(code == 2 && err.contains("NoSuchBucket: "), "{err}");
}
