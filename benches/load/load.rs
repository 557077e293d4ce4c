//! Many notifications in one run.

use std::collections::{BTreeMap, VecDeque};
use std::process::Stdio;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::{corpus, process};
use support::function::Function;
use support::random::Random;

/// Notifications of one invocation.
const BATCH: usize = 10;

/// When memory is looked at for the first time.
const EARLY: usize = 1_000;

/// What is sent: of a hundred notifications 5 are sent twice, and 1 has a finding. Those with
/// findings come twice.
struct Plan {
    keys: Vec<String>,
    hits: usize,
    /// Indexes of keys, in the order of their coming.
    notifications: VecDeque<usize>,
}

impl Plan {
    fn new(now: Timestamp, notifications: usize) -> Plan {
        let again = notifications / 20;
        let keys = (0..notifications - again)
            .map(|at| corpus::key(now, 6 + at as i64 % 44, &format!("n{at}")));
        let keys: Vec<String> = keys.collect();
        let mut order: Vec<usize> = (0..keys.len()).chain(0..again).collect();
        let mut random = Random::new(7);
        for at in (1..order.len()).rev() {
            order.swap(at, random.below(at + 1));
        }
        Plan { keys, hits: notifications / 100, notifications: order.into() }
    }

    fn objects(&self) -> impl Iterator<Item = (String, Vec<u8>)> {
        let quiet = corpus::quiet();
        let body = move |at| if at < self.hits { corpus::hit(at) } else { quiet.clone() };
        self.keys.iter().enumerate().map(move |(at, key)| (key.clone(), body(at)))
    }
}

/// Sends so many notifications, and prints what became of them. Returns true if each finding was
/// alerted once.
#[expect(clippy::disallowed_methods, reason = "moto goes by the real clock")]
pub async fn run(notifications: usize) -> bool {
    let (cloud, plan) = (Cloud::new().await, Plan::new(Timestamp::now(), notifications));
    cloud.put(plan.objects()).await;
    let mut function =
        Function::start(env!("CARGO_BIN_EXE_trailbell-lambda"), &cloud.settings(), Stdio::null());
    let sent = send(&cloud, &plan, &mut function);
    let counted = AlertCounts::of(&cloud, plan.hits);
    println!(
        "notifications   {notifications}, in batches of {BATCH}, {} delivered again",
        sent.again
    );
    println!(
        "objects         {}, {} announced twice",
        plan.keys.len(),
        notifications - plan.keys.len()
    );
    println!("findings        {}", plan.hits);
    println!("alerts          {}", counted.alerts);
    println!("duplicates      {}", counted.duplicates);
    println!("lost            {}", counted.lost);
    println!("wall time       {:.1} s", sent.wall);
    println!("processor time  {:.1} s", process::processor_time(function.pid()));
    if let Some(early) = sent.early_memory {
        println!("peak memory     {early:.1} MiB after {EARLY} notifications");
    }
    println!(
        "peak memory     {:.1} MiB after {notifications}",
        process::peak_memory(function.pid())
    );
    counted.duplicates == 0 && counted.lost == 0
}

/// What sending took.
struct Sent {
    /// Notifications that the function gave back.
    again: usize,
    /// Seconds.
    wall: f64,
    /// MiB; none where there were no more notifications than that.
    early_memory: Option<f64>,
}

/// As the queue does: what a batch gives back comes again.
fn send(cloud: &Cloud, plan: &Plan, function: &mut Function) -> Sent {
    let (mut waiting, mut sent) = (plan.notifications.clone(), 0);
    let (mut again, mut early_memory) = (0, None);
    let start = Instant::now();
    while !waiting.is_empty() {
        let batch: Vec<usize> = waiting.drain(..BATCH.min(waiting.len())).collect();
        let keys: Vec<(usize, &str)> =
            batch.iter().map(|at| (*at, plan.keys[*at].as_str())).collect();
        let answer = function.invoke(&queued(&cloud.logs, &keys)).unwrap();
        let failed = failed(&answer);
        again += failed.len();
        waiting.extend(failed);
        sent += batch.len();
        if sent == EARLY && !waiting.is_empty() {
            early_memory = Some(process::peak_memory(function.pid()));
        }
    }
    Sent { again, wall: start.elapsed().as_secs_f64(), early_memory }
}

fn queued(bucket: &str, keys: &[(usize, &str)]) -> Value {
    let body = |key: &str| json!({"s3Bucket": bucket, "s3ObjectKey": [key]}).to_string();
    let message = |(at, key): &(usize, &str)| json!({"messageId": at.to_string(), "eventSource": "aws:sqs", "body": body(key)});
    json!({"Records": keys.iter().map(message).collect::<Vec<_>>()})
}

fn failed(answer: &Value) -> Vec<usize> {
    let failures = answer["batchItemFailures"].as_array().unwrap();
    failures
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().unwrap().parse().unwrap())
        .collect()
}

/// What a subscriber got.
struct AlertCounts {
    alerts: usize,
    duplicates: usize,
    lost: usize,
}

impl AlertCounts {
    fn of(cloud: &Cloud, hits: usize) -> AlertCounts {
        let documents = cloud.subscriber.documents();
        let mut findings: BTreeMap<String, usize> = BTreeMap::new();
        for document in &documents {
            *findings.entry(document["trailbell"]["id"].to_string()).or_default() += 1;
        }
        let is_alerted =
            |id: &String| documents.iter().any(|document| document["event"]["id"] == **id);
        AlertCounts {
            alerts: documents.len(),
            duplicates: documents.len() - findings.len(),
            lost: (0..hits).map(corpus::event_id).filter(|id| !is_alerted(id)).count(),
        }
    }
}
