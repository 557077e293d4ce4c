//! Whether the ledger does what the function needs of it, and whether sweeps run.

use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use trailbell::app::config::LedgerPlace;
use trailbell::ledger::{LedgerError, Probe, StoredLedger, Survey};

use super::{Check, Deployment, fixes, format_age};

/// A sweep runs every 10 minutes, and takes at most as long as the function lives.
const LATE: SignedDuration = SignedDuration::from_mins(30);

/// Then the schedule is off, or every sweep fails.
const DEAD: SignedDuration = SignedDuration::from_hours(1);

/// What the last sweep wrote.
#[derive(Debug, Deserialize)]
struct Heartbeat {
    time: Timestamp,
    sweep: SweepCounts,
}

/// The counts that matter here.
#[derive(Debug, Deserialize)]
struct SweepCounts {
    backlog: u64,
    failed: u64,
    trails_failed: u64,
}

pub(super) fn no_ledger() -> Check {
    let message =
        "TRAILBELL_LEDGER=none: redeliveries produce duplicate alerts, and there are no sweeps";
    Check::warn("ledger", message, set_ledger())
}

fn set_ledger() -> ShellCommand {
    ShellCommand::new("export TRAILBELL_LEDGER=s3://BUCKET/ledger")
}

pub(super) async fn check(
    deployment: &Deployment,
    ledger: &StoredLedger,
    now: Timestamp,
) -> Vec<Check> {
    let place = &deployment.config.ledger;
    let writable = match deployment.read_only {
        true => Check::ok("ledger", format!("{}: writing not tried (read-only)", name(place))),
        false => evaluate_probe(place, ledger.probe().await),
    };
    let mut checks = vec![writable, evaluate_survey(place, ledger.survey().await)];
    if !deployment.config.trails.is_empty() {
        checks.push(check_sweeps(ledger, now).await);
    }
    checks
}

fn name(place: &LedgerPlace) -> String {
    match place {
        LedgerPlace::None => "none".to_owned(),
        LedgerPlace::Dir(path) => format!("the folder {}", path.display()),
        LedgerPlace::S3(place) => place.to_string(),
    }
}

fn evaluate_probe(place: &LedgerPlace, probe: Result<Probe, LedgerError>) -> Check {
    let name = name(place);
    match probe {
        Ok(Probe::Honoured) => {
            let message = format!(
                "{name}: accepts writes and honours conditions (a probe was written and deleted)"
            );
            Check::ok("ledger", message)
        }
        Ok(Probe::Ignored(condition)) => {
            let message = format!(
                "{name}: accepts a write although its {condition} does not hold: findings would \
                 be alerted twice"
            );
            Check::fail("ledger", message, set_ledger())
        }
        Err(error) => refused(place, &error),
    }
}

fn refused(place: &LedgerPlace, error: &LedgerError) -> Check {
    let fix = match place {
        LedgerPlace::S3(place) => {
            let actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"];
            fixes::allow(&actions, &format!("arn:aws:s3:::{}/{}*", place.bucket, place.folder()))
        }
        LedgerPlace::Dir(path) => {
            ShellCommand::new("chmod u+rwX").argument(&path.to_string_lossy())
        }
        LedgerPlace::None => set_ledger(),
    };
    Check::fail("ledger", error_chain(error), fix)
}

fn evaluate_survey(place: &LedgerPlace, survey: Result<Survey, LedgerError>) -> Check {
    let Survey { open, waiting, failed } = match survey {
        Ok(survey) => survey,
        Err(error) => return refused(place, &error),
    };
    let counts = format!("{open} open, {waiting} of them for more than an hour, {failed} failed");
    if failed > 0 {
        let message = format!(
            "{counts}: the topic refused even their minimal alerts. Fix the topic; the next sweep \
             retries them"
        );
        Check::fail("findings", message, fixes::sweep_now())
    } else if waiting > 0 {
        let message = format!("{counts}: a sweep should have alerted them");
        Check::warn("findings", message, fixes::sweep_now())
    } else {
        Check::ok("findings", counts)
    }
}

