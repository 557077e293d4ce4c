//! A canary: a call that nobody made is matched, claimed, published and recorded as a real one is,
//! to verify delivery end to end.

use std::sync::Arc;
use std::time::Duration;

use detect::finding::{Finding, Outcome, canary};
use tokio::time::Instant;

use super::findings::packed::Packer;
use super::findings::process;
use super::invocation::Invocation;
use super::outcomes::FindingOutcome;
use super::problem::Problem;
use super::run::Run;
use super::{Clock, Pipeline};

/// What came of a canary.
#[derive(Debug)]
pub struct CanaryRun {
    /// What became of its finding, or why no rule matches it.
    pub finding: Result<FindingOutcome, String>,
    /// What went wrong after it was matched.
    pub problems: Vec<Problem>,
    /// Alerts that were sent to chat channels too.
    pub chat_sent: u64,
    /// Why it was not sent to chat channels.
    pub chat_problems: Vec<Problem>,
    /// Pages of it that were written.
    pub pages_written: u64,
    /// Why it has no page.
    pub page_problems: Vec<Problem>,
    /// How long it took.
    pub elapsed: Duration,
}

impl CanaryRun {
    /// What failed. `None` if the canary was delivered, now or before.
    pub fn failure(&self) -> Option<String> {
        let problem = || self.problems.first().map(ToString::to_string);
        self.finding.as_ref().err().cloned().or_else(problem)
    }
}

impl std::fmt::Display for CanaryRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(failure) = self.failure() {
            return f.write_str(&failure);
        }
        let Ok(finding) = &self.finding else { return Ok(()) };
        match (finding.outcome, &finding.message_id) {
            (Outcome::Alerted, Some(id)) => write!(f, "alerted as message {id}")?,
            (Outcome::ClaimedElsewhere, _) => write!(f, "another invocation is sending it")?,
            (Outcome::Duplicate, _) => write!(f, "sent before, and not again")?,
            (outcome, _) => write!(f, "{outcome:?}")?,
        }
        let rule = finding.rule.escape_debug();
        write!(f, ", by rule {rule}, in {} ms", self.elapsed.as_millis())?;
        match self.chat_problems.first() {
            Some(problem) => write!(f, "; {}", problem.what)?,
            None if self.chat_sent > 0 => f.write_str("; also to the chat topic")?,
            None => {}
        }
        match self.page_problems.first() {
            Some(problem) => write!(f, "; {}", problem.what),
            None if self.pages_written > 0 => f.write_str("; with a page"),
            None => Ok(()),
        }
    }
}

/// Sends a canary. `run` names it: with a ledger, the same run is sent once.
pub async fn run_canary(pipeline: &Arc<Pipeline>, run: &str, clock: Clock) -> CanaryRun {
    let started = Instant::now();
    let invocation = Invocation::new(pipeline, clock);
    let finding = match match_canary(pipeline, run, clock) {
        Ok(finding) => finding,
        Err(why) => {
            return CanaryRun {
                finding: Err(why),
                problems: Vec::new(),
                chat_sent: 0,
                chat_problems: Vec::new(),
                pages_written: 0,
                page_problems: Vec::new(),
                elapsed: started.elapsed(),
            };
        }
    };
    let report = process(&invocation, vec![Packer::default().pack(finding)]).await;
    let outcome = report.findings.into_iter().next();
    CanaryRun {
        finding: outcome.ok_or_else(|| "its finding has no outcome".to_owned()),
        problems: report.problems,
        chat_sent: report.chat_sent,
        chat_problems: report.chat_problems,
        pages_written: report.pages_written,
        page_problems: report.page_problems,
        elapsed: started.elapsed(),
    }
}

/// The finding of one rule in force. If several match, that of the lowest risk: it wakes the fewest
/// people.
fn match_canary(pipeline: &Pipeline, run: &str, clock: Clock) -> Result<Finding, String> {
    canary::findings(run, &pipeline.detections, clock.now)
        .into_iter()
        .min_by(|one, other| {
            let risk = |finding: &Finding| (finding.rule.risk_score, finding.rule.id.clone());
            risk(one).cmp(&risk(other))
        })
        .ok_or_else(|| {
            format!(
                "none of the {} rules in force matches the creation of an IAM group: are the \
                 embedded rules off (TRAILBELL_RULE_SETS), or replaced?",
                pipeline.detections.rule_set.rules().len()
            )
        })
}

impl Run {
    /// Sends one canary for each message that asked for any. `request` names the invocation.
    pub(crate) async fn send_canaries(&mut self, request: &str) {
        for message in std::mem::take(&mut self.canaries) {
            // A queue delivers a message again under its own id, every other source the request.
            let run = message.as_deref().unwrap_or(request).to_owned();
            let canary = run_canary(self.pipeline(), &run, self.clock).await;
            let name = run.escape_debug();
            self.outcome.report.canaries += 1;
            self.outcome.report.chat_sent += canary.chat_sent;
            self.outcome.report.chat_failed += canary.chat_problems.len() as u64;
            self.outcome.report.pages_written += canary.pages_written;
            self.outcome.report.pages_failed += canary.page_problems.len() as u64;
            let extras = canary.chat_problems.iter().chain(&canary.page_problems);
            self.outcome.problems.extend(extras.cloned());
            if let Some(failure) = canary.failure() {
                self.outcome.report.canaries_failed += 1;
                self.add_problem(&message, Problem::retry(format!("canary {name}"), failure));
            } else {
                self.outcome.notes.push(format!("canary {name}: {canary}"));
            }
        }
    }
}
