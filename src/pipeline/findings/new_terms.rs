//! New terms: matches whose values are known are no findings. They are left out before anything is
//! claimed, so that a frequent rule costs nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use detect::finding::{Finding, canary};
use detect::new_terms::{Match, history_id};
use detect::rule::{NewTerms, RuleInfo};
use detect::text::error::error_chain;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::packed::PackedFinding;
use crate::ledger::{HistoryKey, Ledger, LedgerError, WatchRequest};
use crate::pipeline::delivery::OUT_OF_TIME;
use crate::pipeline::invocation::Invocation;
use crate::pipeline::outcomes::DeliveryReport;

/// Histories that are looked up at once.
const CONCURRENCY: usize = 16;

/// The matches of one combination of values.
struct Group {
    rule: Arc<RuleInfo>,
    window: SignedDuration,
    id: String,
    matches: Vec<GroupedMatch>,
}

struct GroupedMatch {
    /// The index of the finding, and that of the combination among its own.
    finding: usize,
    combination: usize,
    matched: Match,
}

/// Returns the findings without those whose values are known. The report has their number, and
/// those that could not be looked up.
pub(crate) async fn without_known(
    invocation: &Invocation,
    mut findings: Vec<PackedFinding>,
) -> (Vec<PackedFinding>, DeliveryReport) {
    let mut report = DeliveryReport::default();
    let groups = group(invocation, &findings);
    if groups.is_empty() {
        return (findings, report);
    }
    let mut is_new: Vec<Vec<bool>> =
        findings.iter().map(|it| vec![false; combinations(it)]).collect();
    let mut failed: Vec<Option<String>> = vec![None; findings.len()];
    let mut answers = Vec::with_capacity(groups.len());
    for some in groups.chunks(CONCURRENCY) {
        answers.extend(join_all(some.iter().map(|group| look_up(invocation, group))).await);
    }
    for (group, answers) in groups.iter().zip(answers) {
        match answers {
            Ok(answers) => {
                for (it, answer) in group.matches.iter().zip(answers) {
                    is_new[it.finding][it.combination] |= answer;
                }
            }
            Err(why) => {
                group.matches.iter().for_each(|it| failed[it.finding] = Some(why.clone()));
            }
        }
    }
    let since = match watched_since(invocation).await {
        Ok(since) => since,
        Err(error) => {
            let why = error_chain(&error);
            let unknown = failed.iter_mut().zip(&is_new).filter(|(_, new)| new.contains(&true));
            unknown.for_each(|(failed, _)| *failed = Some(why.clone()));
            BTreeMap::new()
        }
    };
    let mut kept = Vec::with_capacity(findings.len());
    for ((mut packed, new), failed) in findings.drain(..).zip(is_new).zip(failed) {
        if let Some(why) = failed {
            report.fail_unread(packed.outline(), &why);
        } else if new.is_empty() {
            kept.push(packed);
        } else if !new.contains(&true) {
            report.known += 1;
        } else if invocation.learns() {
            report.learned += new.iter().filter(|is_new| **is_new).count() as u64;
            report.learned_matches += 1;
        } else {
            mark_new(packed.outline_mut(), &new, &since, invocation.now());
            kept.push(packed);
        }
    }
    (kept, report)
}

/// The number of combinations to look up. A canary is never known.
fn combinations(packed: &PackedFinding) -> usize {
    let finding = packed.outline();
    let terms = finding.terms.as_ref().filter(|_| !canary::is_canary(finding));
    terms.map_or(0, |terms| terms.combinations.len())
}

/// The matches by their combinations, each by time.
fn group(invocation: &Invocation, findings: &[PackedFinding]) -> Vec<Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (index, packed) in findings.iter().enumerate() {
        let finding = packed.outline();
        let new_terms = finding.rule.new_terms.as_ref();
        let (Some(terms), Some(NewTerms { window, .. })) = (&finding.terms, new_terms) else {
            continue;
        };
        if canary::is_canary(finding) {
            continue;
        }
        for (combination, values) in terms.combinations.iter().enumerate() {
            let Some(id) = history_id(finding, values) else { continue };
            let group = groups.entry(id.clone()).or_insert_with(|| Group {
                rule: Arc::clone(&finding.rule),
                window: *window,
                id,
                matches: Vec::new(),
            });
            let matched = Match {
                finding: (!invocation.learns()).then(|| finding.id.clone()),
                time: finding.time.unwrap_or(invocation.now()),
            };
            group.matches.push(GroupedMatch { finding: index, combination, matched });
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.iter_mut().for_each(|group| group.matches.sort_by_key(|it| it.matched.time));
    groups
}

/// Returns for each match of a group whether it is new.
async fn look_up(invocation: &Invocation, group: &Group) -> Result<Vec<bool>, String> {
    let Group { rule, window, id, matches } = group;
    let key = HistoryKey { rule: &rule.id, id, window: *window };
    let matches: Vec<Match> = matches.iter().map(|it| it.matched.clone()).collect();
    if invocation.is_over() {
        return Err(OUT_OF_TIME.to_owned());
    }
    let answers = match &invocation.pipeline.ledger {
        // An invocation remembers its own.
        Ledger::None => Ok(invocation.add_matches(key, &matches)),
        Ledger::Stored(ledger) => ledger.add_matches(key, &matches).await,
        Ledger::ReadOnly(ledger) => ledger.peek_matches(key, &matches).await,
    };
    answers.map_err(|error| error_chain(&error))
}

/// Since when rules with new terms have watched, by their ids. Nothing is known without a ledger.
pub(crate) async fn watched_since(
    invocation: &Invocation,
) -> Result<BTreeMap<String, Timestamp>, LedgerError> {
    let rules = invocation.pipeline.detections.rule_set.rules();
    let requests: Vec<WatchRequest<'_>> =
        rules.iter().filter_map(|rule| WatchRequest::new(&rule.info)).collect();
    match &invocation.pipeline.ledger {
        _ if requests.is_empty() || invocation.learns() => Ok(BTreeMap::new()),
        Ledger::None => Ok(BTreeMap::new()),
        Ledger::Stored(ledger) => ledger.watch(&requests, invocation.now()).await,
        Ledger::ReadOnly(ledger) => ledger.peek_watched(&requests, invocation.now()).await,
    }
}

/// Leaves the new combinations, and marks a finding whose rule is still learning.
fn mark_new(
    finding: &mut Finding,
    is_new: &[bool],
    since: &BTreeMap<String, Timestamp>,
    now: Timestamp,
) {
    let Some(NewTerms { window, alerts_while_learning, .. }) = &finding.rule.new_terms else {
        return;
    };
    let time = finding.time.unwrap_or(now);
    let is_short = |since: &Timestamp| time.duration_since(*since) < *window;
    let learning = !alerts_while_learning && since.get(&finding.rule.id).is_some_and(is_short);
    if let Some(terms) = &mut finding.terms {
        let mut is_new = is_new.iter();
        terms.combinations.retain(|_| is_new.next() == Some(&true));
        terms.learning = learning;
    }
}