async fn check_sweeps(ledger: &StoredLedger, now: Timestamp) -> Check {
    let heartbeat = match ledger.sweep_object("heartbeat").await {
        Ok(Some(heartbeat)) => heartbeat,
        Ok(None) => {
            let message = "no sweep has finished yet: is there a schedule?";
            return Check::warn("sweeps", message, fixes::sweep_now());
        }
        Err(error) => return Check::fail("sweeps", error_chain(&error), fixes::sweep_now()),
    };
    match serde_json::from_slice(&heartbeat.bytes) {
        Ok(heartbeat) => evaluate_heartbeat(&heartbeat, now),
        Err(error) => {
            let message = format!("the heartbeat in the ledger is damaged: {error}");
            Check::warn("sweeps", message, fixes::sweep_now())
        }
    }
}

fn evaluate_heartbeat(heartbeat: &Heartbeat, now: Timestamp) -> Check {
    let SweepCounts { backlog, failed, trails_failed } = heartbeat.sweep;
    let message = format!(
        "the last one finished {}: {backlog} log objects left to the next, {failed} failed, \
         {trails_failed} trails could not be swept",
        format_age(heartbeat.time, now)
    );
    let enable = ShellCommand::new("aws events enable-rule --name=SWEEP_RULE");
    match now.duration_since(heartbeat.time) {
        age if age > DEAD => Check::fail("sweeps", message, enable),
        age if age > LATE => Check::warn("sweeps", message, enable),
        _ if backlog + failed + trails_failed > 0 => {
            Check::warn("sweeps", message, fixes::sweep_now())
        }
        _ => Check::ok("sweeps", message),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trailbell::aws_error::{AwsError, AwsErrorKind};
    use trailbell::store::{Action, StoreError};
    use trailbell::sweep::SweepReport;

    use super::*;
    use crate::doctor::Level;

    #[test]
    fn failed_findings_are_worse_than_overdue_ones() {
        let place = LedgerPlace::parse("s3://b//ledger/").unwrap();
        for (survey, level) in [
            (Survey { open: 3, waiting: 0, failed: 0 }, Level::Ok),
            (Survey { open: 3, waiting: 1, failed: 0 }, Level::Warn),
            (Survey { open: 3, waiting: 1, failed: 1 }, Level::Fail),
        ] {
            assert_eq!(evaluate_survey(&place, Ok(survey)).level, level, "{survey:?}");
        }
    }

    #[test]
    fn a_ledger_must_be_writable_and_honour_conditions() {
        let place = LedgerPlace::parse("s3://b//ledger/").unwrap();
        let denied = AwsError::new(AwsErrorKind::Denied, "AccessDenied");
        let denied = StoreError::new(Action::Write, "b", "ledger/doctor/1", denied);
        let check = evaluate_probe(&place, Err(denied.into())).to_string();
        assert!(check.contains("arn:aws:s3:::b/ledger/*"), "{check}");
        assert!(check.contains("s3:DeleteObject"), "{check}");
        assert_eq!(evaluate_probe(&place, Ok(Probe::Ignored("If-Match"))).level, Level::Fail);
    }

    #[test]
    fn a_late_sweep_a_dead_one_and_a_backlog_differ() {
        let now: Timestamp = "2026-03-12T12:00:00Z".parse().unwrap();
        let well = SweepReport::default();
        for (time, sweep, level) in [
            ("2026-03-12T11:50:00Z", well, Level::Ok),
            ("2026-03-12T11:30:00Z", well, Level::Ok),
            ("2026-03-12T11:29:00Z", well, Level::Warn),
            ("2026-03-12T10:59:00Z", well, Level::Fail),
            ("2026-03-12T11:50:00Z", SweepReport { backlog: 1, ..well }, Level::Warn),
            ("2026-03-12T11:50:00Z", SweepReport { failed: 1, ..well }, Level::Warn),
            ("2026-03-12T11:50:00Z", SweepReport { trails_failed: 1, ..well }, Level::Warn),
        ] {
            let written = json!({"time": time, "sweep": sweep}).to_string();
            let heartbeat: Heartbeat = serde_json::from_str(&written).unwrap();
            assert_eq!(evaluate_heartbeat(&heartbeat, now).level, level, "{written}");
        }
    }
}
