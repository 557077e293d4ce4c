//! `trailbell preview`: the alert of a rule, of sample data.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use alert::{Accounts, Alert};
use detect::correlation;
use detect::finding::{Context, Finding, Origin};
use detect::rule::testing::RuleTests;
use detect::rule::{Correlation, Rule, RuleInfo, RuleSet};
use detect::text::clean;
use jiff::Timestamp;

use crate::commands::args::{PreviewArgs, PreviewFormat};
use crate::commands::rules::{self, Any};

/// The most characters of a rule's id or name.
const NAME: usize = 300;

pub fn run(args: &PreviewArgs) -> Result<ExitCode, Box<dyn Error>> {
    let set = rules::load(!args.source.no_default_rules, &args.source.rules)?;
    let accounts = Accounts::from_file(args.accounts.as_deref())?;
    let mut out = io::stdout().lock();
    let Some(wanted) = &args.rule else {
        rules::all(&set).try_for_each(|rule| writeln!(out, "{}", listed(rule.info())))?;
        return Ok(ExitCode::SUCCESS);
    };
    let alert = match rules::find(&set, wanted)? {
        Any::Rule(rule) => alert(rule, &accounts)?,
        Any::Correlation(it) => correlation_alert(it, &set, &accounts)?,
    };
    match args.format {
        PreviewFormat::Text => write!(out, "Subject: {}\n\n{}", alert.subject, alert.text)?,
        PreviewFormat::Json => {
            writeln!(out, "{}", clean::json(&serde_json::to_string_pretty(&alert.document)?))?
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(rule: &RuleInfo) -> String {
    let (severity, id) = (rule.severity.as_str(), clean::text(&rule.id, NAME));
    format!("{severity:<8}  {id}  {}", clean::text(&rule.name, NAME))
}

/// Of the first sequence at which the correlation must ring.
fn correlation_alert(
    it: &Correlation,
    set: &RuleSet,
    accounts: &Accounts,
) -> Result<Alert, Box<dyn Error>> {
    let sequences = RuleTests::for_origin(&it.origin).map_err(|problem| problem.to_string())?;
    let first = sequences.must_match.first();
    let correlation_alerts = first.and_then(|first| {
        correlation::testing::simulate_correlation(it, set, &first.records, Timestamp::UNIX_EPOCH)
    });
    let Some((told, known)) = correlation_alerts else {
        let name = clean::text(&it.info.name, NAME);
        return Err(format!(
            "rule \"{name}\" has no sample: its .tests.json has no records at which it rings"
        )
        .into());
    };
    Ok(alert::render_correlation(&told, &known, accounts))
}

fn alert(rule: &Rule, accounts: &Accounts) -> Result<Alert, Box<dyn Error>> {
    let tests = RuleTests::for_origin(&rule.origin).map_err(|problem| problem.to_string())?;
    let Some(record) = tests.must_match.first().and_then(|case| case.records.first()) else {
        let name = clean::text(&rule.info.name, NAME);
        return Err(format!(
            "rule \"{name}\" has no sample: its .tests.json has no record that it must match"
        )
        .into());
    };
    let origin = Origin::Object {
        bucket: "example-trail".to_owned(),
        key: SAMPLE_KEY.to_owned(),
        record: 0,
    };
    Ok(alert::render(&Finding::new(&rule.info, record, origin), &Context::default(), accounts))
}

/// As CloudTrail names its objects.
const SAMPLE_KEY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/\
                          111122223333_CloudTrail_us-east-1_20260301T1005Z_9hDkYq3ZpXcV7bNm.json.gz";
