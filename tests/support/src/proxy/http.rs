//! As much of HTTP/1.1 as the AWS clients and moto speak: bodies have a length.

use std::io::{Error, ErrorKind, Result};

use jiff::SignedDuration;
use jiff::civil::DateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How dates are written in headers.
const DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// With its query, percent-encoded.
    pub path: String,
    pub head: Head,
    pub body: Vec<u8>,
}

/// An answer.
pub struct Answer {
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
}

/// The first line and the headers.
#[derive(Debug, Clone)]
pub struct Head {
    first: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The next request; none where the client has gone.
    pub(super) async fn read(stream: &mut TcpStream) -> Result<Option<Request>> {
        let Some((head, rest)) = head(stream).await? else { return Ok(None) };
        let length =
            head.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let body = body(stream, rest, Some(length)).await?;
        let mut words = head.first.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        Ok(Some(Request { method, path, head, body }))
    }

    /// Whether it has a header.
    pub fn has(&self, name: &str) -> bool {
        self.head.header(name).is_some()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Asks the server at `host`.
    pub(super) async fn ask(&self, host: &str) -> Result<Answer> {
        let mut stream = TcpStream::connect(host).await?;
        stream.write_all(&self.head.bytes(self.body.len())).await?;
        stream.write_all(&self.body).await?;
        let (head, rest) = head(&mut stream).await?.ok_or(ErrorKind::UnexpectedEof)?;
        // The answer to HEAD has a length and no body.
        let body = body(&mut stream, rest, None).await?;
        Ok(Answer { head, body })
    }
}

impl Answer {
    /// With these headers (each `name: value`), and a body of XML.
    pub fn new<'a>(
        status: u16,
        headers: impl IntoIterator<Item = &'a str>,
        body: String,
    ) -> Answer {
        let headers =
            headers.into_iter().chain(["content-type: text/xml"]).filter_map(header).collect();
        Answer {
            head: Head { first: format!("HTTP/1.1 {status} x"), headers },
            body: body.into_bytes(),
        }
    }

    /// The server's clock, later.
    pub(super) fn later(&mut self, seconds: i64) {
        for (name, value) in &mut self.head.headers {
            if name.eq_ignore_ascii_case("date") {
                let date = DateTime::strptime(DATE, &value).unwrap();
                *value = date
                    .saturating_add(SignedDuration::from_secs(seconds))
                    .strftime(DATE)
                    .to_string();
            }
        }
    }

    /// All of it; an answer to HEAD has the length of a body, and none.
    pub(super) fn bytes_for(&self, method: &str) -> Vec<u8> {
        if method == "HEAD" { self.head.bytes(self.body.len()) } else { self.bytes() }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        [self.head.bytes(self.body.len()).as_slice(), &self.body].concat()
    }
}

impl Head {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// With one request a connection, and this length of the body.
    pub(super) fn bytes(&self, length: usize) -> Vec<u8> {
        let ours = ["connection", "content-length"];
        let theirs = self
            .headers
            .iter()
            .filter(|(name, _)| !ours.contains(&name.to_ascii_lowercase().as_str()));
        let headers: String = theirs.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        // Nothing follows a 204, not even a length.
        let length = if self.first.contains(" 204 ") {
            String::new()
        } else {
            format!("content-length: {length}\r\n")
        };
        format!("{}\r\n{headers}connection: close\r\n{length}\r\n", self.first).into_bytes()
    }
}

/// A head, and what came after it already.
async fn head(stream: &mut TcpStream) -> Result<Option<(Head, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return if bytes.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
        }
    };
    let rest = bytes.split_off(end + 4);
    let text = String::from_utf8(bytes).map_err(Error::other)?;
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let headers = lines.filter_map(header).collect();
    Ok(Some((Head { first, headers }, rest)))
}

fn header(line: &str) -> Option<(String, String)> {
    line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
}

/// A body of this length, or up to the end.
async fn body(
    stream: &mut TcpStream,
    mut bytes: Vec<u8>,
    length: Option<usize>,
) -> Result<Vec<u8>> {
    match length {
        Some(length) => {
            let have = bytes.len();
            bytes.resize(length, 0);
            stream.read_exact(&mut bytes[have.min(length)..]).await?;
        }
        None => {
            stream.read_to_end(&mut bytes).await?;
        }
    }
    Ok(bytes)
}
