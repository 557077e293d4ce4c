//! The harness finds what it is there to find: stand-ins that lie make good scenarios fail.

use support::chaos::corpus::{Call, LogObject};
use support::chaos::deployment::Deployment;
use support::chaos::faults::{Act, Rule};
use support::chaos::http::Request;
use support::chaos::ledger;
use support::chaos::settings::Settings;
use support::chaos::verdict::Verdict;

use crate::attacks::PROGRAM;

fn publishes(request: &Request) -> bool {
    request.method == "POST"
}

fn writes_state(request: &Request, state: &str) -> bool {
    ledger::entry_state(request).is_some_and(|written| written == state)
}

fn completes(request: &Request) -> bool {
    writes_state(request, "alerted")
}

fn claims(request: &Request) -> bool {
    writes_state(request, "claimed")
}

/// A deployment with one call delivered, and that call.
async fn delivered(rules: Vec<Rule>) -> (Deployment, Vec<Call>, LogObject) {
    let mut deployment =
        Deployment::new(Settings { rules, sweeps: (0, 2), ..Settings::new(PROGRAM) }).await;
    let calls = vec![Call::new("CreateGroup", "alice", 1)];
    let now = deployment.shared.clock.now();
    let object = LogObject::of_calls(now, "log", &calls);
    deployment.deliver(&object);
    (deployment, calls, object)
}

async fn failures(rules: Vec<Rule>) -> Vec<String> {
    let (mut deployment, calls, _) = delivered(rules).await;
    deployment.run().await;
    Verdict::judge(&deployment, &calls).failures(&[])
}

#[tokio::test]
async fn nothing_is_found_where_nothing_is_wrong() {
    assert_eq!(failures(vec![]).await, [""; 0]);
}

#[tokio::test]
async fn an_alert_that_sns_did_not_keep_is_lost() {
    let found = failures(vec![Rule::once(publishes, Act::Pretend)]).await;
    assert!(found[0].contains("1 lost"), "{found:?}");
    assert!(found[0].contains("alerted, and no message was accepted"), "{found:?}");
}

#[tokio::test]
async fn a_completion_that_s3_did_not_keep_is_found() {
    let found = failures(vec![Rule::once(completes, Act::Pretend)]).await;
    assert!(found[0].contains("alerted, and then claimed"), "{found:?}");
}

#[tokio::test]
async fn a_claim_that_s3_did_not_keep_is_found() {
    let found = failures(vec![Rule::always(claims, Act::Pretend)]).await;
    assert!(found[0].contains("not in the ledger"), "{found:?}");
}

#[tokio::test]
async fn an_alert_that_is_sent_again_without_a_reason_is_found() {
    let (mut deployment, calls, object) = delivered(vec![]).await;
    deployment.run().await;
    for (key, _) in deployment.s3.objects(ledger::BUCKET, ledger::ENTRIES) {
        deployment.s3.remove(ledger::BUCKET, &key);
    }
    deployment.deliver(&object);
    deployment.run().await;
    let verdict = Verdict::judge(&deployment, &calls);
    assert_eq!((verdict.duplicates.len(), verdict.explained_duplicates), (1, 0));
    assert!(verdict.failures(&[])[0].contains("without a reason"));
}

#[tokio::test]
async fn unfinished_work_is_found() {
    let (mut deployment, calls, _) = delivered(vec![]).await;
    let marker = format!("{}open/{}-{}", ledger::PREFIX, "0".repeat(64), "0".repeat(32));
    deployment.s3.put(ledger::BUCKET, &marker, Vec::new());
    deployment.run().await;
    let found = Verdict::judge(&deployment, &calls).failures(&[]);
    assert!(found[0].contains("1 left unfinished"), "{found:?}");
}

#[tokio::test]
async fn a_dead_letter_that_nobody_expects_is_found_and_one_that_is_missing() {
    let (mut deployment, calls, _) = delivered(vec![]).await;
    let broken = LogObject {
        body: b"broken".to_vec(),
        ..LogObject::new(deployment.shared.clock.now(), "broken", &[])
    };
    deployment.deliver(&broken);
    deployment.run().await;
    let verdict = Verdict::judge(&deployment, &calls);
    assert_eq!(verdict.failures(std::slice::from_ref(&broken.key)), [""; 0]);
    assert!(verdict.failures(&[])[0].contains("1 unexpected dead letters"));
    let both = [broken.key, "another".to_owned()];
    assert!(verdict.failures(&both)[0].contains("1 missing dead letters"));
}
