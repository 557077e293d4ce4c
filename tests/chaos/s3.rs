//! The stand-in for S3: objects, versions, conditional writes.

use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use jiff::SignedDuration;
use support::chaos::faults::{Act, Rule};

use crate::world::{BUCKET, S3World, code, refusal};

fn body(text: &str) -> ByteStream {
    ByteStream::from(text.as_bytes().to_vec())
}

async fn text(body: ByteStream) -> String {
    String::from_utf8(body.collect().await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn an_object_is_read_as_it_was_put() {
    let world = S3World::new(false, vec![]).await;
    let object = || world.client.get_object().bucket(BUCKET).key("a b/ü+%.txt");
    let put = world.client.put_object().bucket(BUCKET).key("a b/ü+%.txt");
    let put = put.body(body("0123456789")).send().await.unwrap();
    let got = object().send().await.unwrap();
    assert_eq!((got.e_tag(), got.content_length()), (put.e_tag(), Some(10)));
    assert_eq!(text(got.body).await, "0123456789");
    for (range, expected, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
    ] {
        let got = object().range(range).send().await.unwrap();
        assert_eq!(got.content_range(), Some(content_range), "{range}");
        assert_eq!(text(got.body).await, expected, "{range}");
    }
    let error = object().range("bytes=10-").send().await.unwrap_err();
    assert_eq!(refusal(&error), (416, "InvalidRange"));
    let head = world.client.head_object().bucket(BUCKET).key("a b/ü+%.txt").send().await.unwrap();
    assert_eq!((head.e_tag(), head.content_length()), (put.e_tag(), Some(10)));
    assert_eq!(world.shared.journal.breaches(), [""; 0]);
}

#[tokio::test]
async fn what_does_not_exist_is_named_by_its_error() {
    let world = S3World::new(false, vec![]).await;
    let get = |bucket, key| world.client.get_object().bucket(bucket).key(key).send();
    assert_eq!(refusal(&get(BUCKET, "none").await.unwrap_err()), (404, "NoSuchKey"));
    assert_eq!(refusal(&get("none", "none").await.unwrap_err()), (404, "NoSuchBucket"));
    let list = world.client.list_objects_v2().bucket("none").send().await;
    assert_eq!(refusal(&list.unwrap_err()), (404, "NoSuchBucket"));
    let head = world.client.head_object().bucket(BUCKET).key("none").send().await;
    assert_eq!(refusal(&head.unwrap_err()).0, 404);
    let delete = world.client.delete_object().bucket(BUCKET).key("none").send().await;
    assert!(delete.is_ok(), "deleting what does not exist is no error");
    assert_eq!(world.shared.journal.breaches(), [""; 0]);
}

#[tokio::test]
async fn a_write_happens_only_if_its_condition_holds() {
    let world = S3World::new(false, vec![]).await;
    let put = |text| world.client.put_object().bucket(BUCKET).key("entry").body(body(text));
    let missing = put("x").if_match("\"0\"").send().await.unwrap_err();
    assert_eq!(refusal(&missing), (404, "NoSuchKey"));
    let first = put("one").if_none_match("*").send().await.unwrap();
    let exists = put("two").if_none_match("*").send().await.unwrap_err();
    assert_eq!(refusal(&exists), (412, "PreconditionFailed"));
    let first = first.e_tag().unwrap();
    let second = put("two").if_match(first).send().await.unwrap();
    let stale = put("three").if_match(first).send().await.unwrap_err();
    assert_eq!(refusal(&stale), (412, "PreconditionFailed"));
    // An ETag names the content: the same bytes have the same one.
    let again = put("one").if_match(second.e_tag().unwrap()).send().await.unwrap();
    assert_eq!(again.e_tag(), Some(first));
    world.client.delete_object().bucket(BUCKET).key("entry").send().await.unwrap();
    put("four").if_none_match("*").send().await.unwrap();
    assert_eq!(world.shared.journal.breaches(), [""; 0]);
}

#[tokio::test]
async fn of_many_writers_one_wins() {
    let world = S3World::new(false, vec![]).await;
    let put = |text: String| {
        let put = world.client.put_object().bucket(BUCKET).key("entry").if_none_match("*");
        put.body(ByteStream::from(text.into_bytes())).send()
    };
    let puts = futures::future::join_all((0..20).map(|number| put(number.to_string()))).await;
    assert_eq!(puts.iter().filter(|put| put.is_ok()).count(), 1);
}

#[tokio::test]
async fn versions_are_kept_and_deletes_only_hide() {
    let world = S3World::new(true, vec![]).await;
    let put = |text| world.client.put_object().bucket(BUCKET).key("log").body(body(text)).send();
    let first = put("one").await.unwrap().version_id().unwrap().to_owned();
    put("two").await.unwrap();
    let get = || world.client.get_object().bucket(BUCKET).key("log");
    assert_eq!(text(get().send().await.unwrap().body).await, "two");
    assert_eq!(text(get().version_id(&first).send().await.unwrap().body).await, "one");
    let unknown = get().version_id("version99999999").send().await.unwrap_err();
    assert_eq!(refusal(&unknown), (404, "NoSuchVersion"));
    world.client.delete_object().bucket(BUCKET).key("log").send().await.unwrap();
    assert_eq!(code(&get().send().await.unwrap_err()), "NoSuchKey");
    assert_eq!(text(get().version_id(&first).send().await.unwrap().body).await, "one");
    let listed = world.client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(listed.key_count(), Some(0));
}

#[tokio::test]
async fn the_clock_moves_forward_and_what_was_written_grows_older() {
    let world = S3World::new(false, vec![]).await;
    let put = world.client.put_object().bucket(BUCKET).key("entry").body(body("x"));
    put.send().await.unwrap();
    let modified = || async {
        let head = world.client.head_object().bucket(BUCKET).key("entry").send().await.unwrap();
        head.last_modified().unwrap().fmt(DateTimeFormat::DateTime).unwrap()
    };
    let before = modified().await;
    world.shared.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(modified().await, before);
    let put = world.client.put_object().bucket(BUCKET).key("entry").body(body("y"));
    put.send().await.unwrap();
    let seconds = |text: &str| DateTime::from_str(text, DateTimeFormat::DateTime).unwrap().secs();
    assert!(seconds(&modified().await) - seconds(&before) >= 3600);
}

#[tokio::test]
async fn a_key_of_more_than_1024_bytes_is_refused() {
    let world = S3World::new(false, vec![]).await;
    let put = |length| {
        let key = "k".repeat(length);
        world.client.put_object().bucket(BUCKET).key(key).body(body("x")).send()
    };
    put(1024).await.unwrap();
    assert_eq!(refusal(&put(1025).await.unwrap_err()), (400, "KeyTooLongError"));
    assert_eq!(world.shared.journal.breaches().len(), 1);
}

#[tokio::test]
async fn a_pretended_write_is_answered_and_changes_nothing() {
    let rule = Rule::once(|request| request.method == "PUT", Act::Pretend);
    let world = S3World::new(false, vec![rule]).await;
    let put = world.client.put_object().bucket(BUCKET).key("entry").body(body("x"));
    assert!(put.send().await.unwrap().e_tag().is_some());
    assert!(world.s3.objects(BUCKET, "").is_empty());
}
