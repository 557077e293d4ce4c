//! `trailbell explain`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use detect::cloudtrail::Record;
use detect::cloudtrail::reader::{self, Options};
use detect::correlation::{Mark, group_by_values, place_marks};
use detect::ecs::{self, View};
use detect::finding::{Facts, Finding, Origin};
use detect::new_terms::Terms;
use detect::rule::explain::explain;
use detect::rule::{Condition, Correlation, Detections, Exceptions, Rating, Rule, RuleSet};
use jiff::Timestamp;

use crate::commands::any_rule::{AnyRule, find_rule};
use crate::commands::arguments::DetectionArgs;
use crate::commands::explain_document::JudgedRecord;
use crate::commands::input::open_log;
use crate::commands::output::{Format, FormatArg, clean_text, write_document};
use crate::commands::scan::files::layout;
use crate::commands::setup;

/// Explain why a rule matches a record, or does not.
///
/// Prints the record as an ECS document and the rules that match it, or with --rule each clause of
/// that rule with the record's values.
///
/// Exit codes: 0 explained, whether or not the rule matches; 2 there is no such record or rule, or
/// wrong usage.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A log file, or - for standard input
    file: PathBuf,
    /// The record's position in the file, from 0. `trailbell scan` prints it after the #
    #[arg(long, value_name = "N")]
    record: usize,
    /// A rule: its name or a part of it, or the start of its id
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    #[command(flatten)]
    detection: DetectionArgs,
    #[command(flatten)]
    format: FormatArg,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let detections = args.detection.load()?;
    let rules = &detections.rule_set;
    let rule = args.rule.as_deref().map(|wanted| find_rule(rules, wanted)).transpose()?;
    let record = read_record(&args.file, args.record)
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let mut out = io::stdout().lock();
    let now = setup::now();
    if args.format.format != Format::Table {
        let judged = JudgedRecord { record: &record, detections: &detections, now };
        write_document(&mut out, args.format.format, &judged.document(rule))?;
        return Ok(ExitCode::SUCCESS);
    }
    write_document(&mut out, Format::Json, &ecs::document(&record))?;
    writeln!(out)?;
    let mut explainer = VerdictPage { out, record: &record, detections: &detections, now };
    let matching = match rule {
        Some(AnyRule::Rule(rule)) => explainer.explain_rule(rule, rules)?,
        Some(AnyRule::Correlation(correlation)) => {
            explainer.explain_correlation(correlation, rules)?
        }
        None => explainer.list_matching(rules)?,
    };
    explainer.print_exceptions(&matching, &detections.exceptions)?;
    Ok(ExitCode::SUCCESS)
}

fn read_record(file: &Path, position: usize) -> Result<Record> {
    let body = open_log(file)?;
    let options = Options { max_bytes: u64::MAX, layout: layout(file), hash: false };
    let mut found = None;
    let (read, end) = reader::read(body, options, &mut |index, record| {
        if index == position {
            found = Some(record);
        }
    });
    if let Some(record) = found {
        return Ok(record?);
    }
    end?;
    match read.records {
        0 => bail!("the file has no records"),
        count => bail!("there is no record {position}: the last one is {}", count - 1),
    }
}

struct VerdictPage<'a, W> {
    out: W,
    record: &'a Record,
    detections: &'a Detections,
    now: Timestamp,
}

