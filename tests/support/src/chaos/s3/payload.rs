//! The body of an upload: its encoding and its checksums.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>

use flate2::Crc;
use sha2::{Digest, Sha256};

use super::error::S3Error;
use crate::chaos::http::Request;

/// The checksum that is verified, as header or trailer. Others are stored as they are.
const CRC32: &str = "x-amz-checksum-crc32";

const CHECKSUMS: [&str; 5] = [
    CRC32,
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
];

/// A body without its transfer encodings.
pub(super) struct Payload {
    pub(super) bytes: Vec<u8>,
    /// Header and value.
    pub(super) checksum: Option<(&'static str, String)>,
}

/// The bytes of an upload, not verified. Returns `None` if they cannot be decoded.
pub fn decode(request: &Request) -> Option<Vec<u8>> {
    Payload::decode(request).ok().map(|payload| payload.bytes)
}

impl Payload {
    /// # Errors
    /// The encoding, a length or a checksum is wrong.
    pub(super) fn read(request: &Request) -> Result<Payload, S3Error> {
        let payload = Payload::decode(request)?;
        payload.verify()?;
        let expected = payload_hash(request);
        let is_hash = !expected.starts_with("STREAMING-") && expected != "UNSIGNED-PAYLOAD";
        if is_hash && expected != hex(&Sha256::digest(&request.body)) {
            let message = "x-amz-content-sha256 does not match what was computed";
            return Err(S3Error::breach(400, "XAmzContentSHA256Mismatch", message));
        }
        Ok(payload)
    }

    fn decode(request: &Request) -> Result<Payload, S3Error> {
        match payload_hash(request).starts_with("STREAMING-") {
            true => Payload::from_chunks(request),
            false => Ok(Payload::plain(request)),
        }
    }

    fn plain(request: &Request) -> Payload {
        let checksum =
            CHECKSUMS.iter().find_map(|name| Some((*name, request.header(name)?.to_owned())));
        Payload { bytes: request.body.clone(), checksum }
    }

    /// `aws-chunked`: each chunk with its size in front, and trailers at the end.
    fn from_chunks(request: &Request) -> Result<Payload, S3Error> {
        let is_chunked = request
            .header("content-encoding")
            .is_some_and(|it| it.split(',').any(|it| it.trim() == "aws-chunked"));
        let length = request.header("x-amz-decoded-content-length").map(str::parse::<usize>);
        let (true, Some(Ok(length))) = (is_chunked, length) else {
            return Err(incomplete("aws-chunked or x-amz-decoded-content-length is missing"));
        };
        let (bytes, trailers) = split_chunks(&request.body)
            .ok_or_else(|| incomplete("the chunks are not as they say"))?;
        if bytes.len() != length {
            return Err(incomplete("x-amz-decoded-content-length is not the length"));
        }
        let checksum = match request.header("x-amz-trailer") {
            Some(name) => Some(find_trailer(&trailers, name)?),
            None => None,
        };
        Ok(Payload { bytes, checksum })
    }

    fn verify(&self) -> Result<(), S3Error> {
        let Some((CRC32, expected)) = &self.checksum else { return Ok(()) };
        let mut crc = Crc::new();
        crc.update(&self.bytes);
        match *expected == crate::log_events::base64(&crc.sum().to_be_bytes()) {
            true => Ok(()),
            false => {
                let message = "The CRC32 you specified did not match the calculated checksum.";
                Err(S3Error::breach(400, "BadDigest", message))
            }
        }
    }
}

fn payload_hash(request: &Request) -> &str {
    request.header("x-amz-content-sha256").unwrap_or_default()
}

/// The bytes of all chunks, and the lines that follow the last.
fn split_chunks(mut rest: &[u8]) -> Option<(Vec<u8>, String)> {
    let mut bytes = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        // A signature may follow the size.
        let size = usize::from_str_radix(line.split(';').next()?, 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some((bytes, String::from_utf8(rest.to_vec()).ok()?));
        }
        bytes.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

fn find_trailer(trailers: &str, name: &str) -> Result<(&'static str, String), S3Error> {
    let known = CHECKSUMS.iter().find(|known| **known == name);
    let known = known.ok_or_else(|| S3Error::not_modelled(&format!("the trailer {name}")))?;
    let mut lines = trailers.split("\r\n").filter_map(|line| line.split_once(':'));
    let value = lines.find(|(trailer, _)| trailer.eq_ignore_ascii_case(name));
    let (_, value) = value.ok_or_else(|| incomplete("the trailer is missing"))?;
    Ok((known, value.trim().to_owned()))
}

fn incomplete(message: &str) -> S3Error {
    S3Error::breach(400, "IncompleteBody", message)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
