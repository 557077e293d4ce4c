//! Rounds of everything at once: kills at any request and any moment, errors, lost answers, hanging
//! requests, notifications that come twice. Each round ends in calm, with the dead letters
//! redriven: then nothing may be missing.

use std::time::{Duration, Instant};

use support::chaos::corpus::{Call, LogObject};
use support::chaos::deployment::Deployment;
use support::chaos::faults::Weather;
use support::chaos::settings::{Counts, Settings};
use support::chaos::verdict::Verdict;
use support::random::Random;

use crate::PROGRAM;

/// Rounds that run at once: most of their time is waiting.
const CONCURRENCY: usize = 3;

const OBJECTS: usize = 60;
const PRINCIPALS: usize = 25;
const MAX_CALLS: usize = 4;
const ACTIONS: [&str; 4] = ["CreateGroup", "AddUserToGroup", "DeleteGroup", "RemoveUserFromGroup"];

/// What all rounds came to.
#[derive(Default)]
struct Totals {
    kills: usize,
    invocations: usize,
    dead_letters: usize,
    calls: usize,
    alerted: usize,
    summarised: usize,
    folded: usize,
    lost: usize,
    explained_duplicates: usize,
    duplicates: usize,
    busiest_second: usize,
    peak_memory_mb: f64,
    first_alerts: Vec<Duration>,
    failures: Vec<String>,
}

/// Runs rounds until the copies were killed so often, and prints what came of them. Returns true
/// if nothing was lost and nothing sent again without a reason.
pub async fn run(seed: u64, kills: usize) -> bool {
    println!("seed            {seed}");
    let start = Instant::now();
    let mut totals = Totals::default();
    let mut round = 0;
    while totals.kills < kills {
        let rounds = (round..round + CONCURRENCY as u64).map(|round| run_round(seed + round));
        for round in futures::future::join_all(rounds).await {
            totals.add(round);
        }
        round += CONCURRENCY as u64;
        println!(
            "{round} rounds: {} kills, {} lost, {} duplicates without a reason, {:.0} s",
            totals.kills,
            totals.lost,
            totals.duplicates,
            start.elapsed().as_secs_f64()
        );
    }
    totals.print();
    totals.failures.is_empty()
}

/// What one round came to.
struct Round {
    seed: u64,
    counts: Counts,
    dead_letters: usize,
    verdict: Verdict,
}

async fn run_round(seed: u64) -> Round {
    let mut random = Random::new(seed);
    let mut deployment = Deployment::new(settings(seed)).await;
    let mut calls = Vec::new();
    for number in 0..OBJECTS {
        let own = draw_calls(&mut random, number);
        let now = deployment.shared.clock.now();
        let object = LogObject::of_calls(now, &format!("object{number}"), &own);
        deployment.deliver(&object.announced(1 + random.below(5) / 4));
        calls.extend(own);
    }
    deployment.run().await;
    deployment.clear_faults();
    let dead_letters = deployment.queue.redrive(deployment.shared.clock.now());
    deployment.allow_sweeps(2, 12);
    deployment.run().await;
    let verdict = Verdict::judge(&deployment, &calls);
    Round { seed, counts: deployment.counts.clone(), dead_letters, verdict }
}

fn settings(seed: u64) -> Settings {
    Settings {
        copies: 3,
        random_kills: (15, Duration::from_secs(3)),
        entry_failures: 300,
        weather: Weather {
            latency_ms: (0, 20),
            internal_errors: 100,
            throttles: 100,
            lost_requests: 50,
            lost_answers: 50,
            cut_answers: 30,
            hangs: 2,
            kills_before: 12,
            kills_after: 12,
            conflicts: 200,
        },
        seed,
        ..Settings::new(PROGRAM)
    }
}

/// The calls of one object, of a few principals.
fn draw_calls(random: &mut Random, object: usize) -> Vec<Call> {
    let count = 1 + random.below(MAX_CALLS);
    let calls = (0..count).map(|at| {
        let principal = format!("user{}", random.below(PRINCIPALS));
        Call::new(ACTIONS[random.below(ACTIONS.len())], &principal, object * MAX_CALLS + at)
    });
    calls.collect()
}

impl Totals {
    fn add(&mut self, round: Round) {
        let Round { seed, counts, dead_letters, verdict } = round;
        self.dead_letters += dead_letters;
        self.kills += counts.kills;
        self.invocations += counts.invocations;
        self.peak_memory_mb = self.peak_memory_mb.max(counts.peak_memory_mb);
        self.calls += verdict.calls;
        self.alerted += verdict.alerted;
        self.summarised += verdict.summarised;
        self.folded += verdict.folded;
        self.lost += verdict.lost.len();
        self.explained_duplicates += verdict.explained_duplicates;
        self.duplicates += verdict.duplicates.len();
        self.busiest_second = self.busiest_second.max(verdict.busiest_second);
        self.first_alerts.extend(verdict.first_alerts.values().map(|first| first.elapsed));
        let failures = verdict.failures(&[]);
        self.failures.extend(failures.iter().map(|failure| format!("seed {seed}: {failure}")));
        if counts.crashes > 0 {
            self.failures.push(format!("seed {seed}: {} copies crashed", counts.crashes));
        }
    }

    fn print(&mut self) {
        self.first_alerts.sort_unstable();
        let share = |percent: usize| {
            let at = self.first_alerts.len().saturating_sub(1) * percent / 100;
            self.first_alerts.get(at).map_or(0.0, Duration::as_secs_f64)
        };
        println!("kills           {}", self.kills);
        println!("invocations     {}", self.invocations);
        println!("dead letters    {}, redriven", self.dead_letters);
        println!("calls           {}", self.calls);
        println!("alerted         {}", self.alerted);
        println!("summarised      {}", self.summarised);
        println!("folded          {}", self.folded);
        println!("lost            {}", self.lost);
        println!(
            "duplicates      {}, and {} with a reason",
            self.duplicates, self.explained_duplicates
        );
        println!("peak memory     {:.1} MiB", self.peak_memory_mb);
        println!("busiest second  {} messages", self.busiest_second);
        println!(
            "first alert     {:.1} s (median of all principals), {:.1} s (90 %), {:.1} s (last)",
            share(50),
            share(90),
            share(100)
        );
        self.failures.iter().for_each(|failure| println!("FAILED          {failure}"));
    }
}
