//! How findings and matching records are printed.

use std::io::{self, IsTerminal, Write};

use alert::Accounts;
use detect::finding::{Finding, Origin, Suppression};
use serde_json::json;

use super::matches::{CallCount, CallCounts, Match};
use super::over_time::SeveralCalls;
use crate::commands::output::{Format, ListWriter, clean_text, format_time};

/// Prints findings, or the records that match a query, or their summary.
pub struct Printer {
    list: ListWriter,
    places: Places,
    /// Matches are counted here instead of being printed one by one.
    counts: Option<CallCounts>,
}

const FINDING_HEADER: [&str; 4] = ["Time (UTC)", "Rule", "Finding", "File#record"];

impl Printer {
    pub fn new(format: Format, is_query: bool, is_summary: bool) -> Printer {
        let header: &[&str] = match (is_query, is_summary) {
            (false, _) => &FINDING_HEADER,
            (true, false) => &Match::HEADER,
            (true, true) => &CallCount::HEADER,
        };
        let is_terminal = io::stdout().is_terminal();
        Printer {
            list: ListWriter::new(format, header),
            places: Places { is_terminal, footnotes: Vec::new() },
            counts: is_summary.then(CallCounts::default),
        }
    }

    /// Prints a finding, and the calls that it is about, if there are several.
    pub fn print_finding(
        &mut self,
        finding: &Finding,
        calls: Option<&SeveralCalls>,
    ) -> io::Result<()> {
        let cells = || finding_cells(finding, calls, self.places.format(&finding.origin));
        let document = || {
            let mut document = alert::finding_document(finding, &Accounts::default());
            calls.inspect(|calls| calls.add_to(&mut document));
            document
        };
        self.list.push(finding.time, cells, document)
    }

    pub fn print_match(&mut self, matched: &Match) -> io::Result<()> {
        if let Some(counts) = &mut self.counts {
            counts.add(matched);
            return Ok(());
        }
        let cells = || {
            let mut cells = matched.cells().to_vec();
            cells.push(self.places.format(&matched.origin));
            cells
        };
        self.list.push(matched.record.time(), cells, || matched.document())
    }

    /// Prints what is left to print.
    pub fn finish(mut self) -> io::Result<()> {
        for count in self.counts.into_iter().flat_map(CallCounts::sorted) {
            self.list.push(None, || count.cells().to_vec(), || json!(count))?;
        }
        self.list.finish()?;
        for (place, number) in self.places.footnotes.iter().zip(1..) {
            writeln!(io::stdout(), " [{number}] {place}")?;
        }
        Ok(())
    }
}

/// Where records were read. The names of CloudTrail's objects are longer than a line of most
/// terminals, so there each is printed once, below the table.
struct Places {
    is_terminal: bool,
    footnotes: Vec<String>,
}

impl Places {
    fn format(&mut self, origin: &Origin) -> String {
        let place = clean_text(&origin.place());
        let record = origin.record();
        if !self.is_terminal {
            return format!("{place}#{record}");
        }
        // Records of one file follow each other.
        if self.footnotes.last() != Some(&place) {
            self.footnotes.push(place);
        }
        format!("[{}]#{record}", self.footnotes.len())
    }
}

fn finding_cells(finding: &Finding, calls: Option<&SeveralCalls>, place: String) -> Vec<String> {
    let mut subject = alert::finding_subject(finding);
    if let Some(calls) = calls {
        subject = format!("{}\n{subject}", clean_text(&calls.describe()));
    }
    match finding.suppression() {
        Some(Suppression::Exception(name)) => {
            subject = format!("suppressed by {}\n{subject}", clean_text(name));
        }
        Some(Suppression::BuildingBlock) => subject = format!("building block\n{subject}"),
        Some(Suppression::Threshold) => subject = format!("below its threshold\n{subject}"),
        Some(Suppression::Step) => subject = format!("a step of a sequence\n{subject}"),
        Some(Suppression::Learning) => subject = format!("learning\n{subject}"),
        Some(Suppression::Unmet) => subject = format!("not alerted: alert_when\n{subject}"),
        None => {}
    }
    vec![format_time(finding.time), clean_text(&finding.rule.name), subject, place]
}
