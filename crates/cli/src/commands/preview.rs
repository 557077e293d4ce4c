//! `trailbell preview`: the alert of a rule, rendered from sample data.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alert::{Accounts, Alert};
use anyhow::{Context, Result, anyhow};
use detect::correlation::testing::simulate_correlation;
use detect::finding::{Context as AlertContext, Finding, Origin, integrity};
use detect::rule::testing::{RuleTests, TestCase};
use detect::rule::{Correlation, Rule, RuleSet};
use jiff::Timestamp;

use crate::commands::any_rule::{AnyRule, find_rule};
use crate::commands::arguments::RuleArgs;
use crate::commands::input::{is_standard_input, read_text};
use crate::commands::output::{Format, write_document};

/// Show the alert of a rule with sample data.
///
/// The sample is the first record or sequence that the rule's own tests say it must match (see
/// `trailbell rules test --help`).
///
/// Exit codes: 0 the alert was printed; 2 there is no such rule, it has no sample, or a
/// file cannot be used.
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
    let sample = tests.must_match.first().and_then(|test| match rule {
        AnyRule::Rule(rule) => sequence_alert(rule, &set, test, &accounts)
            .or_else(|| rule_alert(rule, test, &accounts)),
        AnyRule::Correlation(correlation) => correlation_alert(correlation, &set, test, &accounts),
    });
    let alert = sample.with_context(|| {
        let name = &rule.info().name;
        format!("rule {name:?} has no sample: its .tests.json has nothing that it must match")
    })?;
    let mut out = io::stdout().lock();
    match args.format {
        Format::Table => write!(out, "Subject: {}\n\n{}", alert.subject, alert.text)?,
        format => write_document(&mut out, format, &alert.document)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn rule_alert(rule: &Rule, test: &TestCase, accounts: &Accounts) -> Option<Alert> {
    let record = test.records.first()?;
    let [bucket, key] = ["example-trail", SAMPLE_KEY].map(str::to_owned);
    let is_about_object = integrity::rules().iter().any(|it| it.info.id == rule.info.id);
    let origin = match is_about_object {
        true => Origin::Integrity { bucket, key },
        false => Origin::Object { bucket, key, record: 0 },
    };
    let mut finding = Finding::new(&rule.info, record, origin);
    finding.rate(&rule.severity_rules, Timestamp::UNIX_EPOCH);
    Some(alert::render_finding(&finding, &AlertContext::default(), accounts))
}

/// The alert of a sequence is that of its steps.
fn sequence_alert(
    rule: &Rule,
    set: &RuleSet,
    test: &TestCase,
    accounts: &Accounts,
) -> Option<Alert> {
    let is_sequence = |it: &&Correlation| rule.info.sequence && it.info.id == rule.info.id;
    let sequence = set.correlations().iter().find(is_sequence)?;
    correlation_alert(sequence, set, test, accounts)
}

fn correlation_alert(
    correlation: &Correlation,
    set: &RuleSet,
    test: &TestCase,
    accounts: &Accounts,
) -> Option<Alert> {
    let now = Timestamp::UNIX_EPOCH;
    let (alert, members) = simulate_correlation(correlation, set, &test.records, now)?;
    Some(alert::render_correlation(&alert, &members, accounts))
}
