//! Reading with the prefilter finds what parsing every record finds, for every kind of damage.

use std::io::{Read, Write};
use std::sync::LazyLock;

use detect::cloudtrail::reader::{Options, ScanMode};
use detect::cloudtrail::{Body, ReadProblem};
use detect::finding::scan_body;
use detect::rule::{Detections, LoadedRules, RuleSet};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::scan_modes::{ScanResult, assert_modes_agree, origin};

const OPTIONS: Options = Options::records(1 << 30);

static DETECTIONS: LazyLock<Detections> =
    LazyLock::new(|| Detections::from(RuleSet::new(LoadedRules::embedded().rules).unwrap()));

/// The embedded rules, and two that name neither a call nor a service.
static WITH_AGENTS: LazyLock<Detections> = LazyLock::new(|| {
    let rule = |id: &str, kind: &str, language: &str, query: &str| {
        format!(
            "[rule]\nname = \"{id}\"\nrule_id = \"{id}\"\ndescription = \"d\"\n\
             type = \"{kind}\"\nlanguage = \"{language}\"\nseverity = \"low\"\nrisk_score = 1\n\
             query = '{query}'\n"
        )
    };
    let eql = "any where stringContains(user_agent.original, \"distrib#kali\") or \
               user_agent.original : \"*parrot/*\"";
    let texts = [
        rule("a", "query", "kuery", "event.outcome: success and user_agent.original: *pacu/*"),
        rule("b", "eql", "eql", eql),
    ];
    let mut rules = LoadedRules::embedded().rules;
    let loaded = LoadedRules::from_texts(texts.iter().map(|text| ("a.toml", &**text)));
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    rules.extend(loaded.rules);
    Detections::from(RuleSet::new(rules).unwrap())
});

/// Reads both ways with the embedded rules.
fn scan_both_ways(stored: &[u8], options: Options) -> (ScanResult, ScanResult) {
    assert_modes_agree(stored, options, &DETECTIONS)
}

/// The same, with those about user agents in every second case.
fn check_both_ways(stored: &[u8], options: Options, with_agents: bool) {
    assert_modes_agree(stored, options, if with_agents { &WITH_AGENTS } else { &DETECTIONS });
}

