//! What reading log objects costs, as speeds and as ratios of one run: `cargo bench`.
//!
//! All work is done in turn with one object after the other, round after round, and the best times
//! are added up: so whatever else the machine does meets all alike, and hardly counts. Speeds are
//! in inflated megabytes (10^6 bytes) a second. Environment variables: `TRAILBELL_BENCH_OBJECTS`
//! (50), `TRAILBELL_BENCH_OBJECT_BYTES` (3300000, inflated), `TRAILBELL_BENCH_HIT_PERCENT` (2),
//! `TRAILBELL_BENCH_ROUNDS` (7).
#![allow(clippy::expect_used, reason = "a benchmark that cannot run stops")]

mod corpus;
mod measure;
mod processes;
mod work;

use corpus::Plan;
use measure::{Measured, in_turn};
use work::Work;

fn main() {
    let plan = Plan {
        objects: setting("OBJECTS", 50),
        object_bytes: setting("OBJECT_BYTES", 3_300_000),
        hit_percent: setting("HIT_PERCENT", 2),
    };
    let (work, rounds) = (Work::new(plan), setting("ROUNDS", 7));
    println!("{plan:?}: {:.1} MB, gzip {:.1} to 1", work.bytes() as f64 / 1e6, work.gzip_ratio());
    let inside = in_turn(rounds, plan.objects, &mut work.tasks());
    inside.iter().for_each(|measured| measured.tell(work.bytes()));
    ratios(&inside);
    match processes::tasks(&work) {
        Some((_folder, mut tasks)) => {
            let outside = in_turn(rounds, 1, &mut tasks);
            outside.iter().for_each(|measured| measured.tell(work.bytes()));
            outside[0].compare(&outside[1], "at least 5");
            outside[2].compare(&outside[1], "with 100 rules; at least 0.95");
        }
        None => println!("no program to run: whole processes are not measured"),
    }
}

fn ratios(inside: &[Measured]) {
    let [bare, _search, scan, hundred, all, ..] = inside else { return };
    bare.compare(scan, "at least 0.9");
    scan.compare(hundred, "at least 0.95");
    bare.compare(all, "at least 0.5");
}

fn setting(name: &str, default: usize) -> usize {
    let value = std::env::var(format!("TRAILBELL_BENCH_{name}"));
    value.map_or(default, |value| value.parse().expect("a setting is a number"))
}
