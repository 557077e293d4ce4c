//! A server on this machine that gives one answer, whatever it is asked: for what moto does not do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

/// The time to live is that of a token of a machine's metadata service.
const HEADERS: &str = "content-type: text/xml\r\nconnection: close\r\n\
    x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n";

/// What the server is asked.
pub struct CannedRequest {
    /// The request line and the headers.
    pub head: String,
    pub body: String,
}

/// A server, and what it was asked.
pub struct Canned {
    /// Its URL.
    pub url: String,
    asked: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl Canned {
    /// Answers every request so. The server ends with the process.
    pub fn new(
        answer: impl Fn(&CannedRequest) -> (u16, String) + Send + 'static,
    ) -> std::io::Result<Canned> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away in the middle is no concern of the others.
                let _gone = serve(&stream, &answer, &log);
            }
        });
        Ok(Canned { url, asked })
    }

    /// When each request came, and its body, in order.
    pub fn asked(&self) -> Vec<(Instant, String)> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(
    stream: &TcpStream,
    answer: &impl Fn(&CannedRequest) -> (u16, String),
    log: &Mutex<Vec<(Instant, String)>>,
) -> std::io::Result<()> {
    let request = read_request(stream)?;
    log.lock().unwrap().push((Instant::now(), request.body.clone()));
    let (status, text) = answer(&request);
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status} x\r\n{HEADERS}content-length: {}\r\n\r\n{text}", text.len())
}

fn read_request(stream: &TcpStream) -> std::io::Result<CannedRequest> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(CannedRequest { head, body: String::from_utf8_lossy(&body).into_owned() })
}
