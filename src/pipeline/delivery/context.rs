//! What else is known of what is delivered, for its alert: read from the ledger, with a bound on
//! the wait.

use std::time::Duration;

use detect::correlation::MemberFindings;
use detect::finding::{Context, ContextGap, Finding, FindingId, PrincipalFinding, Summary, canary};
use detect::subscriptions::Subscriptions;
use detect::text::error::error_chain;
use futures::future::join_all;
use percent_encoding::percent_decode_str;
use tokio::time::{Instant, timeout_at};

use super::Delivery;
use crate::ledger::{Content, LedgerError, PrincipalHistory, StoredLedger};
use crate::pipeline::Pipeline;
use crate::pipeline::invocation::Invocation;
use crate::pipeline::problem::Problem;
use crate::store::encode_key_part;

/// How long alerts wait for their contexts. Those that are sent together wait together.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Groups of one summary or incident whose contexts are read.
const MAX_SAMPLES: usize = 5;

/// What an alert says beside what is delivered.
#[derive(Debug)]
pub(crate) enum AlertContext {
    /// Nothing is looked up for it.
    None,
    /// Around a finding.
    Finding(Box<Context>),
    /// Who receives a canary, or why that is not known. Without a topic, nobody subscribes.
    Canary(Result<Option<Subscriptions>, String>),
    /// Around samples of a summary.
    Summary(Samples),
    /// The findings of an incident, and what is around samples of them.
    Members(MemberFindings, Samples),
}

impl AlertContext {
    /// The findings of an incident that its alert names, and whose severity counts for that of the
    /// alert.
    pub(crate) fn named(&self) -> Vec<FindingId> {
        let AlertContext::Members(members, samples) = self else { return Vec::new() };
        let is_rated = |finding: &&Finding| sample_context(samples, finding).is_some();
        members.members.iter().filter(is_rated).map(|finding| finding.id.clone()).collect()
    }
}

/// What is around the group of a finding.
pub(crate) fn sample_context<'s>(
    samples: &'s [(Finding, Context)],
    finding: &Finding,
) -> Option<&'s Context> {
    let is_same = |(other, _): &&(Finding, Context)| is_of_same_group(other, finding);
    samples.iter().find(is_same).map(|(_, context)| context)
}

fn is_of_same_group(one: &Finding, other: &Finding) -> bool {
    (&one.account, &one.group) == (&other.account, &other.group)
}

/// Findings, one for each of a few groups, and what is around each: what the group can do decides
/// how severe the alert is.
pub(crate) type Samples = Vec<(Finding, Context)>;

/// What could not be read, and why.
pub(super) type Missing = (ContextGap, String);

/// Reads the contexts of a few deliveries, in their order. What fails is a problem, and takes no
/// alert with it.
pub(crate) async fn read_all(
    invocation: &Invocation,
    deliveries: &[Delivery],
) -> (Vec<AlertContext>, Vec<Problem>) {
    let until = invocation.wait_until(PATIENCE);
    let reads = deliveries.iter().map(|delivery| read(invocation, delivery, until));
    let mut contexts = Vec::new();
    let mut problems = Vec::new();
    for (delivery, (context, missing)) in deliveries.iter().zip(join_all(reads).await) {
        contexts.push(context);
        problems.extend(missing.into_iter().map(|why| {
            Problem::discard(delivery.place(), format!("alerted without all of its context: {why}"))
        }));
    }
    (contexts, problems)
}

async fn read(
    invocation: &Invocation,
    delivery: &Delivery,
    until: Instant,
) -> (AlertContext, Vec<String>) {
    if delivery.is_minimal() {
        return (AlertContext::None, Vec::new());
    }
    match (delivery.content(), invocation.pipeline.ledger.history()) {
        (Content::Finding(finding), _) if canary::is_canary(finding) => {
            (AlertContext::Canary(subscriptions(invocation, until).await), Vec::new())
        }
        (Content::Finding(finding), Some(ledger)) => {
            let (context, missing) = around(invocation, ledger, finding, until).await;
            (AlertContext::Finding(Box::new(context)), missing)
        }
        (Content::Finding(_), None) => {
            let context = Context::without(ContextGap::LedgerOff);
            let alerted_at = Some(invocation.now());
            (AlertContext::Finding(Box::new(Context { alerted_at, ..context })), Vec::new())
        }
        (Content::Summary(summary), Some(ledger)) => {
            let (findings, unread) = ledger.read_findings(&sample_ids(summary)).await;
            let (samples, missing) = around_samples(invocation, ledger, &findings, until).await;
            (AlertContext::Summary(samples), missing.into_iter().chain(unread).collect())
        }
        (Content::Correlation(alert), Some(ledger)) => {
            let (members, trouble) = ledger.read_findings(&alert.members).await;
            let (samples, missing) = around_samples(invocation, ledger, &members, until).await;
            let members = MemberFindings::new(alert, members, trouble);
            (AlertContext::Members(members, samples), missing)
        }
        _ => (AlertContext::None, Vec::new()),
    }
}

