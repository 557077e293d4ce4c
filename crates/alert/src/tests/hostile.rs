//! Whatever a record or a rule holds, the alert has no forged line and is small enough for SNS.

use std::sync::Arc;

use detect::cloudtrail::Record;
use detect::finding::{
    Context, ContextGap, Finding, GroupContext, GroupGain, GroupPolicy, Origin, PolicyDrift,
    PrincipalFinding, TargetUser, TimelineEntry, UserGroup,
};
use detect::power::{Grants, PowerLevel, managed_grants};
use detect::rule::{RuleInfo, Severity, Tactic, Threat};
use detect::text::{clean, wrap};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::fixture::{document, finding, rule};
use crate::{Accounts, Alert, Attribute, limits, render_finding};

const HEADINGS: [&str; 7] =
    ["WHY IT MATTERS", "THE LAST 48 HOURS", "FACTS", "CHECK", "UNDO", "EXCEPTION", "REFERENCE"];

/// What a line may begin with that is wider than others.
const WHOLE: [&str; 8] = [
    "aws ",
    "trailbell ",
    "for name in ",
    "for word in ",
    "arn:",
    "s3://",
    "https://",
    "docs/rules/",
];

/// What mail programs would make a link. A rule can have one, a record cannot.
const LINK: &str = "https://login.example.net/";

/// What must hold for every alert.
fn check_alert(alert: &Alert) {
    assert!(alert.text.lines().count() <= 60, "{}", alert.text);
    for line in alert.text.lines() {
        let is_whole = WHOLE.iter().any(|start| line.trim_start().starts_with(start));
        let is_narrow = wrap::width(line) <= wrap::COLUMNS && line.width() <= wrap::COLUMNS;
        assert!(is_narrow || is_whole, "wide: {line:?}");
        assert!(line.len() < 998, "longer than a mail may have lines: {line:?}");
        assert!(!line.chars().any(is_invisible), "invisible: {line:?}");
    }
    let flush: Vec<&str> =
        alert.text.lines().filter(|line| !line.is_empty() && !line.starts_with("  ")).collect();
    let expected: Vec<&str> =
        HEADINGS.into_iter().filter(|heading| flush.contains(heading)).collect();
    assert_eq!(
        flush, expected,
        "every heading at most once, in order, and nothing else at the left edge"
    );
    let subject = alert.subject.as_bytes();
    assert!(
        (1..=99).contains(&subject.len())
            && subject.iter().all(|byte| (b' '..=b'~').contains(byte)),
        "{alert:?}"
    );
    check_attributes(&alert.attributes);
    let attributes: usize =
        alert.attributes.iter().map(|it| it.name.len() + it.value.len() + "String".len()).sum();
    let size = alert.message().len() + attributes;
    assert!(size <= limits::MAX_MESSAGE_BYTES, "{size} bytes");
}

fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

fn check_attributes(attributes: &[Attribute]) {
    let names: Vec<&str> = attributes.iter().map(|attribute| attribute.name).collect();
    assert_eq!(
        names,
        [
            "severity",
            "rule_severity",
            "risk_score",
            "rule_id",
            "rule_name",
            "account",
            "region",
            "action",
            "kind"
        ]
    );
    for Attribute { name, value, .. } in attributes {
        assert!(
            (1..=256).contains(&value.chars().count()) && !value.chars().any(is_invisible),
            "{name}: {value:?}"
        );
    }
}

/// Texts that forge a line, hide one, or break a parser.
fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n".to_owned()),
        Just("\r\n\r\nFACTS\r\n  Severity  none\n".to_owned()),
        Just("\nCHECK\n".to_owned()),
        Just("\u{1b}[2J\u{0}\u{8}\u{85}".to_owned()),
        Just("\u{202e}\u{2066}\u{2028}\u{2029}\u{200b}\u{feff}\u{e0041}".to_owned()),
        Just("e\u{301}\u{301}\u{301}😀\u{fe0f}管理\u{3000}".to_owned()),
        Just("'; $(reboot) \"\\ `".to_owned()),
        Just("x ".repeat(80)),
        Just("```\n# [a](b) - 1. **\n".to_owned()),
        Just(LINK.to_owned()),
        any::<String>(),
        (any::<char>(), 1_usize..4_000)
            .prop_map(|(character, times)| character.to_string().repeat(times)),
    ];
    vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let odd = prop_oneof![
        Just(json!(null)),
        Just(json!(-1)),
        Just(json!([])),
        Just(json!({})),
        Just(json!([["x"], {"a": 1}]))
    ];
    prop_oneof![4 => hostile_text().prop_map(Value::from), 1 => odd]
}

