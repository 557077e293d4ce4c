//! Digests that nobody announced, found by listing, and trails whose digests stopped.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use detect::finding::integrity::IntegrityKind;
use detect::text::error::error_chain;
use detect::text::time::format_date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::run::Sweep;
use crate::integrity::VerifyMode;
use crate::integrity::chain::CADENCE;
use crate::integrity::keys::SIGNING_DELAY;
use crate::integrity::statement::Statement;
use crate::ledger::{ChainHead, ChainId, StoredLedger};
use crate::notification::ObjectRef;
use crate::pipeline::digest::{alert, chain_of, event, process_listed_digest};
use crate::pipeline::object::ObjectResults;
use crate::pipeline::{ObjectOutcome, Pipeline, Problem};
use crate::store::WriteCondition;
use crate::store::walk::{AccountRegion, KeyFilter, account_regions};

/// What sweeps remember of this, below `sweep/`.
const NAME: &str = "digests";

/// Digests of the regions that the rules look at are listed so often: sweeps come every ten
/// minutes.
const HOURLY: SignedDuration = SignedDuration::from_mins(50);

/// Those of all other regions.
const DAILY: SignedDuration = SignedDuration::from_hours(23);

/// Digests of a chain that was never verified are looked for so far back. The oldest begins it.
const FIRST_LOOK_BACK: SignedDuration = SignedDuration::from_hours(6);

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A trail whose digests stopped so long ago has ended, and is late no more.
const ENDED: SignedDuration = SignedDuration::from_hours(26);

/// A day is stated so long after it is over: its last digests are verified then.
const STATED_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// When digests were listed last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct LastListed {
    rules: Option<Timestamp>,
    all: Option<Timestamp>,
    /// The last day of which a statement was written.
    #[serde(default)]
    stated: Option<String>,
}

impl LastListed {
    async fn load(ledger: &StoredLedger) -> Result<LastListed, String> {
        let object = ledger.sweep_object(NAME).await.map_err(|error| error_chain(&error))?;
        // A damaged one is replaced: listing once more does no harm.
        let parse = |bytes: &Bytes| serde_json::from_slice(bytes).ok();
        Ok(object.and_then(|object| parse(&object.bytes)).unwrap_or_default())
    }

    async fn save(&self, ledger: &StoredLedger) -> Result<(), String> {
        let bytes = serde_json::to_vec(&self).map_err(|error| error.to_string())?;
        let put = ledger.put_sweep_object(NAME, Bytes::from(bytes), WriteCondition::None).await;
        put.map(|_| ()).map_err(|error| error_chain(&error))
    }
}

impl Sweep {
    /// Remembers the contents of the log files that this sweep has read, so that digests need not
    /// read them. Without this, they do.
    pub(super) async fn remember_contents(&mut self, ledger: &StoredLedger, now: Timestamp) {
        let hashes = std::mem::take(&mut self.run.hashes);
        if hashes.is_empty() {
            return;
        }
        if let Err(error) = ledger.remember_contents(now, &hashes).await {
            let why = error_chain(&error);
            self.run.outcome.notes.push(format!("hashes of log files not remembered: {why}"));
        }
    }

    /// Verifies digests that were not verified when they were announced, if it is time to list.
    pub(super) async fn verify_digests(
        &mut self,
        pipeline: &Pipeline,
        ledger: &StoredLedger,
        now: Timestamp,
    ) {
        if pipeline.verification.mode == VerifyMode::Off || pipeline.trails.is_empty() {
            return;
        }
        let verified = self.verify_if_due(pipeline, ledger, now).await;
        if let Err(why) = verified {
            self.add_problem(Problem::retry("CloudTrail's digests", why));
        }
    }

