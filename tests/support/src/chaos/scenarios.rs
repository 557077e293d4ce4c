//! The table of attacks.

use std::time::Duration;

use serde_json::json;

use super::corpus::{Call, LogObject, gzip, log_key, quiet_record};
use super::deployment::LOGS;
use super::faults::{Act, Rule, Weather};
use super::http::Request;
use super::ledger;
use super::scenario::{Check, Load, Scale, Scenario};

const ADD: &str = "AddUserToGroup";
const CREATE: &str = "CreateGroup";
const DELETE: &str = "DeleteGroup";

/// All attacks, in the order of the table.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "an ordinary day",
        attack: "12 objects, some announced twice, one not at all",
        expected: "each call is alerted once, with 128 MiB of memory",
        settings: |settings| settings.memory_mb = Some(128),
        load: |load, _| {
            for number in 0..12 {
                let user = format!("user{number}");
                let object = load.put(&user, vec![Call::new(CREATE, &user, number)]);
                object.announcements = [1, 2, 0][number % 3];
            }
        },
        checks: &[Check::NoCrash, Check::ExplainedDuplicates(0)],
    },
    Scenario {
        name: "a suppressed principal",
        attack: "calls of a principal with an exception among others",
        expected: "they are suppressed, the others alerted",
        settings: |settings| {
            settings.variables.push(("TRAILBELL_EXCEPTIONS", EXCEPTIONS_PLACE.to_owned()));
            settings.files.push((EXCEPTIONS_KEY, EXCEPTIONS));
        },
        load: |load, _| {
            let calls = (0..6).map(|number| {
                let user = if number < 4 { "automation" } else { "alice" };
                Call::new(CREATE, user, number)
            });
            load.put("mixed", calls.collect());
        },
        checks: &[Check::NoCrash, Check::Suppressed(4)],
    },
    Scenario {
        name: "kills at any request",
        attack: "copies are killed at 1 request of 125, and at random moments",
        expected: "nothing is lost; an alert comes twice only if its copy died before recording it",
        settings: |settings| {
            settings.copies = 3;
            settings.random_kills = (15, Duration::from_secs(2));
            settings.weather = Weather { kills_before: 40, kills_after: 40, ..Weather::default() };
            settings.seed = 7;
        },
        load: |load, scale| {
            many_small_objects(load, scale.pick(25, 300));
            load.excuses_kills = true;
        },
        checks: &[Check::NoCrash, Check::KilledAtLeast(3)],
    },
    Scenario {
        name: "killed after publishing",
        attack: "a copy is killed when SNS has accepted an alert and not answered",
        expected: "that alert is sent again, and no other",
        settings: |settings| settings.rules.push(Rule::once(publishes, Act::KillAfter)),
        load: |load, _| {
            load.put("one", vec![Call::new(CREATE, "alice", 1)]);
            load.put("two", vec![Call::new(CREATE, "bob", 1)]);
        },
        checks: &[Check::NoCrash, Check::KilledAtLeast(1)],
    },
    Scenario {
        name: "killed before completing",
        attack: "a copy is killed before it records an alert that it sent",
        expected: "that alert is sent again, and no other",
        settings: |settings| settings.rules.push(Rule::once(completes, Act::KillBefore)),
        load: |load, _| {
            load.put("one", vec![Call::new(CREATE, "alice", 1)]);
        },
        checks: &[Check::NoCrash, Check::ExplainedDuplicates(1)],
    },
    Scenario {
        name: "a bad day at AWS",
        attack: "of 100 requests 2 fail, 2 are throttled, 2 get no answer, 4 writes conflict",
        expected: "nothing is lost; an alert comes twice only if an answer was lost",
        settings: |settings| {
            settings.weather = Weather {
                latency_ms: (1, 15),
                internal_errors: 200,
                throttles: 200,
                lost_requests: 100,
                lost_answers: 100,
                cut_answers: 50,
                conflicts: 400,
                ..Weather::default()
            };
            settings.entry_failures = 500;
        },
        load: |load, scale| many_small_objects(load, scale.pick(20, 200)),
        checks: &[Check::NoCrash],
    },
    Scenario {
        name: "requests that hang",
        attack: "a fetch, a claim and a publish never get an answer",
        expected: "each is tried again in time",
        settings: |settings| {
            settings.rules.push(Rule::once(fetches_log_object, Act::Hang));
            settings.rules.push(Rule::once(claims, Act::HangAfter));
            settings.rules.push(Rule::once(publishes, Act::Hang));
        },
        load: |load, _| many_small_objects(load, 3),
        checks: &[Check::NoCrash, Check::ExplainedDuplicates(0)],
    },
    Scenario {
        name: "pages of alerts",
        attack: "a page gets no answer, one is refused, a copy is killed when it has written one",
        expected: "each call is alerted once, with or without its page",
        settings: |settings| {
            let place = format!("s3://{}/reports", ledger::BUCKET);
            settings.variables.push(("TRAILBELL_REPORTS", place));
            settings.rules.push(Rule::once(writes_page, Act::KillAfter));
            settings.rules.push(Rule::once(writes_page, Act::Hang));
            settings.rules.push(Rule::once(writes_page, Act::Refuse(403, "AccessDenied")));
        },
        load: |load, _| many_small_objects(load, 6),
        checks: &[Check::NoCrash, Check::KilledAtLeast(1), Check::ExplainedDuplicates(0)],
    },
    Scenario {
        name: "the pace of alerts",
        attack: "25 principals make one call each",
        expected: "at most 10 messages a second",
        settings: |_| {},
        load: |load, _| many_small_objects(load, 25),
        checks: &[Check::NoCrash, Check::MessagesPerSecond(10)],
    },
    Scenario {
        name: "a flood beside others",
        attack: "one principal's flood and one call each of ten others in one object",
        expected: "the others are reported before half of the flood is done",
        settings: |settings| settings.weather.latency_ms = (20, 20),
        load: |load, scale| {
            let mut calls = flood("mallory", scale.pick(30, 5_000));
            calls.extend((0..10).map(|number| Call::new(ADD, &format!("user{number}"), number)));
            load.put("flood", calls);
        },
        checks: &[Check::NoCrash, Check::OthersBefore(0.5, "mallory")],
    },
    Scenario {
        name: "a forged event id, read first",
        attack: "a record with the eventID of a real call is read before it",
        expected: "both calls are alerted",
        settings: |_| {},
        load: |load, _| {
            let (real, forged) = real_and_forged();
            load.put("a-forged", vec![forged]);
            load.put("b-real", vec![real]);
        },
        checks: &[Check::NoCrash],
    },
    Scenario {
        name: "a forged event id, same object",
        attack: "a record with the eventID of a real call stands before it in its object",
        expected: "both calls are alerted",
        settings: |_| {},
        load: |load, _| {
            let (real, forged) = real_and_forged();
            load.put("both", vec![forged, real]);
        },
        checks: &[Check::NoCrash],
    },
    Scenario {
        name: "many findings in one object",
        attack: "one object holds so many findings that they fill the memory",
        expected: "each is alerted or summarised, and a copy takes at most 96 MiB",
        settings: |_| {},
        load: |load, scale| {
            // Few large findings grow the memory as many small ones do, with fewer requests.
            let (count, padding) = match scale {
                Scale::Short => (100, 90_000),
                Scale::Long => (20_000, 0),
            };
            let calls = flood("mallory", count);
            let time = load.call_time();
            let records: Vec<_> = calls
                .iter()
                .map(|call| {
                    let mut record = call.record(time);
                    record["requestParameters"]["padding"] = "x".repeat(padding).into();
                    record
                })
                .collect();
            load.add(LogObject::new(load.now, "many", &records));
            load.calls.extend(calls);
        },
        checks: &[Check::NoCrash, Check::MemoryGrowth { short: 32.0, long: 84.0 }],
    },
    Scenario {
        name: "a poisonous object in a batch",
        attack: "copies that read one object die; nine others are in its batch, none is swept",
        expected: "the others are alerted, and only it is a dead letter",
        settings: |settings| {
            settings.rules.push(Rule::always(fetches_poison, Act::KillBefore));
            settings.variables.push(("TRAILBELL_TRAILS", String::new()));
        },
        load: |load, _| {
            load.put("a-poison", vec![]);
            load.expect_dead_letter();
            many_small_objects(load, 9);
        },
        checks: &[Check::NoCrash],
    },
    Scenario {
        name: "a poisonous object in a sweep",
        attack: "copies that read one object die; nine others were never announced",
        expected: "sweeps alert the others",
        settings: |settings| {
            settings.rules.push(Rule::always(fetches_poison, Act::KillBefore));
            settings.sweeps = (12, 12);
        },
        load: |load, _| {
            load.put("a-poison", vec![]).announcements = 0;
            many_small_objects(load, 9);
            load.objects.iter_mut().for_each(|object| object.announcements = 0);
        },
        checks: &[Check::NoCrash],
    },
    Scenario {
        name: "an hour of dying sweeps",
        attack: "three objects were never announced, and the first six sweeps are killed",
        expected: "a later sweep alerts them",
        settings: |settings| {
            settings.rules.push(Rule { times: 6, ..Rule::always(lists_logs, Act::KillBefore) });
            settings.sweeps = (9, 9);
        },
        load: |load, _| unannounced_objects(load, 3),
        checks: &[Check::NoCrash, Check::KilledAtLeast(6)],
    },
    Scenario {
        name: "an hour of sweeps that die early",
        attack: "the same, and the sweeps are killed before they look at the trail",
        expected: "a later sweep alerts them",
        settings: |settings| {
            settings.rules.push(Rule { times: 7, ..Rule::always(lists_open, Act::KillBefore) });
            settings.sweeps = (10, 10);
        },
        load: |load, _| unannounced_objects(load, 3),
        checks: &[Check::NoCrash, Check::KilledAtLeast(7)],
    },
    Scenario {
        name: "an object over the limit",
        attack: "an object inflates to more than is allowed, two calls in front",
        expected: "the calls are alerted, and it is a dead letter",
        settings: |settings| {
            settings.variables.push(("TRAILBELL_MAX_OBJECT_BYTES", "200000".to_owned()));
        },
        load: |load, _| {
            let quiet = vec![quiet_record(load.call_time()); 1_000];
            let calls = vec![Call::new(CREATE, "alice", 1), Call::new(DELETE, "bob", 1)];
            load.put_with("large", calls, &quiet);
            load.expect_dead_letter();
            many_small_objects(load, 3);
        },
        checks: &[Check::NoCrash],
    },
    Scenario {
        name: "a truncated object",
        attack: "the gzip stream ends early, two calls in front",
        expected: "the calls are alerted, and it is a dead letter",
        settings: |_| {},
        load: |load, _| {
            let quiet: Vec<_> = (0..300)
                .map(|number| {
                    let mut record = quiet_record(load.call_time());
                    record["eventID"] = format!("quiet-{number}").into();
                    record
                })
                .collect();
            let calls = vec![Call::new(CREATE, "alice", 1), Call::new(DELETE, "bob", 1)];
            let object = load.put_with("truncated", calls, &quiet);
            object.body.truncate(object.body.len() * 9 / 10);
            load.expect_dead_letter();
            many_small_objects(load, 3);
        },
        checks: &[Check::NoCrash],
    },
    Scenario {
        name: "oversized records",
        attack: "a record of 250 KB, and an object with one of 9 MB beside a call",
        expected: "the calls are alerted; the object with the unreadable record is a dead letter",
        settings: |_| {},
        load: |load, _| {
            let time = load.call_time();
            let large = Call::new(CREATE, "alice", 1);
            let mut record = large.record(time);
            record["requestParameters"]["tags"] = json!(vec!["tag".repeat(20); 4_000]);
            load.add(LogObject::new(load.now, "large", &[record]));
            load.calls.push(large);
            let mut unreadable = Call::new(CREATE, "nobody", 1).record(time);
            unreadable["requestParameters"]["path"] = "x".repeat(9 << 20).into();
            load.put_with("unreadable", vec![Call::new(CREATE, "bob", 1)], &[unreadable]);
            load.expect_dead_letter();
        },
        checks: &[Check::NoCrash],
    },
    Scenario {
        name: "objects that are not logs",
        attack: "random bytes, text, an empty object, beside calls",
        expected: "the calls are alerted, and what cannot be read is a dead letter",
        settings: |_| {},
        load: |load, _| {
            for (name, body) in [
                ("noise", b"\x1f\x8b\x08 not gzip".to_vec()),
                ("text", gzip(b"not JSON, but CreateGroup")),
                ("empty", Vec::new()),
            ] {
                let key = log_key(load.now, 10, name);
                load.add(LogObject { key, body, announcements: 1 });
                load.expect_dead_letter();
            }
            many_small_objects(load, 3);
        },
        checks: &[Check::NoCrash],
    },
];

