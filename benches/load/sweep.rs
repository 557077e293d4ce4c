//! Two sweeps over quiet objects: the first reads them, the second knows that they were read.

use std::process::Stdio;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::corpus;
use support::function::Function;

/// Sweeps twice over so many quiet objects, and prints what it took. Whether each was read once.
#[expect(clippy::disallowed_methods, reason = "moto goes by the real clock")]
pub async fn run(objects: usize) -> bool {
    let (cloud, now, quiet) = (Cloud::new().await, Timestamp::now(), corpus::quiet());
    let key = |at: usize| corpus::key(now, 6 + at as i64 % 44, &format!("n{at}"));
    cloud.put((0..objects).map(|at| (key(at), quiet.clone()))).await;
    let mut function =
        Function::start(env!("CARGO_BIN_EXE_trailbell-lambda"), &cloud.settings(), Stdio::null());
    let first = sweep("first", &mut function);
    let second = sweep("second", &mut function);
    println!("remembered      {} bytes", cloud.ledger_bytes("sweep/cursor/").await);
    first["read"] == objects && second["read"] == 0 && second["read_before"] == objects
}

/// The counts of one sweep.
fn sweep(name: &str, function: &mut Function) -> Value {
    let start = Instant::now();
    let answer = function.invoke(&json!({"trailbell": "sweep"})).unwrap();
    let counts = answer["report"]["sweep"].clone();
    let (read, before) = (&counts["read"], &counts["read_before"]);
    println!(
        "{:<15} {:.1} s: {read} objects read, {before} read before",
        format!("{name} sweep"),
        start.elapsed().as_secs_f64()
    );
    counts
}
