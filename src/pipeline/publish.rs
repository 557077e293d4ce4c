//! Findings to fates: claim, render, publish.

use super::claims::Claims;
use super::{Pipeline, Problem};
use crate::alert::{self, Context};
use crate::finding::{Fate, Finding};

/// What became of some findings.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// A fate for each finding.
    pub(super) fates: Vec<Fate>,
    /// Those that failed, by name.
    pub(super) problems: Vec<Problem>,
    /// Those that nobody is told of because of an exception, by name.
    pub(super) notes: Vec<String>,
}

/// Tells people of the findings of one object or notification. One that fails does not keep the others back.
pub(super) async fn publish(pipeline: &Pipeline, claims: &Claims, findings: Vec<Finding>) -> Published {
    let mut published = Published::default();
    let mut claimed = Vec::new();
    for finding in findings {
        published.notes.extend(excepted(&finding));
        match without_alert(&finding, claims) {
            Some(fate) => published.fates.push(fate),
            None => claimed.push(finding),
        }
    }
    let alerts: Vec<_> = claimed.iter().map(|finding| alert::render(finding, &Context::default())).collect();
    for (finding, result) in claimed.iter().zip(pipeline.sink.publish(&alerts).await) {
        match result {
            Ok(_) => published.fates.push(Fate::Alerted),
            Err(error) => {
                published.fates.push(Fate::Failed);
                let place = format!("finding {} of rule {} in {}", finding.id, finding.rule.id, finding.origin);
                published.problems.push(Problem::retry(place, error));
            }
        }
    }
    published
}

/// An exception never works in silence.
fn excepted(finding: &Finding) -> Option<String> {
    let name = finding.exception.as_deref()?.escape_debug();
    let (id, rule, origin) = (&finding.id, finding.rule.id.escape_debug(), &finding.origin);
    Some(format!("not alerted because of exception `{name}`: finding {id} of rule {rule} in {origin}"))
}

/// The fate of a finding of which nobody is to be told.
fn without_alert(finding: &Finding, claims: &Claims) -> Option<Fate> {
    if finding.exception.is_some() {
        return Some(Fate::Excepted);
    }
    (!claims.claim(&finding.id)).then_some(Fate::Duplicate)
}
