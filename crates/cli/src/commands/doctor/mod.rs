//! `trailbell doctor`: looks at a deployment and says what mends it.

pub mod args;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use args::{DoctorArgs, DoctorFormat};
use jiff::Timestamp;
use trailbell::app::config::Config;
use trailbell::app::wiring::Aws;

use crate::doctor::{self, Announced, Deployment, DoctorReport, Level};

pub fn run(args: &DoctorArgs) -> Result<ExitCode, Box<dyn Error>> {
    let examined = match Config::from_vars(settings(args)) {
        Ok(config) => examine(args, config)?,
        Err(error) => doctor::unusable(&error),
    };
    let mut out = io::stdout().lock();
    match args.format {
        DoctorFormat::Text => write!(out, "{examined}")?,
        DoctorFormat::Json => write!(out, "{}", examined.json())?,
    }
    out.flush()?;
    Ok(ExitCode::from(match examined.worst() {
        Level::Ok => 0,
        Level::Warn => 1,
        Level::Fail => 2,
    }))
}

fn examine(args: &DoctorArgs, config: Config) -> Result<DoctorReport, Box<dyn Error>> {
    let announced = match &args.announced {
        Some(text) => {
            Some(Announced::parse(text).ok_or("--announced is an ARN, eventbridge or cloudtrail")?)
        }
        None => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(async {
        let owner = args.expected_bucket_owner.clone();
        Deployment::new(&Aws::from_default_chain(), config, announced, owner, args.read_only)
            .await
            .examine(now())
            .await
    }))
}

/// The function's settings: the environment's, and what was said here instead.
fn settings(args: &DoctorArgs) -> Vec<(OsString, OsString)> {
    let said = [
        ("TRAILBELL_ALERTS", args.alerts.as_deref()),
        ("TRAILBELL_LEDGER", args.ledger.as_deref()),
        ("TRAILBELL_TRAILS", args.trails.as_deref()),
        ("TRAILBELL_RULES", args.rules.as_deref()),
        ("TRAILBELL_EXCEPTIONS", args.exceptions.as_deref()),
        // A deployment's logs are in S3.
        ("TRAILBELL_STORE", Some("s3")),
    ];
    let said: Vec<(OsString, OsString)> =
        said.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into()))).collect();
    let others = std::env::vars_os().filter(|(name, _)| !said.iter().any(|(told, _)| told == name));
    others.chain(said.clone()).collect()
}

#[expect(clippy::disallowed_methods, reason = "where this command reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
