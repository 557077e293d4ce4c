//! HTTP/1.1 as a server reads and writes it: connections that stay open, bodies by length or in
//! chunks, `Expect: 100-continue`.

use std::io::{Error, ErrorKind, Result};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest head that is read.
const MAX_HEAD: usize = 64 * 1024;

/// The room that each read has at least.
const READ_SIZE: usize = 16 * 1024;

/// A request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: String,
    /// Decoded, without the query.
    pub path: String,
    /// Decoded pairs, in their order. A parameter without `=` has an empty value.
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Reads the first line and the headers of a head without its blank line.
    fn parse_head(head: &str) -> Option<Request> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let method = words.next()?;
        let target = words.next()?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.map(|line| line.split_once(':')).collect::<Option<Vec<_>>>()?;
        Some(Request {
            method: method.to_owned(),
            path: decode(path),
            query: parse_pairs(query, decode),
            headers: headers
                .into_iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body: Vec::new(),
        })
    }
}

/// Pairs of a query or a form.
pub fn parse_pairs(text: &str, decode: fn(&str) -> String) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Decodes percent-encoding.
pub fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Decodes a form's encoding: a plus is a space.
pub fn decode_form(text: &str) -> String {
    decode(&text.replace('+', " "))
}

/// Encodes as S3 does where it encodes keys: as a form does, except for slashes.
pub fn encode_form(text: &str) -> String {
    const KEPT: AsciiSet = NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'*')
        .remove(b'/')
        .remove(b' ');
    utf8_percent_encode(text, &KEPT).to_string().replace(' ', "+")
}

/// An answer. Date, length and the service's request id are added when it is sent.
#[derive(Debug, Clone, Default)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The length of the body that a `HEAD` request asks for and does not get.
    pub head_length: Option<usize>,
}

impl Response {
    /// An answer without a body.
    pub fn empty(status: u16) -> Response {
        Response { status, ..Response::default() }
    }

    /// An answer with a body of this content type.
    pub fn with_body(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        Response {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
            head_length: None,
        }
    }

    /// The same answer with another header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Response {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn head(&self) -> String {
        let headers: String =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = match self.status {
            // Nothing follows a 204, not even a length.
            204 => String::new(),
            _ => {
                format!("content-length: {}\r\n", self.head_length.unwrap_or(self.body.len()))
            }
        };
        format!("HTTP/1.1 {} {}\r\n{headers}{length}\r\n", self.status, reason(self.status))
    }

    fn bytes(&self) -> Vec<u8> {
        [self.head().as_bytes(), &self.body].concat()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        503 => "Slow Down",
        _ => "Other",
    }
}

/// A client's connection.
pub struct Connection {
    stream: TcpStream,
    /// Bytes that were read and belong to what comes next.
    buffer: Vec<u8>,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Connection {
        Connection { stream, buffer: Vec::new() }
    }

    /// The next request. Returns `None` if the client closed the connection.
    pub async fn read_request(&mut self) -> Result<Option<Request>> {
        let Some(head) = self.read_head().await? else { return Ok(None) };
        let mut request =
            Request::parse_head(&head).ok_or_else(|| Error::other("not a request"))?;
        if request.header("expect").is_some_and(|it| it.eq_ignore_ascii_case("100-continue")) {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        request.body = match request.header("transfer-encoding") {
            Some(_) => self.read_chunks().await?,
            None => {
                let length = request.header("content-length").unwrap_or("0");
                let length = length.parse().map_err(|_| Error::other("not a length"))?;
                self.read_exactly(length).await?
            }
        };
        Ok(Some(request))
    }

    /// Sends an answer.
    pub async fn write(&mut self, response: &Response) -> Result<()> {
        self.stream.write_all(&response.bytes()).await
    }

    /// Sends the head and half of the body.
    pub async fn write_half(&mut self, response: &Response) -> Result<()> {
        let bytes = response.bytes();
        let half = bytes.len() - response.body.len().div_ceil(2);
        self.stream.write_all(&bytes[..half]).await
    }

    /// Waits until the client closes the connection.
    pub async fn wait_closed(&mut self) {
        let mut ignored = [0; 1024];
        while matches!(self.stream.read(&mut ignored).await, Ok(1..)) {}
    }

    async fn read_head(&mut self) -> Result<Option<String>> {
        match self.read_until(b"\r\n\r\n").await {
            Ok(head) => Ok(Some(String::from_utf8(head).map_err(Error::other)?)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && self.buffer.is_empty() => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The body of `Transfer-Encoding: chunked`. Trailers are read and dropped.
    async fn read_chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.read_until(b"\r\n").await?;
            let line = String::from_utf8_lossy(&line);
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(Error::other)?;
            if size == 0 {
                break;
            }
            body.extend(self.read_exactly(size).await?);
            self.read_until(b"\r\n").await?;
        }
        while !self.read_until(b"\r\n").await?.is_empty() {}
        Ok(body)
    }

    /// What comes before `end`, which is read too.
    async fn read_until(&mut self, end: &[u8]) -> Result<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                let rest = self.buffer.split_off(at + end.len());
                let mut read = std::mem::replace(&mut self.buffer, rest);
                read.truncate(at);
                return Ok(read);
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(Error::other("the head is too long"));
            }
            self.read_more().await?;
        }
    }

    async fn read_exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.buffer.len() < length {
            self.read_more().await?;
        }
        let rest = self.buffer.split_off(length);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    async fn read_more(&mut self) -> Result<()> {
        self.buffer.reserve(READ_SIZE);
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
