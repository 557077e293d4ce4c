//! Without a ledger an invocation is the window: what it grouped is summarised when it ends.

use std::sync::Arc;

use detect::finding::{Finding, FindingId, Outcome, Summary};

use super::delivery::{Delivery, deliver};
use super::problem::Problem;
use super::run::{GroupedFinding, Run};
use crate::ledger::Content;

impl Run {
    /// Sends one summary for each rule of which findings were grouped.
    pub(crate) async fn summarise_grouped(&mut self) {
        for grouped in by_rule(std::mem::take(&mut self.grouped)) {
            let Some(summary) = summary(&grouped) else { continue };
            let delivery = Delivery::Unrecorded(Content::Summary(Arc::new(summary)));
            let report = deliver(&self.invocation, std::slice::from_ref(&delivery)).await;
            let sent = report.summaries.len();
            self.outcome.report.summaries += sent as u64;
            self.add_grouped(
                &grouped,
                if sent > 0 { Outcome::Summarised } else { Outcome::Failed },
            );
            for problem in report.problems {
                for GroupedFinding { message, finding } in &grouped {
                    let place = format!("finding {} of {}", finding.id, problem.place);
                    self.add_problem(message, Problem { place, ..problem.clone() });
                }
            }
        }
    }
}

fn by_rule(grouped: Vec<GroupedFinding>) -> Vec<Vec<GroupedFinding>> {
    let mut groups: Vec<Vec<GroupedFinding>> = Vec::new();
    for one in grouped {
        let rule = &one.finding.rule.id;
        match groups.iter_mut().find(|group| group.iter().all(|it| it.finding.rule.id == *rule)) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups
}

fn summary(grouped: &[GroupedFinding]) -> Option<Summary> {
    let findings: Vec<Finding> = grouped.iter().map(|it| Finding::clone(&it.finding)).collect();
    let ids = findings.iter().map(|finding| finding.id.as_str());
    let id = FindingId::hash_parts(std::iter::once("summary").chain(ids));
    Summary::from_findings(id, None, 1, &findings)
}
