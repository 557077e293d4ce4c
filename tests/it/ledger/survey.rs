//! The checks of `doctor`.

use std::sync::Arc;
use std::time::Duration;

use detect::cloudtrail::Record;
use detect::finding::{Finding, Origin};
use detect::rule::LoadedRules;
use detect::text::error::error_chain;
use trailbell::ledger::{Claim, ClaimOutcome, Completion, Content, Probe, StoredLedger, Survey};
use trailbell::store::DirStore;

use crate::ledger::memory::{Fault, Memory, RacyStore};
use crate::ledger::world::{LEASE, create_group, ledger};

async fn claim(memory: &Memory, event_id: &str) -> Claim {
    let record = Record::from_value(create_group(event_id, "alice")).unwrap();
    let rule = &LoadedRules::embedded().rules[0];
    let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
    let content = Content::Finding(Arc::new(Finding::new(&rule.info, &record, origin)));
    let lease = Duration::from_secs(LEASE as u64);
    match ledger(memory).claim(content, lease, Duration::from_secs(600)).await.unwrap() {
        ClaimOutcome::Ours(claim) => *claim,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_survey_counts_unfinished_entries_and_changes_nothing() {
    let memory = Memory::new();
    let ledger = ledger(&memory);
    assert_eq!(ledger.survey().await.unwrap(), Survey::default());
    let failed = claim(&memory, "e1").await;
    ledger.mark_failed(&failed).await.unwrap();
    let alerted = claim(&memory, "e2").await;
    ledger.complete(&alerted, Completion::Alerted("m")).await.unwrap();
    claim(&memory, "e3").await;
    let before = memory.keys("");
    assert_eq!(ledger.survey().await.unwrap(), Survey { open: 2, waiting: 0, failed: 1 });
    memory.advance(3601);
    assert_eq!(ledger.survey().await.unwrap(), Survey { open: 2, waiting: 1, failed: 1 });
    assert_eq!(memory.keys(""), before);
}

#[tokio::test]
async fn a_probe_leaves_nothing_behind() {
    let memory = Memory::new();
    assert_eq!(ledger(&memory).probe().await.unwrap(), Probe::Honoured);
    assert!(memory.keys("").is_empty());
    let calls = memory.take_calls();
    assert!(calls.iter().any(|call| call.starts_with("put doctor/")), "{calls:?}");
}

#[tokio::test]
async fn a_probe_finds_a_store_that_honours_conditions_only_one_by_one() {
    let memory = Memory::new();
    let racy = StoredLedger::new(Box::new(RacyStore(memory.clone())), "state", "");
    let expected = Probe::Raced { condition: "If-None-Match", lost: 3, races: 3 };
    assert_eq!(racy.probe().await.unwrap(), expected);
    assert!(memory.keys("").is_empty());
}

#[tokio::test]
async fn races_have_one_winner_in_a_folder_and_conflicts_are_lost_races() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Box::new(DirStore::new(folder.path()));
    let in_directory = StoredLedger::new(directory, "state", "");
    assert_eq!(in_directory.probe().await.unwrap(), Probe::Honoured);
    for fault in [Fault::Conflict, Fault::None] {
        let memory = Memory::new();
        let mut puts = 0;
        memory.fail(move |verb, _| {
            puts += u32::from(verb == "put");
            if verb == "put" && puts > 4 && puts.is_multiple_of(3) { fault } else { Fault::None }
        });
        assert_eq!(ledger(&memory).probe().await.unwrap(), Probe::Honoured, "{fault:?}");
    }
}

#[tokio::test]
async fn a_failed_probe_names_its_key() {
    let memory = Memory::new();
    memory.fail(|_, _| Fault::Refused);
    let message = error_chain(&ledger(&memory).probe().await.unwrap_err());
    assert!(message.contains("s3://state/doctor/"), "{message}");
}
