//! What commands print: results on standard output, messages on standard error.
//!
//! A principal can choose names and other fields of records, so they are cleaned before a terminal
//! sees them.

use std::fmt::Display;
use std::io::{self, BufWriter, Stdout, Write};

use clap::ValueEnum;
use comfy_table::{Cell, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle};
use detect::text::clean;
use detect::text::time::format_column_time;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::commands::style;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[value(alias = "text")]
    Table,
    /// One JSON document
    Json,
    /// One JSON document per line
    Ndjson,
}

/// Characters printed of one name or line. S3 keys have up to 1,024 bytes.
const MAX_CHARS: usize = 4096;

/// A line under the header and no others: most rows are one line.
const TABLE_STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Escapes what a terminal would obey, line breaks too.
pub fn clean_text(text: &str) -> String {
    clean::text(text, MAX_CHARS)
}

/// Escapes what a terminal would obey, but keeps line breaks.
pub fn clean_lines(text: &str) -> String {
    text.lines().map(clean_text).collect::<Vec<_>>().join("\n")
}

/// Prints a note, unless only results and errors are wanted.
pub fn print_message(message: impl Display) {
    if !style::is_quiet() {
        write_to_stderr(message);
    }
}

pub fn print_error(error: impl Display) {
    write_to_stderr(format_args!("trailbell: {error}"));
}

/// Prints a warning, unless only results and errors are wanted.
pub fn print_warning(warning: impl Display) {
    print_message(format_args!("trailbell: warning: {warning}"));
}

fn write_to_stderr(message: impl Display) {
    // If standard error is closed, there is nobody to report that to.
    let _ = writeln!(io::stderr(), "{}", clean_lines(&message.to_string()));
}

/// Returns true if the error says that nobody reads the output any more.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<io::Error>();
    cause.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// `1 file`, `2 files`.
pub fn pluralize(count: impl Display, noun: &str) -> String {
    match (count.to_string().as_str(), noun) {
        ("1", _) => format!("1 {noun}"),
        (count, "match") => format!("{count} matches"),
        (count, "entry") => format!("{count} entries"),
        (count, _) => format!("{count} {noun}s"),
    }
}

/// The name of an enum's variant in words, as it is serialised.
pub fn variant_name(variant: impl Serialize) -> String {
    json!(variant).as_str().unwrap_or_default().replace('_', " ")
}

/// A time in UTC, to the second.
pub fn format_time(time: Option<Timestamp>) -> String {
    time.map_or("not recorded".to_owned(), format_column_time)
}

/// A table that fits the terminal, or without one `COLUMNS`. Its cells must be clean.
pub fn new_table<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_style(TABLE_STYLE).set_content_arrangement(ContentArrangement::Dynamic);
    style::fit(&mut table);
    let header: Vec<&str> = header.into_iter().collect();
    table.set_header(&header);
    for (index, name) in header.iter().enumerate() {
        // Ids are copied, and a time in two lines reads badly: they are not wrapped.
        if (*name == "Id" || name.starts_with("Time"))
            && let Some(column) = table.column_mut(index)
        {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

/// Prints one JSON document: on one line for [`Format::Ndjson`], indented otherwise.
pub fn write_document(out: &mut impl Write, format: Format, document: &Value) -> io::Result<()> {
    let json = match format {
        Format::Ndjson => document.to_string(),
        Format::Table | Format::Json => format!("{document:#}"),
    };
    writeln!(out, "{}", clean::json(&json))
}

/// The cells of a row. The one at `severity` names a severity.
fn row_of_cells(cells: Vec<String>, severity: Option<usize>) -> Vec<Cell> {
    let cell = |(index, text): (usize, String)| match Some(index) == severity {
        true => style::severity_cell(&text),
        false => Cell::new(text),
    };
    cells.into_iter().enumerate().map(cell).collect()
}

/// Prints JSON documents: one array, or one document per line.
pub fn write_documents(
    out: &mut impl Write,
    format: Format,
    documents: impl IntoIterator<Item = Value>,
) -> io::Result<()> {
    match format {
        Format::Ndjson => {
            documents.into_iter().try_for_each(|document| write_document(out, format, &document))
        }
        Format::Table | Format::Json => {
            write_document(out, format, &documents.into_iter().collect())
        }
    }
}

/// How a command prints its results.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct FormatArg {
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// Prints a list: JSON documents as they come, a table at the end.
pub struct ListWriter {
    out: BufWriter<Stdout>,
    format: Format,
    header: Vec<&'static str>,
    rows: Vec<(Option<Timestamp>, Vec<String>)>,
    written: usize,
}

impl ListWriter {
    pub fn new(format: Format, header: &[&'static str]) -> ListWriter {
        let out = BufWriter::new(io::stdout());
        ListWriter { out, format, header: header.to_vec(), rows: Vec::new(), written: 0 }
    }

    /// Adds an item. The rows of a table are sorted by `time`, and those without one stay in order.
    pub fn push(
        &mut self,
        time: Option<Timestamp>,
        cells: impl FnOnce() -> Vec<String>,
        document: impl FnOnce() -> Value,
    ) -> io::Result<()> {
        let json = || clean::json(&document().to_string());
        match self.format {
            Format::Table => self.rows.push((time, cells())),
            Format::Ndjson => writeln!(self.out, "{}", json())?,
            Format::Json => {
                let separator = if self.written == 0 { "[\n" } else { ",\n" };
                write!(self.out, "{separator}{}", json())?;
            }
        }
        self.written += 1;
        Ok(())
    }

    /// Prints the rest. An empty table is not printed.
    pub fn finish(mut self) -> io::Result<()> {
        match self.format {
            Format::Table if self.written > 0 => {
                self.rows.sort_by_key(|(time, _)| *time);
                let severity = self.header.iter().position(|name| *name == "Severity");
                let mut table = new_table(self.header);
                let rows = self.rows.into_iter().map(|(_, cells)| row_of_cells(cells, severity));
                table.add_rows(rows);
                writeln!(self.out, "{table}")?;
            }
            Format::Json if self.written > 0 => writeln!(self.out, "\n]")?,
            Format::Json => writeln!(self.out, "[]")?,
            Format::Table | Format::Ndjson => {}
        }
        self.out.flush()
    }
}
