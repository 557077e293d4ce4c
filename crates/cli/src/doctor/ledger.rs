//! Whether the ledger does what the function needs of it.

use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use trailbell::app::config::LedgerPlace;
use trailbell::ledger::{LedgerError, Probe, StoredLedger, Survey};

use super::{Check, Deployment, bucket};

pub(super) fn none() -> Check {
    let told =
        "TRAILBELL_LEDGER=none: what is delivered twice is told twice, and there are no sweeps";
    Check::warn("ledger", told, ShellCommand::new("export TRAILBELL_LEDGER=s3://BUCKET/ledger"))
}

pub(super) async fn examine(deployment: &Deployment, ledger: &StoredLedger) -> Vec<Check> {
    let place = &deployment.config.ledger;
    let written = match deployment.read_only {
        true => Check::ok("ledger", format!("{}: not tried to write, as asked", named(place))),
        false => judge_probe(place, ledger.probe().await),
    };
    vec![written, judge_survey(place, ledger.survey().await)]
}

fn named(place: &LedgerPlace) -> String {
    match place {
        LedgerPlace::None => "none".to_owned(),
        LedgerPlace::Dir(path) => format!("the folder {}", path.display()),
        LedgerPlace::S3(place) => place.to_string(),
    }
}

fn judge_probe(place: &LedgerPlace, probe: Result<Probe, LedgerError>) -> Check {
    let name = named(place);
    match probe {
        Ok(Probe::Honoured) => {
            let told = format!(
                "{name}: takes writes, and keeps to conditions (a probe was written and removed)"
            );
            Check::ok("ledger", told)
        }
        Ok(Probe::Ignored(condition)) => {
            let told = format!(
                "{name}: takes a write whose {condition} does not hold: findings would be told twice"
            );
            Check::fail(
                "ledger",
                told,
                ShellCommand::new("export TRAILBELL_LEDGER=s3://BUCKET/ledger"),
            )
        }
        Err(error) => refused(place, &error),
    }
}

fn refused(place: &LedgerPlace, error: &LedgerError) -> Check {
    let cure = match place {
        LedgerPlace::S3(place) => {
            let actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"];
            bucket::allow(&actions, &format!("arn:aws:s3:::{}/{}*", place.bucket, place.folder()))
        }
        LedgerPlace::Dir(path) => {
            ShellCommand::new("chmod u+rwX").argument(&path.to_string_lossy())
        }
        LedgerPlace::None => ShellCommand::new("export TRAILBELL_LEDGER=s3://BUCKET/ledger"),
    };
    Check::fail("ledger", error_chain(error), cure)
}

fn judge_survey(place: &LedgerPlace, survey: Result<Survey, LedgerError>) -> Check {
    let survey = match survey {
        Ok(survey) => survey,
        Err(error) => return refused(place, &error),
    };
    let Survey { open, waiting, failed } = survey;
    let told = format!("{open} open, {waiting} of them for more than an hour, {failed} failed");
    match (failed, waiting) {
        (0, 0) => Check::ok("findings", told),
        (0, _) => Check::warn(
            "findings",
            format!("{told}: a sweep should have told them"),
            super::sweeps::sweep(),
        ),
        _ => {
            let told = format!(
                "{told}: the topic refused them, the short form too. Mend it; the next sweep tells them"
            );
            Check::fail("findings", told, super::sweeps::sweep())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailbell::aws_error::{AwsError, AwsErrorKind};
    use trailbell::store::{Action, StoreError};

    use crate::doctor::Level;

    #[test]
    fn what_failed_is_worse_than_what_waits() {
        let place = LedgerPlace::parse("s3://b//ledger/").unwrap();
        for (survey, level) in [
            (Survey { open: 3, waiting: 0, failed: 0 }, Level::Ok),
            (Survey { open: 3, waiting: 1, failed: 0 }, Level::Warn),
            (Survey { open: 3, waiting: 1, failed: 1 }, Level::Fail),
        ] {
            assert_eq!(judge_survey(&place, Ok(survey)).level, level, "{survey:?}");
        }
        let denied = AwsError::new(AwsErrorKind::Denied, "AccessDenied");
        let error = StoreError::new(Action::Write, "b", "ledger/doctor/1", denied).into();
        let told = judge_probe(&place, Err(error)).to_string();
        assert!(
            told.contains("arn:aws:s3:::b/ledger/*") && told.contains("s3:DeleteObject"),
            "{told}"
        );
        assert_eq!(judge_probe(&place, Ok(Probe::Ignored("If-Match"))).level, Level::Fail);
    }
}
