//! The way of a canary, hop by hop: decoded and matched as an inline record is, claimed, published,
//! completed. What spares people (exceptions, bursts, `max_signals`) is left out.

use std::fmt;
use std::time::Duration;

use alert;
use detect::finding::{Context, Finding, Origin, Outcome, canary, match_record};
use jiff::Timestamp;
use tokio::time::Instant;

use super::claims::Claims;
use super::open::{self, ClaimedFinding};
use super::publish::DeliveryReport;
use super::{Clock, Pipeline, Problem, Run};
use crate::ledger::Ledger;
use crate::notification::{self, InlineRecord, Item};

/// One step of a canary's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryStep {
    /// `match`, `claim`, `publish` or `complete`.
    pub name: &'static str,
    /// How long it took.
    pub took: Duration,
    /// What came of it, or why it failed.
    pub result: Result<String, String>,
}

/// The steps of one canary, in order. After one that failed there is none.
#[derive(Debug)]
pub struct CanaryRun {
    /// The steps that were begun.
    pub steps: Vec<CanaryStep>,
    since: Instant,
}

impl CanaryRun {
    /// The step that failed.
    pub fn failure(&self) -> Option<&CanaryStep> {
        self.steps.last().filter(|hop| hop.result.is_err())
    }

    /// Notes what came of a step; none where it failed.
    fn pass<T>(&mut self, name: &'static str, result: Result<(T, String), String>) -> Option<T> {
        let took = self.since.elapsed();
        self.since = Instant::now();
        let (value, result) = match result {
            Ok((value, told)) => (Some(value), Ok(told)),
            Err(why) => (None, Err(why)),
        };
        self.steps.push(CanaryStep { name, took, result });
        value
    }
}

impl fmt::Display for CanaryRun {
    /// For the log: the steps and their milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hop = |hop: &CanaryStep| {
            let (Ok(told) | Err(told)) = &hop.result;
            format!("{} {} ms ({told})", hop.name, hop.took.as_millis())
        };
        f.write_str(&self.steps.iter().map(hop).collect::<Vec<_>>().join(", "))
    }
}

/// Sends a canary to the topic. `run` names it: the same run is sent once, where there is a ledger.
pub async fn run_canary(pipeline: &Pipeline, run: &str, clock: Clock) -> CanaryRun {
    let mut flight = CanaryRun { steps: Vec::new(), since: Instant::now() };
    if let Some(finding) = flight.pass("match", matched(pipeline, run, clock)) {
        send(pipeline, finding, clock, &mut flight).await;
    }
    flight
}

async fn send(pipeline: &Pipeline, finding: Finding, clock: Clock, flight: &mut CanaryRun) {
    let claimed = claim(pipeline, finding, clock).await;
    let Some(Some(open)) = flight.pass("claim", claimed) else { return };
    let alert = alert::render(&open.finding, &Context::default(), &pipeline.accounts);
    let result = pipeline.sink.publish(std::slice::from_ref(&alert)).await.pop();
    let result = result.unwrap_or_else(|| Err(super::publish::unanswered()));
    if let Err(error) = &result {
        open.release(&pipeline.ledger, error, &mut DeliveryReport::default()).await;
    }
    let accepted =
        result.map(|id| (id.clone(), format!("message {id}"))).map_err(|error| error.to_string());
    let Some(message_id) = flight.pass("publish", accepted) else { return };
    let completed = complete(&pipeline.ledger, &open, &message_id, clock.now).await;
    flight.pass("complete", completed.map(|told| ((), told)));
}

/// The finding that the rules in force make of the call. One is enough, where several match.
fn matched(pipeline: &Pipeline, run: &str, clock: Clock) -> Result<(Finding, String), String> {
    let mut found = Vec::new();
    for message in notification::decode(&canary::payload(run, clock.now)).messages {
        for item in message.items {
            let Item::Record(InlineRecord { record, envelope, index }) = item else { continue };
            let origin = || Origin::Inline { envelope: envelope.to_owned(), record: index };
            match_record(&record, &pipeline.detections, clock.now, &origin, &mut |finding| {
                found.push(finding)
            });
        }
    }
    let rules = pipeline.detections.rule_set.rules().len();
    let least = found.into_iter().min_by(|one, other| rank(one).cmp(&rank(other)));
    let finding = least.ok_or_else(|| {
        format!(
            "no rule of the {rules} in force matches the creation of an IAM group: are the rules that come with the \
             program off (TRAILBELL_DEFAULT_RULES), or replaced?"
        )
    })?;
    let told = format!("rule {}, of {rules}", finding.rule.name.escape_debug());
    Ok((finding, told))
}

/// Of several rules the one that wakes fewest people.
fn rank(finding: &Finding) -> (u8, &str) {
    (finding.rule.risk_score, &finding.rule.id)
}

/// The canary where it is ours to send; none where it was sent before.
async fn claim(
    pipeline: &Pipeline,
    finding: Finding,
    clock: Clock,
) -> Result<(Option<ClaimedFinding>, String), String> {
    let mut published = DeliveryReport::default();
    let entry = format!("entries/{}", finding.id);
    let open =
        open::claim_all(pipeline, &Claims::new(clock), vec![finding], &mut published).await.pop();
    if let Some(problem) = published.problems.first() {
        return Err(problem.what.clone());
    }
    let told = match (&pipeline.ledger, &open, published.ended.first().map(|ended| ended.outcome)) {
        (Ledger::Stored(_), Some(_), _) => entry,
        (_, Some(_), _) => "there is no ledger".to_owned(),
        (_, None, Some(Outcome::HeldElsewhere)) => "another invocation is sending it".to_owned(),
        (_, None, _) => "sent before, and not again".to_owned(),
    };
    Ok((open, told))
}

async fn complete(
    ledger: &Ledger,
    open: &ClaimedFinding,
    message_id: &str,
    now: Timestamp,
) -> Result<String, String> {
    let mut published = DeliveryReport::default();
    open.complete(ledger, message_id, now, &mut published).await;
    match published.problems.first() {
        Some(problem) => Err(problem.what.clone()),
        None if matches!(ledger, Ledger::Stored(_)) => Ok("alerted".to_owned()),
        None => Ok("there is no ledger".to_owned()),
    }
}

impl Run {
    /// Sends a canary for each message that asked for one.
    pub(super) async fn canaries(&mut self) {
        for message in std::mem::take(&mut self.canaries) {
            // A queue delivers a message again under its own id, everyone else the request under
            // its.
            let run = message.as_deref().unwrap_or(&self.request).to_owned();
            let flight = run_canary(&self.pipeline, &run, self.clock).await;
            self.outcome.report.canaries += 1;
            match flight.failure() {
                None => self.outcome.notes.push(format!("canary {}: {flight}", run.escape_debug())),
                Some(_) => {
                    self.outcome.report.canaries_failed += 1;
                    self.problem(
                        &message,
                        Problem::retry(format!("the canary {}", run.escape_debug()), flight),
                    );
                }
            }
        }
    }
}
