//! Without a ledger an invocation is the window: what it grouped is summarised when it ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use detect::finding::{FindingId, Outcome, Summary, SummaryBuilder};

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
            self.outcome.report.count_extras(&report);
            self.outcome.problems.extend(report.chat_problems);
            self.outcome.problems.extend(report.page_problems);
            self.add_grouped(
                &grouped,
                if sent > 0 { Outcome::Summarised } else { Outcome::Failed },
            );
            for problem in report.problems {
                for GroupedFinding { message, grouped } in &grouped {
                    let place = format!("finding {} of {}", grouped.member.id, problem.place);
                    self.add_problem(message, Problem { place, ..problem.clone() });
                }
            }
        }
    }
}

fn by_rule(grouped: Vec<GroupedFinding>) -> Vec<Vec<GroupedFinding>> {
    let mut groups: BTreeMap<String, Vec<GroupedFinding>> = BTreeMap::new();
    for one in grouped {
        groups.entry(one.grouped.rule.id.clone()).or_default().push(one);
    }
    groups.into_values().collect()
}

fn summary(grouped: &[GroupedFinding]) -> Option<Summary> {
    let mut builder = SummaryBuilder::default();
    for GroupedFinding { grouped, .. } in grouped {
        builder.add(&grouped.rule, grouped.member.clone());
    }
    let ids = grouped.iter().map(|it| it.grouped.member.id.as_str());
    let id = FindingId::hash_parts(std::iter::once("summary").chain(ids));
    builder.build(id, None, 1)
}
