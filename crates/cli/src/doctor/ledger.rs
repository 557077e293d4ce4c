//! Whether the ledger does what the function needs of it, and whether findings are left open in it.

use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use jiff::Timestamp;
use trailbell::app::config::{Config, LedgerPlace};
use trailbell::ledger::{LedgerError, Probe, StoredLedger, Survey};

use super::{Check, Deployment, fixes, sweeps, verified};

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
        checks.push(sweeps::check_heartbeat(ledger, now).await);
        checks.extend(sweeps::check_states(&deployment.config.trails, ledger, now).await);
        let Config { verify, trails, .. } = &deployment.config;
        checks.push(verified::check(ledger, *verify, trails, now).await);
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
                "{name}: accepts writes and honours conditions, also of writes at once (probes \
                 were written and deleted)"
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
        Ok(Probe::Raced { condition, lost, races }) => {
            let message = format!(
                "{name}: {lost} of {races} races of writes at once with {condition} had no single \
                 winner: findings would be alerted twice, or lost"
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

#[cfg(test)]
mod tests {
    use trailbell::aws_error::{AwsError, AwsErrorKind};
    use trailbell::store::{Action, StoreError};

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
        let raced = Probe::Raced { condition: "If-None-Match", lost: 2, races: 3 };
        assert_eq!(evaluate_probe(&place, Ok(raced)).level, Level::Fail);
    }
}
