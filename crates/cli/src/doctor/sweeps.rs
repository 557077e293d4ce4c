//! Whether sweeps run, and whether they know where they were.

use detect::cloudtrail::Trail;
use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use trailbell::ledger::StoredLedger;
use trailbell::sweep::{ProvenCursors, Restart, TrailState, state_name};

use super::{Check, fixes, format_age};

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
    #[serde(default)]
    undelivered: u64,
    trails_failed: u64,
}

/// How long a trail that was started again is reported.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(super) async fn check_heartbeat(ledger: &StoredLedger, now: Timestamp) -> Check {
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
    let SweepCounts { backlog, failed, undelivered, trails_failed } = heartbeat.sweep;
    let mut message = format!(
        "the last one finished {}: {backlog} log objects left to the next, {failed} could not be \
         read, {trails_failed} trails could not be swept",
        format_age(heartbeat.time, now)
    );
    if undelivered > 0 {
        message += &format!(
            "; {undelivered} log objects were read, with findings that the ledger could not record \
             or the topic did not take (the function's log names them)"
        );
    }
    let enable = ShellCommand::new("aws events enable-rule --name=SWEEP_RULE");
    match now.duration_since(heartbeat.time) {
        age if age > DEAD => Check::fail("sweeps", message, enable),
        age if age > LATE => Check::warn("sweeps", message, enable),
        _ if backlog + failed + undelivered + trails_failed > 0 => {
            Check::warn("sweeps", message, fixes::sweep_now())
        }
        _ => Check::ok("sweeps", message),
    }
}

/// One check for each trail whose state is damaged, or was a short time ago.
pub(super) async fn check_states(
    trails: &[Trail],
    ledger: &StoredLedger,
    now: Timestamp,
) -> Vec<Check> {
    // Its own check reports a heartbeat that cannot be read.
    let proven = ProvenCursors::load(ledger).await.unwrap_or_default();
    let mut checks = Vec::new();
    for trail in trails {
        let name = state_name(trail);
        let proven = proven.cursor(&name);
        match ledger.sweep_object(&name).await {
            Ok(object) => {
                let bytes = object.as_ref().map(|object| &*object.bytes);
                checks.extend(evaluate_state(trail, bytes, proven, now));
            }
            Err(error) => {
                checks.push(Check::fail("sweeps", error_chain(&error), fixes::sweep_now()));
            }
        }
    }
    checks
}

/// `proven` is the cursor of the last heartbeat.
fn evaluate_state(
    trail: &Trail,
    state: Option<&[u8]>,
    proven: Option<Timestamp>,
    now: Timestamp,
) -> Option<Check> {
    let next = |what: String| {
        let cursor = Restart::new(now, proven).cursor;
        let message = format!("{trail}: {what}. The next sweep starts again from {cursor}");
        Some(Check::warn("sweeps", message, fixes::sweep_now()))
    };
    match state.map(serde_json::from_slice::<TrailState>) {
        None => proven.and_then(|_| next("what sweeps remember is gone".to_owned())),
        Some(Err(error)) => next(format!("what sweeps remember is damaged: {error}")),
        Some(Ok(state)) => state.restart().and_then(|it| evaluate_restart(trail, it, now)),
    }
}

fn evaluate_restart(trail: &Trail, restart: Restart, now: Timestamp) -> Option<Check> {
    let Restart { time, cursor, proven } = restart;
    let age = format_age(time, now);
    let message = format!(
        "{trail}: what sweeps remembered was damaged or gone {age}, and they started again from \
         {cursor}"
    );
    if now.duration_since(time) > RECENT {
        return None;
    }
    if proven {
        return Some(Check::ok("sweeps", format!("{message}, where they had been")));
    }
    let replay = ShellCommand::new("trailbell replay")
        .argument(&trail.to_string())
        .words("--since=TIME")
        .option("--until", &cursor.to_string());
    let message = format!("{message}, a guess: older log objects may be unread");
    Some(Check::warn("sweeps", message, replay))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trailbell::sweep::SweepReport;

    use super::*;
    use crate::doctor::Level;

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
            ("2026-03-12T11:50:00Z", SweepReport { undelivered: 1, ..well }, Level::Warn),
        ] {
            let written = json!({"time": time, "sweep": sweep}).to_string();
            let heartbeat: Heartbeat = serde_json::from_str(&written).unwrap();
            assert_eq!(evaluate_heartbeat(&heartbeat, now).level, level, "{written}");
        }
    }

    #[test]
    fn a_state_that_is_damaged_or_was_is_reported_with_where_sweeps_start_again() {
        let now: Timestamp = "2026-03-12T12:00:00Z".parse().unwrap();
        let proven: Timestamp = "2026-03-12T11:40:00Z".parse().unwrap();
        let trail = Trail::parse("s3://logs").unwrap();
        let state = |restart: Option<Restart>| {
            let name = trail.to_string();
            let new = TrailState::new(name.clone(), now);
            let state = restart.map_or(new, |it| TrailState::restarted(name, it));
            serde_json::to_vec(&state).unwrap()
        };
        let earlier = |hours: i64| now.checked_sub(SignedDuration::from_hours(hours)).unwrap();
        let restarted = |hours, proven| state(Some(Restart::new(earlier(hours), proven)));
        for (state, proven, expected) in [
            (None, None, None),
            (None, Some(proven), Some((Level::Warn, "is gone. The next sweep starts again from"))),
            (Some(b"{".to_vec()), Some(proven), Some((Level::Warn, "from 2026-03-12T11:40:00Z"))),
            (Some(b"{".to_vec()), None, Some((Level::Warn, "from 2026-03-11T12:00:00Z"))),
            (Some(state(None)), Some(proven), None),
            (Some(restarted(1, Some(proven))), None, Some((Level::Ok, "where they had been"))),
            (Some(restarted(1, None)), None, Some((Level::Warn, "--until=2026-03-11T11:00:00Z"))),
            (Some(restarted(24 * 8, None)), None, None),
        ] {
            let check = evaluate_state(&trail, state.as_deref(), proven, now);
            let found = check.as_ref().map(|check| check.level);
            assert_eq!(found, expected.map(|(level, _)| level), "{check:?}");
            if let (Some(check), Some((_, part))) = (check, expected) {
                assert!(check.to_string().contains(part), "{check}");
            }
        }
    }
}
