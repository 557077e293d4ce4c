//! Large objects, as many as the function reads at once.

use std::io::Write;
use std::process::Stdio;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::json;

use crate::cloud::Cloud;
use crate::{corpus, process};
use support::function::Function;

/// As many as are in flight together.
const OBJECTS: usize = 4;

/// Sends objects of so many megabytes (10^6 bytes) inflated, each with a finding at its end, in one
/// notification, and prints what it took. Returns true if each finding was alerted.
#[expect(clippy::disallowed_methods, reason = "moto goes by the real clock")]
pub async fn run(megabytes: usize) -> bool {
    let (cloud, now) = (Cloud::new().await, Timestamp::now());
    let keys: Vec<String> =
        (0..OBJECTS).map(|at| corpus::key(now, 6, &format!("large{at}"))).collect();
    let object = |at| object(megabytes * 1_000_000, at);
    println!(
        "objects         {OBJECTS} of {megabytes} MB, stored as {:.1} MB",
        object(0).len() as f64 / 1e6
    );
    cloud.put(keys.iter().enumerate().map(|(at, key)| (key.clone(), object(at)))).await;
    let mut settings = cloud.settings();
    settings.push(("TRAILBELL_MAX_OBJECT_BYTES", (megabytes * 2_000_000).to_string()));
    let mut function =
        Function::start(env!("CARGO_BIN_EXE_trailbell-lambda"), &settings, Stdio::null());
    let start = Instant::now();
    let answer = function.invoke(&json!({"s3Bucket": cloud.logs, "s3ObjectKey": keys}));
    println!("wall time       {:.1} s", start.elapsed().as_secs_f64());
    println!("processor time  {:.1} s", process::processor_time(function.pid()));
    println!("peak memory     {:.1} MiB", process::peak_memory(function.pid()));
    let alerts = cloud.subscriber.documents().len();
    println!("alerts          {alerts}");
    answer.is_ok() && alerts == OBJECTS
}

fn object(bytes: usize, number: usize) -> Vec<u8> {
    let quiet = corpus::record("ec2.amazonaws.com", "DescribeInstances", "quiet").to_string() + ",";
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(b"{\"Records\":[").unwrap();
    for _ in 0..bytes / quiet.len() {
        gzip.write_all(quiet.as_bytes()).unwrap();
    }
    write!(
        gzip,
        "{}]}}",
        corpus::record("iam.amazonaws.com", "CreateGroup", &corpus::event_id(number))
    )
    .unwrap();
    gzip.finish().unwrap()
}
