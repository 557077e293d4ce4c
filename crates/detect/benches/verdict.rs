//! How long the verdict of one policy document takes, from text to ways, over the documents of the
//! policies that AWS manages, as moto has them. `cargo bench -p trailbell-detect --bench verdict`
//! needs target/moto-venv, which .ci/run makes.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use detect::power::{Grants, Power, open_ways};
use serde_json::{Value, json};

fn main() {
    let texts = managed_documents();
    let mut levels: BTreeMap<&str, usize> = BTreeMap::new();
    let mut times: Vec<Duration> = Vec::new();
    for text in &texts {
        let power = Power::from_grants(&Grants::from_text(text).unwrap().grants);
        *levels.entry(power.level().as_str()).or_default() += 1;
        times.push(shortest(20, text));
    }
    let largest = texts.iter().max_by_key(|text| text.len()).unwrap();
    let longest = times.iter().max().unwrap();
    println!("{} policies that AWS manages: {levels:?}", texts.len());
    println!(
        "longest {longest:.1?}, largest ({} bytes) {:.1?}",
        largest.len(),
        shortest(20, largest)
    );
    times.sort_unstable();
    println!("median {:.1?}", times[times.len() / 2]);
    println!("6,000 wildcards {:.1?}", shortest(20, &wildcards()));
}

/// As text without white space, as CloudTrail records them.
fn managed_documents() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(root.join("target/moto-venv/bin/python"))
        .arg(root.join("scripts/managed_policies.py"))
        .arg("--documents")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let documents: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout).unwrap();
    documents.values().map(Value::to_string).collect()
}

fn wildcards() -> String {
    let stars = "*a?".repeat(1_000);
    json!({"Statement": [{
        "Effect": "Allow",
        "Action": [format!("iam:{stars}"), format!("{stars}:{stars}"), "*:*y"],
        "Resource": format!("arn:aws:iam::*:{stars}"),
    }]})
    .to_string()
}

/// The shortest of some runs, in which other load on the machine counts least.
fn shortest(runs: usize, text: &str) -> Duration {
    let measure = || {
        let start = Instant::now();
        black_box(open_ways(&Grants::from_text(black_box(text)).unwrap().grants));
        start.elapsed()
    };
    (0..runs).map(|_| measure()).min().unwrap_or_default()
}