const EXCEPTIONS_PLACE: &str = "s3://trail-config/exceptions/";
const EXCEPTIONS_KEY: &str = "exceptions/automation.toml";
const EXCEPTIONS: &str = r#"
[[exception]]
name = "automation"
rules = ["*"]
query = 'aws.cloudtrail.user_identity.arn: "arn:aws:iam::111122223333:user/automation"'
reason = "makes groups from reviewed code"
owner = "platform@example.com"
expires = "never"
"#;

/// Puts objects of one call each, every one by a principal of its own.
fn many_small_objects(load: &mut Load, count: usize) {
    for number in 0..count {
        let action = [CREATE, ADD, DELETE][number % 3];
        let user = format!("user{number}");
        load.put(&user, vec![Call::new(action, &user, number)]);
    }
}

/// Puts objects of one call each that only sweeps can find.
fn unannounced_objects(load: &mut Load, count: usize) {
    many_small_objects(load, count);
    load.objects.iter_mut().for_each(|object| object.announcements = 0);
}

/// Many calls of one principal, each on a group of its own.
fn flood(principal: &str, count: usize) -> Vec<Call> {
    (0..count).map(|number| Call::new(ADD, principal, number)).collect()
}

/// A call, and another that has its event id.
fn real_and_forged() -> (Call, Call) {
    let real = Call::new(CREATE, "mallory", 1);
    let forged = Call { event_id: real.event_id.clone(), ..Call::new(CREATE, "nobody", 2) };
    (real, forged)
}

fn publishes(request: &Request) -> bool {
    request.method == "POST"
}

fn claims(request: &Request) -> bool {
    ledger::entry_state(request).is_some_and(|state| state == "claimed")
}

fn completes(request: &Request) -> bool {
    ledger::entry_state(request).is_some_and(|state| state == "alerted")
}

fn writes_page(request: &Request) -> bool {
    request.method == "PUT" && request.path.ends_with(".html")
}

fn fetches_log_object(request: &Request) -> bool {
    request.method == "GET" && request.path.ends_with(".json.gz")
}

fn lists_logs(request: &Request) -> bool {
    request.method == "GET" && request.path.trim_matches('/') == LOGS
}

fn lists_open(request: &Request) -> bool {
    request.query("prefix").is_some_and(|prefix| prefix.ends_with("open/"))
}

fn fetches_poison(request: &Request) -> bool {
    fetches_log_object(request) && request.path.contains("poison")
}
