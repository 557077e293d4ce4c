//! What a check of the log files adds to a report.

use std::ops::Range;

use anyhow::Result;
use detect::cloudtrail::DigestName;
use detect::text::error::error_chain;
use detect::text::time::format_column_time;
use jiff::{SignedDuration, Timestamp};
use report::data::{ProofCounts, ProofInput, TrailProof, VerifiedHours};
use trailbell::integrity::Verdict;
use trailbell::integrity::verify::{ChainSummary, CheckedKind, CheckedObject, RegionReport};

use super::{Args, Input};
use crate::commands::output::pluralize;
use crate::commands::time_range::TimeRange;
use crate::commands::verify::{Selection, verify_selection};

/// Verifies the paths of `--verify`.
pub async fn verify(
    args: &Args,
    range: TimeRange,
    now: Timestamp,
    input: &mut Input,
) -> Result<()> {
    let accounts: Vec<String> = args.account.iter().cloned().collect();
    let aws = args.ledger.aws.connect();
    // What was stated day by day gives way to what is there now.
    let statements = input.proof.take().map(|stated| stated.statements).unwrap_or_default();
    let mut proof = ProofInput { statements, ..ProofInput::default() };
    for path in &args.verify {
        let selection = Selection {
            path,
            range,
            accounts: &accounts,
            regions: &[],
            trails: &[],
            public_keys: &args.public_keys,
        };
        verify_selection(&selection, now, &aws, &mut |_, report| {
            match report {
                Ok(report) => add_region(&mut proof, &mut input.not_seen, &report),
                Err(error) => input.not_seen.push(error_chain(&error)),
            }
            Ok(())
        })
        .await?;
    }
    input.proof = Some(proof);
    Ok(())
}

fn add_region(proof: &mut ProofInput, not_seen: &mut Vec<String>, report: &RegionReport) {
    let place = &report.place;
    proof.unverified_logs += report.unverified_logs;
    for chain in &report.chains {
        proof.problems.extend(problems(report, chain));
        proof.trails.push(TrailProof {
            account: place.account.clone(),
            region: place.region.clone(),
            trail: chain.trail.clone(),
            counts: count(objects(report, &chain.objects)),
            hours: hours(report, chain),
        });
    }
    if report.chains.is_empty() && report.unverified_logs > 0 {
        let logs = pluralize(report.unverified_logs, "log file");
        not_seen.push(format!(
            "Account {}, {}: {logs} and no digests. Turn on log file validation for its trail.",
            place.account, place.region
        ));
    }
}

fn objects<'r>(report: &'r RegionReport, range: &Range<usize>) -> &'r [CheckedObject] {
    report.objects.get(range.clone()).unwrap_or_default()
}

fn count(objects: &[CheckedObject]) -> ProofCounts {
    let mut counts = ProofCounts::default();
    for object in objects {
        let is_valid = u64::from(matches!(object.verdict, Verdict::Valid));
        match object.kind {
            CheckedKind::Digest => {
                counts.digests += 1;
                counts.valid_digests += is_valid;
            }
            CheckedKind::Log => {
                counts.logs += 1;
                counts.valid_logs += is_valid;
            }
        }
    }
    counts
}

/// The hour of each digest, by what was said of it and of the log files that follow it.
fn hours(report: &RegionReport, chain: &ChainSummary) -> VerifiedHours {
    let mut hours = VerifiedHours::default();
    // Digests of a backfill say nothing about the time at which they were written.
    if chain.is_backfill {
        return hours;
    }
    hours.broken.extend(chain.gaps.iter().map(|gap| (gap.from, gap.until)));
    let objects = objects(report, &chain.objects);
    let is_next = |_: &CheckedObject, next: &CheckedObject| next.kind == CheckedKind::Log;
    for digest_and_logs in objects.chunk_by(is_next) {
        let name = digest_and_logs.first().and_then(|digest| DigestName::from_key(&digest.key));
        let Some(end) = name.map(|name| name.end) else { continue };
        let hour = (end.checked_sub(SignedDuration::from_hours(1)).unwrap_or(end), end);
        let has = |is: fn(&Verdict) -> bool| digest_and_logs.iter().any(|it| is(&it.verdict));
        if has(|verdict| matches!(verdict, Verdict::Invalid(_) | Verdict::Missing(_))) {
            hours.broken.push(hour);
        } else if !has(|verdict| matches!(verdict, Verdict::Unchecked(_))) {
            hours.valid.push(hour);
        }
    }
    hours
}

fn problems(report: &RegionReport, chain: &ChainSummary) -> Vec<String> {
    let place = &report.place;
    let objects = objects(report, &chain.objects).iter().filter_map(|object| {
        let (status, reason) = object.verdict.describe();
        let CheckedObject { bucket, key, .. } = object;
        reason.map(|reason| format!("{status}: s3://{bucket}/{key}: {reason}"))
    });
    let gaps = chain.gaps.iter().map(|gap| {
        format!(
            "gap: account {}, {}, trail {}: {} to {} UTC: {}",
            place.account,
            place.region,
            chain.trail,
            format_column_time(gap.from),
            format_column_time(gap.until),
            gap.cause.explain(),
        )
    });
    gaps.chain(objects).collect()
}
