//! Whether somebody receives the alerts: once an hour a sweep counts the subscriptions of the
//! topic, and compares them with the last count. Someone who unsubscribes with the link in a mail
//! leaves no other trace.

use std::sync::Arc;

use bytes::Bytes;
use detect::subscriptions::Subscriptions;
use detect::text::error::error_chain;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::run::{Sweep, text};
use crate::ledger::{LedgerError, LedgerProblem, StoredLedger};
use crate::pipeline::{Pipeline, Problem};
use crate::store::WriteCondition;
use crate::telemetry::counters::counters;

const NAME: &str = "subscriptions";

/// An hour, less what schedules deviate.
const INTERVAL: SignedDuration = SignedDuration::from_mins(55);

counters! {
    /// The subscriptions of the topic. Only of sweeps that counted them.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
    pub struct SubscriptionReport, metrics "Subscriptions" {
        /// Subscriptions of the topic that are confirmed, once an hour.
        confirmed: Count,
        /// Subscriptions of the topic that are not confirmed, and receive nothing, once an hour.
        pending: Count,
        /// Subscriptions of the topic that were ended, or never confirmed, in the last days, once
        /// an hour.
        deleted: Count,
        /// Subscriptions of the topic that ended since the last count, once an hour.
        lost: Count,
    } and {}
}

/// The last count, in the ledger.
#[derive(Serialize, Deserialize)]
struct LastCount {
    /// By the store's clock.
    time: Timestamp,
    subscriptions: Subscriptions,
}

impl SubscriptionReport {
    fn new(counted: Subscriptions, last: Option<Subscriptions>) -> SubscriptionReport {
        let Subscriptions { confirmed, pending, deleted } = counted;
        let lost = last.map_or(0, |last| counted.lost_since(last));
        SubscriptionReport { confirmed, pending, deleted, lost }
    }
}

impl Sweep {
    /// Counts the subscriptions if that was not done within the hour.
    pub(super) async fn count_subscriptions(
        &mut self,
        pipeline: &Pipeline,
        ledger: &StoredLedger,
        now: Timestamp,
    ) {
        let last = match load(ledger).await {
            Ok(last) => last,
            Err(error) => {
                self.add_problem(Problem::discard("the last count of subscriptions", text(error)));
                None
            }
        };
        if last.as_ref().is_some_and(|last| now.duration_since(last.time).abs() < INTERVAL) {
            return;
        }
        match pipeline.sink.subscriptions().await {
            Ok(None) => {}
            Ok(Some(counted)) => {
                let last = last.map(|last| last.subscriptions);
                self.report_subscriptions(SubscriptionReport::new(counted, last), counted);
                if let Err(error) = save(ledger, now, counted).await {
                    self.add_problem(Problem::retry("the ledger", text(error)));
                }
            }
            Err(error) => {
                self.add_problem(Problem::retry("the topic's subscriptions", error_chain(&error)));
            }
        }
    }

    fn report_subscriptions(&mut self, report: SubscriptionReport, counted: Subscriptions) {
        let outcome = &mut self.run.outcome;
        outcome.report.subscriptions = Some(report);
        if counted.confirmed == 0 {
            outcome.warnings.push(format!("nobody receives the alerts: {counted}"));
        } else if report.lost > 0 {
            let lost = report.lost;
            outcome.warnings.push(format!("{lost} subscriptions ended: {counted}"));
        }
    }
}

async fn load(ledger: &StoredLedger) -> Result<Option<LastCount>, LedgerError> {
    let Some(object) = ledger.sweep_object(NAME).await? else { return Ok(None) };
    serde_json::from_slice(&object.bytes)
        .map_err(|error| ledger.sweep_error(NAME, LedgerProblem::DamagedCount(Arc::new(error))))
}

async fn save(
    ledger: &StoredLedger,
    time: Timestamp,
    subscriptions: Subscriptions,
) -> Result<(), LedgerError> {
    let count = serde_json::to_vec(&LastCount { time, subscriptions })
        .map_err(|error| ledger.sweep_error(NAME, error))?;
    ledger.put_sweep_object(NAME, Bytes::from(count), WriteCondition::None).await?;
    Ok(())
}
