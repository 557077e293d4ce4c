//! The table of attacks at full size.

use std::time::Duration;

use support::chaos::scenario::{Outcome, Scale};
use support::chaos::scenarios::SCENARIOS;

use crate::PROGRAM;

/// Runs the attacks whose names hold `name`, one after the other, and prints the table. Returns
/// true if all end as expected.
pub async fn run(name: &str) -> bool {
    println!("attack | expected | got | took");
    let mut rows = Vec::new();
    let mut good = true;
    for scenario in SCENARIOS.iter().filter(|scenario| scenario.name.contains(name)) {
        let outcome = scenario.run(PROGRAM, Scale::Long).await;
        println!("{}\n    {}", outcome.row(), first_alerts(&outcome));
        rows.push(outcome.documented_row());
        good &= outcome.holds();
    }
    println!("\nThe table of docs/faults.md:\n\n{}", rows.join("\n"));
    good
}

/// When the first principal was reported, and when the last.
fn first_alerts(outcome: &Outcome) -> String {
    let first = outcome.verdict.first_alerts.iter();
    let mut times: Vec<(Duration, &str)> =
        first.map(|(principal, alert)| (alert.elapsed, principal.as_str())).collect();
    times.sort_unstable();
    let time = |at: Option<&(Duration, &str)>| {
        at.map_or("never".to_owned(), |(time, who)| format!("{:.1} s ({who})", time.as_secs_f64()))
    };
    let (earliest, latest) = (time(times.first()), time(times.last()));
    format!("first alert of a principal: earliest {earliest}, latest {latest}")
}
