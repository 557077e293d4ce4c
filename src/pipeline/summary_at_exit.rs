//! Without a ledger an invocation is the execution: what it held back is told when it ends.

use alert;
use detect::finding::{Finding, FindingId, Outcome, Summary};

use super::publish::{FindingOutcome, place, unanswered};
use super::{Pipeline, Problem, Run};

/// A finding that was held back, and the message that it came with.
pub(super) struct Held {
    pub(super) message: Option<String>,
    pub(super) finding: Finding,
}

impl Run {
    /// One summary for each rule that held something back.
    pub(super) async fn tell_what_was_held(&mut self) {
        for held in by_rule(std::mem::take(&mut self.held)) {
            let told = tell(&self.pipeline, &held).await;
            self.outcome.report.summaries += u64::from(told.is_ok());
            for Held { message, finding } in &held {
                let outcome = if told.is_ok() { Outcome::Summarised } else { Outcome::Failed };
                self.end(vec![FindingOutcome::new(finding, outcome)]);
                if let Err(error) = &told {
                    self.problem(message, Problem::retry(place(finding), error));
                }
            }
        }
    }
}

fn by_rule(held: Vec<Held>) -> Vec<Vec<Held>> {
    let mut groups: Vec<Vec<Held>> = Vec::new();
    for one in held {
        let rule = &one.finding.rule.id;
        match groups
            .iter_mut()
            .find(|group| group.first().is_some_and(|first| first.finding.rule.id == *rule))
        {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups
}

async fn tell(pipeline: &Pipeline, held: &[Held]) -> Result<(), String> {
    let findings: Vec<Finding> = held.iter().map(|held| held.finding.clone()).collect();
    let ids = findings.iter().map(|finding| finding.id.as_str());
    let id = FindingId::hash_parts(std::iter::once("summary").chain(ids));
    let Some(summary) = Summary::from_findings(id, None, 1, &findings) else { return Ok(()) };
    let result =
        pipeline.sink.publish(&[alert::render_summary(&summary, &pipeline.accounts)]).await.pop();
    result.unwrap_or_else(|| Err(unanswered())).map(|_| ()).map_err(|error| error.to_string())
}
