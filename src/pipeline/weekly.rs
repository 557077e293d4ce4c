//! The page of a week, which a schedule asks for every day: that of the week of yesterday, so that
//! Monday's is that of a whole week, and a day that failed is made up for. With it, the statements
//! of the week's days.
//!
//! It is bounded in memory by the number of entries, and in time by that of the invocation: what is
//! left out is named on the page.

use std::collections::BTreeSet;

use detect::finding::FindingId;
use detect::text::error::error_chain;
use futures::{StreamExt, stream};
use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, ToSpan};
use report::Report;
use report::data::{Input, LoadedRule, Origin, Scope, Unreadable};
use tokio::time::{Instant, timeout_at};

use super::Pipeline;
use super::problem::Problem;
use super::run::Run;
use crate::ledger::{Content, Entry, EntrySnapshot, EntryState, LedgerError, StoredLedger};
use crate::pages::{
    Pages, add_groups, add_statements, check_sweeps, delivery, note_unproven_accounts,
};

/// Entries that are read at most, the latest first: some tens of megabytes.
const MAX_ENTRIES: usize = 3_000;

/// Entries read at once.
const CONCURRENCY: usize = 16;

/// Entries are read for this part of the time that is left. The rest is for what follows.
const READING_SHARE: u32 = 2;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A week, as ISO 8601 counts them.
#[derive(Debug, PartialEq, Eq)]
struct Week {
    /// E.g. `2026-W48`.
    name: String,
    /// Monday, 00:00 UTC.
    start: Timestamp,
    /// The next Monday.
    end: Timestamp,
}

impl Week {
    /// The week of the day before.
    fn of_yesterday(now: Timestamp) -> Option<Week> {
        let yesterday = Offset::UTC.to_datetime(now.checked_sub(DAY).ok()?).date();
        let week = yesterday.iso_week_date();
        let monday =
            yesterday.checked_sub(i32::from(week.weekday().to_monday_zero_offset()).days()).ok()?;
        Some(Week {
            name: format!("{}-W{:02}", week.year(), week.week()),
            start: midnight(monday)?,
            end: midnight(monday.checked_add(7.days()).ok()?)?,
        })
    }

    /// The start of its last day.
    fn last_day(&self) -> Timestamp {
        self.end.checked_sub(DAY).unwrap_or(self.end)
    }
}

fn midnight(day: Date) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

impl Run {
    /// Writes the page of the week if any message asked for it; once, however many did. Nothing is
    /// retried: the next day's page has everything.
    pub(crate) async fn write_week(&mut self) {
        if std::mem::take(&mut self.reports).is_empty() {
            return;
        }
        let pipeline = self.pipeline().clone();
        let invocation = self.invocation.clone();
        let writing = write(&pipeline, self.clock.now, self.clock.last_start);
        let written = invocation.before_the_end(writing).await;
        let written = written.unwrap_or_else(|| Err("it was not written in time".to_owned()));
        match written {
            Ok(place) => {
                self.outcome.report.pages_written += 1;
                self.outcome.notes.push(format!("the page of the week: {place}"));
            }
            Err(why) => {
                self.outcome.report.pages_failed += 1;
                self.outcome.problems.push(Problem::discard("the page of the week", why));
            }
        }
    }
}

/// Returns where the page is.
async fn write(
    pipeline: &Pipeline,
    now: Timestamp,
    last_start: Option<Instant>,
) -> Result<String, String> {
    let Some(pages) = &pipeline.pages else {
        return Err("refused: TRAILBELL_REPORTS names no place for it".to_owned());
    };
    let Some(ledger) = pipeline.ledger.history() else {
        return Err("refused: with TRAILBELL_LEDGER=none there is nothing to report".to_owned());
    };
    let week = Week::of_yesterday(now).ok_or("the clock shows no time of a week")?;
    let text = |error: LedgerError| error_chain(&error);
    let mut input = new_input(pipeline, pages, &week, now);
    let statements = add_statements(ledger, Some(week.start), Some(week.last_day()), &mut input);
    let statements = statements.await.map_err(text)?;
    for statement in statements {
        pages.write_statement(statement).await.map_err(|error| error_chain(&error))?;
    }
    check_sweeps(ledger, now, &mut input).await.map_err(text)?;
    let reading_until = last_start.map(|last| {
        let now = Instant::now();
        now + last.saturating_duration_since(now) / READING_SHARE
    });
    add_entries(ledger, &week, reading_until, &mut input).await.map_err(text)?;
    add_known_groups(ledger, week.end.min(now), reading_until, &mut input).await?;
    note_unproven_accounts(&mut input);
    let report = Report::new(input);
    let page = report.to_html().map_err(|error| error_chain(&error))?;
    pages.write_week(&week.name, page).await.map_err(|error| error_chain(&error))
}

