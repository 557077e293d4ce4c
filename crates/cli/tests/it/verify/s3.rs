//! Buckets, and keys that CloudTrail lists.

use std::path::Path;

use support::canned::Canned;
use support::trail::{SignedTrail, TrailObject, fingerprint};
use support::{aws, moto, root};

use super::world::{HOURS, KEYS, end, trail, verify_path};

/// A bucket that holds the objects of a trail.
async fn bucket(trail: &mut SignedTrail) -> String {
    let client = aws::s3(moto::url());
    client.create_bucket().bucket(&trail.bucket).send().await.unwrap();
    for (key, TrailObject { bytes, metadata }) in &trail.objects {
        let put = client.put_object().bucket(&trail.bucket).key(key);
        let put = put.set_metadata(Some(metadata.clone().into_iter().collect()));
        put.body(bytes.clone().into()).send().await.unwrap();
    }
    format!("s3://{}/", trail.bucket)
}

fn trail_in(bucket: &str) -> SignedTrail {
    let mut moved = SignedTrail::new(bucket);
    (0..HOURS).for_each(|hour| super::world::add_hour(&mut moved, hour));
    moved
}

#[tokio::test]
async fn a_bucket_is_verified() {
    let mut trail = trail_in(&moto::unique("logs"));
    let removed = trail.logs()[4].clone();
    trail.objects.remove(&removed);
    let path = bucket(&mut trail).await;
    let vars = aws::variables(moto::url());
    let (since, until) = (end(0).to_string(), end(HOURS - 1).to_string());
    let args = ["--public-keys", KEYS, "--since", &since, "--until", &until];
    let said = verify_path(Path::new(&path), &trail, &args, &vars);
    assert_eq!((said.code, said.valid, said.bad.len()), (1, 21, 1), "{said:?}");
    assert_eq!(said.bad[&removed].0, "missing");
    // Without --until, digests should be there up to now.
    let args = ["--public-keys", KEYS, "--since", &since];
    let said = verify_path(Path::new(&path), &trail, &args, &vars);
    assert!(said.bad.contains_key("digest 8") && said.bad.contains_key("digest 9"), "{said:?}");
}

/// Verifies a folder with what CloudTrail answers to every request.
fn verify_with(answer: fn() -> (u16, String)) -> super::world::Said {
    let cloudtrail = Canned::new(move |_| answer()).unwrap();
    let dir = crate::program::TestDir::new();
    let trail = trail();
    trail.write_to(&dir.path("trail-logs"));
    let vars = aws::variables(&cloudtrail.url);
    let said = verify_path(&dir.path("trail-logs"), &trail, &[], &vars);
    let asked = cloudtrail.asked();
    assert_eq!(asked.len(), 1, "a region is asked once");
    let request: serde_json::Value = serde_json::from_str(&asked[0].1).unwrap();
    let time = |name: &str| request[name].as_f64().unwrap() as i64;
    let expected = (end(0).as_second(), end(HOURS - 1).as_second() + 2 * 3600);
    assert_eq!((time("StartTime"), time("EndTime")), expected);
    said
}

#[test]
fn keys_are_listed_by_cloudtrail() {
    let said = verify_with(|| {
        let keys = std::fs::read_to_string(root().join(KEYS)).unwrap();
        let mut keys: serde_json::Value = serde_json::from_str(&keys).unwrap();
        let key = &mut keys["PublicKeyList"][0];
        key["ValidityStartTime"] = serde_json::json!(1_772_323_200);
        key["ValidityEndTime"] = serde_json::json!(1_775_001_600.5);
        assert_eq!(key["Fingerprint"], fingerprint().as_str());
        (200, keys.to_string())
    });
    assert_eq!((said.code, said.valid), (0, 22), "{said:?}");
}

#[test]
fn keys_that_are_denied_leave_everything_unchecked() {
    let said = verify_with(|| {
        let message = "User is not authorized to perform: cloudtrail:ListPublicKeys";
        (400, format!(r#"{{"__type":"AccessDeniedException","message":"{message}"}}"#))
    });
    assert_eq!((said.code, said.valid, said.bad.len()), (2, 0, 8), "{said:?}");
    let (status, reason) = &said.bad["digest 7"];
    assert_eq!(status, "unchecked");
    assert!(reason.contains("(check cloudtrail:ListPublicKeys"), "{reason}");
}

#[test]
fn a_key_that_cloudtrail_does_not_have_is_invalid() {
    let said = verify_with(|| (200, r#"{"PublicKeyList":[]}"#.to_owned()));
    assert_eq!((said.code, said.valid, said.bad.len()), (1, 0, 8), "{said:?}");
    assert!(said.bad["digest 7"].1.starts_with("there is no public key"), "{said:?}");
}
