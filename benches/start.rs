//! From the start of the function's process to its first poll of Lambda's runtime API, on loopback:
//! what a cold start pays beyond Lambda's own part. Prints the median of 20 starts, that of a
//! process that does nothing, to compare, and what loading and compiling the rules takes of it.
//!
//! `cargo bench --bench start`

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark stops at what it did not expect")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use detect::rule::LoadedRules;

const STARTS: usize = 20;

fn main() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut starts: Vec<Duration> = (0..STARTS).map(|_| first_poll(&server)).collect();
    let mut nothing: Vec<Duration> = (0..STARTS).map(|_| bare_process()).collect();
    println!("start of the function to its first poll: {}", summarize(&mut starts));
    println!("start and end of a process (`true`):      {}", summarize(&mut nothing));
    let mut rules: Vec<Duration> = (0..STARTS).map(|_| embedded_rules()).collect();
    println!("of it the rules, read and compiled:       {}", summarize(&mut rules));
}

/// Starts the function, waits for `GET …/invocation/next`, ends it.
fn first_poll(server: &TcpListener) -> Duration {
    let start = Instant::now();
    let mut function = function(&server.local_addr().unwrap().to_string());
    let (connection, _) = server.accept().unwrap();
    let mut request = String::new();
    BufReader::new(connection).read_line(&mut request).unwrap();
    let taken = start.elapsed();
    assert!(request.contains("/runtime/invocation/next"), "{request}");
    function.kill().unwrap();
    function.wait().unwrap();
    taken
}

/// As it is deployed: S3, a topic, nothing asked of either.
fn function(runtime: &str) -> Child {
    support::function::command(env!("CARGO_BIN_EXE_trailbell-lambda"), runtime)
        .env("TRAILBELL_STORE", "s3")
        .env("TRAILBELL_ALERTS", "arn:aws:sns:us-east-1:111122223333:alerts")
        .env("TRAILBELL_LEDGER", "none")
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn embedded_rules() -> Duration {
    let start = Instant::now();
    let rules = LoadedRules::embedded().into_complete_rule_set();
    let taken = start.elapsed();
    assert!(!rules.unwrap().rules().is_empty());
    taken
}

fn bare_process() -> Duration {
    let start = Instant::now();
    Command::new("true").status().unwrap();
    start.elapsed()
}

fn summarize(times: &mut [Duration]) -> String {
    times.sort();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    let (least, median, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    format!(
        "median {:.2} ms, least {:.2}, most {:.2}",
        milliseconds(median),
        milliseconds(least),
        milliseconds(most)
    )
}
