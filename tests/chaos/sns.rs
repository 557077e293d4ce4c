//! The stand-in for SNS.

use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};

use crate::world::{SnsWorld, code, refusal};

fn entry(id: &str, message: &str) -> PublishBatchRequestEntry {
    PublishBatchRequestEntry::builder().id(id).message(message).build().unwrap()
}

#[tokio::test]
async fn a_message_reaches_each_kind_of_reader_in_its_own_form() {
    let world = SnsWorld::new(0).await;
    let publish = world.client.publish().topic_arn(&world.sns.topic_arn).subject("[low] hello");
    let message = r#"{"default": "{\"a\": 1}", "email": "Dear reader"}"#;
    let attribute =
        MessageAttributeValue::builder().data_type("Number").string_value("47").build().unwrap();
    let published = publish
        .message(message)
        .message_structure("json")
        .message_attributes("risk_score", attribute)
        .send()
        .await
        .unwrap();
    let accepted = world.sns.accepted();
    assert_eq!(published.message_id(), Some(accepted[0].id.as_str()));
    assert_eq!(accepted[0].document["a"], 1);
    assert_eq!((&*accepted[0].email, &*accepted[0].subject), ("Dear reader", "[low] hello"));
    assert_eq!(accepted[0].copy, "ANOTREAL", "the access key of the client");
    assert_eq!(world.shared.journal.breaches(), [""; 0]);
}

#[tokio::test]
async fn what_sns_would_not_take_is_refused_and_recorded() {
    let world = SnsWorld::new(0).await;
    let publish = || world.client.publish().topic_arn(&world.sns.topic_arn);
    let empty = MessageAttributeValue::builder().data_type("String").string_value("");
    let cases = [
        publish().message("x").subject("line\nbreak"),
        publish().message("x").subject("é"),
        publish().message("x").subject("x".repeat(100)),
        publish().message("x".repeat(256 * 1024 + 1)),
        publish().message("{\"email\": \"no default\"}").message_structure("json"),
        publish().message("not json").message_structure("json"),
        publish().message("x").message_attributes("a", empty.build().unwrap()),
        publish().message("x").message_group_id("only FIFO topics have groups"),
    ];
    for (at, case) in cases.into_iter().enumerate() {
        let error = case.send().await.unwrap_err();
        assert_eq!(refusal(&error), (400, "InvalidParameter"), "case {at}");
        assert_eq!(world.shared.journal.breaches().len(), at + 1, "case {at}");
    }
    publish().message("x".repeat(256 * 1024)).subject("").send().await.unwrap();
    let elsewhere = world.client.publish().topic_arn("arn:aws:sns:us-east-1:1:x").message("x");
    assert_eq!(refusal(&elsewhere.send().await.unwrap_err()), (404, "NotFound"));
    assert_eq!(world.sns.accepted().len(), 1);
}

#[tokio::test]
async fn a_batch_has_at_most_ten_entries_and_256_kib() {
    let world = SnsWorld::new(0).await;
    let publish = |entries: Vec<PublishBatchRequestEntry>| {
        let batch = world.client.publish_batch().topic_arn(&world.sns.topic_arn);
        batch.set_publish_batch_request_entries(Some(entries)).send()
    };
    let ten = || (0..10).map(|id| entry(&id.to_string(), "x"));
    assert_eq!(publish(ten().collect()).await.unwrap().successful().len(), 10);
    let half = "x".repeat(128 * 1024 + 1);
    for (entries, expected) in [
        (ten().chain([entry("10", "x")]).collect(), "TooManyEntriesInBatchRequest"),
        (vec![entry("a", "x"), entry("a", "x")], "BatchEntryIdsNotDistinct"),
        (vec![entry("a b", "x")], "InvalidBatchEntryId"),
        (vec![entry("a", &half), entry("b", &half)], "BatchRequestTooLong"),
        (vec![], "EmptyBatchRequest"),
    ] {
        assert_eq!(code(&publish(entries).await.unwrap_err()), expected);
    }
    assert_eq!(world.sns.accepted().len(), 10);
}

#[tokio::test]
async fn entries_fail_one_by_one_inside_a_success() {
    let world = SnsWorld::new(3_000).await;
    let (mut successful, mut failed) = (0, 0);
    for _ in 0..20 {
        let batch = world.client.publish_batch().topic_arn(&world.sns.topic_arn);
        let entries = (0..10).map(|id| entry(&id.to_string(), "x")).collect();
        let batch = batch.set_publish_batch_request_entries(Some(entries)).send().await.unwrap();
        successful += batch.successful().len();
        failed += batch.failed().len();
        assert!(batch.failed().iter().all(|entry| !entry.sender_fault()));
    }
    assert_eq!((successful + failed, world.sns.accepted().len()), (200, successful));
    assert!((30..90).contains(&failed), "{failed}");
}

#[tokio::test]
async fn the_topic_says_whose_it_is() {
    let world = SnsWorld::new(0).await;
    let attributes =
        world.client.get_topic_attributes().topic_arn(&world.sns.topic_arn).send().await.unwrap();
    let attributes = attributes.attributes().unwrap();
    assert_eq!(attributes["Owner"], "111122223333");
    assert_eq!(attributes["TopicArn"], world.sns.topic_arn);
}