impl<W: Write> VerdictPage<'_, W> {
    /// Prints the clauses of a rule. Returns the rule if it matches.
    fn explain_rule<'r>(&mut self, rule: &'r Rule, rules: &'r RuleSet) -> Result<Vec<&'r Rule>> {
        let clause = explain(&rule.query, &View::new(self.record), self.now);
        let verdict =
            if clause.holds { "matches this record" } else { "does not match this record" };
        write!(self.out, "{} {verdict}:\n{clause}", name_and_id(rule))?;
        if !clause.holds {
            return Ok(Vec::new());
        }
        self.explain_threshold(rule, rules)?;
        self.explain_terms(rule)?;
        Ok(vec![rule])
    }

    /// Prints by which values the record counts for the rule's threshold.
    fn explain_threshold(&mut self, rule: &Rule, rules: &RuleSet) -> Result<()> {
        let Some(threshold) = &rule.info.threshold else { return Ok(()) };
        let correlation = rules.correlations().iter().find(|it| it.info.id == rule.info.id);
        let Some(correlation) = correlation else { return Ok(()) };
        if self.print_counts(correlation, &[rule])? == 0 {
            let fields = threshold.fields.join(" and ");
            writeln!(self.out, "✗ does not count towards the threshold: it needs {fields}")?;
        }
        Ok(())
    }

    /// Prints which values of the record can be new.
    fn explain_terms(&mut self, rule: &Rule) -> Result<()> {
        let Some(new_terms) = &rule.info.new_terms else { return Ok(()) };
        let fields = new_terms.fields.join(" · ");
        match Terms::from_document(new_terms, &ecs::document(self.record)) {
            Some(terms) => {
                for values in terms.combinations {
                    let values: Vec<String> = values.iter().map(|it| clean_text(it)).collect();
                    writeln!(self.out, "✓ a finding if new: {fields} = {}", values.join(" · "))?;
                }
            }
            None => writeln!(self.out, "✗ no finding: it needs {fields}")?,
        }
        Ok(())
    }

    /// Prints what the record counts for in a correlation. Returns the correlation's rules that
    /// match.
    fn explain_correlation<'r>(
        &mut self,
        correlation: &Correlation,
        rules: &'r RuleSet,
    ) -> Result<Vec<&'r Rule>> {
        let view = View::new(self.record);
        let matching = rules.matching(&view, self.now);
        let matching: Vec<&Rule> =
            matching.filter(|rule| correlation.includes_rule(&rule.info.id)).collect();
        if self.print_counts(correlation, &matching)? == 0 {
            let name = clean_text(&correlation.info.name);
            let fields = correlation.group_by.join(", ");
            writeln!(self.out, "✗ does not count for correlation {name}.")?;
            writeln!(self.out, "  It counts findings of these rules that have {fields}:")?;
            for rule in correlation.rule_references() {
                writeln!(self.out, "  {}", clean_text(&rule.name))?;
            }
        }
        Ok(matching)
    }

    /// Prints the rules that match, and what the record counts for in correlations. Returns these
    /// rules.
    fn list_matching<'r>(&mut self, rules: &'r RuleSet) -> Result<Vec<&'r Rule>> {
        let matching: Vec<&Rule> = rules.matching(&View::new(self.record), self.now).collect();
        if matching.is_empty() {
            let count = rules.rules().len();
            writeln!(self.out, "none of {count} rules matches; --rule RULE explains why")?;
        }
        for rule in &matching {
            writeln!(self.out, "✓ {}, {}", name_and_id(rule), self.severity_in_words(rule))?;
        }
        for correlation in rules.correlations() {
            self.print_counts(correlation, &matching)?;
        }
        Ok(matching)
    }

    /// The severity of the alert, as far as the record alone decides it.
    fn severity_in_words(&self, rule: &Rule) -> String {
        let origin = Origin::Inline { envelope: "explain".to_owned(), record: 0 };
        let mut finding = Finding::new(&rule.info, self.record, origin);
        finding.privileged = self.detections.is_privileged(&finding);
        finding.rate(&rule.severity_rules, self.now);
        let Rating { severity, reason, .. } = finding.rating();
        let own = rule.info.severity.as_str();
        let reason = reason.map(|why| format!(" (the rule's own is {own}), since {why}"));
        format!("{}{}", severity.as_str(), clean_text(&reason.unwrap_or_default()))
    }

    /// Prints what the findings of `matching` count for in a correlation. Returns how often.
    fn print_counts(&mut self, correlation: &Correlation, matching: &[&Rule]) -> Result<usize> {
        let mut count = 0;
        for rule in matching {
            let origin = Origin::Inline { envelope: "explain".to_owned(), record: 0 };
            let mut finding = Finding::new(&rule.info, self.record, origin);
            finding.privileged = self.detections.is_privileged(&finding);
            finding.steps = rule.query.matched_steps(&View::new(self.record), self.now);
            let facts = Facts::new(&finding, None);
            let placed = place_marks(correlation, &finding, &facts, self.now, self.now);
            for placed in placed.iter().filter(|it| it.mark.rule != Mark::renaming_hash()) {
                let values = group_by_values(&correlation.group_by, &placed.folder, &finding);
                let values: Vec<String> =
                    values.unwrap_or_default().iter().map(|value| clean_text(value)).collect();
                let name = clean_text(&correlation.info.name);
                let under = values.join(" · ");
                match step_in_words(correlation, &placed.mark) {
                    Some(step) if under.is_empty() => write!(self.out, "✓ {step} {name}")?,
                    Some(step) => write!(self.out, "✓ {step} {name} under {under}")?,
                    None => {
                        let rule = clean_text(&rule.info.name);
                        let text = format!("correlation {name} under {under} (as {rule})");
                        write!(self.out, "✓ counts for {text}")?;
                    }
                }
                match placed.mark.raised {
                    Some(severity) => writeln!(self.out, ", raised to {}", severity.as_str())?,
                    None => writeln!(self.out)?,
                }
                count += 1;
            }
        }
        Ok(count)
    }

    fn print_exceptions(&mut self, matching: &[&Rule], exceptions: &Exceptions) -> Result<()> {
        let view = View::new(self.record);
        for rule in matching {
            if let Some(exception) = exceptions.matching(&rule.info, &view, self.now) {
                let [rule, exception] =
                    [&rule.info.name, &exception.name].map(|name| clean_text(name));
                writeln!(self.out, "{rule} is suppressed by exception `{exception}`")?;
            }
        }
        Ok(())
    }
}

fn name_and_id(rule: &Rule) -> String {
    format!("{} ({})", clean_text(&rule.info.name), clean_text(&rule.info.id))
}

/// What a mark is for the threshold or the sequence of a rule; `None` in other correlations.
fn step_in_words(correlation: &Correlation, mark: &Mark) -> Option<String> {
    if correlation.is_threshold {
        return Some("counts towards the threshold of".to_owned());
    }
    let Condition::Sequence { runs, .. } = &correlation.condition else { return None };
    let step = correlation.mark_rules().iter().position(|rule| *rule == mark.rule)?;
    let steps = runs.len();
    Some(match step < steps {
        true => format!("is step {} of {steps} of the sequence", step + 1),
        false => "ends the sequence".to_owned(),
    })
}