    async fn verify_if_due(
        &mut self,
        pipeline: &Pipeline,
        ledger: &StoredLedger,
        now: Timestamp,
    ) -> Result<(), String> {
        let mut last = LastListed::load(ledger).await?;
        let is_due = |last: Option<Timestamp>, every| {
            last.is_none_or(|last| now.duration_since(last) >= every || last > now)
        };
        let all_every = if pipeline.verification.mode == VerifyMode::All { HOURLY } else { DAILY };
        // A statement is about all chains.
        let all = is_due(last.all, all_every) || last.stated.as_deref() != Some(&*day_over(now));
        if !all && !is_due(last.rules, HOURLY) {
            return Ok(());
        }
        let detections = &pipeline.detections;
        let is_due = |account: &str, region: &str| all || detections.can_match_in(account, region);
        let (heads, errors) = ledger.chain_heads().await.map_err(|error| error_chain(&error))?;
        for error in errors {
            self.add_problem(Problem::discard("the ledger", error_chain(&error)));
        }
        let mut listed = Chains::default();
        for trail in &pipeline.trails {
            let filter = KeyFilter { since: None, until: None, place: &is_due };
            let found = account_regions(&*pipeline.store, &trail.bucket, &trail.prefix, &filter);
            for place in found.await.map_err(|error| error_chain(&error))? {
                if self.run.clock.is_over() {
                    return Ok(());
                }
                listed.add(pipeline, &trail.bucket, &place, &heads, now).await?;
            }
        }
        let is_complete = self.verify_listed(&mut listed, now).await;
        self.note_late(ledger, &listed, now).await?;
        if is_complete {
            last.rules = Some(now);
            last.all = if all { Some(now) } else { last.all };
            self.state_day(ledger, &listed, &mut last, now).await?;
            last.save(ledger).await?;
        }
        Ok(())
    }

    /// Writes the statement of the day that is over, once.
    async fn state_day(
        &mut self,
        ledger: &StoredLedger,
        listed: &Chains,
        last: &mut LastListed,
        now: Timestamp,
    ) -> Result<(), String> {
        let day = day_over(now);
        if last.stated.as_ref() == Some(&day) {
            return Ok(());
        }
        let [since, until] = bounds(&day).ok_or("the day has no bounds")?;
        let (heads, _) = ledger.chain_heads().await.map_err(|error| error_chain(&error))?;
        let mut statement = Statement::new(Some(since), Some(until), now);
        for head in &heads {
            if let Some(verified) = head.days.get(&day) {
                statement.add_day(&head.chain, &day, verified.clone());
            }
        }
        for chain in listed.0.values() {
            if let Some((key, why)) = &chain.left {
                statement.add_unchecked(&chain.id, key, why);
            }
        }
        if !statement.chains.is_empty() {
            let text = statement.to_canonical_json().map_err(|error| error.to_string())?;
            let put =
                ledger.put_statement(&day, &text).await.map_err(|error| error_chain(&error))?;
            let what = if put { "statement written" } else { "there is a statement" };
            self.run.outcome.notes.push(format!("{what}: {day}"));
        }
        last.stated = Some(day);
        Ok(())
    }

    /// Returns false if the time was over before.
    async fn verify_listed(&mut self, listed: &mut Chains, now: Timestamp) -> bool {
        for chain in listed.0.values_mut() {
            for key in chain.digests.values() {
                if self.run.clock.is_over() {
                    return false;
                }
                let object = ObjectRef {
                    bucket: chain.id.bucket.clone(),
                    key: key.clone(),
                    version_id: None,
                };
                let known_problems = self.run.outcome.problems.len();
                let invocation = std::sync::Arc::clone(&self.run.invocation);
                let results = process_listed_digest(&invocation, &object, now).await;
                self.run.outcome.report.objects += 1;
                chain.left = why_left(&results).map(|why| (key.clone(), why));
                self.run.add_object(&None, results);
                self.leave_to_next_sweep(known_problems);
                if chain.left.is_some() {
                    // Those after it would come to it again.
                    break;
                }
            }
        }
        true
    }

    /// Reports trails whose digests stopped, and how late the latest one is.
    async fn note_late(
        &mut self,
        ledger: &StoredLedger,
        listed: &Chains,
        now: Timestamp,
    ) -> Result<(), String> {
        let (heads, _) = ledger.chain_heads().await.map_err(|error| error_chain(&error))?;
        let mut stopped = Vec::new();
        let mut lag: Option<u64> = Some(0);
        for head in heads.iter().filter(|head| listed.is_expected(head)) {
            let late = now.duration_since(head.end);
            if late > ENDED {
                continue;
            }
            lag = lag.max(u64::try_from(late.as_secs()).ok());
            let has_next = listed.has_after(head);
            if late > CADENCE + SIGNING_DELAY && !has_next {
                let until = head.end.checked_add(CADENCE).unwrap_or(head.end);
                let reason = "no digest has come since this one, and one should come every hour";
                let kind = IntegrityKind::DigestsStopped;
                let time = (head.end, until);
                stopped.push(event(&head.chain, kind, &head.key, reason, None, time));
            }
        }
        let report = &mut self.run.outcome.report;
        report.integrity_failures += stopped.len() as u64;
        report.integrity_lag = report.integrity_lag.max(lag);
        if !stopped.is_empty() {
            let known_problems = self.run.outcome.problems.len();
            let invocation = std::sync::Arc::clone(&self.run.invocation);
            let results = alert(&invocation, stopped, now).await;
            self.run.add_results(&None, results);
            self.leave_to_next_sweep(known_problems);
        }
        Ok(())
    }
}

