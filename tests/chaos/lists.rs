//! The stand-in for S3: lists.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;

use crate::world::{BUCKET, S3World};

async fn world(keys: &[&str]) -> S3World {
    let world = S3World::new(false, vec![]).await;
    for key in keys {
        world.s3.put(BUCKET, key, b"x".to_vec());
    }
    world
}

/// Keys, then common prefixes.
fn names(page: &ListObjectsV2Output) -> Vec<&str> {
    let keys = page.contents().iter().filter_map(|object| object.key());
    keys.chain(page.common_prefixes().iter().filter_map(|prefix| prefix.prefix())).collect()
}

#[tokio::test]
async fn keys_come_in_the_order_of_their_utf8_bytes() {
    let world = world(&["b", "a", "B", "é", "z", "a/b", "a-b", "𝄞", "\u{fffd}"]).await;
    let page = world.client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    // UTF-16 would put U+1D11E before U+FFFD.
    assert_eq!(names(&page), ["B", "a", "a-b", "a/b", "b", "z", "é", "\u{fffd}", "𝄞"]);
    assert_eq!((page.key_count(), page.is_truncated()), (Some(9), Some(false)));
}

#[tokio::test]
async fn prefix_delimiter_and_start_after_choose_what_is_listed() {
    let world = world(&["a", "a/1", "a/2/x", "a/2/y", "a/3", "b/1", "c"]).await;
    for (prefix, delimiter, start_after, expected) in [
        ("", "", "", vec!["a", "a/1", "a/2/x", "a/2/y", "a/3", "b/1", "c"]),
        ("a/", "", "", vec!["a/1", "a/2/x", "a/2/y", "a/3"]),
        ("", "/", "", vec!["a", "c", "a/", "b/"]),
        ("a/", "/", "", vec!["a/1", "a/3", "a/2/"]),
        ("a/", "", "a/2/x", vec!["a/2/y", "a/3"]),
        ("a/", "/", "a/2/", vec!["a/3"]),
        ("a/", "", "z", vec![]),
        ("b", "", "a", vec!["b/1"]),
        ("none/", "/", "", vec![]),
    ] {
        let list = world.client.list_objects_v2().bucket(BUCKET).prefix(prefix);
        let page = list.delimiter(delimiter).start_after(start_after).send().await.unwrap();
        assert_eq!(names(&page), expected, "{prefix:?} {delimiter:?} {start_after:?}");
        assert_eq!(page.key_count(), Some(expected.len() as i32));
    }
    assert_eq!(world.shared.journal.breaches(), [""; 0]);
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps() {
    let keys: Vec<String> = (0..25).map(|number| format!("d{}/{number:02}", number / 10)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let world = world(&keys).await;
    for delimiter in ["", "/"] {
        let mut all = Vec::new();
        let mut token = None;
        loop {
            let list = world.client.list_objects_v2().bucket(BUCKET).max_keys(2);
            let list = list.delimiter(delimiter).set_continuation_token(token);
            let page = list.send().await.unwrap();
            all.extend(names(&page).into_iter().map(str::to_owned));
            token = page.next_continuation_token().map(str::to_owned);
            assert_eq!(page.is_truncated(), Some(token.is_some()));
            if token.is_none() {
                break;
            }
        }
        let expected = if delimiter.is_empty() { keys.clone() } else { vec!["d0/", "d1/", "d2/"] };
        assert_eq!(all, expected, "{delimiter:?}");
    }
}

#[tokio::test]
async fn a_page_has_at_most_a_thousand_keys() {
    let keys: Vec<String> = (0..1001).map(|number| format!("{number:04}")).collect();
    let world = world(&keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for asked in [None, Some(5000)] {
        let list = world.client.list_objects_v2().bucket(BUCKET).set_max_keys(asked);
        let page = list.send().await.unwrap();
        assert_eq!((page.key_count(), page.is_truncated()), (Some(1000), Some(true)));
    }
    let none = world.client.list_objects_v2().bucket(BUCKET).max_keys(0).send().await.unwrap();
    assert_eq!((none.key_count(), none.is_truncated()), (Some(0), Some(false)));
    let wrong = world.client.list_objects_v2().bucket(BUCKET).continuation_token("0999");
    assert!(wrong.send().await.is_err());
    assert_eq!(world.shared.journal.breaches().len(), 1);
}

#[tokio::test]
async fn names_are_encoded_on_request() {
    let world = world(&["a b+c/é&<.txt"]).await;
    let list = || world.client.list_objects_v2().bucket(BUCKET);
    let plain = list().send().await.unwrap();
    assert_eq!(names(&plain), ["a b+c/é&<.txt"]);
    let encoded = list().encoding_type(EncodingType::Url).send().await.unwrap();
    assert_eq!(names(&encoded), ["a+b%2Bc/%C3%A9%26%3C.txt"]);
}

#[tokio::test]
async fn control_characters_of_names_are_escaped() {
    let world = world(&["a\u{1}b\n"]).await;
    let page = world.client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(names(&page), ["a\u{1}b\n"]);
}
