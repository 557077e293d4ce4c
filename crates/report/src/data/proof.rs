//! What a check of the log files against CloudTrail's signed digests has proven.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::input::Scope;

/// What a caller's check of the log files said.
#[derive(Debug, Clone, Default)]
pub struct ProofInput {
    /// The trails of each account and region.
    pub trails: Vec<TrailProof>,
    /// Log files that no valid digest covers.
    pub unverified_logs: u64,
    /// What is not valid, or missing, or could not be checked, in words.
    pub problems: Vec<String>,
    /// Statements of days, if there are any.
    pub statements: Vec<Statement>,
    /// All of this is what statements say: nobody checked the log files for this report.
    pub stated: bool,
}

/// What a check said about one trail in one region.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TrailProof {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The name of the trail.
    pub trail: String,
    /// Digests and log files by what the check said.
    pub counts: ProofCounts,
    /// What is known of its hours.
    pub hours: VerifiedHours,
}

/// Digests and log files by what a check said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ProofCounts {
    /// Digests with a valid signature.
    pub valid_digests: u64,
    /// All digests, those that are missing too.
    pub digests: u64,
    /// Log files that are what CloudTrail wrote.
    pub valid_logs: u64,
    /// All log files that digests list.
    pub logs: u64,
}

/// Intervals of time by what a check said. Each is from its start to its end.
#[derive(Debug, Clone, Default, Serialize)]
pub struct VerifiedHours {
    /// A valid digest covers these, and all its log files are valid.
    pub valid: Vec<(Timestamp, Timestamp)>,
    /// Something of these is missing, or not what CloudTrail wrote.
    pub broken: Vec<(Timestamp, Timestamp)>,
}

/// The statement of what was verified on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// The day, and the account if it is of one.
    pub name: String,
    /// The SHA-256 of it, in hexadecimal digits.
    pub sha256: String,
}

/// What a report says about the proof.
#[derive(Debug, Clone, Serialize)]
pub struct ProofSummary {
    /// Over all trails.
    pub counts: ProofCounts,
    /// Log files that no valid digest covers.
    pub unverified_logs: u64,
    /// The hours of each account.
    pub accounts: Vec<AccountCalendar>,
    /// The trails.
    pub trails: Vec<TrailProof>,
    /// What is not valid, or missing, or could not be checked.
    pub problems: Vec<String>,
    /// Statements of days.
    pub statements: Vec<Statement>,
    /// All of this is what the statements say.
    pub stated: bool,
}

/// The hours of one account, over all its regions and trails.
#[derive(Debug, Clone, Serialize)]
pub struct AccountCalendar {
    /// The account.
    pub account: String,
    /// The start of the first hour: that of the period.
    pub start: Timestamp,
    /// One for each hour from `start`.
    #[serde(skip)]
    pub hours: Vec<HourState>,
    /// How many hours are verified.
    pub verified: u64,
    /// Intervals of whole hours in which something is missing or broken.
    pub gaps: Vec<(Timestamp, Timestamp)>,
}

/// What is known of one hour. In ascending order of what counts if several regions differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HourState {
    /// Valid digests cover the whole hour.
    Verified,
    /// Valid digests cover a part of it.
    Partly,
    /// Nothing is known.
    Unknown,
    /// Something is missing, or not what CloudTrail wrote.
    Broken,
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The most hours of a calendar, about two years: more would not be read.
const MAX_HOURS: usize = 24 * 366 * 2;

impl ProofSummary {
    /// The proof of a period.
    pub(super) fn new(input: ProofInput, scope: &Scope) -> ProofSummary {
        let mut counts = ProofCounts::default();
        let mut by_account: BTreeMap<&str, Vec<&TrailProof>> = BTreeMap::new();
        for trail in &input.trails {
            counts.add(trail.counts);
            by_account.entry(&trail.account).or_default().push(trail);
        }
        let bounds: Vec<_> = input.trails.iter().filter_map(|it| it.hours.bounds()).collect();
        let first = bounds.iter().map(|(first, _)| *first).min();
        let last = bounds.iter().map(|(_, last)| *last).max();
        let start = floor_hour(scope.since.or(first).unwrap_or_default());
        let end = scope.until.or(last).unwrap_or(start);
        let accounts =
            by_account.iter().map(|(account, trails)| calendar(account, trails, start, end));
        ProofSummary {
            counts,
            unverified_logs: input.unverified_logs,
            accounts: accounts.collect(),
            problems: input.problems,
            statements: input.statements,
            stated: input.stated,
            trails: input.trails,
        }
    }

