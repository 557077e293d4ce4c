//! The facts of claimed findings, out of the ledger: read once for each group and each principal,
//! and only if the severity of a finding can depend on them.

use std::collections::BTreeMap;
use std::iter;

use detect::finding::{Call, Context, Facts, Finding, canary};
use detect::power::aws_managed;
use detect::rule::Rule;
use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use super::Delivery;
use super::context::{Missing, PATIENCE, in_time};
use crate::ledger::{Content, PrincipalHistory, StoredLedger, Timeline};
use crate::pipeline::invocation::Invocation;
use crate::pipeline::problem::Problem;

/// Groups or principals that are read at once: the timeline of each can be long.
const CONCURRENCY: usize = 8;

/// The facts of one finding.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownFacts {
    pub(crate) facts: Facts,
    /// All that the severity can depend on was read.
    pub(crate) is_whole: bool,
}

/// Indexes of findings, the earliest first.
type Indexes = Vec<usize>;

/// Reads the facts of deliveries, in their order. What cannot be read in time is a problem, and
/// keeps no alert back.
pub(crate) async fn read_all(
    invocation: &Invocation,
    deliveries: &[Delivery],
) -> (Vec<KnownFacts>, Option<Problem>) {
    let findings: Vec<Option<&Finding>> = deliveries.iter().map(finding).collect();
    let mut known: Vec<KnownFacts> = findings.iter().map(|it| from_record(*it)).collect();
    let Some(ledger) = invocation.pipeline.ledger.history() else { return (known, None) };
    let until = invocation.wait_until(PATIENCE);
    let wanted = Wanted::new(invocation, deliveries);
    let mut missing = Vec::new();
    let reads = wanted.groups.into_values();
    let reads = reads.map(|group| read_group(invocation, ledger, &findings, group, until));
    let mut reads = stream::iter(reads).buffer_unordered(CONCURRENCY);
    while let Some((facts, why)) = reads.next().await {
        missing.extend(why);
        facts.into_iter().for_each(|(index, facts)| known[index] = facts);
    }
    let reads = wanted.calls.into_iter();
    let reads = reads.map(|index| read_call(invocation, ledger, &findings, index, until));
    let mut reads = stream::iter(reads).buffer_unordered(CONCURRENCY);
    while let Some((facts, why)) = reads.next().await {
        missing.extend(why);
        facts.into_iter().for_each(|(index, facts)| known[index] = facts);
    }
    let reads = wanted.principals.into_values();
    let reads = reads.map(|group| read_principal(invocation, ledger, &findings, group, until));
    let mut reads = stream::iter(reads).buffer_unordered(CONCURRENCY);
    while let Some((facts, why)) = reads.next().await {
        missing.extend(why);
        for (index, is_first_seen) in facts {
            known[index].facts.is_first_seen = is_first_seen;
            known[index].is_whole &= is_first_seen.is_some();
        }
    }
    (known, problem(&missing))
}

fn problem(missing: &[Missing]) -> Option<Problem> {
    let (_, why) = missing.first()?;
    let what = format!("{} groups or principals: severity without all facts: {why}", missing.len());
    Some(Problem::discard("the ledger", what))
}

fn finding(delivery: &Delivery) -> Option<&Finding> {
    match delivery.content() {
        Content::Finding(finding) => Some(finding),
        Content::Summary(_) | Content::Correlation(_) => None,
    }
}

fn from_record(finding: Option<&Finding>) -> KnownFacts {
    let facts = finding.map(|finding| Facts::new(finding, None)).unwrap_or_default();
    KnownFacts { facts, is_whole: true }
}

/// What is to be read for which findings.
#[derive(Default)]
struct Wanted {
    /// By account, and name in lower case.
    groups: BTreeMap<(Option<String>, String), Indexes>,
    /// Those about no group whose call the ledger knows more of.
    calls: Indexes,
    /// By key.
    principals: BTreeMap<String, Indexes>,
}

impl Wanted {
    fn new(invocation: &Invocation, deliveries: &[Delivery]) -> Wanted {
        let mut wanted = Wanted::default();
        let mut indexes: Indexes = (0..deliveries.len()).collect();
        let order = |index: &usize| finding(&deliveries[*index]).map(|it| (it.time, it.id.clone()));
        indexes.sort_by_key(order);
        for index in indexes {
            let delivery = &deliveries[index];
            let Some(finding) = finding(delivery) else { continue };
            // Whatever is around a finding that kills its workers is not read for it again.
            if finding.exception.is_some() || canary::is_canary(finding) || delivery.is_minimal() {
                continue;
            }
            let Needs { timeline, call, history } = Needs::new(invocation, finding);
            if let Some(group) = finding.group.as_ref().filter(|_| timeline) {
                let key = (finding.account.clone(), group.to_ascii_lowercase());
                wanted.groups.entry(key).or_default().push(index);
            }
            if call {
                wanted.calls.push(index);
            }
            if history {
                let key = finding.principal.key.clone();
                wanted.principals.entry(key).or_default().push(index);
            }
        }
        wanted
    }
}

/// What the severity of a finding, or that of an incident, can depend on.
struct Needs {
    timeline: bool,
    call: bool,
    history: bool,
}

