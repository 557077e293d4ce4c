//! Requests that AWS's clients do not send, or not to this machine.

use flate2::Crc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{BUCKET, S3World};

const SIGNATURE: &str = "authorization: AWS4-HMAC-SHA256 \
     Credential=RAW/20260301/us-east-1/s3/aws4_request, \
     SignedHeaders=host;x-amz-content-sha256;x-amz-date;\
     x-amz-decoded-content-length;x-amz-trailer, \
     Signature=0000000000000000000000000000000000000000000000000000000000000000\r\n\
     x-amz-date: 20260301T100000Z\r\n";

async fn connect(world: &S3World) -> TcpStream {
    TcpStream::connect(&world.host).await.unwrap()
}

/// Sends a request, and reads the head and the body of its answer.
async fn ask(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        stream.read_buf(&mut answer).await.unwrap();
        let text = String::from_utf8(answer.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return text;
        }
    }
}

fn put(key: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "PUT /{BUCKET}/{key} HTTP/1.1\r\nhost: s3\r\n{SIGNATURE}{headers}\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// `aws-chunked` with a checksum in a trailer, as clients upload streams.
fn chunked(text: &str, checksum: &str) -> String {
    let headers = format!(
        "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n\
         content-encoding: aws-chunked\r\nx-amz-decoded-content-length: {}\r\n\
         x-amz-trailer: x-amz-checksum-crc32\r\n",
        text.len()
    );
    let (first, second) = text.split_at(3);
    let body = format!(
        "{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n",
        first.len(),
        second.len()
    );
    put("chunked", &headers, &body)
}

#[tokio::test]
async fn a_chunked_upload_is_decoded_and_its_checksum_verified() {
    let world = S3World::new(false, vec![]).await;
    let mut stream = connect(&world).await;
    let mut crc = Crc::new();
    crc.update(b"hello world");
    assert_eq!(crc.sum(), 0x0d4a_1185);
    let answer = ask(&mut stream, &chunked("hello world", "DUoRhQ==")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(&world.s3.objects(BUCKET, "")[0].1[..], b"hello world");
    assert_eq!(world.shared.journal.breaches(), [""; 0]);
    let answer = ask(&mut stream, &chunked("hello there", "DUoRhQ==")).await;
    assert!(answer.contains("<Code>BadDigest</Code>"), "{answer}");
    assert_eq!(world.shared.journal.breaches().len(), 1);
}

#[tokio::test]
async fn a_client_that_waits_for_leave_gets_it() {
    let world = S3World::new(false, vec![]).await;
    let mut stream = connect(&world).await;
    let hash = "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\nexpect: 100-continue\r\n";
    let request = put("later", hash, "body");
    let (head, body) = request.split_at(request.len() - 4);
    let leave = ask(&mut stream, head).await;
    assert_eq!(leave, "HTTP/1.1 100 Continue\r\n\r\n");
    let answer = ask(&mut stream, body).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(&world.s3.objects(BUCKET, "")[0].1[..], b"body");
}

#[tokio::test]
async fn what_s3_would_not_take_is_refused_and_recorded() {
    let world = S3World::new(false, vec![]).await;
    let mut stream = connect(&world).await;
    let unsigned = "GET /things/a HTTP/1.1\r\nhost: s3\r\n\r\n".to_owned();
    let get = |target: &str, headers: &str| {
        format!("GET {target} HTTP/1.1\r\nhost: s3\r\n{SIGNATURE}{headers}\r\n")
    };
    let wrong_hash = format!("x-amz-content-sha256: {}\r\n", "0".repeat(64));
    let cases = [
        (unsigned, "AccessDenied"),
        (get("/things/a", "x-amz-new: 1\r\n"), "AccessDenied"),
        (get("/things/a?versionid=1", ""), "InvalidArgument"),
        (get("/things?list-type=2&max-keys=many", ""), "InvalidArgument"),
        (get("/things?list-type=2&order=time", ""), "InvalidArgument"),
        (get("/things?acl", ""), "InvalidArgument"),
        (put("a", &wrong_hash, "body"), "XAmzContentSHA256Mismatch"),
    ];
    for (at, (request, code)) in cases.iter().enumerate() {
        let answer = ask(&mut stream, request).await;
        assert!(answer.contains(&format!("<Code>{code}</Code>")), "{request}: {answer}");
        assert!(answer.contains("<RequestId>"), "{answer}");
        assert_eq!(world.shared.journal.breaches().len(), at + 1, "{request}");
    }
}

#[tokio::test]
async fn a_head_request_that_is_refused_has_no_body() {
    let world = S3World::new(false, vec![]).await;
    let mut stream = connect(&world).await;
    let request = format!("HEAD /things/none HTTP/1.1\r\nhost: s3\r\n{SIGNATURE}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.ends_with("\r\n\r\n"), "{answer}");
}