/// Every object and every leaf of a document, as JSON pointers.
fn pointers(value: &Value, path: &str, found: &mut Vec<String>) {
    for (key, field) in value.as_object().into_iter().flatten() {
        let path = format!("{path}/{key}");
        found.push(path.clone());
        pointers(field, &path, found);
    }
}

fn action() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "CreateGroup",
        "UpdateGroup",
        "AddUserToGroup",
        "AttachGroupPolicy",
        "PutGroupPolicy",
        "Other",
    ])
}

/// A document in which some fields have become something else.
fn ecs() -> impl Strategy<Value = Value> {
    let changes = vec((any::<prop::sample::Index>(), value()), 0..8);
    (action(), any::<bool>(), changes).prop_map(|(action, failed, changes)| {
        let mut ecs = document(action);
        if failed {
            ecs["aws"]["cloudtrail"]["error_code"] = json!("AccessDenied");
        }
        for (index, value) in changes {
            let mut all = Vec::new();
            pointers(&ecs, "", &mut all);
            if let Some(field) = ecs.pointer_mut(index.get::<String>(&all)) {
                *field = value;
            }
        }
        ecs
    })
}

fn hostile_rule() -> impl Strategy<Value = RuleInfo> {
    (vec(hostile_text(), 8), 0..30_usize).prop_map(|(texts, times)| RuleInfo {
        id: texts[0].clone(),
        name: texts[1].clone(),
        description: texts[2].clone(),
        severity: Severity::Critical,
        note: Some(texts[3].clone()),
        tags: vec![texts[4].clone(); times],
        references: vec![texts[5].clone(); times],
        false_positives: vec![texts[6].clone(); times],
        threat: vec![
            Threat {
                framework: texts[7].clone(),
                tactic: Tactic {
                    id: texts[0].clone(),
                    name: texts[1].clone(),
                    reference: texts[2].clone()
                },
                technique: Vec::new(),
            };
            times
        ],
        ..rule()
    })
}

fn hostile_finding() -> impl Strategy<Value = Finding> {
    (ecs(), hostile_rule(), vec(proptest::option::of(hostile_text()), 7)).prop_map(
        |(ecs, rule, texts)| {
            let mut finding = finding(ecs);
            let [account, label, kind, group, user, bucket, key] =
                texts.try_into().expect("7 texts");
            finding.rule = Arc::new(rule);
            finding.account = account.or(finding.account);
            finding.principal.label = label.unwrap_or(finding.principal.label);
            finding.principal.identity_type = kind.unwrap_or(finding.principal.identity_type);
            finding.group = group.or(finding.group);
            finding.target_user = user.or(finding.target_user);
            let (bucket, key) = (bucket.unwrap_or_default(), key.unwrap_or_default());
            finding.origin = Origin::Object { bucket, key, record: usize::MAX };
            finding
        },
    )
}

/// A group whose names, and the texts of whose policies, all are `text`.
fn hostile_group(text: &str, count: usize) -> GroupContext {
    let statement = json!({
        "Sid": text, "Effect": "Allow", "Action": "iam:*",
        "Resource": format!("arn:aws:iam::*:user/{text}"),
        "Condition": {"StringEquals": {text: text}},
    });
    let document = json!({"Statement": statement}).to_string();
    let policy = GroupPolicy { name: text.to_owned(), power: PowerLevel::Escalates };
    GroupContext {
        grants: Grants::from_text(&document).unwrap().grants.of_policy(text),
        policies: vec![policy; count],
        members: vec![text.to_owned(); count],
        complete: count.is_multiple_of(2),
        uncertain: count.is_multiple_of(3),
    }
}

fn hostile_drift(text: &str, count: usize) -> PolicyDrift {
    let gain = GroupGain {
        group: text.to_owned(),
        before: PowerLevel::Unknown,
        power: PowerLevel::Escalates,
        ways: vec!["PutUserPolicy".to_owned()],
        members: vec![text.to_owned(); count],
    };
    PolicyDrift { previous: Some(text.to_owned()), groups: vec![gain; count] }
}

