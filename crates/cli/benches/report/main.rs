//! The time that `trailbell report` takes for a ledger in a folder: `cargo bench -p trailbell-cli
//! --bench report`. `TRAILBELL_BENCH_FINDINGS` (10000) says how many findings it has. Each finding
//! is an entry, so most of the time is that of opening as many files.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run stops")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const TRAILBELL: &str = env!("CARGO_BIN_EXE_trailbell");

/// How many findings.
const FINDINGS: &str = "TRAILBELL_BENCH_FINDINGS";

const ROUNDS: usize = 5;

/// Seconds of thirty days.
const MONTH: i64 = 30 * 24 * 3600;

/// The folder of the log files, as CloudTrail names it.
const DAY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/01";

/// Calls of one log file.
const CALLS: usize = 500;

fn main() {
    let count = std::env::var(FINDINGS);
    let count = count.map_or(10_000, |value| value.parse().expect("the setting is a number"));
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let root = directory.path();
    write_logs(&root.join("logs").join(DAY), count);
    println!("a ledger of {count} findings: {:.1} s", fill(root).as_secs_f64());
    let page = root.join("report.html");
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| report(root, &page)).collect();
    times.sort();
    let bytes = fs::metadata(&page).expect("there is a page").len();
    println!(
        "report: {:.2} s at best, {:.2} s in the middle; at most 2 s is the aim",
        times[0].as_secs_f64(),
        times[ROUNDS / 2].as_secs_f64()
    );
    println!("page: {:.2} MB; at most 2 MB is the aim", bytes as f64 / 1e6);
}

fn write_logs(folder: &Path, count: usize) {
    fs::create_dir_all(folder).expect("a directory can be made");
    let calls: Vec<Value> = (0..count).map(|index| call(index, count)).collect();
    for (index, records) in calls.chunks(CALLS).enumerate() {
        // As many minutes apart.
        let name = format!(
            "111122223333_CloudTrail_us-east-1_20261101T{:02}{:02}Z_{index:016}.json.gz",
            index / 60,
            index % 60
        );
        let log = json!({ "Records": records }).to_string();
        fs::write(folder.join(name), log).expect("a file can be written");
    }
}

/// A call of a team that changes groups all day.
fn call(index: usize, count: usize) -> Value {
    let start: jiff::Timestamp = "2026-10-01T00:00:00Z".parse().expect("a time");
    let time = start + jiff::SignedDuration::from_secs(MONTH * index as i64 / count as i64);
    let user = format!("engineer-{:03}", index % 311);
    json!({
        "eventVersion": "1.11",
        "eventSource": "iam.amazonaws.com",
        "eventName": if index.is_multiple_of(3) { "RemoveUserFromGroup" } else { "AddUserToGroup" },
        "eventTime": time.to_string(),
        "eventID": format!("call-{index}"),
        "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333",
        "sourceIPAddress": "198.51.100.40",
        "userIdentity": {
            "type": "IAMUser",
            "userName": user,
            "accountId": "111122223333",
            "arn": format!("arn:aws:iam::111122223333:user/{user}"),
        },
        "requestParameters": {
            "groupName": format!("team-application-platform-{}", index % 97),
            "userName": format!("engineer-{:03}", index * 7 % 311),
        },
    })
}

/// Writes the ledger, and returns how long that took.
fn fill(root: &Path) -> Duration {
    let alerts = format!("dir:{}", root.join("alerts").display());
    let logs = root.join("logs");
    let mut replay = trailbell(root);
    replay.env("TRAILBELL_ALERTS", alerts).arg("replay").arg(logs).arg("--publish");
    run(&mut replay)
}

fn report(root: &Path, page: &Path) -> Duration {
    run(trailbell(root).args(["report", "--since", "2026-10-01", "-o"]).arg(page))
}

fn trailbell(root: &Path) -> Command {
    let mut command = Command::new(TRAILBELL);
    command.env("TRAILBELL_LEDGER", format!("dir:{}", root.join("state").display()));
    command.env_remove(FINDINGS).stdout(Stdio::null());
    command
}

fn run(command: &mut Command) -> Duration {
    let start = Instant::now();
    let status = command.status().expect("the program starts");
    assert!(status.success(), "{command:?}: {status}");
    start.elapsed()
}
