//! The document for machines against its schema, and its field names against those of ECS.
//! `TRAILBELL_WRITE_GOLDEN=1 cargo test -p trailbell-alert` writes `docs/schema`.

mod fields;
mod index_template;
mod json_schema;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use alert::{Accounts, Alert, finding_document, render_canary, render_finding, render_summary};
use boon::{Compiler, SchemaIndex, Schemas};
use detect::cloudtrail::Record;
use detect::ecs::{self, ValueKind};
use detect::finding::{
    Context, FACT_FIELDS, Finding, FindingId, GroupContext, GroupGain, GroupPolicy, Origin,
    PolicyDrift, Summary, TargetUser, TimelineEntry, UserGroup, Window, canary,
};
use detect::power::{PowerLevel, managed_grants};
use detect::rule::{LoadedRules, Rating, Severity};
use detect::subscriptions::Subscriptions;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::pages;
use fields::{DocumentField, document_fields, ecs_fields, ecs_version};
use index_template::{Engine, index_template};
use json_schema::json_schema;

/// Every kind of document: those of all alerts, and what a scan prints.
fn documents() -> Vec<(String, Value)> {
    let mut documents: Vec<(String, Value)> =
        alerts().into_iter().map(|(name, alert)| (name, alert.document)).collect();
    for case in pages::case_files() {
        let (mut finding, _) = pages::read_case(&case);
        finding.exception = Some("known automation".to_owned());
        finding.privileged = true;
        finding.own = vec!["arn:aws:sns:us-east-1:111122223333:alerts".to_owned()];
        let name = format!("scan of {}", case.display());
        documents.push((name, finding_document(&finding, &pages::accounts())));
    }
    documents
}

/// Alerts of every kind.
fn alerts() -> Vec<(String, Alert)> {
    let others = [
        ("conflict", conflict()),
        ("canary", canary_alert()),
        ("summary of a window", summary_of_a_window()),
        ("timeline with a policy", timeline_with_a_policy()),
        ("credentials for a user", credentials_for_a_user()),
        ("trust", trust()),
        ("alert with a page", trust().with_page("https://console.aws.amazon.com/s3/object/b")),
    ];
    let others = others.into_iter().chain(cut()).map(|(name, alert)| (name.to_owned(), alert));
    let golden = [pages::finding_alerts(), pages::summary_alerts(), pages::correlation_alerts()];
    golden.into_iter().flatten().chain(others).collect()
}

fn finding(record: Value) -> Finding {
    let rule = &LoadedRules::embedded().rules[0].info;
    let origin = Origin::File { path: "log.json".to_owned(), record: 0 };
    Finding::new(&Arc::clone(rule), &Record::from_value(record).unwrap(), origin)
}

fn render(finding: &Finding) -> Alert {
    render_finding(finding, &Context::default(), &Accounts::default())
}

fn conflict() -> Alert {
    let mut finding = finding(json!({"eventID": "e-1"}));
    finding.conflict = Some(finding.id.clone());
    finding.origin = Origin::Inline { envelope: "EventBridge".to_owned(), record: 0 };
    render(&finding)
}

fn canary_alert() -> Alert {
    let set = LoadedRules::embedded().into_rule_set().unwrap();
    let canaries = canary::findings("1", &set.into(), Timestamp::UNIX_EPOCH);
    let subscriptions = Subscriptions { confirmed: 2, pending: 1, deleted: 0 };
    render_canary(&canaries[0], &Ok(Some(subscriptions)), &pages::accounts())
}

/// A summary whose members have everything that a member can have.
fn summary_of_a_window() -> Alert {
    let mut member = finding(json!({
        "recipientAccountId": "444455556666",
        "userIdentity": {"type": "AWSAccount", "accountId": "111122223333"},
    }));
    member.conflict = Some(member.id.clone());
    let reason = Some("the group is privileged".to_owned());
    member.rating = Some(Rating { severity: Severity::Critical, risk_score: 99, reason });
    let window = Window::containing(Timestamp::UNIX_EPOCH, Duration::from_secs(300));
    let id = FindingId::hash_parts(["summary"]);
    let summary = Summary::from_findings(id, Some(window), 1, &[member]).unwrap();
    render_summary(&summary, &pages::accounts())
}

fn credentials_for_a_user() -> Alert {
    let administrators = "arn:aws:iam::aws:policy/AdministratorAccess";
    let group = UserGroup { group: "Admins".to_owned(), power: PowerLevel::Admin };
    let grants = managed_grants(administrators).unwrap();
    let target = Some(TargetUser { grants, own: PowerLevel::Escalates, groups: vec![group] });
    let finding = finding(json!({
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateAccessKey",
        "eventID": "e-1",
        "requestParameters": {"userName": "bob"},
    }));
    render_finding(&finding, &Context { target, ..Context::default() }, &Accounts::default())
}

