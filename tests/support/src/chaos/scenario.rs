//! One attack on a deployment: what is put, what goes wrong, and what must hold all the same.

use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;

use super::corpus::{Call, LogObject, minutes_before};
use super::deployment::Deployment;
use super::settings::{Counts, Settings};
use super::verdict::{Verdict, share_before_others};

/// How much is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As much as shows the effect with a program without optimisations.
    Short,
    /// As much as an attacker would put.
    Long,
}

impl Scale {
    pub fn pick<T>(self, short: T, long: T) -> T {
        match self {
            Scale::Short => short,
            Scale::Long => long,
        }
    }
}

/// An attack. In all of them every call must be alerted, summarised or suppressed, no alert may
/// come twice without a reason, and nothing may be left unfinished.
pub struct Scenario {
    pub name: &'static str,
    /// For the table.
    pub attack: &'static str,
    /// For the table.
    pub expected: &'static str,
    pub settings: fn(&mut Settings),
    pub load: fn(&mut Load, Scale),
    /// What must hold beside that.
    pub checks: &'static [Check],
}

/// What must hold in one scenario only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Check {
    /// So many calls are suppressed.
    Suppressed(usize),
    /// So many messages are sent again, and with a reason.
    ExplainedDuplicates(usize),
    /// Every other principal is reported before so large a share of this one's findings is done.
    OthersBefore(f64, &'static str),
    /// No copy dies by itself.
    NoCrash,
    /// The memory of a copy grows by at most so many MiB.
    MemoryGrowth { short: f64, long: f64 },
    /// The copies are killed at least so often.
    KilledAtLeast(usize),
    /// The topic accepts at most so many messages a second.
    MessagesPerSecond(usize),
}

/// What is put.
pub struct Load {
    pub now: Timestamp,
    pub objects: Vec<LogObject>,
    /// Every call that must be reported.
    pub calls: Vec<Call>,
    /// The keys whose notifications must end as dead letters. All others must not.
    pub dead_letters: Vec<String>,
    /// A notification whose copies were killed each time may end as a dead letter: the sweep reads
    /// its object.
    pub excuses_kills: bool,
}

impl Load {
    fn new(now: Timestamp) -> Load {
        Load {
            now,
            objects: Vec::new(),
            calls: Vec::new(),
            dead_letters: Vec::new(),
            excuses_kills: false,
        }
    }

    /// Puts an object of these calls, announced once.
    pub fn put(&mut self, name: &str, calls: Vec<Call>) -> &mut LogObject {
        let object = LogObject::of_calls(self.now, name, &calls);
        self.calls.extend(calls);
        self.add(object)
    }

    /// Puts an object of these calls and other records behind them.
    pub fn put_with(&mut self, name: &str, calls: Vec<Call>, more: &[Value]) -> &mut LogObject {
        let time = self.call_time();
        let records = calls.iter().map(|call| call.record(time)).chain(more.iter().cloned());
        let object = LogObject::new(self.now, name, &records.collect::<Vec<_>>());
        self.calls.extend(calls);
        self.add(object)
    }

    pub fn add(&mut self, object: LogObject) -> &mut LogObject {
        self.objects.push(object);
        let last = self.objects.len() - 1;
        &mut self.objects[last]
    }

    /// Expects the notification of the last object to end as a dead letter.
    pub fn expect_dead_letter(&mut self) {
        let last = self.objects.last().unwrap();
        self.dead_letters.push(last.key.clone());
    }

    /// When the calls were made.
    pub fn call_time(&self) -> Timestamp {
        minutes_before(self.now, 15)
    }
}

/// What came of a scenario.
pub struct Outcome {
    pub name: &'static str,
    pub attack: &'static str,
    pub expected: &'static str,
    /// Empty if all holds.
    pub failures: Vec<String>,
    pub verdict: Verdict,
    pub counts: Counts,
    /// How many requests the stand-ins got.
    pub requests: usize,
    pub seconds: f64,
}

impl Scenario {
    /// Runs the scenario with the function whose program is at this path.
    pub async fn run(&self, program: &str, scale: Scale) -> Outcome {
        let start = Instant::now();
        let mut settings = Settings::new(program);
        (self.settings)(&mut settings);
        let mut deployment = Deployment::new(settings).await;
        let mut load = Load::new(deployment.shared.clock.now());
        (self.load)(&mut load, scale);
        for object in &load.objects {
            deployment.deliver(object);
        }
        deployment.run().await;
        if load.excuses_kills {
            // What copies leave that die all the time is finished once they live.
            deployment.clear_faults();
            deployment.allow_sweeps(2, 12);
            deployment.run().await;
        }
        let verdict = Verdict::judge(&deployment, &load.calls);
        if load.excuses_kills {
            load.dead_letters.extend(verdict.dead_by_deaths.iter().cloned());
        }
        let mut failures = verdict.failures(&load.dead_letters);
        let checks = self.checks.iter();
        failures
            .extend(checks.filter_map(|check| check.failure(&deployment, &verdict, &load, scale)));
        let requests = deployment.shared.journal.events().into_iter();
        Outcome {
            name: self.name,
            attack: self.attack,
            expected: self.expected,
            failures,
            verdict,
            counts: deployment.counts.clone(),
            requests: requests.filter(|event| event.request().is_some()).count(),
            seconds: start.elapsed().as_secs_f64(),
        }
    }
}

