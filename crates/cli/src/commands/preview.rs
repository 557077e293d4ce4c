//! `trailbell preview`: the alert of a rule, rendered from sample data.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alert::{Accounts, Alert};
use anyhow::{Context, Result, anyhow, bail};
use detect::correlation::testing::simulate_correlation;
use detect::finding::{Context as AlertContext, Finding, Origin, integrity};
use detect::new_terms::Terms;
use detect::rule::testing::{RuleTests, TestCase};
use detect::rule::{Correlation, Rule, RuleInfo, RuleSet};
use jiff::Timestamp;

use crate::commands::any_rule::{AnyRule, find_rule};
use crate::commands::arguments::RuleArgs;
use crate::commands::input::{is_standard_input, read_text};
use crate::commands::output::{Format, write_document};

/// Show the alert of a rule with sample data.
///
/// The sample is the first record, or the first list of records, that the rule's own tests say it
/// must match (see `trailbell rules test --help`). A threshold, a sequence or a correlation needs a
/// list.
///
/// Exit codes: 0 the alert was printed; 2 there is no such rule, it has no sample or sends no
/// alert, or a file cannot be used.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A rule: its name or a part of it, or the start of its id
    rule: String,
    /// What to print: the mail (table) or the alert's document (json, ndjson)
    #[arg(long, value_enum, default_value_t = Format::Table, hide_possible_values = true)]
    format: Format,
    /// Names of accounts, a TOML file as for TRAILBELL_ACCOUNTS
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    #[command(flatten)]
    rules: RuleArgs,
}

/// A key as CloudTrail writes it.
const SAMPLE_KEY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/\
                          111122223333_CloudTrail_us-east-1_20260301T1005Z_\
                          9hDkYq3ZpXcV7bNm.json.gz";

fn read_accounts(path: Option<&Path>) -> Result<Accounts> {
    match path {
        Some(path) if is_standard_input(path) => Ok(Accounts::parse("-", &read_text(path)?)?),
        path => Ok(Accounts::from_file(path)?),
    }
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let set = args.rules.load()?;
    let accounts = read_accounts(args.accounts.as_deref())?;
    let rule = find_rule(&set, &args.rule)?;
    let tests = RuleTests::for_origin(rule.origin()).map_err(|problem| anyhow!("{problem}"))?;
    let info = rule.info();
    if info.building_block {
        bail!(
            "rule {:?} is a building block: what it finds is recorded and correlated, and no mail \
             is sent",
            info.name
        );
    }
    let sample = SampleAlerts { set: &set, tests: &tests, accounts: &accounts };
    let alert = match rule {
        AnyRule::Correlation(correlation) => sample.of_correlation(correlation),
        AnyRule::Rule(rule) => match correlation_of(rule, &set) {
            Some(correlation) => sample.of_correlation(correlation),
            None => sample.of_rule(rule),
        },
    }?;
    let mut out = io::stdout().lock();
    match args.format {
        Format::Table => write!(out, "Subject: {}\n\n{}", alert.subject, alert.text)?,
        format => write_document(&mut out, format, &alert.document)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The threshold or the sequence of a rule: the rule sends no other alert.
fn correlation_of<'s>(rule: &Rule, set: &'s RuleSet) -> Option<&'s Correlation> {
    set.correlations().iter().find(|it| it.is_part_of_rule() && it.info.id == rule.info.id)
}

struct SampleAlerts<'a> {
    set: &'a RuleSet,
    tests: &'a RuleTests,
    accounts: &'a Accounts,
}

impl SampleAlerts<'_> {
    fn of_rule(&self, rule: &Rule) -> Result<Alert> {
        let samples = self.samples(&rule.info)?;
        let record = samples.iter().find_map(|test| test.records.first());
        let record = record.with_context(|| no_sample(&rule.info))?;
        let [bucket, key] = ["example-trail", SAMPLE_KEY].map(str::to_owned);
        let is_about_object = integrity::rules().iter().any(|it| it.info.id == rule.info.id);
        let origin = match is_about_object {
            true => Origin::Integrity { bucket, key },
            false => Origin::Object { bucket, key, record: 0 },
        };
        let mut finding = Finding::new(&rule.info, record, origin);
        if let Some(new_terms) = &rule.info.new_terms {
            finding.terms = Terms::from_document(new_terms, &finding.ecs);
        }
        finding.rate(&rule.severity_rules, Timestamp::UNIX_EPOCH);
        Ok(alert::render_finding(&finding, &AlertContext::default(), self.accounts))
    }

    /// Of several samples, the first whose records are enough.
    fn of_correlation(&self, correlation: &Correlation) -> Result<Alert> {
        let now = Timestamp::UNIX_EPOCH;
        let samples = self.samples(&correlation.info)?.iter();
        let mut simulated = samples
            .filter_map(|test| simulate_correlation(correlation, self.set, &test.records, now));
        let (alert, members) = simulated.next().with_context(|| {
            format!(
                "the mail of rule {:?} is about several calls ({}), and no sample has enough: a case \
                 in its .tests.json lists them in \"records\" (`trailbell rules test --help`)",
                correlation.info.name,
                correlation.condition_in_words()
            )
        })?;
        Ok(alert::render_correlation(&alert, &members, self.accounts))
    }

    fn samples(&self, info: &RuleInfo) -> Result<&[TestCase]> {
        let samples = &self.tests.must_match[..];
        if samples.is_empty() { Err(anyhow!(no_sample(info))) } else { Ok(samples) }
    }
}

fn no_sample(info: &RuleInfo) -> String {
    format!("rule {:?} has no sample: its .tests.json has nothing that it must match", info.name)
}
