//! Copies of the function, and what kills them.

use std::time::Duration;

use serde_json::json;
use support::chaos::deployment::Deployment;
use support::chaos::fleet::{CopyEvent, FleetEvent, FunctionCopy, KillSwitches, Launch};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::attacks::PROGRAM;

fn launch() -> Launch {
    let variables = [
        ("TRAILBELL_STORE", "s3"),
        ("TRAILBELL_LEDGER", "none"),
        ("TRAILBELL_ALERTS", "arn:aws:sns:us-east-1:111122223333:alerts"),
    ];
    Launch {
        program: PROGRAM.to_owned(),
        memory_mb: Some(128),
        variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        logs: None,
    }
}

async fn next(events: &mut UnboundedReceiver<FleetEvent>) -> CopyEvent {
    events.recv().await.unwrap().1
}

#[tokio::test]
async fn a_copy_answers_one_invocation_after_the_other() {
    let (sender, mut events) = unbounded_channel();
    let copy = FunctionCopy::start("COPY", &launch(), &KillSwitches::default(), sender).await;
    for at in 0..2 {
        assert!(matches!(next(&mut events).await, CopyEvent::Ready));
        let payload = json!({"Event": "s3:TestEvent", "Service": "Amazon S3"});
        copy.invoke(&format!("request-{at}"), payload, Duration::from_secs(60));
        let CopyEvent::Replied(Ok(reply)) = next(&mut events).await else { panic!("no reply") };
        assert_eq!(reply["report"]["ignored"], 1);
    }
    assert!(copy.peak_memory_mb().unwrap() > 1.0);
}

#[tokio::test]
async fn an_error_is_told_from_a_reply() {
    let (sender, mut events) = unbounded_channel();
    let copy = FunctionCopy::start("COPY", &launch(), &KillSwitches::default(), sender).await;
    assert!(matches!(next(&mut events).await, CopyEvent::Ready));
    copy.invoke("request", json!({"unknown": 1}), Duration::from_secs(60));
    assert!(matches!(next(&mut events).await, CopyEvent::Replied(Err(_))));
}

#[tokio::test]
async fn a_copy_is_killed_by_its_name() {
    let (sender, mut events) = unbounded_channel();
    let switches = KillSwitches::default();
    let copy = FunctionCopy::start("COPY", &launch(), &switches, sender).await;
    assert!(matches!(next(&mut events).await, CopyEvent::Ready));
    switches.kill("OTHER");
    switches.kill("COPY");
    let CopyEvent::Died(status) = next(&mut events).await else { panic!("it lives") };
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    assert_eq!(copy.peak_memory_mb(), None);
}

#[tokio::test]
async fn a_copy_without_enough_memory_dies_by_itself() {
    let (sender, mut events) = unbounded_channel();
    let launch = Launch { memory_mb: Some(1), ..launch() };
    let _copy = FunctionCopy::start("COPY", &launch, &KillSwitches::default(), sender).await;
    let CopyEvent::Died(status) = next(&mut events).await else { panic!("it lives") };
    assert!(!status.success());
    assert_ne!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
}

#[tokio::test]
#[should_panic(expected = "the function does not start")]
async fn a_function_that_cannot_start_stops_the_test() {
    let mut settings = support::chaos::settings::Settings::new(PROGRAM);
    settings.variables.push(("TRAILBELL_UNKNOWN", "1".to_owned()));
    Deployment::new(settings).await.run().await;
}