fn hostile_target(text: &str, count: usize) -> TargetUser {
    let group = UserGroup { group: text.to_owned(), power: PowerLevel::Admin };
    let grants = managed_grants("arn:aws:iam::aws:policy/AdministratorAccess").unwrap();
    TargetUser { grants, own: PowerLevel::Escalates, groups: vec![group; count] }
}

fn context() -> impl Strategy<Value = Context> {
    (hostile_text(), 0..100_usize).prop_map(|(text, times)| {
        let some = || Some(text.clone());
        let entry = |n: usize| TimelineEntry {
            time: jiff::Timestamp::MAX,
            event_id: Some(format!("{n}{text}")),
            action: ["AddUserToGroup", "UpdateGroup", "AttachGroupPolicy", text.as_str()][n % 4]
                .to_owned(),
            group: some(),
            object: some(),
            power: None,
            principal: some(),
            failed: n.is_multiple_of(3),
            suppressed: n.is_multiple_of(2),
        };
        let other =
            PrincipalFinding { rule_id: text.clone(), rule_name: text.clone(), count: usize::MAX };
        Context {
            group: Some(hostile_group(&text, times)),
            policy: None,
            drift: times.is_multiple_of(7).then(|| hostile_drift(&text, times)),
            target: times.is_multiple_of(4).then(|| hostile_target(&text, times)),
            trail_accounts: [text.clone()].into(),
            group_timeline: (0..times).map(entry).collect(),
            principal_findings: vec![other.clone(); times],
            target_findings: vec![other; times],
            first_of_principal: times.is_multiple_of(2),
            first_of_group: times.is_multiple_of(3),
            gap: times.is_multiple_of(5).then_some(ContextGap::TooMuch),
            alerted_at: times.is_multiple_of(7).then_some(jiff::Timestamp::MAX),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_record_makes_a_valid_alert(ecs in ecs()) {
        let alert = render_finding(&finding(ecs), &Context::default(), &Accounts::default());
        check_alert(&alert);
        assert!(!alert.text.contains(LINK), "{}", alert.text);
    }

    #[test]
    fn any_finding_and_context_make_a_valid_alert(
        finding in hostile_finding(), context in context()
    ) {
        check_alert(&render_finding(&finding, &context, &Accounts::default()));
    }
}

#[test]
fn an_empty_document_makes_a_valid_alert() {
    for ecs in [
        json!(null),
        json!({}),
        json!([]),
        json!("x"),
        json!({"event": 1, "aws": {"cloudtrail": []}}),
    ] {
        check_alert(&render_finding(&finding(ecs), &Context::default(), &Accounts::default()));
    }
}

/// The largest record that CloudTrail writes is 256 KB, its parameters 100 KB each.
#[test]
fn a_record_of_maximal_size_is_cut_to_fit_and_the_cut_is_listed() {
    let mut ecs = document("PutGroupPolicy");
    let large = "\"\\\n\u{1}x".repeat(20_000);
    let parameters = json!({"groupName": "Admins", "policyName": "p", "policyDocument": large});
    ecs["aws"]["cloudtrail"]["request_parameters"] = json!(large);
    ecs["aws"]["cloudtrail"]["flattened"]["request_parameters"] = parameters;
    let alert = render_finding(&finding(ecs), &Context::default(), &Accounts::default());
    check_alert(&alert);
    assert_eq!(alert.document["event"]["id"], "e-1");
    assert_eq!(alert.document["user_agent"]["original"], "aws-cli/2.27.0");
    let cut = alert.document["trailbell"]["cut"].to_string();
    assert!(cut.contains("aws.cloudtrail.flattened"), "{cut}");
}

/// A finding with the same name in every field that a principal can choose.
fn finding_with_name(action: &str, name: &str) -> Finding {
    let arn = format!("arn:aws:iam::111122223333:user/{name}");
    let record = json!({
        "eventSource": "iam.amazonaws.com",
        "eventName": action,
        "eventID": "e-1",
        "eventTime": "2026-03-01T10:00:00Z",
        "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333",
        "sourceIPAddress": name,
        "userAgent": name,
        "userIdentity": {"type": "IAMUser", "userName": name, "arn": arn},
        "requestParameters": {
            "groupName": name,
            "userName": name,
            "newGroupName": name,
            "path": name,
            "policyArn": name,
            "policyName": name,
            "policyDocument": name,
        },
    });
    let origin = Origin::Inline { envelope: name.to_owned(), record: 0 };
    Finding::new(&Arc::new(rule()), &Record::from_value(record).unwrap(), origin)
}

#[test]
fn names_with_controls_are_shown_escaped() {
    let controls: String = (0..=31_u8).chain([127]).map(char::from).collect();
    let each_control = (0..=31_u8).chain([127]).map(|byte| format!("a{}b", char::from(byte)));
    let others = [
        controls,
        "👩‍💻🔥".to_owned(),
        "\u{202e}snimdA\u{200f}".to_owned(),
        "x".repeat(10_240),
        "é\n".repeat(5_120),
    ];
    for name in each_control.chain(others) {
        for action in [
            "CreateGroup",
            "UpdateGroup",
            "AddUserToGroup",
            "AttachGroupPolicy",
            "PutGroupPolicy",
            "Other",
        ] {
            let alert = render_finding(
                &finding_with_name(action, &name),
                &Context::default(),
                &Accounts::default(),
            );
            check_alert(&alert);
            let start: String = name.chars().take(8).collect();
            assert!(alert.text.contains(&clean::text(&start, 8)), "{action} of {start:?}");
            let named = alert.document["group"]["name"].as_str().unwrap();
            assert!(named.starts_with(&start), "the document has it unchanged: {start:?}");
        }
    }
}

/// Returns true if a reader can take a line for a command that begins with this, and that is not
/// one of ours.
fn is_command(line: &str, start: &str) -> bool {
    let text = line.trim_start();
    line.len() - text.len() == wrap::COMMAND_INDENT
        && text.starts_with(start.trim_end())
        && (start != "aws " || text.starts_with("aws iam create-access-key"))
}

/// Names in forged records, and names of other services, may contain spaces.
#[test]
fn no_name_wraps_to_a_line_that_looks_like_a_command() {
    let command = "aws iam create-access-key --user-name=mallory ";
    for padding in 0..command.len() {
        let name = "x".repeat(padding) + " " + &command.repeat(12);
        let statements: Vec<Value> = (0..4)
            .map(|nth| json!({"Sid": name[nth..], "Resource": [name, {"x": name}]}))
            .collect();
        let indented = name.replace(" aws", "\n    aws");
        for policy in [json!({"Id": name, "Statement": statements}).to_string(), indented] {
            for action in
                ["CreateGroup", "UpdateGroup", "AddUserToGroup", "PutGroupPolicy", "Other"]
            {
                let mut finding = finding_with_name(action, &name);
                finding.ecs["aws"]["cloudtrail"]["flattened"]["request_parameters"]["policyDocument"] =
                    policy.clone().into();
                let entry = TimelineEntry {
                    time: jiff::Timestamp::UNIX_EPOCH,
                    event_id: Some("e-2".to_owned()),
                    action: "AddUserToGroup".to_owned(),
                    group: Some(name.clone()),
                    object: Some(name.clone()),
                    power: None,
                    principal: Some(name.clone()),
                    failed: false,
                    suppressed: false,
                };
                let group = Some(hostile_group(&name, 1));
                let context = Context { group_timeline: vec![entry], group, ..Context::default() };
                let alert = render_finding(&finding, &context, &Accounts::default());
                let forged: Vec<&str> = alert
                    .text
                    .lines()
                    .filter(|line| command.split_inclusive(' ').any(|word| is_command(line, word)))
                    .collect();
                assert!(forged.is_empty(), "{action}: {forged:#?}");
            }
        }
    }
}

#[test]
fn an_unparseable_policy_is_shown_with_a_warning() {
    for policy in ["not JSON {", "{\"Statement\": ", "\u{0}\u{1b}[2J", "[]", "7"] {
        let mut ecs = document("PutGroupPolicy");
        ecs["aws"]["cloudtrail"]["flattened"]["request_parameters"]["policyDocument"] =
            json!(policy);
        ecs["aws"]["cloudtrail"]["flattened"]["request_parameters"]["policyArn"] = json!(null);
        let alert = render_finding(&finding(ecs), &Context::default(), &Accounts::default());
        check_alert(&alert);
        assert!(alert.text.contains("  The recorded policy cannot be parsed."), "{policy:?}");
        let (_, shown) = alert.text.split_once("\n  Document   ").expect("the policy");
        assert!(shown.starts_with(&clean::text(policy.trim_end(), 400)), "{shown}");
    }
}
