//! The speed of reading log objects, absolute and relative: `cargo bench -p trailbell-cli`.
//!
//! All tasks run on one object after the other, in several rounds, and their best times are summed.
//! So other load of the machine affects all tasks equally, and little. Speeds are in inflated
//! megabytes (10^6 bytes) per second. Environment variables: `TRAILBELL_BENCH_OBJECTS` (50),
//! `TRAILBELL_BENCH_OBJECT_BYTES` (3300000, inflated), `TRAILBELL_BENCH_HIT_PERCENT` (2),
//! `TRAILBELL_BENCH_ROUNDS` (7).
#![allow(clippy::expect_used, reason = "a benchmark that cannot run stops")]

mod corpus;
mod in_process;
mod measure;
mod processes;
mod public_rules;

use corpus::Plan;
use in_process::Workload;
use measure::{Measurement, measure};

fn main() {
    let plan = Plan {
        objects: setting("OBJECTS", 50),
        object_bytes: setting("OBJECT_BYTES", 3_300_000),
        hit_percent: setting("HIT_PERCENT", 2),
    };
    let rounds = setting("ROUNDS", 7);
    let workload = Workload::new(plan);
    let bytes = workload.inflated_bytes();
    println!("{plan:?}: {:.1} MB, gzip {:.1} to 1", bytes as f64 / 1e6, workload.gzip_ratio());

    let in_process = measure(rounds, plan.objects, &mut workload.tasks());
    print_speeds(&in_process, bytes);
    let [inflate, _search, scan, hashed, hash, more_rules, public_rules, all_hit, ..] =
        &in_process[..]
    else {
        return;
    };
    scan.print_ratio(hashed, "with the hash");
    inflate.print_ratio(hash, "the hash alone");
    inflate.print_ratio(scan, "at least 0.9");
    scan.print_ratio(more_rules, "at least 0.95");
    scan.print_ratio(public_rules, "at least 0.85: 15 % slower");
    inflate.print_ratio(all_hit, "at least 0.5");

    let (_directory, mut tasks) = processes::tasks(&workload.objects);
    let processes = measure(rounds, 1, &mut tasks);
    print_speeds(&processes, bytes);
    let [gzip, scan, more_rules] = &processes[..] else { return };
    gzip.print_ratio(scan, "at least 5");
    more_rules.print_ratio(scan, "with 100 rules; at least 0.95");
}

fn print_speeds(measurements: &[Measurement], bytes: usize) {
    measurements.iter().for_each(|measurement| measurement.print_speed(bytes));
}

fn setting(name: &str, default: usize) -> usize {
    let value = std::env::var(format!("TRAILBELL_BENCH_{name}"));
    value.map_or(default, |value| value.parse().expect("the setting is a number"))
}