fn trust() -> Alert {
    render(&finding(json!({
        "eventSource": "iam.amazonaws.com",
        "eventName": "UpdateAssumeRolePolicy",
        "eventID": "e-1",
        "requestParameters": {"roleName": "App", "policyDocument": "{}"},
    })))
}

fn timeline_with_a_policy() -> Alert {
    let finding = finding(json!({
        "eventSource": "iam.amazonaws.com",
        "eventName": "AttachGroupPolicy",
        "eventID": "e-1",
        "eventTime": "2026-03-01T10:00:00Z",
        "requestParameters": {
            "groupName": "Admins",
            "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
        },
    }));
    let mut earlier = TimelineEntry::from_finding(&finding).unwrap();
    earlier.event_id = Some("e-0".to_owned());
    let administrators = "arn:aws:iam::aws:policy/AdministratorAccess";
    let group = GroupContext {
        grants: managed_grants(administrators).unwrap().of_policy(administrators),
        policies: vec![GroupPolicy { name: administrators.to_owned(), power: PowerLevel::Admin }],
        members: vec!["bob".to_owned()],
        complete: true,
        uncertain: true,
    };
    let gain = GroupGain {
        group: "Admins".to_owned(),
        before: PowerLevel::Limited,
        power: PowerLevel::Admin,
        ways: vec!["PutUserPolicy".to_owned()],
        members: vec!["bob".to_owned()],
    };
    let context = Context {
        group_timeline: vec![earlier],
        group: Some(group),
        drift: Some(PolicyDrift { previous: Some("v1".to_owned()), groups: vec![gain] }),
        ..Context::default()
    };
    render_finding(&finding, &context, &Accounts::default())
}

/// Alerts of records that are too large, by more and more.
fn cut() -> Vec<(&'static str, Alert)> {
    let large = "x".repeat(150 * 1024);
    let many: Value = (0..40_000).map(|n| (format!("k{n}"), json!("v"))).collect();
    let record = |parameters: Value, agent: &str| {
        json!({
            "eventSource": "iam.amazonaws.com",
            "eventName": "PutGroupPolicy",
            "eventID": "e-1",
            "userAgent": agent,
            "sourceIPAddress": "203.0.113.7",
            "requestParameters": parameters,
            "responseElements": many,
        })
    };
    [
        ("cut parameters", record(json!({"groupName": "Admins", "policyDocument": large}), "x")),
        ("cut strings", record(json!({"groupName": "Admins"}), &"y".repeat(300 * 1024))),
        ("identifiers only", {
            let mut record = record(json!({"groupName": "Admins"}), "x");
            let resource = json!({"ARN": "a", "type": "t", "accountId": "1"});
            record["resources"] = vec![resource; 20_000].into();
            record
        }),
    ]
    .map(|(name, record)| (name, render(&finding(record))))
    .into()
}

/// The schema, compiled.
struct Validator {
    schemas: Schemas,
    schema: SchemaIndex,
}

impl Validator {
    fn new(schema: Value) -> Validator {
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler.add_resource("schema.json", schema).unwrap();
        let schema = compiler.compile("schema.json", &mut schemas).unwrap();
        Validator { schemas, schema }
    }

    fn validate(&self, document: &Value) -> Result<(), String> {
        self.schemas.validate(document, self.schema).map_err(|error| error.to_string())
    }
}

/// The names of all values of a document, with `[]` for lists. Flattened objects end the name.
fn paths(value: &Value, path: &str, fields: &[DocumentField], found: &mut BTreeSet<String>) {
    let is_flattened = |it: &DocumentField| it.path == path && it.field_type == "flattened";
    match value {
        Value::Object(_) if fields.iter().any(is_flattened) => drop(found.insert(path.to_owned())),
        Value::Object(object) => {
            for (key, value) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                paths(value, &path, fields, found);
            }
        }
        Value::Array(list) => {
            list.iter().for_each(|value| paths(value, &format!("{path}[]"), fields, found));
        }
        _ => drop(found.insert(path.to_owned())),
    }
}

#[test]
fn every_document_follows_the_schema() {
    let schema = Validator::new(json_schema(&document_fields()));
    for (name, document) in documents() {
        let valid = schema.validate(&document);
        assert!(valid.is_ok(), "{name}: {}\n{document:#}", valid.unwrap_err());
    }
}

