//! `trailbell policy check`.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::{TestDir, command, documents, is_hostile, trailbell};

fn policy(statement: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statement}).to_string()
}

fn allow(actions: Value) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": "*"})
}

/// A directory `policies` with one policy of each power.
fn policies() -> (TestDir, String) {
    let dir = TestDir::new();
    let escalates = json!([
        {"Sid": "Pass", "Effect": "Allow", "Action": "iam:PassRole",
         "Resource": "arn:aws:iam::111122223333:role/app",
         "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
        allow(json!(["lambda:CreateFunction", "lambda:Invoke*"])),
    ]);
    dir.write("policies/a.json", policy(allow(json!("*"))));
    dir.write("policies/more/b.json", policy(escalates));
    dir.write("policies/c.json", policy(allow(json!("s3:*"))));
    dir.write("policies/notes.txt", "not a policy");
    let path = dir.text("policies");
    (dir, path)
}

#[test]
fn a_directory_is_judged_for_people() {
    let (_dir, path) = policies();
    let (code, out, err) = trailbell(&["policy", "check", &path], &[]);
    assert_eq!((code, &*err), (0, ""), "{out}");
    insta::assert_snapshot!(out.replace(&path, "policies"));
}

#[test]
fn a_directory_is_judged_for_machines() {
    let (_dir, path) = policies();
    let (code, out, _) = trailbell(&["policy", "check", &path, "--format", "ndjson"], &[]);
    assert_eq!(code, 0);
    let documents = documents(&out);
    let [admin, limited, escalates] = &documents[..] else { panic!("{out}") };
    assert_eq!(admin["power"], "admin");
    assert_eq!(admin["ways"].as_array().unwrap().len(), 59);
    assert_eq!(*limited, json!({"file": format!("{path}/c.json"), "power": "limited", "ways": []}));
    assert_eq!(
        *escalates,
        json!({
            "file": format!("{path}/more/b.json"),
            "power": "escalates",
            "ways": [{
                "id": "PassExistingRoleToNewLambdaThenInvoke",
                "actions": ["iam:passrole", "lambda:createfunction", "lambda:invokefunction"],
                "statement": "Pass, 2",
                "note": "iam:passrole on role app if MFA is present",
            }],
        })
    );
    let (_, out, _) = trailbell(&["policy", "check", &path, "--format", "json"], &[]);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&out).unwrap(), documents);
}

#[test]
fn fail_on_sets_the_exit_code() {
    let (_dir, path) = policies();
    for (file, fail_on, expected) in [
        ("a.json", "admin", 1),
        ("a.json", "escalates", 1),
        ("more/b.json", "escalates", 1),
        ("more/b.json", "admin", 0),
        ("c.json", "escalates", 0),
        ("", "admin", 1),
        ("c.json", "limited", 2),
    ] {
        let file = format!("{path}/{file}");
        let (code, out, _) = trailbell(&["policy", "check", &file, "--fail-on", fail_on], &[]);
        assert_eq!(code, expected, "{file} {fail_on}\n{out}");
    }
}

#[test]
fn a_bad_file_is_named_and_the_others_are_judged() {
    let dir = TestDir::new();
    let good = dir.write("good.json", policy(allow(json!("iam:PutUserPolicy"))));
    let empty = dir.text("empty");
    std::fs::create_dir(&empty).unwrap();
    for (text, problem) in [
        ("not JSON", "it is not JSON: expected ident at line 1 column 2"),
        ("", "it is not JSON: EOF while parsing a value at line 1 column 0"),
        ("[]", "it is not a policy document: it has no Statement"),
        (r#"{"Statement": "x"}"#, "its Statement is neither an object nor a list of objects"),
        (
            r#"{"Statement": {"Effect": "Allow", "Acton": "*", "Resource": "*"}}"#,
            "statement 1 has an unknown element, \"Acton\"",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}"#,
            "statement 1 has a Principal, so this is not a policy of a group, a user or a role",
        ),
        (&"[".repeat(100_000), "it is not JSON: recursion limit exceeded"),
        (&" ".repeat(2_000_000), "it is larger than 1 MiB, which no policy is"),
        ("\u{1b}[2J\u{202e}", "it is not JSON"),
    ] {
        let bad = dir.write("bad.json", text);
        let (code, out, err) = trailbell(&["policy", "check", &bad, &good], &[]);
        assert_eq!(code, 2, "{problem}\n{out}\n{err}");
        assert!(err.contains(&format!("bad.json: {problem}")), "{problem}\n{err}");
        assert!(out.contains("good.json: escalates (1 way to more rights)"), "{out}");
        assert!(!is_hostile(&err) && !is_hostile(&out), "{err}\n{out}");
    }
    let missing = dir.text("missing.json");
    for (path, problem) in [
        (&missing, "missing.json: No such file or directory"),
        (&empty, "empty: no file in this directory ends in .json"),
    ] {
        let (code, _, err) = trailbell(&["policy", "check", path], &[]);
        assert_eq!(code, 2);
        assert!(err.contains(problem), "{err}");
    }
}

#[test]
fn standard_input_and_what_the_aws_command_line_prints_are_read() {
    let document = policy(allow(json!("iam:PutUserPolicy")));
    let document: Value = serde_json::from_str(&document).unwrap();
    for input in [
        document.clone(),
        json!({"PolicyVersion": {"Document": document, "VersionId": "v1"}}),
        json!({"GroupName": "g", "PolicyName": "p", "PolicyDocument": document}),
    ] {
        let mut check = command(&["policy", "check", "-"]);
        check.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut check = check.spawn().unwrap();
        check.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
        let output = check.wait_with_output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && out.starts_with("-: escalates"), "{out}");
    }
}
