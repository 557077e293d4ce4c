//! What a sweep lists of an organization's trail: once for each account.

use std::sync::Arc;

use detect::cloudtrail::Trail;
use detect::rule::{DetectionSettings, Detections, LoadedRules, ReadScope, RuleSet};

use super::world::{World, counts, key_in};

/// A trail in AWS's main partition.
fn organization() -> World {
    let mut world = World::new();
    world.memory.list_large_pages();
    let home_region = Some("eu-central-1".to_owned());
    let read_scope = ReadScope { home_region, ..ReadScope::default() };
    let settings = DetectionSettings { read_scope, ..DetectionSettings::default() };
    let rules = RuleSet::new(LoadedRules::embedded().rules).unwrap();
    let pipeline = Arc::get_mut(&mut world.pipeline).expect("nobody else has it yet");
    pipeline.trails = vec![Trail::parse("s3://logs/AWSLogs").unwrap()];
    pipeline.detections = Arc::new(Detections::from(rules).with_settings(settings));
    world
}

fn deliver(world: &World, account: u64, region: &str, stamp: &str) {
    let key = key_in(region, stamp, "quiet").replace("111122223333", &format!("{account:012}"));
    let key = key.replacen("AWSLogs/", "AWSLogs/o-example/", 1);
    world.memory.write(&key, r#"{"Records":[]}"#);
}

/// Sweeps. Returns how many log objects it read, and what it asked of the store.
async fn sweep(world: &World) -> (u64, Vec<String>) {
    world.memory.take_calls();
    let outcome = world.sweep().await;
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    (counts(&outcome).read, world.memory.take_calls())
}

#[tokio::test]
async fn a_sweep_lists_once_for_each_account() {
    let world = organization();
    for account in 1..=1_000 {
        deliver(&world, account, "us-east-1", "01T0950");
        deliver(&world, account, "eu-central-1", "01T0950");
    }
    for (number, read) in [(1, 1_000), (2, 0)] {
        let (found, calls) = sweep(&world).await;
        assert_eq!(found, read, "sweep {number}");
        let lists: Vec<&str> = calls.iter().filter_map(|call| call.strip_prefix("list ")).collect();
        let of_trail = lists.iter().copied().filter(|prefix| prefix.starts_with("AWSLogs/"));
        let is_account = |prefix: &&str| prefix.contains("/CloudTrail/");
        let (of_accounts, others): (Vec<&str>, Vec<&str>) = of_trail.partition(is_account);
        assert_eq!(of_accounts.len(), 1_000, "sweep {number}");
        // The accounts of the organization fill a page.
        assert_eq!(others, ["AWSLogs/", "AWSLogs/o-example/"], "sweep {number}");
        // The ledger's: open findings, summaries, suspects.
        assert!(lists.len() <= 1_007, "sweep {number}: {:?}", &lists[..10]);
        println!("sweep {number}: {} LIST requests for 1,000 accounts", lists.len());
        world.wait(10);
    }
    // Objects that appear late, of a known and of a new account.
    deliver(&world, 7, "us-east-1", "01T0925");
    deliver(&world, 1_001, "us-east-1", "01T0925");
    assert_eq!(sweep(&world).await.0, 2);
}

#[tokio::test]
async fn requests_of_a_sweep_without_news_are_those_of_the_page_on_cost() {
    let world = organization();
    world.memory.write(&key_in("us-east-1", "01T0950", "quiet"), r#"{"Records":[]}"#);
    sweep(&world).await;
    world.wait(10);
    let (_, calls) = sweep(&world).await;
    let count = |verbs: &[&str]| {
        calls.iter().filter(|call| verbs.contains(&call.split(' ').next().unwrap())).count()
    };
    assert_eq!((count(&["put", "list"]), count(&["get", "open"])), (11, 4), "{calls:#?}");
}
