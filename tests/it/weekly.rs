//! The page of a week, with the statements of its days.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;
use trailbell::integrity::statement::{
    ChainStatement, DayCounts, GapStatement, NotValid, Statement,
};
use trailbell::ledger::Ledger;
use trailbell::pages::{PageReaders, Pages};
use trailbell::pipeline::{self, Clock, InvocationReport, Pipeline};

use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{call, clock, create_group, deliver, pipeline_with};

const PAGE: &str = "weekly/2026-W09.html";

/// A ledger, and pages in another store.
struct World {
    memory: Memory,
    store: Memory,
    pipeline: Arc<Pipeline>,
}

fn world() -> World {
    let (memory, store) = (Memory::new(), Memory::new());
    let readers = PageReaders::Console(None);
    let pages =
        Pages::new(Box::new(store.clone()), "pages", String::new(), readers, "s3://l/".to_owned());
    let pipeline = pipeline_with(&memory, &Topic::default(), |it| it.pages = Some(pages));
    World { memory, store, pipeline }
}

/// Monday, after the week of the findings.
fn monday() -> Clock {
    Clock { now: at("2026-03-02T07:30:00Z"), ..clock() }
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

impl World {
    async fn run(&self, clock: Clock) -> InvocationReport {
        let report = pipeline::run(&self.pipeline, &json!({"trailbell": "report"}), clock).await;
        assert_eq!(report.mismatch, None);
        assert!(report.retry.is_empty(), "the next day makes up for it: {:?}", report.problems);
        report
    }

    fn page(&self) -> String {
        self.store.text(PAGE).expect("the page of the week")
    }

    fn state(&self, day: &str, gaps: Vec<GapStatement>, not_valid: Vec<NotValid>) -> String {
        let end = at(&format!("{day}T23:00:00Z"));
        let mut statement = Statement::new(None, Some(end), end);
        statement.chains.push(ChainStatement {
            bucket: "logs".to_owned(),
            folder: "AWSLogs/111122223333/".to_owned(),
            account: "111122223333".to_owned(),
            region: "us-east-1".to_owned(),
            trail: "main".to_owned(),
            backfill: false,
            from: Some(at(&format!("{day}T00:00:00Z"))),
            until: Some(end),
            head: None,
            days: BTreeMap::from([(day.to_owned(), DayCounts { digests: 23, log_files: 70 })]),
            gaps,
            not_valid,
        });
        let text = statement.to_canonical_json().unwrap();
        self.memory.write(&format!("statements/{day}.json"), &text);
        text
    }
}

#[tokio::test]
async fn the_week_is_one_page_from_the_ledger() {
    let world = world();
    let early = call("CreateGroup", "2026-02-20T10:00:00Z", "early", json!({"groupName": "old"}));
    deliver(&world.pipeline, &[create_group("e1", "alice"), early]).await;
    let report = world.run(monday()).await;
    assert_eq!((report.report.pages_written, report.report.pages_failed), (1, 0));
    let link = format!("https://console.aws.amazon.com/s3/object/pages?prefix={PAGE}");
    assert_eq!(report.notes, [format!("the page of the week: {link}")]);
    let page = world.page();
    for part in ["1 change to 1 group", "group-e1", "alice", "No sweep has finished", "s3://l/"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains(">early<"), "a call of another week");
    let keys = world.store.keys("");
    assert!(keys.iter().all(|key| key == PAGE || key.starts_with("incidents/")), "{keys:?}");
}

#[tokio::test]
async fn statements_of_the_week_are_copied_and_are_its_proof() {
    let world = world();
    world.state("2026-02-22", vec![], vec![]);
    let saturday = world.state("2026-02-28", vec![], vec![]);
    let gap = GapStatement {
        from: at("2026-03-01T04:00:00Z"),
        until: at("2026-03-01T05:00:00Z"),
        reason: "digests are missing".to_owned(),
    };
    let sunday = world.state("2026-03-01", vec![gap], vec![]);
    world.run(monday()).await;
    assert_eq!(world.store.keys("statements/").len(), 2, "those of the week");
    assert_eq!(world.store.text("statements/2026-02-28.json"), Some(saturday));
    assert_eq!(world.store.text("statements/2026-03-01.json"), Some(sunday));
    let page = world.page();
    for part in [
        "140 of 140 log files verified; 1 gap; the last statement is of 2026-03-01.",
        "46 of 46 signed digests are valid",
        "gap: account 111122223333, us-east-1, trail main: 2026-03-01 04:00:00",
        "SHA-256 of 2 statements",
        "The function verified these when they were written",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[tokio::test]
async fn what_a_statement_says_of_a_changed_file_is_on_the_page() {
    let world = world();
    let changed = NotValid {
        kind: "log".to_owned(),
        key: "AWSLogs/<b>x".to_owned(),
        status: "invalid".to_owned(),
        reason: "its hash differs".to_owned(),
    };
    world.state("2026-02-27", vec![], vec![]);
    world.state("2026-02-28", vec![], vec![changed]);
    world.memory.write("statements/2026-03-01.json", "{");
    world.run(monday()).await;
    let page = world.page();
    for part in ["140 of 141 log files verified", "its hash differs", "statements/2026-03-01.json"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<b>"));
}

#[tokio::test]
async fn a_damaged_entry_is_named_on_the_page() {
    let world = world();
    deliver(&world.pipeline, &[create_group("e1", "alice"), create_group("e2", "bob")]).await;
    let key = world.memory.keys("entries/").pop().unwrap();
    world.memory.write(&key, "{");
    world.run(monday()).await;
    assert!(world.page().contains(&key));
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_time_for_is_named_on_the_page() {
    let world = world();
    let records: Vec<Value> =
        (0..60).map(|n| create_group(&format!("e{n}"), &format!("u{n}"))).collect();
    deliver(&world.pipeline, &records).await;
    world.memory.slow_down(Duration::from_secs(1));
    let last_start = Some(Instant::now() + Duration::from_secs(30));
    let report = world.run(Clock { last_start, ..monday() }).await;
    assert_eq!(report.report.pages_written, 1, "{:?}", report.problems);
    assert!(Some(Instant::now()) <= last_start);
    let page = world.page();
    assert!(page.contains("entries of the ledger are not on this page"), "{page}");
    assert!(page.contains("What the ledger knows of groups was not read in time"));
}

#[tokio::test(start_paused = true)]
async fn a_page_of_a_week_that_fails_is_counted_and_named() {
    for (why, expected) in [
        ("refused", "cannot write s3://pages/weekly/2026-W09.html"),
        ("slow", "it was not written in time"),
    ] {
        let world = world();
        let mut clock = monday();
        if why == "refused" {
            world.store.fail(|verb, _| if verb == "put" { Fault::Refused } else { Fault::None });
        } else {
            world.store.slow_down(Duration::from_secs(600));
            clock.last_start = Some(Instant::now() + Duration::from_secs(60));
        }
        let report = world.run(clock).await;
        assert_eq!((report.report.pages_written, report.report.pages_failed), (0, 1));
        let problem = report.problems[0].to_string();
        assert!(problem.contains(expected), "{problem}");
    }
}

#[tokio::test]
async fn without_a_place_or_a_ledger_it_is_refused() {
    for (is_ledger_off, expected) in
        [(true, "TRAILBELL_LEDGER=none"), (false, "TRAILBELL_REPORTS names no place")]
    {
        let mut world = world();
        let pipeline = Arc::get_mut(&mut world.pipeline).unwrap();
        match is_ledger_off {
            true => pipeline.ledger = Ledger::None,
            false => pipeline.pages = None,
        }
        let report = world.run(monday()).await;
        assert_eq!(report.report.pages_failed, 1);
        assert!(report.problems[0].to_string().contains(expected), "{}", report.problems[0]);
    }
}
