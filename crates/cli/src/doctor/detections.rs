//! Whether the rules and exceptions can be used.

use detect::rule::exception::ExceptionState;
use detect::rule::{Detections, Exceptions, LoadedRules, RuleSet};
use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use jiff::Timestamp;
use trailbell::app::config::DetectionsPlace;
use trailbell::app::reload::Reload;

use super::{Check, Deployment};

/// The rules, and how it stands with them. Where they cannot be used, those that come with the
/// program stand in.
pub(super) async fn examine(
    deployment: &Deployment,
    now: Timestamp,
) -> (Option<RuleSet>, Vec<Check>) {
    let config = &deployment.config;
    match Reload::new(config, Box::new(deployment.store.clone())).check(now).await {
        Ok(Some(detections)) => {
            let checks = vec![
                rules(&detections.rule_set),
                exceptions(&detections, config.exceptions.as_ref(), now),
            ];
            (Some(detections.rule_set), checks)
        }
        Ok(None) => (embedded(), vec![unusable("there are none", config.rules.as_ref())]),
        Err(error) => (embedded(), vec![unusable(&error_chain(&error), config.rules.as_ref())]),
    }
}

fn embedded() -> Option<RuleSet> {
    LoadedRules::from_paths(true, &[]).into_rule_set().ok()
}

fn rules(rules: &RuleSet) -> Check {
    Check::ok("rules", format!("{} in use", rules.rules().len()))
}

fn unusable(why: &str, place: Option<&DetectionsPlace>) -> Check {
    Check::fail("rules", format!("the function cannot start: {why}"), look("rules", place))
}

/// What tells all that is wrong with the files.
fn look(kind: &str, place: Option<&DetectionsPlace>) -> ShellCommand {
    let check = ShellCommand::new(&format!("trailbell {kind} check"));
    match place {
        None => ShellCommand::new("unset TRAILBELL_DEFAULT_RULES"),
        Some(DetectionsPlace::Local(path)) => check.argument(&path.to_string_lossy()),
        Some(DetectionsPlace::S3(place)) => {
            let copy = ShellCommand::new("aws s3 cp --recursive").argument(&place.to_string());
            copy.words(&format!("{kind}/ && {check} {kind}/"))
        }
    }
}

fn exceptions(detections: &Detections, place: Option<&DetectionsPlace>, now: Timestamp) -> Check {
    if let Some(fault) = &detections.exceptions_error {
        let told = format!("none is in use, every finding is alerted: {fault}");
        return Check::fail("exceptions", told, look("exceptions", place));
    }
    let warnings = detections.warnings(now);
    match warnings.is_empty() {
        true => Check::ok("exceptions", counted(&detections.exceptions, now)),
        false => Check::warn("exceptions", warnings.join("; "), look("exceptions", place)),
    }
}

fn counted(exceptions: &Exceptions, now: Timestamp) -> String {
    let all = exceptions.as_slice();
    let expired =
        all.iter().filter(|exception| exception.state(now) == ExceptionState::Expired).count();
    format!("{} in use, {expired} expired", all.len() - expired)
}
