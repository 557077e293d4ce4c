//! How a deployment is set up, and what a run of it takes.

use std::time::Duration;

use super::deployment::LOGS;
use super::faults::{Rule, Weather};
use super::fleet::Launch;
use super::ledger;

/// How a deployment is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The path of the function's program.
    pub program: String,
    /// Copies of the function that run at once.
    pub copies: usize,
    /// See [`Launch::memory_mb`].
    pub memory_mb: Option<u64>,
    /// How long an invocation may take, by this machine's clock.
    pub timeout: Duration,
    /// Settings of the function beside the usual ones.
    pub variables: Vec<(&'static str, String)>,
    /// Files in the bucket `CONFIG`: keys and contents.
    pub files: Vec<(&'static str, &'static str)>,
    pub weather: Weather,
    pub rules: Vec<Rule>,
    /// Entries of batches that SNS fails inside a success, of 10,000.
    pub entry_failures: usize,
    /// Invocations that are killed at a random moment, of 100, and how late that is at most.
    pub random_kills: (usize, Duration),
    /// How often the function sweeps at least, and at most, before the end.
    pub sweeps: (usize, usize),
    pub seed: u64,
}

/// What a run took.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    pub invocations: usize,
    pub sweeps: usize,
    /// Copies that were killed, for a fault or because they were out of time.
    pub kills: usize,
    /// Copies that died by themselves.
    pub crashes: usize,
    /// Invocations that took longer than the timeout.
    pub timeouts: usize,
    /// Errors that the function answered with.
    pub errors: Vec<String>,
    pub peak_memory_mb: f64,
    /// The peak of a copy before its first invocation.
    pub first_memory_mb: f64,
}

impl Settings {
    /// Two copies without faults.
    pub fn new(program: &str) -> Settings {
        Settings {
            program: program.to_owned(),
            copies: 2,
            memory_mb: Some(256),
            timeout: Duration::from_secs(120),
            variables: Vec::new(),
            files: Vec::new(),
            weather: Weather::default(),
            rules: Vec::new(),
            entry_failures: 0,
            random_kills: (0, Duration::ZERO),
            sweeps: (1, 12),
            seed: 1,
        }
    }

    /// How copies are started: with the variables that the template sets.
    pub(super) fn launch(&self, topic_arn: &str, s3_url: &str, sns_url: &str) -> Launch {
        let usual = [
            ("TRAILBELL_STORE", "s3".to_owned()),
            ("TRAILBELL_ALERTS", topic_arn.to_owned()),
            ("TRAILBELL_LEDGER", format!("s3://{}/{}", ledger::BUCKET, ledger::PREFIX)),
            ("TRAILBELL_TRAILS", format!("s3://{LOGS}/AWSLogs/")),
            ("TRAILBELL_CONCURRENCY", self.copies.to_string()),
            ("RUST_LOG", "info".to_owned()),
            ("AWS_ENDPOINT_URL_S3", s3_url.to_owned()),
            ("AWS_ENDPOINT_URL_SNS", sns_url.to_owned()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ];
        let variables = usual.into_iter().chain(self.variables.clone());
        Launch {
            program: self.program.clone(),
            memory_mb: self.memory_mb,
            variables: variables.map(|(name, value)| (name.to_owned(), value)).collect(),
            logs: std::env::var_os("TRAILBELL_TEST_LOGS").map(Into::into),
        }
    }
}