/// The last day that can be stated at `now`.
fn day_over(now: Timestamp) -> String {
    format_date(now.checked_sub(STATED_AFTER + DAY).unwrap_or(now))
}

/// Why a digest was not verified, if it was not.
fn why_left(results: &ObjectResults) -> Option<String> {
    let deliveries = &results.deliveries;
    let problem = deliveries.problems.iter().map(|problem| problem.what.as_str()).next_back();
    let note = deliveries.notes.last().map(String::as_str);
    match results.outcome {
        ObjectOutcome::Skipped => note.map(str::to_owned),
        outcome if outcome.is_retried() => problem.map(str::to_owned),
        _ => None,
    }
}

/// The first and the last end of a digest of a day.
fn bounds(day: &str) -> Option<[Timestamp; 2]> {
    let start: Timestamp = format!("{day}T00:00:00Z").parse().ok()?;
    Some([start, start.checked_add(DAY - SignedDuration::from_secs(1)).ok()?])
}

/// The chains of the regions that were listed.
#[derive(Default)]
struct Chains(BTreeMap<String, ListedChain>);

struct ListedChain {
    id: ChainId,
    /// Digests after the head, by the ends of their hours.
    digests: BTreeMap<Timestamp, String>,
    /// The first of them that could not be verified, and why.
    left: Option<(String, String)>,
}

impl Chains {
    /// Lists the digests of an account and region that come after the heads of their chains.
    async fn add(
        &mut self,
        pipeline: &Pipeline,
        bucket: &str,
        place: &AccountRegion,
        heads: &[ChainHead],
        now: Timestamp,
    ) -> Result<(), String> {
        let own: Vec<&ChainHead> = heads
            .iter()
            .filter(|head| head.chain.bucket == bucket && head.chain.folder == place.folder)
            .filter(|head| head.chain.region == place.region)
            .collect();
        for head in &own {
            self.0.entry(head.key.clone()).or_insert_with(|| ListedChain::new(&head.chain));
        }
        let first = now.checked_sub(FIRST_LOOK_BACK).unwrap_or(now);
        let earliest = own.iter().filter(|head| !head.chain.backfill).map(|head| head.end).min();
        let since = earliest.map_or(first, |end| end.min(first));
        let filter = KeyFilter { since: Some(since), until: None, place: &|_, _| true };
        let keys = place.digest_keys(&*pipeline.store, bucket, &filter).await;
        for key in keys.map_err(|error| error_chain(&error))? {
            let object = ObjectRef { bucket: bucket.to_owned(), key, version_id: None };
            let Some((id, end)) = chain_of(&object) else { continue };
            match own.iter().find(|head| head.chain == id) {
                Some(head) if end > head.end => {
                    let chain = self.0.entry(head.key.clone());
                    let chain = chain.or_insert_with(|| ListedChain::new(&id));
                    chain.digests.insert(end, object.key);
                }
                Some(_) => {}
                // The oldest one begins the chain. The list is by whole days.
                None if end >= first => {
                    let chain = self.0.entry(id.key_at(Timestamp::UNIX_EPOCH));
                    let chain = chain.or_insert_with(|| ListedChain::new(&id));
                    chain.digests.insert(end, object.key);
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Returns true if the digests of the chain were listed, and come every hour.
    fn is_expected(&self, head: &ChainHead) -> bool {
        !head.chain.backfill && self.0.values().any(|chain| chain.id == head.chain)
    }

    /// Returns true if there is a digest after the head.
    fn has_after(&self, head: &ChainHead) -> bool {
        let chain = self.0.values().filter(|chain| chain.id == head.chain);
        let ends: BTreeSet<&Timestamp> = chain.flat_map(|chain| chain.digests.keys()).collect();
        ends.into_iter().any(|end| *end > head.end)
    }
}

impl ListedChain {
    fn new(id: &ChainId) -> ListedChain {
        ListedChain { id: id.clone(), digests: BTreeMap::new(), left: None }
    }
}