/// Amazon Q Developer drops what it does not know.
#[test]
fn every_chat_message_is_a_custom_notification() {
    let schema = include_str!("../../data/chat-notification.schema.json");
    let schema = Validator::new(serde_json::from_str(schema).unwrap());
    for (name, alert) in alerts() {
        let message: Value = serde_json::from_str(&alert.chat_message()).unwrap();
        let valid = schema.validate(&message);
        assert!(valid.is_ok(), "{name}: {}\n{message:#}", valid.unwrap_err());
        assert!(alert.chat_message().len() < 16 * 1024, "{name}");
        assert!((1..=140).contains(&alert.sms.len()), "{name}: {}", alert.sms);
    }
}

#[test]
fn the_schema_rejects_what_is_no_alert() {
    let schema = Validator::new(json_schema(&document_fields()));
    let (_, document) = pages::summary_alerts().remove(0);
    let document = document.document;
    for (pointer, value) in [
        ("/trailbell/kind", json!("page")),
        ("/event/severity", json!("high")),
        ("/related/user", json!("alice")),
        ("/members", json!([])),
        ("/event/start", json!("yesterday")),
        ("/user", json!({"nick": "al"})),
    ] {
        let mut changed = document.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap()[name] = value;
        assert!(schema.validate(&changed).is_err(), "{pointer}");
    }
    for pointer in ["/message", "/trailbell/id", "/rule/name", "/ecs/version"] {
        let mut changed = document.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap().as_object_mut().unwrap().shift_remove(name).unwrap();
        assert!(schema.validate(&changed).is_err(), "{pointer}");
    }
}

#[test]
fn every_value_of_every_document_is_in_the_field_list() {
    let fields = document_fields();
    let mut found = BTreeSet::new();
    documents().iter().for_each(|(_, document)| paths(document, "", &fields, &mut found));
    // Fields that may be one value or a list.
    let is_listed = |path: &&String| {
        let one = path.strip_suffix("[]").unwrap_or(path);
        fields.iter().any(|it| it.path == **path || (it.path == one && !it.is_ours()))
    };
    let unknown: Vec<&String> = found.iter().filter(|path| !is_listed(path)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    let ours = fields.iter().filter(|it| it.is_ours()).map(|it| it.path);
    // Steps have one form, whatever they are for.
    let ours = ours.filter(|path| !["raw_record", "undo"].iter().any(|it| path.contains(it)));
    let missing: Vec<&str> = ours.filter(|path| !found.contains(*path)).collect();
    assert!(missing.is_empty(), "no document has {missing:#?}");
}

#[test]
fn what_is_not_ours_has_the_names_and_types_of_ecs() {
    let published = ecs_fields();
    for field in document_fields() {
        if field.is_ours() || field.is_of_integration() {
            assert!(!published.contains_key(&*field.name()), "{}", field.path);
            continue;
        }
        let (field_type, is_list) = published.get(&*field.name()).expect(field.path);
        assert_eq!(
            (field.field_type, field.path.ends_with("[]")),
            (*field_type, *is_list),
            "{}",
            field.path
        );
    }
    let (_, alert) = pages::summary_alerts().remove(0);
    assert_eq!(alert.document["ecs"]["version"], ecs_version());
}

#[test]
fn every_field_of_records_and_facts_is_in_the_field_list() {
    let fields = document_fields();
    let find = |name: &str| fields.iter().find(|it| it.name() == name);
    for name in ecs::known_fields().filter(|name| *name != "data_stream.dataset") {
        let field = find(name).expect(name);
        let expected = match ecs::field_shape(name).unwrap().0 {
            ValueKind::Boolean => "boolean",
            ValueKind::Date => "date",
            ValueKind::Ip => "ip",
            ValueKind::Keyword | ValueKind::Constant(_) => "keyword",
        };
        assert_eq!(field.field_type, expected, "{name}");
    }
    FACT_FIELDS.iter().for_each(|(name, _)| assert!(find(name).is_some(), "{name}"));
}

#[test]
fn the_files_in_docs_are_up_to_date() {
    let fields = document_fields();
    let files = [
        ("alert.schema.json", json_schema(&fields)),
        ("elasticsearch.json", index_template(Engine::Elasticsearch, &fields)),
        ("opensearch.json", index_template(Engine::OpenSearch, &fields)),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
    for (name, file) in files {
        let (path, text) = (folder.join(name), format!("{file:#}\n"));
        if env::var_os("TRAILBELL_WRITE_GOLDEN").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let is_current = fs::read_to_string(&path).is_ok_and(|current| current == text);
        assert!(is_current, "{name} differs: TRAILBELL_WRITE_GOLDEN=1 writes it");
    }
}
