//! `trailbell ledger show`.

use serde_json::Value;

use super::{filled, id_of_group};

#[test]
fn an_entry_is_shown_by_its_id_or_a_unique_prefix() {
    let dir = filled();
    let id = id_of_group(&dir, "billing");
    for name in [&id[..10], &id, &format!("entries/{id}"), &id[..10].to_uppercase()] {
        let (code, out, err) = dir.run(&["ledger", "show", name]);
        assert_eq!(code, 0, "{name}: {err}");
        for part in [
            id.as_str(),
            "\nState          alerted: the topic accepted the alert\n",
            "2026-03-01 10:01:00",
            "AWS IAM Group Creation (169f3a93-efc7-4df2-94d6-0d9438c310d1)",
            "arn:aws:iam::111122223333:user/alice2",
            "event-billing",
            "record 1",
        ] {
            assert!(out.contains(part), "{name}: {part} in {out}");
        }
        for label in ["Claimed", "Completed", "Message"] {
            let is_known = |line: &str| line.starts_with(label) && !line.contains("not recorded");
            assert!(out.lines().any(is_known), "{label} in {out}");
        }
    }
    let (_, out, _) = dir.run(&["ledger", "show", &id, "--alert"]);
    for part in ["Subject: [low] IAM group billing created", "CHECK"] {
        assert!(out.contains(part), "{out}");
    }
    let (_, out, _) = dir.run(&["ledger", "show", &id, "--format", "json"]);
    let entry: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(entry["state"], "alerted");
    assert_eq!(entry["content"]["finding"]["group"], "billing");
}

#[test]
fn a_wrong_or_ambiguous_id_is_an_error() {
    let dir = filled();
    let prefix = "ab".repeat(31);
    for ending in ["ab", "ac"] {
        dir.write(&format!("state/ledger/entries/{prefix}{ending}"), "x");
    }
    for (id, message) in [
        (prefix.as_str(), "2 entries have ids that begin with abab"),
        ("0123456789abcdef0", "no entry has an id that begins with 0123456789abcdef0"),
        ("../x", "is not an id"),
        ("", "is not an id"),
    ] {
        let (code, out, err) = dir.run(&["ledger", "show", id]);
        assert_eq!((code, out.as_str()), (2, ""), "{id}");
        assert!(err.contains(message), "{id}: {err}");
    }
}