impl Needs {
    fn new(invocation: &Invocation, finding: &Finding) -> Needs {
        let id = &finding.rule.id;
        let rule = invocation.pipeline.rule(id);
        let rule = |needs: fn(&Rule) -> bool| rule.is_some_and(needs);
        let correlations = invocation.pipeline.detections.rule_set.correlations();
        let mut correlations = correlations.iter().filter(|it| it.includes_rule(id));
        let call = is_known_by_ledger(Call::new(finding))
            && rule(|it| it.alert_when.is_some() || !it.severity_rules.is_empty());
        Needs {
            call: call && finding.group.is_none(),
            timeline: (call && finding.group.is_some())
                || rule(Rule::needs_timeline)
                || correlations.clone().any(|it| it.needs_timeline()),
            history: rule(Rule::needs_history) || correlations.any(|it| it.needs_history()),
        }
    }
}

/// The call puts another version of a policy in force, attaches a customer's policy, creates
/// credentials for a user, or opens a role to other accounts.
fn is_known_by_ledger(call: Call<'_>) -> bool {
    let is_customers = call.policy_arn().is_some_and(|arn| aws_managed(arn).is_none());
    is_customers || call.credentials_for().is_some() || call.opens_role()
}

/// The facts of a finding about no group.
async fn read_call(
    invocation: &Invocation,
    ledger: &StoredLedger,
    findings: &[Option<&Finding>],
    index: usize,
    until: Instant,
) -> (Option<(usize, KnownFacts)>, Option<Missing>) {
    let Some(finding) = findings[index] else { return (None, None) };
    let now = invocation.now();
    let timeline = in_time(until, ledger.group_timeline(finding, now));
    let drift = in_time(until, ledger.policy_drift(finding));
    let target = in_time(until, ledger.target_user(finding, now));
    let accounts = in_time(until, ledger.trail_accounts(finding));
    let ((timeline, no_timeline), (drift, no_drift), (target, no_target), (accounts, no_accounts)) =
        tokio::join!(timeline, drift, target, accounts);
    let missing = no_timeline.or(no_drift).or(no_target).or(no_accounts);
    let gap = missing.as_ref().map(|(gap, _)| *gap);
    let context = Context {
        policy: timeline.policy,
        drift,
        target,
        trail_accounts: accounts,
        gap,
        ..Context::default()
    };
    let facts = Facts { is_first_seen: None, ..Facts::new(finding, Some(&context)) };
    (Some((index, KnownFacts { facts, is_whole: missing.is_none() })), missing)
}

/// The facts of the findings of one group.
async fn read_group(
    invocation: &Invocation,
    ledger: &StoredLedger,
    findings: &[Option<&Finding>],
    indexes: Indexes,
    until: Instant,
) -> (Vec<(usize, KnownFacts)>, Option<Missing>) {
    let own: Vec<(usize, &Finding)> =
        indexes.iter().filter_map(|index| Some((*index, findings[*index]?))).collect();
    let of_group: Vec<&Finding> = own.iter().map(|(_, finding)| *finding).collect();
    let read = in_time(until, ledger.group_timelines(&of_group, invocation.now()));
    let (timelines, missing) = read.await;
    let gap = missing.as_ref().map(|(gap, _)| *gap);
    let timelines = timelines.into_iter().chain(iter::repeat_with(Timeline::default));
    let facts = own.into_iter().zip(timelines).map(|((index, finding), timeline)| {
        let gap = gap.or(timeline.gap);
        let context = Context {
            group_timeline: timeline.entries,
            group: timeline.group,
            policy: timeline.policy,
            gap,
            ..Context::default()
        };
        let facts = Facts { is_first_seen: None, ..Facts::new(finding, Some(&context)) };
        (index, KnownFacts { facts, is_whole: gap.is_none() })
    });
    (facts.collect(), missing)
}

/// Whether the principal was first seen in each of its findings. `None` if that is not known.
async fn read_principal(
    invocation: &Invocation,
    ledger: &StoredLedger,
    findings: &[Option<&Finding>],
    indexes: Indexes,
    until: Instant,
) -> (Vec<(usize, Option<bool>)>, Option<Missing>) {
    let own: Vec<(usize, &Finding)> =
        indexes.iter().filter_map(|index| Some((*index, findings[*index]?))).collect();
    let Some((_, earliest)) = own.first() else { return (Vec::new(), None) };
    let read = in_time(until, ledger.principal_history(earliest, invocation.now()));
    let (PrincipalHistory { first, gap, .. }, missing) = read.await;
    let is_known = gap.is_none() && missing.is_none();
    let facts = own.iter().map(|(index, finding)| {
        // Later findings of the same call are of other rules.
        let is_first = first && is_same_call(finding, earliest);
        (*index, is_known.then_some(is_first))
    });
    (facts.collect(), missing)
}

fn is_same_call(one: &Finding, other: &Finding) -> bool {
    let event_id = |finding| Call::new(finding).fields.text("event.id").map(str::to_owned);
    one.id == other.id || (one.account == other.account && event_id(one) == event_id(other))
}
