//! `trailbell groups` and `trailbell model import`.

use serde_json::{Value, json};

use crate::program::{TestDir, create_group, documents, is_hostile};

const ACCOUNT: &str = "111122223333";

fn call(action: &str, time: &str, parameters: Value) -> Value {
    let mut record = create_group("Ops", "alice", time);
    record["eventName"] = json!(action);
    record["eventID"] = json!(format!("{action}-{time}"));
    record["requestParameters"] = parameters;
    record
}

fn document(actions: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": actions, "Resource": "*"},
    ]})
}

/// A ledger in which Ops was created, may do everything, and has bob; Lunch got eve.
fn filled() -> TestDir {
    let dir = TestDir::new();
    let ops = json!({"groupName": "Ops", "policyName": "all",
        "policyDocument": document("*").to_string()});
    dir.put(
        "1005",
        &[
            create_group("Ops", "alice", "10:00:00"),
            call("PutGroupPolicy", "10:00:01", ops),
            call("AddUserToGroup", "10:00:02", json!({"groupName": "Ops", "userName": "bob"})),
            call("AddUserToGroup", "10:00:03", json!({"groupName": "Lunch", "userName": "eve"})),
        ],
    );
    dir.publish(&[]);
    dir
}

/// What IAM has: Lunch may read, and has eve and kim; Old is a group that the trail never named.
fn details() -> Value {
    let arn = |what: &str| format!("arn:aws:iam::{ACCOUNT}:{what}");
    let read = arn("policy/read");
    json!({
        "UserDetailList": [
            {"UserName": "eve", "Arn": arn("user/eve"), "GroupList": ["Lunch"]},
            {"UserName": "kim", "Arn": arn("user/kim"), "GroupList": ["Lunch", "Old"]},
        ],
        "GroupDetailList": [
            {"GroupName": "Lunch", "Arn": arn("group/Lunch"), "GroupPolicyList": [],
             "AttachedManagedPolicies": [{"PolicyName": "read", "PolicyArn": read}]},
            {"GroupName": "Old", "Arn": arn("group/Old"), "AttachedManagedPolicies": [],
             "GroupPolicyList": [
                {"PolicyName": "keys", "PolicyDocument":
                    "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22iam%3ACreateAccessKey%22%2C%22Resource%22%3A%22%2A%22%7D%7D"},
            ]},
        ],
        "RoleDetailList": [],
        "Policies": [
            {"PolicyName": "read", "Arn": read, "DefaultVersionId": "v2", "PolicyVersionList": [
                {"VersionId": "v2", "Document": document("s3:Get*"), "IsDefaultVersion": true},
                {"VersionId": "v1", "Document": document("*"), "IsDefaultVersion": false},
            ]},
            {"PolicyName": "ReadOnlyAccess", "Arn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
             "DefaultVersionId": "v1", "PolicyVersionList": []},
        ],
        "IsTruncated": false,
    })
}

/// Each group as its name, power and members.
fn groups(dir: &TestDir, args: &[&str]) -> Vec<String> {
    let args = [&["groups", "list", "--format", "ndjson"], args].concat();
    let (code, out, err) = dir.run(&args);
    assert_eq!(code, 0, "{err}");
    let line = |group: &Value| {
        let members = group["members"].as_array().unwrap();
        let members: Vec<&str> = members.iter().map(|name| name.as_str().unwrap()).collect();
        let text = |field: &str| group[field].as_str().unwrap().to_owned();
        format!("{} {} {}", text("group"), text("power"), members.join("+"))
    };
    documents(&out).iter().map(line).collect()
}

