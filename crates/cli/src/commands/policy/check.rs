//! `trailbell policy check`.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;
use detect::power::{Grants, OpenWay, Opening, Power, PowerLevel, open_ways};
use detect::text::clean;
use detect::text::error::error_chain;
use serde_json::{Value, json};

use super::files;
use crate::commands::output::{self, Format, clean_text, pluralize, write_document};

/// Show what policies let their holders do.
///
/// Says of each policy document if it allows everything (admin), opens known ways to more rights
/// (escalates), or neither (limited), and which statement opens each way. Reads no account:
/// boundaries, service control policies and the policies of resources are not judged.
///
/// Exit codes: 0 all files were judged; 1 a policy reaches --fail-on; 2 a file is not a policy
/// document, or wrong usage.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON files, or directories of them; - for standard input
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// How results are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Exit with 1 if a policy has this power, or more
    #[arg(long, value_enum, value_name = "POWER")]
    fail_on: Option<FailOn>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FailOn {
    /// Known ways to more rights
    Escalates,
    /// Everything on everything
    Admin,
}

impl FailOn {
    fn level(self) -> PowerLevel {
        match self {
            FailOn::Escalates => PowerLevel::Escalates,
            FailOn::Admin => PowerLevel::Admin,
        }
    }
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut documents = Vec::new();
    let mut unusable = false;
    let mut highest = PowerLevel::Unknown;
    for path in files::expand(&args.paths)? {
        let grants = match files::judge_file(&path) {
            Ok(judged) => judged.grants,
            Err(error) => {
                output::print_error(format!("{}: {}", path.display(), error_chain(&*error)));
                unusable = true;
                continue;
            }
        };
        highest = highest.max(Power::from_grants(&grants).level());
        match args.format {
            Format::Table => write_lines(&mut out, &path, &grants)?,
            Format::Ndjson => write_document(&mut out, args.format, &document(&path, &grants))?,
            Format::Json => documents.push(document(&path, &grants)),
        }
    }
    if args.format == Format::Json {
        write_document(&mut out, args.format, &Value::Array(documents))?;
    }
    out.flush()?;
    let is_reached = args.fail_on.is_some_and(|power| highest >= power.level());
    Ok(ExitCode::from(if unusable { 2 } else { u8::from(is_reached) }))
}

fn document(path: &Path, grants: &Grants) -> Value {
    let way = |OpenWay { way, opening }: &OpenWay| {
        let notes = (!opening.notes.is_empty()).then(|| opening.notes.join("; "));
        json!({
            "id": way.id,
            "actions": way.actions,
            "statement": statements(opening).join(", "),
            "note": notes,
        })
    };
    json!({
        "file": path.display().to_string(),
        "power": Power::from_grants(grants).level(),
        "ways": open_ways(grants).iter().map(way).collect::<Vec<_>>(),
    })
}

fn write_lines(out: &mut impl Write, path: &Path, grants: &Grants) -> io::Result<()> {
    let power = Power::from_grants(grants);
    let in_words = match &power {
        Power::Unknown | Power::Limited => "no known way to more rights".to_owned(),
        Power::Escalates(ways) => pluralize(ways.len(), "way") + " to more rights",
        Power::Admin(opening) => format!("everything on everything{}", limits(opening)),
    };
    let path = clean_text(&path.display().to_string());
    writeln!(out, "{path}: {} ({in_words})", power.level().as_str())?;
    let Power::Escalates(ways) = power else { return Ok(()) };
    for OpenWay { way, opening } in ways {
        let statements = statements(&opening);
        let noun = if statements.len() == 1 { "statement" } else { "statements" };
        let statements = clean_text(&statements.join(" and "));
        writeln!(out, "  {}: {}", way.id, way.description)?;
        writeln!(out, "    {noun} {statements}{}", limits(&opening))?;
        if let Some(needs) = way.needs {
            writeln!(out, "    needs {needs}")?;
        }
        writeln!(out, "    {}", way.link)?;
    }
    Ok(())
}

fn statements(opening: &Opening) -> Vec<&str> {
    opening.sources.iter().map(|source| &*source.statement).collect()
}

fn limits(opening: &Opening) -> String {
    opening.notes.iter().map(|note| format!(", {}", clean::text(note, 400))).collect()
}