#[test]
fn rules_about_user_agents_leave_objects_unread_that_have_none() {
    let quiet = log(100, &[]).replace("\\\\u0041", "\\u003c");
    for (agent, found, is_read) in [
        ("<agent>", 0, false),
        ("aws-cli/2 pacu", 0, true),
        ("aws-cli/2 pacu/1", 1, true),
        ("aws-cli/2 PACU/1", 0, false),
        ("x distrib#kali y", 1, true),
        ("PARROT/6", 1, true),
    ] {
        let text = quiet.replacen("<agent>", agent, 1);
        let (fast, _) = assert_modes_agree(&gzip(text.as_bytes()), OPTIONS, &WITH_AGENTS);
        assert_eq!((fast.findings.len(), fast.read.parsed > 0), (found, is_read), "{agent}");
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn record(action: &str, n: usize) -> Value {
    json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": action,
        "awsRegion": "us-east-1",
        "eventID": format!("{:x}", (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        "userAgent": "<agent>",
        "eventTime": "2026-03-01T10:00:00Z", "requestParameters": {"groupName": "admins",
        "policy": "{\"a\":\"\\u0041\"}"}})
}

/// A log object with group changes at these indexes.
fn log(count: usize, changes: &[usize]) -> String {
    let action = |n| if changes.contains(&n) { "CreateGroup" } else { "GetGroup" };
    json!({"Records": (0..count).map(|n| record(action(n), n)).collect::<Vec<_>>()}).to_string()
}

fn is_prefiltered(result: &ScanResult) -> bool {
    result.read.mode == ScanMode::Prefiltered
}

#[test]
fn only_an_object_with_a_group_change_is_split() {
    let quiet = log(100, &[]).replace("\\\\u0041", "\\u003c");
    let (fast, plain) = scan_both_ways(&gzip(quiet.as_bytes()), OPTIONS);
    assert!(is_prefiltered(&fast) && plain.read.records == 100);
    assert_eq!((fast.read.bytes, fast.read.records, fast.read.parsed), (quiet.len() as u64, 0, 0));
    let loud = quiet.replacen("GetGroup", "CreateGroup", 1);
    let (fast, _) = scan_both_ways(&gzip(loud.as_bytes()), OPTIONS);
    assert_eq!((fast.findings.len(), fast.read.records, fast.read.parsed), (1, 100, 1));
}

#[test]
fn a_name_at_every_position_is_found() {
    for pad in 0..200 {
        let text = log(3, &[1]).replace("<agent>", &"a".repeat(pad));
        let (fast, _) = scan_both_ways(&gzip(text.as_bytes()), OPTIONS);
        assert_eq!(fast.findings.len(), 1, "{pad}");
    }
}

#[test]
fn a_name_across_the_end_of_a_chunk_is_found() {
    // Chunks have 64 KiB.
    let before = log(1, &[]).len();
    for shift in 0..40 {
        let filler = "a".repeat(64 * 1024 - before - 30 - shift);
        let text = log(2, &[1]).replacen("<agent>", &filler, 1);
        let (fast, _) = scan_both_ways(&gzip(text.as_bytes()), OPTIONS);
        assert_eq!(
            fast.findings,
            [("169f3a93-efc7-4df2-94d6-0d9438c310d1".to_owned(), 1)],
            "{shift}"
        );
    }
}

#[test]
fn a_gzip_member_may_end_inside_a_record() {
    let text = log(20, &[10]);
    for at in [1, 11, text.len() / 2, text.find("CreateGroup").unwrap() + 3, text.len() - 1] {
        let (before, after) = text.as_bytes().split_at(at);
        let (fast, _) = scan_both_ways(&[gzip(before), gzip(after)].concat(), OPTIONS);
        assert_eq!((fast.findings.len(), fast.read.records), (1, 20), "{at}");
    }
    let twice = [gzip(log(3, &[]).as_bytes()), gzip(log(3, &[]).as_bytes())].concat();
    assert_eq!(scan_both_ways(&twice, OPTIONS).0.read.records, 6);
}

/// Asserts that a damaged object with and without a group change fails, and keeps its findings.
fn assert_damaged(expected: &str, damage: impl Fn(&mut Vec<u8>)) {
    for (changes, findings) in [(&[][..], 0), (&[0][..], 1)] {
        let mut stored = gzip(log(20, changes).as_bytes());
        damage(&mut stored);
        let (fast, _) = scan_both_ways(&stored, OPTIONS);
        let error = fast.end.unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} should contain {expected:?}");
        assert_eq!(fast.findings.len(), findings);
    }
}

#[test]
fn damage_to_gzip_is_reported_in_both_modes() {
    assert_damaged("damaged gzip", |stored| stored.extend_from_slice(b"garbage"));
    assert_damaged("damaged gzip", |stored| stored.extend_from_slice(&[0; 8]));
    assert_damaged("damaged gzip", |stored| {
        let checksum = stored.len() - 8;
        stored[checksum] ^= 1;
    });
    assert_damaged("damaged gzip", |stored| {
        let trailer = stored.len() - 8;
        stored.insert(trailer, 0);
    });
    assert_damaged("damaged gzip", |stored| {
        stored.pop();
    });
}

#[test]
fn a_false_size_is_damage_and_allocates_no_memory() {
    for size in [0u32, 1, 5000, 1 << 24, (32 << 20) + 1, u32::MAX] {
        assert_damaged("damaged gzip", |stored| {
            let at = stored.len() - 4;
            stored[at..].copy_from_slice(&size.to_le_bytes());
        });
    }
}

#[test]
fn damage_around_the_records_is_reported() {
    let quiet = log(3, &[]);
    let cases = [
        (quiet.trim_end_matches('}').to_owned(), "found the end of the text"),
        (format!("{quiet}x"), "expected `{`, `[` or the end of the text"),
        (quiet.replacen("Records", "records", 1), "has no \"Records\""),
        (quiet.replacen("{\"Records\":[", "{\"Records\":{", 1), "not an array"),
        (String::new(), "the object is empty"),
        ("<html>".to_owned(), "expected gzip or JSON"),
    ];
    for (text, expected) in cases {
        let (fast, _) = scan_both_ways(&gzip(text.as_bytes()), OPTIONS);
        let error = fast.end.unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} should contain {expected:?}");
    }
}

