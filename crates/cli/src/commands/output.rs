//! How findings and records are printed. What a caller of AWS may have written is cleaned before a
//! terminal sees it.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Write};

use alert;
use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use detect::finding::{Finding, Origin};
use detect::text::clean;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::commands::args::Format;
use crate::commands::matches::{Match, time};
use crate::commands::summary::Group;

/// A row of a table.
struct Row {
    /// What rows are sorted by.
    time: Option<Timestamp>,
    cells: Vec<String>,
    /// Where a record was read: the last cell.
    origin: Option<Origin>,
}

/// Prints findings, or records that match a query, or their summary.
pub struct Output {
    out: BufWriter<io::Stdout>,
    format: Format,
    header: Vec<&'static str>,
    /// The rows of a table.
    rows: Vec<Row>,
    printed: usize,
}

impl Output {
    pub fn new(format: Format, header: &[&'static str]) -> Output {
        Output {
            out: BufWriter::new(io::stdout()),
            format,
            header: header.to_vec(),
            rows: Vec::new(),
            printed: 0,
        }
    }

    /// Prints one finding; in a table, keeps it for the end.
    pub fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let origin = || Some(finding.origin.clone());
        let row = || Row { time: finding.time, cells: cells(finding).to_vec(), origin: origin() };
        self.print(row, || document(finding))
    }

    /// Prints one record; in a table, keeps it for the end.
    pub fn found(&mut self, found: &Match) -> io::Result<()> {
        let origin = || Some(found.origin.clone());
        let row =
            || Row { time: found.record.time(), cells: found.cells().to_vec(), origin: origin() };
        self.print(row, || found.document())
    }

    /// Prints one line of a summary; in a table, keeps it for the end.
    pub fn group(&mut self, group: &Group) -> io::Result<()> {
        let row = || Row { time: None, cells: group.cells().to_vec(), origin: None };
        self.print(row, || group.document())
    }

    fn print(
        &mut self,
        row: impl FnOnce() -> Row,
        document: impl FnOnce() -> Value,
    ) -> io::Result<()> {
        let line = || clean::json(&document().to_string());
        match self.format {
            Format::Table => self.rows.push(row()),
            Format::Ndjson => writeln!(self.out, "{}", line())?,
            Format::Json => {
                let before = if self.printed == 0 { "[\n" } else { ",\n" };
                write!(self.out, "{before}{}", line())?;
            }
        }
        self.printed += 1;
        Ok(())
    }

    /// Prints what is left to print. Tables are in the order of time: records stand in none.
    pub fn finish(&mut self) -> io::Result<()> {
        match self.format {
            Format::Table if self.printed > 0 => self.table()?,
            Format::Json if self.printed > 0 => writeln!(self.out, "\n]")?,
            Format::Json => writeln!(self.out, "[]")?,
            Format::Table | Format::Ndjson => {}
        }
        self.out.flush()
    }

    fn table(&mut self) -> io::Result<()> {
        let mut table = Table::new();
        table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(&self.header);
        self.rows.sort_by_key(|row| row.time);
        let mut places = Places { listed: io::stdout().is_terminal(), seen: Vec::new() };
        table.add_rows(self.rows.drain(..).map(|row| {
            let place = row.origin.map(|origin| places.cell(&origin));
            row.cells.into_iter().chain(place).collect::<Vec<_>>()
        }));
        writeln!(self.out, "{table}")?;
        places
            .seen
            .iter()
            .zip(1..)
            .try_for_each(|(place, number)| writeln!(self.out, " [{number}] {place}"))
    }
}

/// Where records were read. The names of CloudTrail's objects are longer than a line of most
/// terminals: there they are listed under the table, each once.
struct Places {
    listed: bool,
    seen: Vec<String>,
}

impl Places {
    fn cell(&mut self, origin: &Origin) -> String {
        let (place, record) = (clean::text(&origin.place(), CELL), origin.record());
        if !self.listed {
            return format!("{place}#{record}");
        }
        let at = self.seen.iter().position(|seen| *seen == place).unwrap_or_else(|| {
            self.seen.push(place);
            self.seen.len() - 1
        });
        format!("[{}]#{record}", at + 1)
    }
}

/// Tells a person something on standard error. Whoever closed it does not want to hear.
pub fn say(text: impl Display) {
    let _nobody_listens = writeln!(io::stderr(), "{text}");
}

/// Whether an error says that nobody reads the output any more.
pub fn is_closed(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A line under the headings and no others: most rows are one line.
pub const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// The most characters of one cell: S3 keys have up to 1,024 bytes.
const CELL: usize = 1200;

/// The headings of findings.
pub const FINDINGS: [&str; 4] = ["Time (UTC)", "Rule", "Finding", "File#record"];

fn cells(finding: &Finding) -> [String; 3] {
    let suppressed = finding
        .exception
        .as_deref()
        .map(|name| format!("suppressed by {}\n", clean::text(name, CELL)));
    let subject = format!("{}{}", suppressed.unwrap_or_default(), alert::finding_subject(finding));
    [time(finding.time), clean::text(&finding.rule.name, CELL), subject]
}

/// The finding as one JSON document: its ECS fields, the rule, and where it was read.
fn document(finding: &Finding) -> Value {
    let mut document = finding.ecs.clone();
    let rule = &finding.rule;
    document["rule"] = json!({"id": rule.id, "name": rule.name, "severity": rule.severity, "risk_score": rule.risk_score});
    document["trailbell"] = json!({
        "source": finding.origin.place(),
        "record": finding.origin.record(),
        "finding": {"id": finding.id},
        "principal": finding.principal,
        "exception": finding.exception,
    });
    document
}
