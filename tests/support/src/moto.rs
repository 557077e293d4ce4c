//! A stand-in for AWS on this machine: moto's server, one for each test process.
//!
//! It ends with the test process, however that ends: it serves until its standard input closes.
//! `TRAILBELL_TEST_MOTO=URL` uses a server that is running.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::venv;

const START_LIMIT: Duration = Duration::from_secs(60);
const WAY_OUT: &str = "Install python3 with venv and pip, or start moto_server yourself and set TRAILBELL_TEST_MOTO=URL";

/// The URL of the server, e.g. `http://127.0.0.1:40123`. Panics with one line where there can be
/// none.
#[expect(clippy::panic, reason = "a test that needs a server cannot go on without one")]
pub fn url() -> &'static str {
    static MOTO: OnceLock<Result<Moto, String>> = OnceLock::new();
    match MOTO.get_or_init(Moto::start) {
        Ok(moto) => &moto.url,
        Err(error) => panic!("no moto to test with: {error}. {WAY_OUT}"),
    }
}

/// A name for a bucket, topic or queue that no other test has, in this process or another: `prefix`
/// and some digits.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{prefix}-{:x}-{count}", now.as_nanos())
}

/// What was published to a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryReport {
    /// `Message` as it was sent: with `MessageStructure` json, the text of an object with one text
    /// for each protocol.
    pub message: String,
    /// `Subject`.
    pub subject: Option<String>,
    /// Name, then `Type` and `Value`.
    pub attributes: Value,
}

/// Everything that was published to a topic, in the order of arrival. moto sends no mail: the text
/// in [`DeliveryReport::message`] for `email` is what an e-mail subscriber would get.
pub fn published(topic_arn: &str) -> Result<Vec<DeliveryReport>, String> {
    let data = get(url(), "/moto-api/data.json")
        .map_err(|error| format!("GET /moto-api/data.json: {error}"))?;
    let data: Value =
        serde_json::from_slice(&data).map_err(|error| format!("/moto-api/data.json: {error}"))?;
    let topics = data["sns"]["Topic"].as_array().ok_or("/moto-api/data.json has no sns.Topic")?;
    let topic = topics
        .iter()
        .find(|topic| topic["arn"] == topic_arn)
        .ok_or_else(|| format!("no topic {topic_arn}"))?;
    Ok(topic["sent_notifications"]
        .as_array()
        .into_iter()
        .flatten()
        .map(DeliveryReport::of)
        .collect())
}

impl DeliveryReport {
    /// moto's tuple: message id, message, subject, attributes, group id.
    fn of(sent: &Value) -> DeliveryReport {
        DeliveryReport {
            message: sent[1].as_str().unwrap_or_default().to_owned(),
            subject: sent[2].as_str().map(str::to_owned),
            attributes: sent[3].clone(),
        }
    }
}

/// The body of an answer. HTTP/1.0, so that the server closes the connection at its end.
fn get(url: &str, path: &str) -> std::io::Result<Vec<u8>> {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut connection = TcpStream::connect(host)?;
    write!(connection, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut answer = BufReader::new(connection);
    let mut header = String::new();
    while answer.read_line(&mut header)? > 0 && !header.ends_with("\r\n\r\n") {}
    let mut body = Vec::new();
    answer.read_to_end(&mut body)?;
    Ok(body)
}

/// A server.
struct Moto {
    url: String,
    /// Holds the server's standard input open for as long as this process lives.
    _server: Option<Child>,
}

impl Moto {
    fn start() -> Result<Moto, String> {
        if let Ok(url) = std::env::var("TRAILBELL_TEST_MOTO") {
            return Ok(Moto { url, _server: None });
        }
        let python = venv::python_with_moto()?;
        let mut server = Command::new(&python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/moto_server.py"))
            // It delivers to subscribers on this machine.
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", python.display()))?;
        let stdout = server.stdout.take().ok_or("the server has no standard output")?;
        let url = first_line(stdout)?;
        Ok(Moto { url, _server: Some(server) })
    }
}

/// The URL that the server prints when it is ready.
fn first_line(stdout: ChildStdout) -> Result<String, String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        // Nobody listens any more where the limit is over.
        let _ = sender.send(read.map(|_| line));
    });
    let line = receiver
        .recv_timeout(START_LIMIT)
        .map_err(|_| format!("the server is not ready after {START_LIMIT:?}"))?;
    match line.map_err(|error| format!("the server's standard output: {error}"))?.trim_end() {
        "" => Err("the server ended at once; its message is above".to_owned()),
        url => Ok(url.to_owned()),
    }
}