#[test]
fn in_a_split_object_only_damage_inside_other_records_goes_unreported() {
    let text = log(3, &[1]);
    let quiet = text.find("{\"eventVersion").unwrap();
    for (inserted, reported) in
        [("17,", 1), ("[],", 1), ("{\"n\":},", 0), ("{\"eventName\":\"CreateGroup\",},", 1)]
    {
        let mut text = text.clone();
        text.insert_str(quiet, inserted);
        let (fast, plain) = scan_both_ways(&gzip(text.as_bytes()), OPTIONS);
        assert_eq!(
            (fast.findings.len(), fast.bad.len(), plain.bad.len()),
            (1, reported, 1),
            "{inserted}"
        );
    }
}

#[test]
fn reading_stops_at_the_limit_in_both_modes() {
    // Larger than a chunk.
    let quiet = log(1000, &[]);
    for (text, findings) in [(quiet.clone(), 0), (quiet.replacen("GetGroup", "CreateGroup", 1), 1)]
    {
        let stored = gzip(text.as_bytes());
        let size = text.len() as u64;
        let (fast, _) = scan_both_ways(&stored, Options::records(size));
        assert!(fast.end.is_ok(), "the limit itself is accepted");
        let (fast, _) = scan_both_ways(&stored, Options::records(size - 1));
        let problem = fast.end.unwrap_err().problem;
        assert!(matches!(problem, ReadProblem::TooLarge { limit } if limit == size - 1));
        assert_eq!(fast.findings.len(), findings);
    }
    // It claims to be small.
    let mut bomb = gzip(&[b' '; 4 << 20]);
    let at = bomb.len() - 4;
    bomb[at..].copy_from_slice(&100u32.to_le_bytes());
    let (fast, _) = scan_both_ways(&bomb, Options::records(1 << 20));
    assert!(matches!(fast.end.unwrap_err().problem, ReadProblem::TooLarge { .. }));
}

#[test]
fn an_escaped_name_is_found() {
    let text = log(3, &[1]);
    let notations = [
        text.replace("CreateGroup", "\\u0043reateGroup"),
        text.replace("eventName", "event\\u004eame"),
        text.replace("\"eventName\":", "\"eventName\" \n\t:\r "),
        text.replace("iam.amazonaws.com", "iam\\u002Eamazonaws.com"),
        text.replace("{\"Records\"", "\u{feff}{\"Records\""),
    ];
    for text in notations {
        let (fast, _) = scan_both_ways(&gzip(text.as_bytes()), OPTIONS);
        assert_eq!(fast.findings.len(), 1, "{text}");
    }
}

#[test]
fn rules_without_names_scan_every_record() {
    let any = r#"
        [rule]
        name = "Any"
        rule_id = "any"
        description = "d"
        type = "query"
        language = "kuery"
        severity = "low"
        risk_score = 1
        query = "event.outcome: success"
    "#;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("any.toml"), any).unwrap();
    let any = RuleSet::new(LoadedRules::from_path(folder.path()).rules).unwrap();
    assert_eq!(any.prefilter().unwrap_err().info.id, "any");
    let any = Detections::from(any);
    let (mut found, body) = (0, Body::Whole(gzip(log(20, &[]).as_bytes()).into()));
    let (read, end) =
        scan_body(body, OPTIONS, &any, Timestamp::UNIX_EPOCH, &origin, &mut |_| found += 1);
    assert!(end.is_ok());
    assert_eq!((found, read.records, read.parsed, read.mode), (20, 20, 20, ScanMode::Parsed));
}

