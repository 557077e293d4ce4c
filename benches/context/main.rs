//! What an alert costs besides its network: writing it in the forms of all protocols, and reading
//! its context from a ledger with 10,000 entries of one group, by one caller, in S3 as moto speaks
//! it. `cargo bench --bench context`
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

mod entries;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alert::{Accounts, render_finding};
use detect::cloudtrail::Record;
use detect::finding::{Context, Finding, Origin, PrincipalFinding, TimelineEntry};
use detect::rule::LoadedRules;
use serde_json::json;
use trailbell::store::{Listing, ObjectStore};

/// Findings of the group that the ledger has.
const ENTRIES: usize = 10_000;

fn main() {
    writing();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(reading());
}

fn writing() {
    for (name, action) in
        [("a member added", "AddUserToGroup"), ("a policy written", "PutGroupPolicy")]
    {
        let finding = finding(action, "2026-03-01T10:00:00Z");
        let accounts = Accounts::default();
        let told = |events: usize| {
            let context = context(&finding, events);
            let alert = || render_finding(black_box(&finding), black_box(&context), &accounts);
            let rendered = best(2_000, || drop(black_box(alert())));
            let all = best(2_000, || drop(black_box(alert().message())));
            println!(
                "{name}, {events} events told: mail, document and attributes {rendered:.1?}; with SNS's body {all:.1?}"
            );
        };
        [0, 10, 30].into_iter().for_each(told);
    }
}

async fn reading() {
    let finding = finding("AddUserToGroup", "2026-03-01T10:00:00Z");
    let entries::Entries { store, bucket, ledger, folder } = entries::put(&finding, ENTRIES).await;
    let (mut context, mut page) = (Duration::MAX, Duration::MAX);
    for _ in 0..20 {
        let listing =
            Listing { bucket: bucket.clone(), prefix: folder.clone(), ..Listing::default() };
        page = page.min(
            timed(async { assert_eq!(store.list(&listing).await.unwrap().keys.len(), 1_000) })
                .await,
        );
        let now = finding.time.unwrap();
        let read = async {
            let (group, principal) = tokio::join!(
                ledger.group_timeline(&finding, now),
                ledger.principal_history(&finding, now)
            );
            assert!(group.unwrap().entries.len() > 1_500 && principal.unwrap().by_rule.len() == 1);
        };
        context = context.min(timed(read).await);
    }
    let ratio = context.as_secs_f64() / page.as_secs_f64();
    println!(
        "context of {ENTRIES} entries of the group and {ENTRIES} of the caller, two pages each: {context:.1?}"
    );
    println!(
        "one bare page of 1,000 keys: {page:.1?}; the context takes {ratio:.1} times that, for four pages"
    );
}

async fn timed(work: impl Future<Output = ()>) -> Duration {
    let start = Instant::now();
    work.await;
    start.elapsed()
}

/// The best of many: what else the machine does hardly counts.
fn best(times: usize, mut work: impl FnMut()) -> Duration {
    let mut once = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..times).map(|_| once()).min().unwrap_or_default()
}

fn finding(action: &str, time: &str) -> Finding {
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","iam:PassRole"],"Resource":"*"}]}"#;
    let record = json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": action,
        "eventTime": time, "eventID": "8f2c0d3e-14b7-4c9a-b6de-3a5f7e9d0c2b", "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333", "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2.27.0 md/awscrt#0.26.1 ua/2.1 os/linux#6.8.0 md/arch#x86_64",
        "requestParameters": {"groupName": "Admins", "userName": "bob", "policyName": "p", "policyDocument": policy},
        "userIdentity": {"type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice",
            "principalId": "AIDACKCEVSQ6C2EXAMPLE", "accessKeyId": "ASIAIOSFODNN7EXAMPLE"}});
    let name = if action == "PutGroupPolicy" { "Inline Policy" } else { "User Addition" };
    let rules = LoadedRules::embedded().rules;
    let rule = rules.iter().find(|rule| rule.info.name.contains(name)).unwrap();
    let key = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/111122223333_CloudTrail_us-east-1_20260301T1005Z_x.json.gz";
    let origin =
        Origin::Object { bucket: "example-trail".to_owned(), key: key.to_owned(), record: 3 };
    Finding::new(&Arc::clone(&rule.info), &Record::from_value(record).unwrap(), origin)
}

/// A story of so many events besides, and some rules that found the caller.
fn context(finding: &Finding, events: usize) -> Context {
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
