//! What else is known of a finding, for its alert: read from the ledger, never waited for for long.

use std::time::Duration;

use detect::finding::{Context, ContextGap, PrincipalFinding};
use futures::future::join_all;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use tokio::time::{Instant, timeout_at};

use super::Pipeline;
use super::claims::Claims;
use super::open::ClaimedFinding;
use super::problem::Problem;
use super::publish::{DeliveryReport, MINIMAL_FROM, place};
use crate::ledger::{ActorHistory, Ledger, LedgerError};
use crate::store::part;

/// How long alerts wait for their contexts: those that are told together wait together.
const PATIENCE: Duration = Duration::from_secs(2);

/// What could not be read, and why.
type Missing = (ContextGap, String);

/// The contexts of a few findings, in their order. Whatever fails is told, and takes no alert with
/// it.
pub(super) async fn of_each(
    pipeline: &Pipeline,
    claims: &Claims,
    some: &[ClaimedFinding],
    published: &mut DeliveryReport,
) -> Vec<Context> {
    let until = claims.until(PATIENCE);
    let read = join_all(some.iter().map(|one| of(pipeline, one, claims.now(), until))).await;
    let mut contexts = Vec::new();
    for (one, (context, missing)) in some.iter().zip(read) {
        let what = |why| {
            Problem::discard(place(&one.finding), format!("told without all of its context: {why}"))
        };
        published.problems.extend(missing.into_iter().map(what));
        contexts.push(context);
    }
    contexts
}

/// The context of one finding, and why it is not whole where that is nobody's plan.
async fn of(
    pipeline: &Pipeline,
    one: &ClaimedFinding,
    now: Timestamp,
    until: Instant,
) -> (Context, Vec<String>) {
    let Ledger::Stored(ledger) = &pipeline.ledger else {
        return (Context::without(ContextGap::LedgerOff), Vec::new());
    };
    if one.attempts() >= MINIMAL_FROM {
        return (Context::default(), Vec::new());
    }
    let timeline = in_time(until, ledger.group_timeline(&one.finding, now));
    let history = in_time(until, ledger.actor_history(&one.finding, now));
    let ((timeline, no_timeline), (history, no_history)) = tokio::join!(timeline, history);
    let missing = || no_timeline.iter().chain(&no_history);
    let gaps = missing().map(|(gap, _)| *gap).chain(timeline.gap).chain(history.gap);
    let context = Context {
        gap: gaps.min(),
        principal_findings: by_rule(pipeline, &history),
        group_timeline: timeline.entries,
        first_of_principal: history.first,
        first_of_group: timeline.first,
    };
    (context, missing().map(|(_, why)| why.clone()).collect())
}

/// What was read in time; else nothing, and why.
async fn in_time<T: Default>(
    until: Instant,
    read: impl Future<Output = Result<T, LedgerError>>,
) -> (T, Option<Missing>) {
    match timeout_at(until, read).await {
        Ok(Ok(read)) => (read, None),
        Ok(Err(error)) => (T::default(), Some((ContextGap::LedgerFailed, error.to_string()))),
        Err(_) => {
            (T::default(), Some((ContextGap::Late, "the ledger did not answer in time".to_owned())))
        }
    }
}

fn by_rule(pipeline: &Pipeline, history: &ActorHistory) -> Vec<PrincipalFinding> {
    let rules = pipeline.detections.rule_set.rules();
    let one = |(rule, count): (&String, &usize)| {
        let known = rules.iter().find(|known| part(&known.info.id) == *rule);
        let gone = || percent_decode_str(rule).decode_utf8_lossy().into_owned();
        let rule_id = known.map_or_else(gone, |known| known.info.id.clone());
        let rule_name = known.map_or_else(gone, |known| known.info.name.clone());
        PrincipalFinding { rule_id, rule_name, count: *count }
    };
    history.by_rule.iter().map(one).collect()
}
