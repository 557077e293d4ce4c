//! Whether the rules and exceptions can be used.

use detect::rule::exception::ExceptionState;
use detect::rule::{Detections, LoadedRules};
use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use jiff::Timestamp;
use trailbell::app::config::DetectionsPlace;
use trailbell::app::reload::Reload;

use super::{Check, Deployment};

/// The rules, and checks of rules and exceptions. If the rules cannot be used, the embedded ones
/// are returned, for the other checks.
pub(super) async fn check(
    deployment: &Deployment,
    now: Timestamp,
) -> (Option<Detections>, Vec<Check>) {
    let config = &deployment.config;
    let mut reload = Reload::new(config, Box::new(deployment.store.clone()));
    let why = match reload.check(now).await {
        Ok(Some(detections)) => {
            let rules = format!("{} in use", detections.rule_set.rules().len());
            let exceptions = evaluate_exceptions(&detections, config.exceptions.as_ref(), now);
            return (Some(detections), vec![Check::ok("rules", rules), exceptions]);
        }
        Ok(None) => "there are none".to_owned(),
        Err(error) => error_chain(&error),
    };
    let message = format!("the function cannot start: {why}");
    let fix = check_files("rules", config.rules.as_ref());
    let embedded = LoadedRules::embedded().into_rule_set().ok();
    let embedded =
        embedded.map(|rules| Detections::from(rules).with_settings(config.detection_settings()));
    (embedded, vec![Check::fail("rules", message, fix)])
}

fn evaluate_exceptions(
    detections: &Detections,
    place: Option<&DetectionsPlace>,
    now: Timestamp,
) -> Check {
    let fix = check_files("exceptions", place);
    if let Some(error) = &detections.exceptions_error {
        let message = format!("no exception is in use, so every finding is alerted: {error}");
        return Check::fail("exceptions", message, fix);
    }
    let warnings = detections.warnings(now);
    if !warnings.is_empty() {
        return Check::warn("exceptions", warnings.join("; "), fix);
    }
    let all = detections.exceptions.as_slice();
    let expired = all.iter().filter(|it| it.state(now) == ExceptionState::Expired).count();
    Check::ok("exceptions", format!("{} in use, {expired} expired", all.len() - expired))
}

/// Lists all that is wrong with the files.
fn check_files(kind: &str, place: Option<&DetectionsPlace>) -> ShellCommand {
    let check = ShellCommand::new(&format!("trailbell {kind} check"));
    match place {
        None => ShellCommand::new("unset TRAILBELL_RULE_SETS"),
        Some(DetectionsPlace::Local(path)) => check.argument(&path.to_string_lossy()),
        Some(DetectionsPlace::S3(place)) => {
            let copy = ShellCommand::new("aws s3 cp --recursive").argument(&place.to_string());
            copy.words(&format!("{kind}/ && {check} {kind}/"))
        }
    }
}
