//! Faults: by rule, by chance, and what they do to a client.

use support::chaos::faults::{Act, Faults, Rule, Weather};
use support::chaos::http::Request;

use crate::world::{BUCKET, S3World, refusal};

fn request(method: &str) -> Request {
    Request { method: method.to_owned(), ..Request::default() }
}

fn is_put(request: &Request) -> bool {
    request.method == "PUT"
}

#[test]
fn a_rule_hits_as_many_requests_as_it_says() {
    let rule = Rule { which: is_put, after: 1, times: 2, act: Act::Hang };
    let faults = Faults::new(1, Weather::default(), vec![rule]);
    let acts =
        ["PUT", "GET", "PUT", "PUT", "PUT"].map(|method| faults.decide(&request(method)).act);
    assert_eq!(acts, [None, None, Some(Act::Hang), Some(Act::Hang), None]);
}

#[test]
fn the_same_seed_gives_the_same_weather() {
    let weather = Weather {
        latency_ms: (1, 9),
        internal_errors: 1_000,
        lost_answers: 1_000,
        kills_after: 500,
        ..Weather::default()
    };
    let decide = |seed| {
        let faults = Faults::new(seed, weather, Vec::new());
        (0..1_000).map(|_| faults.decide(&request("PUT"))).collect::<Vec<_>>()
    };
    assert_eq!(decide(1), decide(1));
    assert_ne!(decide(1), decide(2));
    let hit = decide(1).iter().filter(|fate| fate.act.is_some()).count();
    assert!((180..320).contains(&hit), "a quarter of all: {hit}");
    assert!(decide(1).iter().all(|fate| (1..=9).contains(&fate.latency.as_millis())));
}

#[test]
fn only_conditional_writes_conflict() {
    let weather = Weather { conflicts: 10_000, ..Weather::default() };
    let faults = Faults::new(1, weather, Vec::new());
    assert_eq!(faults.decide(&request("PUT")).act, None);
    let headers = vec![("if-none-match".to_owned(), "*".to_owned())];
    let conditional = Request { headers, ..request("PUT") };
    let conflict = Act::Refuse(409, "ConditionalRequestConflict");
    assert_eq!(faults.decide(&conditional).act, Some(conflict));
}

#[tokio::test]
async fn a_lost_request_has_no_effect_and_a_lost_answer_has() {
    for (act, is_stored) in [(Act::LoseRequest, false), (Act::LoseAnswer, true)] {
        let world = S3World::new(false, vec![Rule::once(is_put, act)]).await;
        let put = world.client.put_object().bucket(BUCKET).key("a");
        assert!(put.send().await.is_err(), "{act:?}");
        assert_eq!(!world.s3.objects(BUCKET, "").is_empty(), is_stored, "{act:?}");
        let events = world.shared.journal.events();
        let note = events[0].request().unwrap();
        assert_eq!((note.fault, note.answered), (Some(act), false));
        assert_eq!(note.status, if is_stored { 200 } else { 0 });
    }
}

#[tokio::test]
async fn a_cut_answer_ends_before_its_length() {
    let rule = Rule::once(|request| request.method == "GET", Act::CutAnswer);
    let world = S3World::new(false, vec![rule]).await;
    world.s3.put(BUCKET, "a", vec![b'x'; 1000]);
    let got = world.client.get_object().bucket(BUCKET).key("a").send().await.unwrap();
    assert!(got.body.collect().await.is_err());
}

#[tokio::test]
async fn a_refused_request_gets_the_error_of_the_service() {
    let rule = Rule::once(is_put, Act::Refuse(503, "SlowDown"));
    let world = S3World::new(false, vec![rule]).await;
    let put = || world.client.put_object().bucket(BUCKET).key("a").send();
    assert_eq!(refusal(&put().await.unwrap_err()), (503, "SlowDown"));
    put().await.unwrap();
    assert_eq!(world.shared.journal.breaches(), [""; 0]);
}
