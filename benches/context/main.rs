//! What it takes to read the context of an alert from a ledger with 10,000 entries of one group and
//! one principal, in S3 as moto simulates it.
//! `cargo bench --bench context`
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

mod entries;

use std::sync::Arc;
use std::time::{Duration, Instant};

use detect::cloudtrail::Record;
use detect::finding::{Finding, Origin};
use detect::rule::LoadedRules;
use serde_json::json;
use trailbell::store::{Listing, ObjectStore};

use entries::LedgerWithEntries;

/// Findings of the group in the ledger.
const ENTRIES: usize = 10_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure_reading());
}

async fn measure_reading() {
    let finding = sample_finding("AddUserToGroup");
    let LedgerWithEntries { store, bucket, ledger, principal_folder } =
        entries::fill_ledger(&finding, ENTRIES).await;
    let now = finding.time.unwrap();
    let listing = Listing { bucket, prefix: principal_folder, ..Listing::default() };
    let mut context_time = Duration::MAX;
    let mut page_time = Duration::MAX;
    for _ in 0..20 {
        let list_page = async {
            assert_eq!(store.list(&listing).await.unwrap().keys.len(), 1_000);
        };
        page_time = page_time.min(timed(list_page).await);
        let read_context = async {
            let (group, principal) = tokio::join!(
                ledger.group_timeline(&finding, now),
                ledger.principal_history(&finding, now)
            );
            assert!(group.unwrap().entries.len() > 1_000);
            assert_eq!(principal.unwrap().by_rule.len(), 1);
        };
        context_time = context_time.min(timed(read_context).await);
    }
    let ratio = context_time.as_secs_f64() / page_time.as_secs_f64();
    println!(
        "context from {ENTRIES} members of the group and {ENTRIES} entries of the principal, two \
         pages: {context_time:.1?}"
    );
    println!(
        "one page of 1,000 keys: {page_time:.1?}; the context takes {ratio:.1} times \
         that"
    );
}

async fn timed(work: impl Future<Output = ()>) -> Duration {
    let start = Instant::now();
    work.await;
    start.elapsed()
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
