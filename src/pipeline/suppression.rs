//! Alert suppression: findings that an alert of the same rule and values stands for.

use std::collections::BTreeMap;

use detect::finding::{Finding, FindingId};
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

/// Findings by whether they are alerted.
#[derive(Debug, Default)]
pub(crate) struct Suppressions {
    pub(crate) alerted: Vec<Delivery>,
    pub(crate) suppressed: Vec<Delivery>,
    /// Groups that could not be read. Rather too many alerts than one too few.
    pub(crate) problems: Vec<Problem>,
}

/// The id of a rule, and what identifies a group of its findings.
type GroupKey = (String, String);

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

/// Splits findings, in the order given. Without a ledger an alert stands for those of the same
/// invocation only.
pub(crate) async fn split(invocation: &Invocation, deliveries: Vec<Delivery>) -> Suppressions {
    let mut groups: BTreeMap<GroupKey, Group> = BTreeMap::new();
    for (index, delivery) in deliveries.iter().enumerate() {
        let Content::Finding(finding) = delivery.content() else { continue };
        let Some((key, duration)) = group_of(finding) else { continue };
        let group = groups.entry(key).or_insert_with(|| Group::new(duration));
        group.indexes.push(index);
        group.findings.push((finding.id.clone(), finding.time.unwrap_or(invocation.now())));
    }
    let mut admitted = vec![true; deliveries.len()];
    let mut result = Suppressions::default();
    let until = invocation.wait_until(PATIENCE);
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

/// The group of a finding, and how long one alert stands for it. A conflict is always alerted, and
/// an alert stands for no finding of another severity.
fn group_of(finding: &Finding) -> Option<(GroupKey, SignedDuration)> {
    let suppression = finding.rule.alert_suppression.as_ref()?;
    let group = suppression.group(&finding.ecs).filter(|_| finding.conflict.is_none())?;
    let group = format!("{}-{group}", finding.severity().as_str());
    Some(((finding.rule.id.clone(), group), suppression.duration))
}

/// The indexes of a group's findings, and whether each is alerted. Alerts do not wait longer than
/// `until` for that.
async fn admit_in_time(
    invocation: &Invocation,
    key: GroupKey,
    group: Group,
    until: Instant,
) -> (Vec<usize>, Result<Vec<bool>, Problem>) {
    let late = |_| Err(not_applied(&key.0, "the ledger did not answer in time"));
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
