//! What is done for those that cannot do it themselves: findings that a crash left open, and
//! summaries that are due. The ledger makes it harmless to do so twice at once.

use alert;
use detect::finding::Outcome;
use futures::future::join_all;

use super::claims::Claims;
use super::open::ClaimedFinding;
use super::publish::{DeliveryReport, MINIMAL_FROM, see_through};
use super::{Clock, Pipeline, Problem, Report, correlate};
use crate::ledger::{Claim, Completed, Content, Ledger, LedgerError, Recovery, StoredLedger};

/// Markers that are looked at together. Findings of one burst are best decided together.
const TOGETHER: usize = 16;

/// What was caught up with.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Findings that were taken over or told in summaries, and their fates; the rest of it is zero.
    pub report: Report,
    /// What went wrong, by name. What failed stays open, and is tried again.
    pub problems: Vec<Problem>,
    /// What is not to be alerted, and why.
    pub notes: Vec<String>,
    /// Open markers that were left alone: their holders are alive, or time was over.
    pub left: u64,
}

/// Sees through what `open/` shows past its lease. Starts nothing after the clock's last start.
pub async fn recover_open(pipeline: &Pipeline, clock: Clock) -> Recovered {
    let mut recovered = Recovered::default();
    let Ledger::Stored(ledger) = &pipeline.ledger else { return recovered };
    let markers = match ledger.open_markers().await {
        Ok(markers) => markers,
        Err(error) => {
            recovered.problem(error);
            return recovered;
        }
    };
    let claims = Claims::new(clock);
    for some in markers.chunks(TOGETHER) {
        if clock.is_over() {
            recovered.left += some.len() as u64;
            continue;
        }
        let mine = recovered.take_over(ledger, some, &claims).await;
        let Sorted { findings, summaries, claimed_alerts } = sort(mine);
        recovered.findings_through(pipeline, &claims, findings, claimed_alerts).await;
        for claim in summaries {
            recovered.summary_through(pipeline, ledger, &claim).await;
        }
    }
    recovered
}

/// Sends the summaries of all windows that are over. Starts none after the clock's last start.
pub async fn send_due_summaries(pipeline: &Pipeline, clock: Clock) -> Recovered {
    let mut recovered = Recovered::default();
    let Ledger::Stored(ledger) = &pipeline.ledger else { return recovered };
    let due = match ledger.due_windows().await {
        Ok(due) => due,
        Err(error) => {
            recovered.problem(error);
            return recovered;
        }
    };
    for window in due {
        // Part after part; one that failed is enough for now.
        let mut sent = true;
        while sent && !clock.is_over() {
            sent = match ledger.next_part(&window, clock.lease).await {
                Ok(Some(claim)) => recovered.summary_through(pipeline, ledger, &claim).await,
                Ok(None) => false,
                Err(error) => recovered.problem(error),
            };
        }
    }
    recovered
}

/// What was taken over, by what it is about.
#[derive(Default)]
struct Sorted {
    findings: Vec<ClaimedFinding>,
    summaries: Vec<Claim>,
    /// Alerts of correlations.
    claimed_alerts: Vec<Claim>,
}

fn sort(claims: Vec<Claim>) -> Sorted {
    let mut sorted = Sorted::default();
    for claim in claims {
        match &claim.entry.content {
            Content::Summary(_) => sorted.summaries.push(claim),
            Content::Correlation(_) => sorted.claimed_alerts.push(claim),
            Content::Finding(finding) => sorted.findings.push(ClaimedFinding {
                finding: (**finding).clone(),
                claim: Some(Box::new(claim)),
            }),
        }
    }
    sorted
}

impl Recovered {
    /// Notes what went wrong. False, as "not done".
    fn problem(&mut self, error: LedgerError) -> bool {
        self.problems.push(Problem::retry("the ledger", error));
        false
    }

    async fn take_over(
        &mut self,
        ledger: &StoredLedger,
        markers: &[String],
        claims: &Claims,
    ) -> Vec<Claim> {
        let mut mine = Vec::new();
        for recovery in
            join_all(markers.iter().map(|marker| ledger.recover(marker, claims.lease))).await
        {
            match recovery {
                Ok(Recovery::Mine(claim)) => mine.push(*claim),
                Ok(Recovery::Left) => self.left += 1,
                Ok(Recovery::Cleared) => {}
                Err(error) => {
                    self.problem(error);
                }
            }
        }
        // A crash between claim and index leaves them uncounted.
        for indexed in join_all(mine.iter().map(|claim| ledger.index(claim))).await {
            if let Err(error) = indexed {
                self.problems.push(Problem::discard("the ledger", format!("not indexed: {error}")));
            }
        }
        mine
    }

    async fn findings_through(
        &mut self,
        pipeline: &Pipeline,
        claims: &Claims,
        findings: Vec<ClaimedFinding>,
        claimed_alerts: Vec<Claim>,
    ) {
        let mut published = DeliveryReport::default();
        correlate::tell(pipeline, claims, claimed_alerts, &mut published).await;
        self.report.findings += findings.len() as u64;
        see_through(pipeline, claims, findings, &mut published).await;
        published.ended.iter().for_each(|ended| self.report.count_finding(ended));
        published
            .correlation_alerts
            .iter()
            .for_each(|correlation_alerts| self.report.count_correlation_alert(correlation_alerts));
        self.problems.extend(published.problems);
        self.notes.extend(published.notes);
    }

    /// Publishes a summary and completes it. Whether that worked.
    async fn summary_through(
        &mut self,
        pipeline: &Pipeline,
        ledger: &StoredLedger,
        claim: &Claim,
    ) -> bool {
        let Content::Summary(summary) = &claim.entry.content else { return false };
        let place = format!("summary {} of rule {}", summary.id, summary.rule.id);
        let result = pipeline
            .sink
            .publish(&[alert::render_summary(summary, &pipeline.accounts)])
            .await
            .pop();
        let error = match result {
            Some(Ok(message_id)) => {
                self.report.count_summary(summary, Outcome::Summarised);
                return self.summary_told(place, ledger.told(claim, &message_id).await);
            }
            Some(Err(error)) => error.to_string(),
            None => "the sink did not say what became of it".to_owned(),
        };
        // Where this fails too, the lease runs out by itself.
        let _ = match claim.entry.attempts >= MINIMAL_FROM {
            true => ledger.failed(claim).await,
            false => ledger.released(claim).await,
        };
        self.problems.push(Problem::retry(place, error));
        false
    }

    fn summary_told(&mut self, place: String, told: Result<Completed, LedgerError>) -> bool {
        let trouble = match told {
            Ok(Completed::Done) => return true,
            Ok(Completed::TakenOver) => {
                "sent, and perhaps once more: another worker took over".to_owned()
            }
            Err(error) => {
                format!("sent, and perhaps once more, since this could not be recorded: {error}")
            }
        };
        self.problems.push(Problem::discard(place, trouble));
        false
    }
}
