//! The facts of claimed findings, out of the ledger: read once for each group and each principal,
//! and only if the severity of a finding can depend on them.

use std::collections::BTreeMap;

use detect::finding::{Call, Facts, Finding, TimelineEntry, canary};
use detect::rule::Rule;
use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::context::{Missing, PATIENCE, in_time};
use super::delivery::Delivery;
use super::invocation::Invocation;
use super::problem::Problem;
use crate::ledger::{Content, PrincipalHistory, StoredLedger, Timeline};

/// Groups or principals that are read at once: the timeline of each can be long.
const CONCURRENCY: usize = 8;

/// How long before a finding its context begins.
const BEFORE: SignedDuration = SignedDuration::from_hours(48);

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
            let Needs { timeline, history } = Needs::new(invocation, finding);
            if let Some(group) = finding.group.as_ref().filter(|_| timeline) {
                let key = (finding.account.clone(), group.to_ascii_lowercase());
                wanted.groups.entry(key).or_default().push(index);
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
    history: bool,
}

impl Needs {
    fn new(invocation: &Invocation, finding: &Finding) -> Needs {
        let id = &finding.rule.id;
        let rule = invocation.pipeline.rule(id);
        let rule = |needs: fn(&Rule) -> bool| rule.is_some_and(needs);
        let correlations = invocation.pipeline.detections.rule_set.correlations();
        let mut correlations = correlations.iter().filter(|it| it.includes_rule(id));
        Needs {
            timeline: rule(|it| it.severity_rules.needs_timeline())
                || correlations.clone().any(|it| it.needs_timeline()),
            history: rule(|it| it.severity_rules.needs_history())
                || correlations.any(|it| it.needs_history()),
        }
    }
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
    let Some((_, earliest)) = own.first() else { return (Vec::new(), None) };
    let read = in_time(until, ledger.group_timeline(earliest, invocation.now()));
    let (Timeline { entries, gap, .. }, missing) = read.await;
    let is_whole = gap.is_none() && missing.is_none();
    let facts = own.into_iter().map(|(index, finding)| {
        let facts = Facts::from_timeline(finding, since(&entries, finding.time), is_whole);
        (index, KnownFacts { facts, is_whole })
    });
    (facts.collect(), missing)
}

/// What is part of the context of a finding.
fn since(
    entries: &[TimelineEntry],
    time: Option<Timestamp>,
) -> impl Iterator<Item = &TimelineEntry> + Clone {
    let start = time.and_then(|time| time.checked_sub(BEFORE).ok()).unwrap_or(Timestamp::MIN);
    entries.iter().filter(move |entry| entry.time >= start)
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
