//! Alert suppression: findings that an alert of the same rule and values stands for, and alerts of
//! thresholds and sequences that another one of theirs stands for.

use std::collections::BTreeMap;

use detect::correlation::CorrelationAlertData;
use detect::finding::{Finding, FindingId};
use detect::rule::{AlertSuppression, RuleInfo, Severity};
use detect::text::error::error_chain;
use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout_at};

use super::context::PATIENCE;
use super::delivery::Delivery;
use super::invocation::Invocation;
use super::problem::Problem;
use crate::ledger::{Content, Ledger};

/// Groups that are asked for at once.
const CONCURRENCY: usize = 8;

const LATE: &str = "the ledger did not answer in time";

/// Findings or alerts by whether they are sent.
#[derive(Debug, Default)]
pub(crate) struct Suppressions {
    pub(crate) alerted: Vec<Delivery>,
    pub(crate) suppressed: Vec<Delivery>,
    /// Groups that could not be read. Rather too many alerts than one too few.
    pub(crate) problems: Vec<Problem>,
}

/// The id of a rule, and what identifies a group of its findings.
type GroupKey = (String, String);

/// What an alert may stand for.
struct Member {
    group: GroupKey,
    duration: SignedDuration,
    id: FindingId,
    time: Timestamp,
}

/// Findings of one group.
struct Group {
    duration: SignedDuration,
    /// Where they are among all.
    indexes: Vec<usize>,
    findings: Vec<(FindingId, Timestamp)>,
}

impl Group {
    fn new(duration: SignedDuration) -> Group {
        Group { duration, indexes: Vec::new(), findings: Vec::new() }
    }
}

/// Splits findings or alerts, in the order given. Without a ledger an alert stands for those of the
/// same invocation only.
pub(crate) async fn split(invocation: &Invocation, deliveries: Vec<Delivery>) -> Suppressions {
    let mut result = Suppressions::default();
    let until = invocation.wait_until(PATIENCE);
    let members: Vec<_> =
        deliveries.iter().map(|delivery| member(invocation, delivery, until)).collect();
    let members: Vec<_> = stream::iter(members).buffered(CONCURRENCY).collect().await;
    let mut groups: BTreeMap<GroupKey, Group> = BTreeMap::new();
    for (index, member) in members.into_iter().enumerate() {
        match member {
            Ok(Some(Member { group, duration, id, time })) => {
                let group = groups.entry(group).or_insert_with(|| Group::new(duration));
                group.indexes.push(index);
                group.findings.push((id, time));
            }
            Ok(None) => {}
            Err(problem) => result.problems.push(problem),
        }
    }
    let mut admitted = vec![true; deliveries.len()];
    let groups = groups.into_iter();
    let answers = groups.map(|(key, group)| admit_in_time(invocation, key, group, until));
    let mut answers = stream::iter(answers).buffered(CONCURRENCY);
    while let Some((indexes, answer)) = answers.next().await {
        match answer {
            Ok(admits) => {
                indexes.iter().zip(admits).for_each(|(index, admits)| admitted[*index] = admits);
            }
            Err(problem) => result.problems.push(problem),
        }
    }
    for (delivery, admits) in deliveries.into_iter().zip(admitted) {
        let list = if admits { &mut result.alerted } else { &mut result.suppressed };
        list.push(delivery);
    }
    result
}

/// The group of a finding or an alert. `None` if nothing else stands for it: then it is alerted.
async fn member(
    invocation: &Invocation,
    delivery: &Delivery,
    until: Instant,
) -> Result<Option<Member>, Problem> {
    match delivery.content() {
        Content::Finding(finding) => Ok(member_of_finding(finding, invocation.now())),
        Content::Correlation(alert) => member_of_alert(invocation, alert, until).await,
        Content::Summary(_) => Ok(None),
    }
}

/// A conflict is always alerted.
fn member_of_finding(finding: &Finding, now: Timestamp) -> Option<Member> {
    let suppression = finding.rule.alert_suppression.as_ref()?;
    let group = suppression.group(&[&finding.ecs]).filter(|_| finding.conflict.is_none())?;
    Some(Member {
        group: group_key(&finding.rule, finding.severity(), &group),
        duration: suppression.duration,
        id: finding.id.clone(),
        time: finding.time.unwrap_or(now),
    })
}

/// An alert counts at the time when it was due, if calls arrived in the order of their times.
async fn member_of_alert(
    invocation: &Invocation,
    alert: &CorrelationAlertData,
    until: Instant,
) -> Result<Option<Member>, Problem> {
    let CorrelationAlertData { rule, .. } = alert;
    let Some(suppression) = &rule.alert_suppression else { return Ok(None) };
    let group = match rule.threshold {
        // The values that it counts by.
        Some(_) => Some(alert.folder.clone()),
        None => group_of_calls(invocation, alert, suppression, until).await?,
    };
    Ok(group.map(|group| Member {
        group: group_key(rule, rule.severity, &group),
        duration: suppression.duration,
        id: alert.id.clone(),
        time: alert.reached.unwrap_or(alert.end),
    }))
}

/// The group of a sequence by the records of its calls. They are read for this, since marks do not
/// say what fields they have.
async fn group_of_calls(
    invocation: &Invocation,
    alert: &CorrelationAlertData,
    suppression: &AlertSuppression,
    until: Instant,
) -> Result<Option<String>, Problem> {
    let Some(ledger) = invocation.pipeline.ledger.history() else { return Ok(None) };
    let read = timeout_at(until, ledger.read_findings(&alert.members)).await;
    let (calls, failure) = read.map_err(|_| not_applied(&alert.rule.id, LATE))?;
    match failure {
        Some(failure) => Err(not_applied(&alert.rule.id, &failure)),
        None => Ok(suppression.group(&calls.iter().map(|call| &call.ecs).collect::<Vec<_>>())),
    }
}

/// An alert stands for nothing of another severity.
fn group_key(rule: &RuleInfo, severity: Severity, group: &str) -> GroupKey {
    (rule.id.clone(), format!("{}-{group}", severity.as_str()))
}

/// The indexes of a group's findings, and whether each is alerted. Alerts do not wait longer than
/// `until` for that.
async fn admit_in_time(
    invocation: &Invocation,
    key: GroupKey,
    group: Group,
    until: Instant,
) -> (Vec<usize>, Result<Vec<bool>, Problem>) {
    let late = |_| Err(not_applied(&key.0, LATE));
    let answer = timeout_at(until, admit(invocation, &key, &group)).await.unwrap_or_else(late);
    (group.indexes, answer)
}

fn not_applied(rule: &str, why: &str) -> Problem {
    Problem::discard(format!("alert suppression of rule {rule}"), format!("not applied: {why}"))
}

/// Returns for each finding of a group whether it is alerted.
async fn admit(
    invocation: &Invocation,
    key: &GroupKey,
    Group { duration, findings, .. }: &Group,
) -> Result<Vec<bool>, Problem> {
    let Ledger::Stored(ledger) = &invocation.pipeline.ledger else {
        return Ok(invocation.admit(key, findings, *duration));
    };
    let (rule, group) = key;
    let admitted = ledger.admit(rule, group, findings, *duration).await;
    admitted.map_err(|error| not_applied(rule, &error_chain(&error)))
}