/// Who receives alerts. The canary is sent whether that is known or not.
async fn subscriptions(
    invocation: &Invocation,
    until: Instant,
) -> Result<Option<Subscriptions>, String> {
    match timeout_at(until, invocation.pipeline.sink.subscriptions()).await {
        Ok(counted) => counted.map_err(|error| error_chain(&error)),
        Err(_) => Err("the topic did not answer in time".to_owned()),
    }
}

/// The context of one finding, and why it is not whole.
async fn around(
    invocation: &Invocation,
    ledger: &StoredLedger,
    finding: &Finding,
    until: Instant,
) -> (Context, Vec<String>) {
    let now = invocation.now();
    let timeline = in_time(until, ledger.group_timeline(finding, now));
    let history = in_time(until, ledger.principal_history(finding, now));
    let user = in_time(until, ledger.added_user_history(finding, now));
    let drift = in_time(until, ledger.policy_drift(finding));
    let target = in_time(until, ledger.target_user(finding, now));
    let ((timeline, no_timeline), (history, no_history), (user, no_user)) =
        tokio::join!(timeline, history, user);
    let ((drift, no_drift), (target, no_target), (trail_accounts, no_accounts)) =
        tokio::join!(drift, target, in_time(until, ledger.trail_accounts(finding)));
    let missing = || {
        let around = no_timeline.iter().chain(&no_history).chain(&no_user);
        around.chain(&no_drift).chain(&no_target).chain(&no_accounts)
    };
    let gaps = missing().map(|(gap, _)| *gap).chain(timeline.gap).chain(history.gap);
    let context = Context {
        gap: gaps.chain(user.gap).min(),
        target_findings: by_rule(&invocation.pipeline, &user),
        principal_findings: by_rule(&invocation.pipeline, &history),
        group_timeline: timeline.entries,
        group: timeline.group,
        policy: timeline.policy,
        drift,
        target,
        trail_accounts,
        first_of_principal: history.first,
        first_of_group: timeline.first,
        alerted_at: Some(now),
    };
    (context, missing().map(|(_, why)| why.clone()).collect())
}

/// One member for each of a few groups.
fn sample_ids(summary: &Summary) -> Vec<FindingId> {
    let mut groups = Vec::new();
    let mut ids = Vec::new();
    for member in &summary.members {
        let group = (&member.account, &member.call.group);
        if !groups.contains(&group) && ids.len() < MAX_SAMPLES {
            groups.push(group);
            ids.push(member.id.clone());
        }
    }
    ids
}

/// The contexts of the latest finding of each of a few groups.
async fn around_samples(
    invocation: &Invocation,
    ledger: &StoredLedger,
    findings: &[Finding],
    until: Instant,
) -> (Samples, Vec<String>) {
    let mut samples: Samples = Vec::new();
    let mut missing = Vec::new();
    for finding in findings.iter().rev() {
        let is_same = |(other, _): &(Finding, Context)| is_of_same_group(other, finding);
        if samples.len() < MAX_SAMPLES && !samples.iter().any(is_same) {
            let (context, why) = around(invocation, ledger, finding, until).await;
            samples.push((finding.clone(), context));
            missing.extend(why);
        }
    }
    (samples, missing)
}

/// What was read in time, or nothing and why.
pub(super) async fn in_time<T: Default>(
    until: Instant,
    read: impl Future<Output = Result<T, LedgerError>>,
) -> (T, Option<Missing>) {
    match timeout_at(until, read).await {
        Ok(Ok(read)) => (read, None),
        Ok(Err(error)) => (T::default(), Some((ContextGap::LedgerFailed, error_chain(&error)))),
        Err(_) => {
            (T::default(), Some((ContextGap::Late, "the ledger did not answer in time".to_owned())))
        }
    }
}

fn by_rule(pipeline: &Pipeline, history: &PrincipalHistory) -> Vec<PrincipalFinding> {
    let rules = pipeline.detections.rule_set.rules();
    let one = |(id, count): (&String, &usize)| {
        let rule = rules.iter().find(|rule| encode_key_part(&rule.info.id) == *id);
        let gone = || percent_decode_str(id).decode_utf8_lossy().into_owned();
        let rule_id = rule.map_or_else(gone, |rule| rule.info.id.clone());
        let rule_name = rule.map_or_else(gone, |rule| rule.info.name.clone());
        PrincipalFinding { rule_id, rule_name, count: *count }
    };
    history.by_rule.iter().map(one).collect()
}
