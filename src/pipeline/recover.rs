//! What is done for workers that cannot do it themselves: findings that a crash left open, and
//! summaries that are due. The ledger makes it harmless to do so twice at once.

use std::sync::Arc;

use detect::finding::Outcome;
use detect::text::error::error_chain;
use futures::future::join_all;

use super::delivery::{Delivery, deliver};
use super::findings::claim::ClaimedFindings;
use super::invocation::Invocation;
use super::outcomes::DeliveryReport;
use super::problem::Problem;
use super::report::Report;
use super::{Clock, Pipeline, findings};
use crate::ledger::{
    Content, GroupedWindow, Ledger, LedgerError, OpenEntries, OpenEntry, Recovery, StoredLedger,
};

/// Entries that are looked at together. Findings of one burst are best decided together.
const BATCH_SIZE: usize = 64;

/// Unrecognized keys that are named: there can be thousands.
const MAX_NAMED_KEYS: usize = 5;

/// Characters of such a key that are shown.
const MAX_KEY_CHARS: usize = 200;

/// What was recovered.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Findings that were taken over or summarised, and their outcomes; the rest of it is zero.
    pub report: Report,
    /// What went wrong, by name. What failed stays open and is retried.
    pub problems: Vec<Problem>,
    /// What is not to be alerted, and why.
    pub notes: Vec<String>,
    /// Open entries that were left alone: their holders are alive, or time was over.
    pub left: u64,
    /// Keys beside the open markers that are none.
    pub unrecognized: u64,
}

/// Delivers what open markers show past its lease. Starts nothing after the clock's last start.
pub async fn recover_open(pipeline: &Arc<Pipeline>, clock: Clock) -> Recovered {
    let mut recovered = Recovered::default();
    let Ledger::Stored(ledger) = &pipeline.ledger else { return recovered };
    // A new ledger in a directory has no bucket yet, which would be an error.
    let open = match recovered.keep(ledger.date().await) {
        Some(_) => recovered.keep(ledger.open_entries().await).unwrap_or_default(),
        None => OpenEntries::default(),
    };
    recovered.note_unrecognized(&open.unrecognized);
    let invocation = Invocation::new(pipeline, clock);
    for batch in open.entries.chunks(BATCH_SIZE) {
        if clock.is_over() {
            recovered.left += batch.len() as u64;
            continue;
        }
        let (claimed, others) = recovered.take_over(ledger, batch, &invocation).await;
        recovered.report.findings += claimed.ours.len() as u64;
        recovered.add(findings::deliver_unsuppressed(&invocation, others).await);
        recovered.add(findings::process_claimed(&invocation, claimed).await);
    }
    recovered
}

/// Sends the summaries of all windows that are over. Starts none after the clock's last start.
pub async fn send_due_summaries(pipeline: &Arc<Pipeline>, clock: Clock) -> Recovered {
    let mut recovered = Recovered::default();
    let Ledger::Stored(ledger) = &pipeline.ledger else { return recovered };
    let invocation = Invocation::new(pipeline, clock);
    for window in recovered.keep(ledger.due_windows().await).unwrap_or_default() {
        // Part after part; one that failed is enough for now.
        while !clock.is_over() && recovered.send_part(&invocation, ledger, &window).await {}
    }
    recovered
}

impl Recovered {
    /// The value, or `None` and a problem.
    fn keep<T>(&mut self, result: Result<T, LedgerError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(Problem::retry("the ledger", error_chain(&error)));
                None
            }
        }
    }

    /// Names keys under `open/` that are no markers. They are left, and fail nothing: who wrote
    /// them could stop every sweep.
    fn note_unrecognized(&mut self, names: &[String]) {
        self.unrecognized += names.len() as u64;
        let named = names.iter().take(MAX_NAMED_KEYS).map(|name| {
            let key: String = "open/".chars().chain(name.chars()).take(MAX_KEY_CHARS).collect();
            Problem::discard("the ledger", format!("{key:?} is no marker, and was left"))
        });
        self.problems.extend(named);
        if let more @ 1.. = names.len().saturating_sub(MAX_NAMED_KEYS) {
            let what = format!("and {more} more keys under open/ that are no markers");
            self.problems.push(Problem::discard("the ledger", what));
        }
    }

    fn add(&mut self, deliveries: DeliveryReport) {
        deliveries.findings.iter().for_each(|it| self.report.count_finding(it));
        deliveries.correlations.iter().for_each(|it| self.report.count_correlation(it));
        self.report.correlations_cut += deliveries.correlations_cut;
        self.report.count_extras(&deliveries);
        self.problems.extend(deliveries.chat_problems);
        self.problems.extend(deliveries.page_problems);
        for summary in deliveries.summaries {
            self.report.count_summary(&summary, Outcome::Summarised);
        }
        self.problems.extend(deliveries.problems);
        self.notes.extend(deliveries.notes);
    }

    /// Takes over what dead workers left: findings, and the alerts of correlations and summaries.
    async fn take_over(
        &mut self,
        ledger: &StoredLedger,
        open: &[OpenEntry],
        invocation: &Invocation,
    ) -> (ClaimedFindings, Vec<Delivery>) {
        let mut claims = Vec::new();
        let recoveries = open.iter().map(|entry| ledger.recover(entry, invocation.lease()));
        for recovery in join_all(recoveries).await {
            match self.keep(recovery) {
                Some(Recovery::TakenOver(claim)) => claims.push(claim),
                Some(Recovery::Left) => self.left += 1,
                Some(Recovery::Cleared) | None => {}
            }
        }
        // A crash between claim and index leaves them uncounted.
        for indexed in join_all(claims.iter().map(|claim| ledger.index(claim))).await {
            let not_indexed =
                indexed.err().map(|error| format!("not indexed: {}", error_chain(&error)));
            self.problems.extend(not_indexed.map(|it| Problem::discard("the ledger", it)));
        }
        let (findings, others) = claims
            .into_iter()
            .map(Delivery::Claimed)
            .partition(|it| matches!(it.content(), Content::Finding(_)));
        (ClaimedFindings { ours: findings, ..ClaimedFindings::default() }, others)
    }

    /// Sends the next part of a window's summary. Returns true if there may be another.
    async fn send_part(
        &mut self,
        invocation: &Invocation,
        ledger: &StoredLedger,
        window: &GroupedWindow,
    ) -> bool {
        let Some(Some(claim)) = self.keep(ledger.claim_next_part(window, invocation.lease()).await)
        else {
            return false;
        };
        let part = Delivery::Claimed(Box::new(claim));
        let report = deliver(invocation, std::slice::from_ref(&part)).await;
        let sent = report.problems.is_empty();
        self.add(report);
        sent
    }
}
