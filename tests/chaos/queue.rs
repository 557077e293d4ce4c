//! The model of SQS and of an event source mapping.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::chaos::queue::{Message, Queue, event};

const TIMEOUT: SignedDuration = SignedDuration::from_secs(720);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_000_000 + seconds).unwrap()
}

fn queue(bodies: &[&str]) -> Queue {
    let mut queue = Queue::new(TIMEOUT, 5);
    for body in bodies {
        queue.send(at(0), (*body).to_owned());
    }
    queue
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_str()).collect()
}

#[test]
fn a_received_message_is_hidden_until_its_timeout() {
    let mut queue = queue(&["a", "b", "c"]);
    assert_eq!(bodies(&queue.receive(at(0), 2)), ["a", "b"]);
    assert_eq!(bodies(&queue.receive(at(0), 10)), ["c"]);
    assert!(queue.receive(at(719), 10).is_empty());
    assert_eq!(queue.next_visible(), Some(at(720)));
    let again = queue.receive(at(720), 10);
    assert_eq!(bodies(&again), ["a", "b", "c"]);
    assert!(again.iter().all(|message| message.receives == 2));
}

#[test]
fn a_reply_deletes_what_it_does_not_name() {
    let named = |id: &str| json!({"batchItemFailures": [{"itemIdentifier": id}]});
    for (reply, left) in [
        (json!({"batchItemFailures": []}), vec![]),
        (json!({"batchItemFailures": null}), vec![]),
        (json!({}), vec![]),
        (Value::Null, vec![]),
        (named("message-2"), vec!["b"]),
        // Lambda takes these for a failure of the whole batch.
        (named(""), vec!["a", "b"]),
        (named("message-9"), vec!["a", "b"]),
        (json!({"batchItemFailures": [{"itemIdentifier": null}]}), vec!["a", "b"]),
        (json!({"batchItemFailures": [{"id": "message-2"}]}), vec!["a", "b"]),
        (json!({"batchItemFailures": "message-2"}), vec!["a", "b"]),
    ] {
        let mut queue = queue(&["a", "b"]);
        let received = queue.receive(at(0), 10);
        queue.settle(&received, &reply);
        assert_eq!(bodies(&queue.receive(at(720), 10)), left, "{reply}");
    }
}

#[test]
fn a_message_that_fails_five_times_is_a_dead_letter() {
    let mut queue = queue(&["poison"]);
    for receive in 0..5 {
        let received = queue.receive(at(720 * receive), 10);
        assert_eq!(received.len(), 1, "{receive}");
        queue.note_death(&received);
    }
    assert!(queue.dead_letters().is_empty(), "only the next receive moves it");
    assert!(queue.receive(at(720 * 5), 10).is_empty());
    assert_eq!(bodies(queue.dead_letters()), ["poison"]);
    assert_eq!((queue.dead_letters()[0].receives, queue.dead_letters()[0].deaths), (5, 5));
    assert_eq!(queue.next_visible(), None);
    assert_eq!(queue.redrive(at(4000)), 1);
    assert_eq!(queue.receive(at(4000), 10)[0].receives, 1);
}

#[test]
fn the_event_says_how_often_a_message_came() {
    let mut queue = queue(&["a"]);
    queue.receive(at(0), 10);
    let event = event(&queue.receive(at(720), 10));
    let record = &event["Records"][0];
    assert_eq!((&record["body"], &record["eventSource"]), (&json!("a"), &json!("aws:sqs")));
    let attributes = &record["attributes"];
    assert_eq!(attributes["ApproximateReceiveCount"], "2");
    assert_eq!(attributes["SentTimestamp"], "1772000000000");
    assert_eq!(attributes["ApproximateFirstReceiveTimestamp"], "1772000000000");
}
