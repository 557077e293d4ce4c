//! The table of attacks, run against the function as it is.

use futures::stream::{self, StreamExt};
use support::chaos::scenario::{Outcome, Scale};
use support::chaos::scenarios::SCENARIOS;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_trailbell-lambda");

/// Scenarios that run at once: most of their time is waiting.
const CONCURRENCY: usize = 6;

#[tokio::test]
async fn every_attack_ends_as_expected() {
    let only = std::env::var("TRAILBELL_TEST_ATTACK").unwrap_or_default();
    let chosen = SCENARIOS.iter().filter(|scenario| scenario.name.contains(&only));
    let runs = chosen.map(|scenario| scenario.run(PROGRAM, Scale::Short));
    let outcomes: Vec<Outcome> = stream::iter(runs).buffered(CONCURRENCY).collect().await;
    println!("attack | expected | got | took");
    for outcome in &outcomes {
        println!("{}", outcome.row());
    }
    let failed: Vec<String> = outcomes.iter().filter(|it| !it.holds()).map(Outcome::row).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What was got is printed by `cargo bench --bench chaos -- --attacks`, at full size.
#[test]
fn the_documented_attacks_are_these() {
    let page = std::fs::read_to_string("docs/faults.md").unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with("Attacks")).unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(rows.len(), SCENARIOS.len());
    for (row, scenario) in rows.iter().zip(SCENARIOS) {
        let start = scenario.documented_start();
        assert!(row.starts_with(&start), "{row}\n  does not start with\n{start}");
        assert!(!row.contains("FAILED"), "{row}");
    }
}
