//! A look at the ledger that changes nothing in it.

use std::sync::Arc;
use std::time::Duration;

use detect::cloudtrail::Record;
use detect::finding::{Finding, Origin};
use detect::rule::LoadedRules;
use trailbell::ledger::{Claim, ClaimOutcome, Completion, Content, Probe, StoredLedger, Survey};

use crate::ledger::memory::{Fault, Memory};
use crate::ledger::world::{LEASE, create_group};

fn ledger(memory: &Memory) -> StoredLedger {
    StoredLedger::new(Box::new(memory.clone()), "state", "")
}

async fn claim(memory: &Memory, event: &str) -> Claim {
    let record = Record::from_value(create_group(event, "alice")).unwrap();
    let rule = &LoadedRules::embedded().rules[0];
    let finding = Finding::new(
        &rule.info,
        &record,
        Origin::Inline { envelope: "test".to_owned(), record: 0 },
    );
    let content = Content::Finding(Arc::new(finding));
    let lease = Duration::from_secs(LEASE as u64);
    match ledger(memory).claim(content, lease, Duration::from_secs(600)).await.unwrap() {
        ClaimOutcome::Ours(claim) => *claim,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_open_waits_or_failed_is_counted_and_left() {
    let memory = Memory::new();
    assert_eq!(ledger(&memory).survey().await.unwrap(), Survey::default());
    let failed = claim(&memory, "e1").await;
    ledger(&memory).mark_failed(&failed).await.unwrap();
    let told = claim(&memory, "e2").await;
    ledger(&memory).complete(&told, Completion::Alerted("m")).await.unwrap();
    claim(&memory, "e3").await;
    let before = memory.keys("");
    assert_eq!(ledger(&memory).survey().await.unwrap(), Survey { open: 2, waiting: 0, failed: 1 });
    memory.wait(3601);
    assert_eq!(ledger(&memory).survey().await.unwrap(), Survey { open: 2, waiting: 1, failed: 1 });
    assert_eq!(memory.keys(""), before);
}

#[tokio::test]
async fn a_probe_leaves_nothing_behind() {
    let memory = Memory::new();
    assert_eq!(ledger(&memory).probe().await.unwrap(), Probe::Honoured);
    assert_eq!(memory.keys(""), Vec::<String>::new());
    let calls = memory.calls();
    assert!(calls.iter().any(|call| call.starts_with("put doctor/")), "{calls:?}");
}

#[tokio::test]
async fn a_probe_that_cannot_be_written_is_told_by_its_key() {
    let memory = Memory::new();
    memory.fail(|_, _| Fault::Refused);
    let error = ledger(&memory).probe().await.unwrap_err();
    assert!(error.to_string().starts_with("cannot write s3://state/doctor/"), "{error}");
}
