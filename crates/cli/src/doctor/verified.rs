//! How far CloudTrail's digests are verified.

use detect::cloudtrail::Trail;
use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use jiff::{SignedDuration, Timestamp};
use trailbell::integrity::VerifyMode;
use trailbell::ledger::{ChainHead, ChainId, StoredLedger};

use super::{Check, fixes, format_age};

/// A digest comes every hour, and is verified when it comes, or by the sweep of the next hour.
const LATE: SignedDuration = SignedDuration::from_hours(4);

/// A trail whose digests stopped so long ago has ended.
const ENDED: SignedDuration = SignedDuration::from_hours(26);

pub(super) async fn check(
    ledger: &StoredLedger,
    mode: VerifyMode,
    trails: &[Trail],
    now: Timestamp,
) -> Check {
    if mode == VerifyMode::Off {
        return Check::ok("verified", "digests are not verified (TRAILBELL_VERIFY=off)");
    }
    match ledger.chain_heads().await {
        Ok((heads, damaged)) => match damaged.first() {
            None => evaluate(&heads, trails, now),
            Some(error) => Check::warn("verified", error_chain(error), fixes::sweep_now()),
        },
        Err(error) => Check::fail("verified", error_chain(&error), fixes::sweep_now()),
    }
}

fn evaluate(heads: &[ChainHead], trails: &[Trail], now: Timestamp) -> Check {
    let goes_on = |head: &&ChainHead| !head.chain.backfill && now.duration_since(head.end) <= ENDED;
    let Some(last) = heads.iter().filter(goes_on).min_by_key(|head| head.end) else {
        let message = "no digest of CloudTrail was verified in the last day";
        return Check::warn("verified", message, fixes::sweep_now());
    };
    let ChainId { account, region, trail, .. } = &last.chain;
    let age = format_age(last.end, now);
    if now.duration_since(last.end) > LATE {
        let message = format!(
            "the last verified digest of {trail}, account {account}, {region}, ended {age}"
        );
        let path = trails.first().map_or_else(|| "s3://BUCKET/PREFIX".to_owned(), Trail::to_string);
        let command = ShellCommand::new("trailbell verify").words(&path).option("--since", "2d");
        return Check::warn("verified", message, command);
    }
    let total = |count: fn(&ChainHead) -> u64| heads.iter().map(count).sum::<u64>();
    let message = format!(
        "digests: {}, log files: {}, gaps: {}; the chain furthest behind ended {age}",
        total(|head| head.digests),
        total(|head| head.log_files),
        total(|head| head.gaps),
    );
    Check::ok("verified", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;
    use serde_json::json;

    const NOW: &str = "2026-03-12T12:00:00Z";

    fn head(trail: &str, end: &str, backfill: bool) -> ChainHead {
        let head = json!({
            "version": 1, "key": "k", "end": end, "hash": "h", "signature": "s", "since": end,
            "digests": 24, "log_files": 48, "gaps": 1, "days": {},
            "chain": {
                "bucket": "logs", "folder": "AWSLogs/111122223333/", "account": "111122223333",
                "region": "us-east-1", "trail": trail, "home_region": "us-east-1",
                "backfill": backfill,
            },
        });
        serde_json::from_value(head).unwrap()
    }

    #[test]
    fn a_chain_that_is_behind_is_a_warning() {
        let good = head("good", "2026-03-12T10:17:05Z", false);
        let late = head("late", "2026-03-12T07:17:05Z", false);
        let ended = head("ended", "2026-03-01T10:17:05Z", false);
        let backfill = head("backfill", "2026-03-12T07:17:05Z", true);
        for (heads, level, part) in [
            (&[good.clone()][..], Level::Ok, "digests: 24, log files: 48, gaps: 1; "),
            (&[good.clone(), ended.clone(), backfill], Level::Ok, "digests: 72, "),
            (&[good, late], Level::Warn, "digest of late, account 111122223333, us-east-1, ended"),
            (&[ended], Level::Warn, "no digest"),
            (&[], Level::Warn, "no digest"),
        ] {
            let check = evaluate(heads, &[], NOW.parse().unwrap());
            assert!(check.level == level && check.message.contains(part), "{check:?}");
        }
    }
}