/// Objects with and without group changes, in one or two gzip members or plain, indented or not,
/// and with text that resembles a name.
fn object() -> impl Strategy<Value = (Vec<u8>, bool)> {
    let word = prop::sample::select(vec![
        "GetGroup",
        "CreateGroup",
        "AddUserToGroup",
        "DeleteGroup",
        "CreateGroups",
        "Create\u{212a}roup",
        "\"CreateGroup\"",
        "",
    ]);
    let source = prop::sample::select(vec!["iam.amazonaws.com", "s3.amazonaws.com", "iam"]);
    let agent = prop::sample::select(vec![
        json!("aws-cli/2"),
        json!("aws-cli/2"),
        json!("aws-cli/2 pacu/1"),
        json!("x \" distrib#kali"),
        json!("distrib#KALI \u{1}"),
        json!("Parrot/1"),
        json!(["parrot/1"]),
        json!({"x": "pacu/"}),
        json!(5),
        Value::Null,
    ]);
    let records = (word.clone(), source, word, any::<bool>(), agent);
    let records = prop::collection::vec(records, 0..12);
    let shape = (any::<bool>(), any::<bool>(), any::<prop::sample::Index>());
    (records, shape).prop_map(|(records, (pretty, zipped, cut))| {
        let records: Vec<Value> = records
            .into_iter()
            .enumerate()
            .map(|(n, (action, source, other, fails, agent))| {
                let mut made = record(action, n);
                made["eventSource"] = json!(source);
                made["requestParameters"]["other"] =
                    json!({"eventName": other, "list": [other, "\\u0043"]});
                made["errorCode"] = if fails { json!("AccessDenied") } else { Value::Null };
                made["userAgent"] = agent;
                made
            })
            .collect();
        let all = json!({ "Records": records });
        let text =
            if pretty { serde_json::to_string_pretty(&all) } else { serde_json::to_string(&all) }
                .unwrap();
        // Two members if the cut is early.
        let cut = cut.index(text.len() * 3).min(text.len());
        let (before, after) = text.as_bytes().split_at(cut);
        let members =
            if after.is_empty() { gzip(before) } else { [gzip(before), gzip(after)].concat() };
        if zipped { (members, true) } else { (text.into_bytes(), false) }
    })
}

#[derive(Debug, Clone)]
enum Mutation {
    Set(u8),
    Insert(u8),
    Remove,
    Cut,
    Escape,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        any::<u8>().prop_map(Mutation::Set),
        prop::sample::select(b"\"\\{}[],:\n\0 ".to_vec()).prop_map(Mutation::Set),
        any::<u8>().prop_map(Mutation::Insert),
        Just(Mutation::Remove),
        Just(Mutation::Cut),
        Just(Mutation::Escape),
    ]
}

fn mutate(bytes: &mut Vec<u8>, at: prop::sample::Index, mutation: &Mutation) {
    if bytes.is_empty() {
        return;
    }
    let at = at.index(bytes.len());
    match mutation {
        Mutation::Set(byte) => bytes[at] = *byte,
        Mutation::Insert(byte) => bytes.insert(at, *byte),
        Mutation::Remove => drop(bytes.remove(at)),
        Mutation::Cut => bytes.truncate(at + 1),
        Mutation::Escape => {
            let escape = format!("\\u{:04x}", bytes[at]);
            bytes.splice(at..=at, escape.into_bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn both_modes_agree(
        (stored, _) in object(),
        limit in prop_oneof![Just(1 << 30), 0u64..6000],
        with_agents in any::<bool>(),
    ) {
        check_both_ways(&stored, Options::records(limit), with_agents);
    }

    #[test]
    fn both_modes_agree_on_damaged_objects(
        (mut stored, zipped) in object(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), mutation()), 1..4),
        inside in any::<bool>(),
        with_agents in any::<bool>(),
    ) {
        if zipped && inside {
            let mut text = Vec::new();
            flate2::bufread::MultiGzDecoder::new(&stored[..]).read_to_end(&mut text).unwrap();
            damage.iter().for_each(|(at, mutation)| mutate(&mut text, *at, mutation));
            stored = gzip(&text);
        } else {
            damage.iter().for_each(|(at, mutation)| mutate(&mut stored, *at, mutation));
        }
        check_both_ways(&stored, OPTIONS, with_agents);
    }
}
