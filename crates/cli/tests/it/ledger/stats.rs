//! `trailbell ledger stats`.

use serde_json::{Value, json};

use super::{filled, id_of_group, list_groups};
use crate::program::create_group;

#[test]
fn findings_are_counted_by_state_rule_and_day() {
    let dir = filled();
    let burst: Vec<Value> =
        (0..12).map(|n| create_group(&format!("many-{n}"), "erin", "11:00:00")).collect();
    dir.put("1105", &burst);
    dir.publish(&[]);
    // One more fails, because its alert cannot be written.
    dir.put("1205", &[create_group("late", "frank", "12:00:00")]);
    let nowhere = format!("dir:{}", dir.write("a-file", ""));
    let args = ["replay", &dir.text("logs"), "--publish", "--alerts", &nowhere];
    assert_eq!(dir.run(&args).0, 2);

    // Another worker lost the claim of a finding that is alerted: the next sweep deletes its marker.
    let alerted = id_of_group(&dir, "many-0");
    dir.write(&format!("state/ledger/open/{alerted}-{}", "0".repeat(32)), "");

    let (code, out, err) = dir.run(&["ledger", "stats", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    let stats: Value = serde_json::from_str(&out).unwrap();
    let late = id_of_group(&dir, "late");
    for (path, expected) in [
        ("/findings", json!({"alerted": 7, "suppressed": 1, "grouped": 9, "released": 1})),
        ("/days/2026-03-01/grouped", json!(9)),
        ("/open", json!(1)),
        ("/failed", json!(0)),
        ("/oldest_open/id", json!(late)),
        ("/waiting_for_summary", json!(9)),
        ("/heartbeat", json!(null)),
    ] {
        assert_eq!(stats.pointer(path).unwrap(), &expected, "{path}");
    }
    let creation = &stats["rules"]["169f3a93-efc7-4df2-94d6-0d9438c310d1"];
    assert_eq!(creation["name"], "AWS IAM Group Creation");
    let states = json!({"alerted": 6, "suppressed": 1, "grouped": 9, "released": 1});
    assert_eq!(creation["states"], states);

    let (_, out, _) = dir.run(&["ledger", "stats"]);
    for part in [
        &format!(": {late}"),
        "To summarise  9",
        "Last sweep    no sweep has finished",
        "2026-03-01",
        "all rules",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    let (_, out, _) = dir.run(&["ledger", "show", &late]);
    let state = "released: publishing failed; the next sweep or delivery retries it";
    assert!(out.contains(state), "{out}");
    assert_eq!(list_groups(&dir, &["--state", "open"]).1, ["late"]);
}

#[test]
fn the_last_sweep_and_the_trails_are_shown() {
    let dir = filled();
    let store = dir.dir("");
    let vars = [("TRAILBELL_STORE", store.as_str()), ("TRAILBELL_TRAILS", "s3://logs")];
    let (code, _, err) = dir.run_with(&["invoke", "events/sweep/sweep.json"], &vars);
    assert_eq!(code, 0, "{err}");
    let (_, out, _) = dir.run(&["ledger", "stats"]);
    for part in
        ["0 listed, 0 failed, 0 abandoned, 0 backlog", "Trail         s3://logs/: read up to 20"]
    {
        assert!(out.contains(part), "{part} in {out}");
    }
    dir.write("state/ledger/sweep/heartbeat", "\u{1b}[2J");
    for key in dir.keys("sweep/cursor") {
        dir.write(&format!("state/ledger/{key}"), "{}");
    }
    let (code, out, _) = dir.run(&["ledger", "stats"]);
    assert_eq!((code, out.matches("is damaged").count()), (0, 2), "{out}");
}
