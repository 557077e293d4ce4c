//! What it takes to render an alert in all five forms, as they are published: subject, mail,
//! document, chat and SMS. `cargo bench -p trailbell-alert --bench alert`
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alert::{Accounts, Alert, render_finding};
use detect::cloudtrail::Record;
use detect::finding::{Context, Finding, Origin, PrincipalFinding, TimelineEntry};
use detect::rule::LoadedRules;
use serde_json::json;

const RUNS: usize = 2_000;

/// An alert with the longest timeline may take this long.
const LIMIT: Duration = Duration::from_micros(250);

fn main() {
    let accounts = Accounts::default();
    for (name, action) in [("member added", "AddUserToGroup"), ("policy written", "PutGroupPolicy")]
    {
        let finding = sample_finding(action);
        for events in [0, 10, 30] {
            let context = sample_context(&finding, events);
            let render = || render_finding(black_box(&finding), black_box(&context), &accounts);
            let rendered = shortest(|| drop(black_box(render())));
            let published = shortest(|| drop(black_box(forms(&render()))));
            let verdict = if published <= LIMIT { "within" } else { "OVER" };
            println!(
                "{name}, {events} events: subject, mail, document, chat and sms in \
                 {published:.1?} ({verdict} {LIMIT:?}), {rendered:.1?} of it without serialising"
            );
        }
    }
}

/// What is published: the subject, the body of the alerts topic and that of the chat topic.
fn forms(alert: &Alert) -> (String, String, String) {
    (alert.subject.clone(), alert.message(), alert.chat_message())
}

/// The shortest of many runs, in which other load on the machine counts least.
fn shortest(mut work: impl FnMut()) -> Duration {
    let mut measure = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..RUNS).map(|_| measure()).min().unwrap_or_default()
}

fn sample_finding(action: &str) -> Finding {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:*", "iam:PassRole"], "Resource": "*"}],
    });
    let record = json!({
        "eventVersion": "1.11",
        "eventSource": "iam.amazonaws.com",
        "eventName": action,
        "eventTime": "2026-03-01T10:00:00Z",
        "eventID": "8f2c0d3e-14b7-4c9a-b6de-3a5f7e9d0c2b",
        "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333",
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2.27.0 md/awscrt#0.26.1 ua/2.1 os/linux#6.8.0 md/arch#x86_64",
        "requestParameters": {
            "groupName": "Admins",
            "userName": "bob",
            "policyName": "p",
            "policyDocument": policy.to_string(),
        },
        "userIdentity": {
            "type": "IAMUser",
            "userName": "alice",
            "arn": "arn:aws:iam::111122223333:user/alice",
            "principalId": "AIDACKCEVSQ6C2EXAMPLE",
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        },
    });
    let rule_name = if action == "PutGroupPolicy" { "Inline Policy" } else { "User Addition" };
    let rules = LoadedRules::embedded().rules;
    let rule = rules.iter().find(|rule| rule.info.name.contains(rule_name)).unwrap();
    let folder = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01";
    let key = format!("{folder}/111122223333_CloudTrail_us-east-1_20260301T1005Z_x.json.gz");
    let origin = Origin::Object { bucket: "example-trail".to_owned(), key, record: 3 };
    Finding::new(&Arc::clone(&rule.info), &Record::from_value(record).unwrap(), origin)
}

/// A timeline of so many other events, and findings of the principal by some rules.
fn sample_context(finding: &Finding, events: usize) -> Context {
    let event = |nth: usize| {
        let mut entry = TimelineEntry::from_finding(finding).unwrap();
        entry.event_id = Some(format!("e-{nth}"));
        entry.time = entry.time.checked_sub(Duration::from_secs(nth as u64)).unwrap();
        entry
    };
    let rule = |nth: usize| PrincipalFinding {
        rule_id: nth.to_string(),
        rule_name: format!("Rule {nth}"),
        count: nth,
    };
    let principal_findings = if events == 0 { Vec::new() } else { (0..5).map(rule).collect() };
    Context {
        group_timeline: (1..=events).map(event).collect(),
        principal_findings,
        ..Context::default()
    }
}