    /// Returns true if everything was found valid, and there was something to check.
    pub fn is_complete(&self) -> bool {
        let ProofCounts { valid_digests, digests, valid_logs, logs } = self.counts;
        digests > 0
            && valid_digests == digests
            && valid_logs == logs
            && self.unverified_logs == 0
            && self.problems.is_empty()
            && self.accounts.iter().all(|account| account.gaps.is_empty())
    }
}

impl ProofCounts {
    fn add(&mut self, other: ProofCounts) {
        self.valid_digests += other.valid_digests;
        self.digests += other.digests;
        self.valid_logs += other.valid_logs;
        self.logs += other.logs;
    }
}

impl VerifiedHours {
    /// What is known of the hour that begins at `start`.
    fn state(&self, start: Timestamp) -> HourState {
        let end = add_hours(start, 1);
        let overlap = |(from, until): &(Timestamp, Timestamp)| {
            let from = (*from).max(start);
            let until = (*until).min(end);
            until.duration_since(from).max(SignedDuration::ZERO)
        };
        if self.broken.iter().any(|interval| overlap(interval) > SignedDuration::ZERO) {
            return HourState::Broken;
        }
        let covered: SignedDuration = self.valid.iter().map(overlap).sum();
        match covered {
            SignedDuration::ZERO => HourState::Unknown,
            covered if covered >= HOUR => HourState::Verified,
            _ => HourState::Partly,
        }
    }

    fn bounds(&self) -> Option<(Timestamp, Timestamp)> {
        let all = || self.valid.iter().chain(&self.broken);
        let start = all().map(|(from, _)| *from).min()?;
        Some((start, all().map(|(_, until)| *until).max()?))
    }
}

/// The hours from `start`, which is a whole one, to `end`.
fn calendar(
    account: &str,
    trails: &[&TrailProof],
    start: Timestamp,
    end: Timestamp,
) -> AccountCalendar {
    // The trails of one region complete each other, and all regions count.
    let mut regions: BTreeMap<&str, Vec<&VerifiedHours>> = BTreeMap::new();
    for trail in trails {
        regions.entry(&trail.region).or_default().push(&trail.hours);
    }
    let state = |hour: Timestamp| {
        let region = |trails: &Vec<&VerifiedHours>| trails.iter().map(|it| it.state(hour)).min();
        regions.values().filter_map(region).max().unwrap_or(HourState::Unknown)
    };
    let starts = (0..).map(|hour| add_hours(start, hour));
    let hours: Vec<HourState> =
        starts.take_while(|hour| *hour < end).take(MAX_HOURS).map(state).collect();
    let verified = hours.iter().filter(|state| **state == HourState::Verified).count() as u64;
    let gaps = gaps(start, &hours);
    AccountCalendar { account: account.to_owned(), start, hours, verified, gaps }
}

/// Consecutive broken hours.
fn gaps(start: Timestamp, hours: &[HourState]) -> Vec<(Timestamp, Timestamp)> {
    let mut gaps: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (index, _) in hours.iter().enumerate().filter(|(_, state)| **state == HourState::Broken) {
        let from = add_hours(start, index as i64);
        let until = add_hours(from, 1);
        match gaps.last_mut() {
            Some((_, end)) if *end == from => *end = until,
            _ => gaps.push((from, until)),
        }
    }
    gaps
}

fn add_hours(time: Timestamp, hours: i64) -> Timestamp {
    time.checked_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX)
}

fn floor_hour(time: Timestamp) -> Timestamp {
    let second = time.as_second();
    Timestamp::from_second(second - second.rem_euclid(HOUR.as_secs())).unwrap_or(time)
}