fn new_input(pipeline: &Pipeline, pages: &Pages, week: &Week, now: Timestamp) -> Input {
    let scope = Scope { since: Some(week.start), until: Some(week.end), ..Scope::default() };
    let origin = Origin {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sources: vec![pages.source.clone()],
        ..Origin::default()
    };
    let mut input = Input::new(scope, origin, pipeline.accounts.clone(), now);
    input.exceptions = pipeline.detections.exceptions.as_slice().to_vec();
    input
}

/// Adds the findings and incidents of the week, as far as there are time and memory.
async fn add_entries(
    ledger: &StoredLedger,
    week: &Week,
    until: Option<Instant>,
    input: &mut Input,
) -> Result<(), LedgerError> {
    let recent = ledger.entries_since(week.start).await?;
    let named = |name: String| Unreadable { name, problem: "not named like an entry".to_owned() };
    input.unreadable.extend(recent.unrecognized.into_iter().map(named));
    let mut left = recent.ids.len();
    let reads = recent.ids.into_iter().take(MAX_ENTRIES).map(|id| read_entry(ledger, id));
    let mut reads = stream::iter(reads).buffered(CONCURRENCY);
    loop {
        let next = match until {
            Some(until) => timeout_at(until, reads.next()).await,
            None => Ok(reads.next().await),
        };
        let Ok(Some((id, read))) = next else { break };
        left -= 1;
        match read?.map(|snapshot| snapshot.entry) {
            Some(Ok(Entry { content, state, .. })) => match content {
                Content::Finding(finding) => input.add(finding, delivery(state)),
                // Its calls are on the page, and so is the alert that stands for it.
                Content::Correlation(_) if state == EntryState::Suppressed => {}
                Content::Correlation(data) => input.correlations.push(data),
                // Its members have entries of their own.
                Content::Summary(_) => {}
            },
            Some(Err(error)) => input
                .unreadable
                .push(Unreadable { name: format!("entries/{id}"), problem: error_chain(&error) }),
            // Deleted since it was listed.
            None => {}
        }
    }
    if left > 0 {
        input.not_seen.push(format!(
            "{left} entries of the ledger are not on this page: there were too many for the time \
             and the memory of the function. trailbell report --since reads all."
        ));
    }
    let rules: BTreeSet<LoadedRule> =
        input.findings.iter().map(|it| LoadedRule::from(&*it.finding.rule)).collect();
    input.origin.rules = rules.into_iter().collect();
    Ok(())
}

async fn read_entry(
    ledger: &StoredLedger,
    id: FindingId,
) -> (FindingId, Result<Option<EntrySnapshot>, LedgerError>) {
    let read = ledger.read_entry(&id).await;
    (id, read)
}

/// What events show of groups is on the page without this, too.
async fn add_known_groups(
    ledger: &StoredLedger,
    time: Timestamp,
    until: Option<Instant>,
    input: &mut Input,
) -> Result<(), String> {
    let adding = add_groups(ledger, None, time, input);
    let added = match until {
        Some(until) => timeout_at(until, adding).await,
        None => Ok(adding.await),
    };
    let Ok(added) = added else {
        input.not_seen.push(
            "What the ledger knows of groups was not read in time: this page has what the events \
             show."
                .to_owned(),
        );
        return Ok(());
    };
    added.map_err(|error| error_chain(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monday_has_the_week_before_and_every_other_day_its_own() {
        for (now, name, start, end) in [
            ("2026-11-23T07:15:00Z", "2026-W47", "2026-11-16", "2026-11-23"),
            ("2026-11-24T07:15:00Z", "2026-W48", "2026-11-23", "2026-11-30"),
            ("2026-11-29T23:59:59Z", "2026-W48", "2026-11-23", "2026-11-30"),
            ("2026-11-30T00:00:00Z", "2026-W48", "2026-11-23", "2026-11-30"),
            ("2027-01-04T07:15:00Z", "2026-W53", "2026-12-28", "2027-01-04"),
            ("2025-12-31T07:15:00Z", "2026-W01", "2025-12-29", "2026-01-05"),
        ] {
            let week = Week::of_yesterday(now.parse().unwrap()).unwrap();
            let at = |day: &str| format!("{day}T00:00:00Z").parse::<Timestamp>().unwrap();
            assert_eq!(
                week,
                Week { name: name.to_owned(), start: at(start), end: at(end) },
                "{now}"
            );
        }
        assert_eq!(Week::of_yesterday(Timestamp::MIN), None);
    }
}