#[test]
fn groups_are_listed_with_their_power_and_members() {
    let dir = filled();
    assert_eq!(groups(&dir, &[]), ["Lunch unknown eve", "Ops admin bob"]);
    assert_eq!(groups(&dir, &["--account", "444455556666"]), [""; 0]);
    assert_eq!(groups(&dir, &["--at", "2026-03-01T10:00:00Z"]), ["Ops limited "]);
    let (code, out, _) = dir.run(&["groups", "list"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!("groups-list", out);
    let (_, out, _) = dir.run(&["groups", "list", "--format", "json"]);
    let ops = &serde_json::from_str::<Vec<Value>>(&out).unwrap()[1];
    assert_eq!(ops["last_change"]["action"], "AddUserToGroup");
    assert_eq!(ops["policies"], json!([{"name": "all", "power": "admin"}]));
    assert_eq!(ops["ways"].as_array().unwrap().len(), 59);
}

#[test]
fn one_group_is_shown_with_what_happened_to_it() {
    let dir = filled();
    let (code, out, err) = dir.run(&["groups", "show", "ops"]);
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!("groups-show", out);
    let (code, _, err) = dir.run(&["groups", "show", "nobody"]);
    assert_eq!(code, 2);
    assert!(err.contains("the ledger knows no group of the name \"nobody\""), "{err}");
}

#[test]
fn an_import_fills_what_the_trail_has_not_said() {
    let dir = filled();
    let file = dir.write("details.json", details().to_string());
    // Before the trail: what it says later counts.
    let args = ["model", "import", &file, "--as-of", "2026-02-01T00:00:00Z"];
    let (code, out, err) = dir.run(&args);
    assert_eq!((code, &*err), (0, ""), "{out}");
    assert!(out.contains("as of 2026-02-01 00:00:00 (--as-of)"), "{out}");
    let line = "account 111122223333: 2 groups with 3 members, 2 users, 1 customer policy\n";
    assert!(out.contains(line), "{out}");
    let expected = ["Lunch limited eve+kim", "Old escalates kim", "Ops admin bob"];
    assert_eq!(groups(&dir, &[]), expected);
    let before = dir.snapshot("state/ledger/groups");
    assert_eq!(dir.run(&args).0, 0);
    assert_eq!(dir.snapshot("state/ledger/groups"), before, "again");

    // After the trail: Ops is gone.
    let (code, out, _) = dir.run(&["model", "import", &file, "--as-of", "2026-03-02T00:00:00Z"]);
    assert_eq!(code, 0, "{out}");
    assert_eq!(groups(&dir, &[]), expected[..2]);
    assert_eq!(groups(&dir, &["--at", "2026-03-01T12:00:00Z"]), expected);
    let (_, out, _) = dir.run(&["model", "import", &file]);
    assert!(out.contains("(the time of the oldest file)"), "{out}");
}

#[test]
fn pages_of_several_files_are_one_import() {
    let dir = TestDir::new();
    let mut details = details();
    let users = details["UserDetailList"].take();
    details["UserDetailList"] = json!([]);
    details["IsTruncated"] = json!(true);
    let mut other = details.clone();
    other["GroupDetailList"] = json!([]);
    other["Policies"] = json!([]);
    other["UserDetailList"] = users;
    other["IsTruncated"] = json!(false);
    dir.write("pages/1.json", details.to_string());
    dir.write("pages/2.json", other.to_string());
    let (code, out, err) = dir.run(&["model", "import", &dir.text("pages")]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(groups(&dir, &[]), ["Lunch limited eve+kim", "Old escalates kim"]);
}

#[test]
fn a_wrong_file_is_named_and_leaves_the_model_untouched() {
    let dir = filled();
    let before = dir.snapshot("state/ledger");
    let with = |list: &str, value: Value| {
        let mut details = details();
        details[list] = value;
        details.to_string()
    };
    let cases = [
        ("not JSON".to_owned(), "it is not JSON: expected ident at line 1 column 2"),
        (String::new(), "it is empty"),
        (document("*").to_string(), "it is not the output of aws iam get-account-authorization"),
        (
            with("GroupDetailList", json!([{"Arn": "arn:aws:iam::111122223333:group/x"}])),
            "GroupDetailList[0] has no GroupName",
        ),
        (
            with("Policies", json!([{"Arn": "arn:aws:iam::x:policy/p\u{1b}[2J"}])),
            "Policies[0] has an ARN of no account: \"arn:aws:iam::x:policy/p\\u{1b}[2J\"",
        ),
        (with("UserDetailList", json!(null)), "the files have no UserDetailList"),
        (with("IsTruncated", json!(true)), "IsTruncated is true, and the pages that follow are"),
        (
            with("GroupDetailList", json!([])),
            "the group \"lunch\" of account 111122223333, which no page describes",
        ),
    ];
    for (text, problem) in cases {
        let file = dir.write("wrong.json", text);
        let (code, out, err) = dir.run(&["model", "import", &file]);
        assert_eq!(code, 2, "{problem}\n{out}");
        assert!(err.contains(problem), "{problem}\n{err}");
        assert!(!is_hostile(&err), "{err:?}");
        assert_eq!(dir.snapshot("state/ledger"), before, "{problem}");
    }
    let file = dir.write("details.json", details().to_string());
    let (code, _, err) = dir.run(&["model", "import", &file, "--as-of", "2126-01-01T00:00:00Z"]);
    assert_eq!(code, 2);
    assert!(err.contains("is in the future"), "{err}");
}
