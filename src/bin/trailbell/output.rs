//! How findings are printed. What a caller of AWS may have written is cleaned before a terminal sees it.

use std::error::Error;
use std::io::{self, BufWriter, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};
use trailbell::alert;
use trailbell::alert::clean;
use trailbell::finding::Finding;

use crate::args::Format;

/// Prints findings, in the order they are given.
pub struct Output {
    out: BufWriter<io::Stdout>,
    format: Format,
    table: Table,
    printed: usize,
}

impl Output {
    pub fn new(format: Format) -> Output {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["Time (UTC)", "Rule", "Finding", "File#record"]);
        Output { out: BufWriter::new(io::stdout()), format, table, printed: 0 }
    }

    /// Prints one finding; in a table, keeps it for the end.
    pub fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        match self.format {
            Format::Table => {
                self.table.add_row(row(finding));
            }
            Format::Ndjson => writeln!(self.out, "{}", line(finding))?,
            Format::Json => {
                let before = if self.printed == 0 { "[\n" } else { ",\n" };
                write!(self.out, "{before}{}", line(finding))?;
            }
        }
        self.printed += 1;
        Ok(())
    }

    /// Prints what is left to print.
    pub fn finish(&mut self) -> io::Result<()> {
        match self.format {
            Format::Table if self.printed > 0 => writeln!(self.out, "{}", self.table)?,
            Format::Json if self.printed > 0 => writeln!(self.out, "\n]")?,
            Format::Json => writeln!(self.out, "[]")?,
            Format::Table | Format::Ndjson => {}
        }
        self.out.flush()
    }
}

/// Whether an error says that nobody reads the output any more.
pub fn is_closed(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The most characters of one cell: S3 keys have up to 1,024 bytes.
const CELL: usize = 1200;

fn row(finding: &Finding) -> [String; 4] {
    let time = finding.time.map_or("not recorded".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string());
    let place = format!("{}#{}", finding.origin.place(), finding.origin.record());
    let excepted = finding.exception.as_deref().map(|name| format!("excepted by {}\n", clean::text(name, CELL)));
    let subject = format!("{}{}", excepted.unwrap_or_default(), alert::subject(finding));
    [time, clean::text(&finding.rule.name, CELL), subject, clean::text(&place, CELL)]
}

/// The finding as one JSON document: its ECS fields, the rule, and where it was read.
fn line(finding: &Finding) -> String {
    clean::json(&document(finding).to_string())
}

fn document(finding: &Finding) -> Value {
    let mut document = finding.ecs.clone();
    let rule = &finding.rule;
    document["rule"] =
        json!({"id": rule.id, "name": rule.name, "severity": rule.severity, "risk_score": rule.risk_score});
    document["trailbell"] = json!({
        "source": finding.origin.place(),
        "record": finding.origin.record(),
        "finding": {"id": finding.id},
        "actor": finding.actor,
        "exception": finding.exception,
    });
    document
}
