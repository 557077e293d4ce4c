//! Whether sweeps come, and what the last one left.

use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use trailbell::app::config::Config;
use trailbell::ledger::StoredLedger;

use super::Check;
use super::age::format_age;

const WHAT: &str = "sweeps";

/// Sweeps come every 10 minutes, and one may take as long as the function lives.
const LATE: SignedDuration = SignedDuration::from_mins(30);

/// Then the schedule is off, or every sweep fails.
const DEAD: SignedDuration = SignedDuration::from_hours(1);

/// What the last sweep wrote.
#[derive(Debug, Deserialize)]
struct Heartbeat {
    time: Timestamp,
    sweep: Left,
}

/// The counts that matter here.
#[derive(Debug, Deserialize)]
struct Left {
    backlog: u64,
    failed: u64,
    trails_failed: u64,
}

/// What lets the function sweep at once.
pub(super) fn sweep() -> ShellCommand {
    let invoke = "aws lambda invoke --function-name=FUNCTION --cli-binary-format=raw-in-base64-out";
    ShellCommand::new(invoke).option("--payload", r#"{"trailbell":"sweep"}"#).words("/dev/stdout")
}

pub(super) async fn examine(
    ledger: &StoredLedger,
    config: &Config,
    now: Timestamp,
) -> Option<Check> {
    if config.trails.is_empty() {
        return None;
    }
    Some(match ledger.sweep_object("heartbeat").await {
        Err(error) => Check::fail(WHAT, error_chain(&error), sweep()),
        Ok(None) => {
            Check::warn(WHAT, "none has come to its end yet: is there a schedule?", sweep())
        }
        Ok(Some(note)) => match serde_json::from_slice(&note.bytes) {
            Ok(heartbeat) => judge(&heartbeat, now),
            Err(error) => Check::warn(
                WHAT,
                format!("the heartbeat in the ledger is damaged: {error}"),
                sweep(),
            ),
        },
    })
}

fn judge(heartbeat: &Heartbeat, now: Timestamp) -> Check {
    let age = now.duration_since(heartbeat.time);
    let Left { backlog, failed, trails_failed } = heartbeat.sweep;
    let told = format!(
        "the last was {}; it left {backlog} log objects to the next, {failed} could not be read, {trails_failed} trails \
         could not be listed",
        format_age(heartbeat.time, now)
    );
    let troubled = backlog + failed + trails_failed > 0;
    match age {
        age if age > DEAD => Check::fail(WHAT, told, enable()),
        age if age > LATE => Check::warn(WHAT, told, enable()),
        _ if troubled => Check::warn(WHAT, told, sweep()),
        _ => Check::ok(WHAT, told),
    }
}

fn enable() -> ShellCommand {
    ShellCommand::new("aws events enable-rule --name=SWEEP_RULE")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;
    use serde_json::json;
    use trailbell::sweep::SweepReport;

    #[test]
    fn a_late_sweep_is_told_from_a_dead_one_and_from_one_with_a_backlog() {
        let now: Timestamp = "2026-03-12T12:00:00Z".parse().unwrap();
        for (time, report, level) in [
            ("2026-03-12T11:50:00Z", SweepReport::default(), Level::Ok),
            ("2026-03-12T11:30:00Z", SweepReport::default(), Level::Ok),
            ("2026-03-12T11:29:00Z", SweepReport::default(), Level::Warn),
            ("2026-03-12T10:59:00Z", SweepReport::default(), Level::Fail),
            (
                "2026-03-12T11:50:00Z",
                SweepReport { backlog: 1, ..SweepReport::default() },
                Level::Warn,
            ),
            (
                "2026-03-12T11:50:00Z",
                SweepReport { failed: 1, ..SweepReport::default() },
                Level::Warn,
            ),
            (
                "2026-03-12T11:50:00Z",
                SweepReport { trails_failed: 1, ..SweepReport::default() },
                Level::Warn,
            ),
        ] {
            let written = json!({"time": time, "sweep": report}).to_string();
            let heartbeat: Heartbeat = serde_json::from_str(&written).unwrap();
            assert_eq!(judge(&heartbeat, now).level, level, "{written}");
        }
    }
}