impl Scenario {
    /// How its row in the table of docs/faults.md starts: all but what was got.
    pub fn documented_start(&self) -> String {
        documented_start(self.name, self.attack, self.expected)
    }
}

fn documented_start(name: &str, attack: &str, expected: &str) -> String {
    format!("| {name}: {attack} | {expected} | ")
}

impl Verdict {
    /// What must not be, whatever was put. The dead letters must be these.
    pub fn failures(&self, expected_dead_letters: &[String]) -> Vec<String> {
        let is_expected = |key: &&String| expected_dead_letters.contains(key);
        let (dead, unexpected): (Vec<&String>, Vec<&String>) =
            self.dead_letters.iter().partition(is_expected);
        let missing = expected_dead_letters.len().saturating_sub(dead.len());
        [
            ("lost", self.lost.len(), self.lost.first()),
            ("alerted again without a reason", self.duplicates.len(), self.duplicates.first()),
            ("left unfinished", self.unfinished.len(), self.unfinished.first()),
            ("refused by AWS", self.breaches.len(), self.breaches.first()),
            ("unexpected dead letters", unexpected.len(), unexpected.first().copied()),
            ("missing dead letters", missing, None),
        ]
        .into_iter()
        .filter(|(_, count, _)| *count > 0)
        .map(|(what, count, example)| match example {
            Some(example) => format!("{count} {what} ({example})"),
            None => format!("{count} {what}"),
        })
        .collect()
    }
}

impl Check {
    fn failure(
        self,
        deployment: &Deployment,
        verdict: &Verdict,
        load: &Load,
        scale: Scale,
    ) -> Option<String> {
        let counts = &deployment.counts;
        let differs = |what: &str, got: usize, expected: usize| {
            (got != expected).then(|| format!("{got} {what} instead of {expected}"))
        };
        match self {
            Check::Suppressed(expected) => differs("suppressed", verdict.suppressed, expected),
            Check::ExplainedDuplicates(expected) => {
                differs("explained duplicates", verdict.explained_duplicates, expected)
            }
            Check::OthersBefore(most, principal) => {
                let flood = load.calls.iter().find(|call| call.principal == principal)?;
                let share = share_before_others(deployment, verdict, flood);
                (share > most)
                    .then(|| format!("{:.0} % of the flood was done before others", share * 100.0))
            }
            Check::NoCrash => {
                (counts.crashes > 0).then(|| format!("{} copies crashed", counts.crashes))
            }
            Check::MemoryGrowth { short, long } => {
                let most = scale.pick(short, long);
                let growth = counts.peak_memory_mb - counts.first_memory_mb;
                (growth > most).then(|| format!("the memory grew by {growth:.0} MiB"))
            }
            Check::KilledAtLeast(least) => {
                (counts.kills < least).then(|| format!("only {} kills", counts.kills))
            }
            Check::MessagesPerSecond(most) => (verdict.busiest_second > most)
                .then(|| format!("{} messages within a second", verdict.busiest_second)),
        }
    }
}

impl Outcome {
    pub fn holds(&self) -> bool {
        self.failures.is_empty()
    }

    /// What was got, for the table.
    pub fn got(&self) -> String {
        let Verdict { calls, alerted, summarised, folded, suppressed, .. } = self.verdict;
        let folded = if folded > 0 { format!(", {folded} folded") } else { String::new() };
        let sums = format!(
            "{calls} calls: {alerted} alerted, {summarised} summarised, {suppressed} \
             suppressed{folded}; {} sent again with a reason",
            self.verdict.explained_duplicates
        );
        match self.holds() {
            true => sums,
            false => format!("{sums}; FAILED: {}", self.failures.join("; ")),
        }
    }

    /// A row of the table in docs/faults.md.
    pub fn documented_row(&self) -> String {
        format!("{}{} |", documented_start(self.name, self.attack, self.expected), self.got())
    }

    /// `attack | expected | got`, and what it took.
    pub fn row(&self) -> String {
        let Counts { invocations, sweeps, kills, crashes, peak_memory_mb, .. } = self.counts;
        format!(
            "{}: {} | {} | {} | {invocations} invocations, {sweeps} of them sweeps, {} requests, \
             {kills} kills, {crashes} crashes, {peak_memory_mb:.0} MiB, {:.1} s",
            self.name,
            self.attack,
            self.expected,
            self.got(),
            self.requests,
            self.seconds
        )
    }
}
