//! What checks of log files may have said.

use jiff::{SignedDuration, Timestamp};
use report::data::{ProofCounts, ProofInput, Statement, TrailProof, VerifiedHours};

use super::at;
use super::calls::{PRODUCTION, STAGING};

fn hours(first: &str, until: &str, broken: Option<(&str, &str)>) -> VerifiedHours {
    let broken = broken.map(|(from, until)| (at(from), at(until)));
    let until = at(until);
    let hour = SignedDuration::from_hours(1);
    let mut valid: Vec<(Timestamp, Timestamp)> = Vec::new();
    let mut start = at(first);
    while start < until {
        let is_broken = broken.is_some_and(|(from, until)| from <= start && start < until);
        if !is_broken {
            valid.push((start, start + hour));
        }
        start += hour;
    }
    VerifiedHours { valid, broken: broken.into_iter().collect() }
}

fn trail(account: &str, region: &str, hours: VerifiedHours, logs: u64) -> TrailProof {
    let valid_digests = hours.valid.len() as u64;
    TrailProof {
        account: account.to_owned(),
        region: region.to_owned(),
        trail: "organization".to_owned(),
        counts: ProofCounts { valid_digests, digests: valid_digests, valid_logs: logs, logs },
        hours,
    }
}

/// A month that is proven, except for the hours in which the trail was stopped.
pub fn month() -> ProofInput {
    let [first, end] = ["2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"];
    let gap = ("2026-11-17T02:00:00Z", "2026-11-17T06:00:00Z");
    let regions = [
        (PRODUCTION, "us-east-1", hours(first, end, Some(gap)), 4_271),
        (PRODUCTION, "eu-central-1", hours(first, end, None), 2_913),
        (STAGING, "us-east-1", hours("2026-11-08T15:00:00Z", end, None), 1_456),
    ];
    let trails = regions.map(|(account, region, hours, logs)| trail(account, region, hours, logs));
    ProofInput {
        trails: trails.into(),
        problems: vec![
            "gap: account 111122223333, us-east-1, trail organization: 2026-11-17 02:00:00 to \
             2026-11-17 06:00:00 UTC: a new chain of digests begins: logging or validation was \
             stopped, or the trail replaced"
                .to_owned(),
        ],
        statements: statements(),
        ..ProofInput::default()
    }
}

fn statements() -> Vec<Statement> {
    let statement =
        |day: &str, digit: &str| Statement { name: day.to_owned(), sha256: digit.repeat(64) };
    vec![statement("2026-11-29", "5"), statement("2026-11-30", "c")]
}

/// The same as the function's statements say it: nobody checked the log files again.
pub fn stated() -> ProofInput {
    ProofInput { stated: true, ..month() }
}

/// Trails and problems with these names.
pub fn hostile(texts: &[&str]) -> ProofInput {
    let trails = texts.iter().map(|text| TrailProof {
        account: text.to_string(),
        region: text.to_string(),
        trail: text.to_string(),
        counts: ProofCounts { digests: 1, ..ProofCounts::default() },
        hours: hours("2026-11-17T00:00:00Z", "2026-11-18T00:00:00Z", None),
    });
    ProofInput {
        trails: trails.collect(),
        problems: texts.iter().map(|text| text.to_string()).collect(),
        ..ProofInput::default()
    }
}
