//! A server on this machine that stands before moto and answers some requests itself: AWS with one thing broken.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::moto;

/// A request as it came.
pub struct Request {
    /// `GET`, …
    pub method: String,
    /// With the query.
    pub path: String,
    /// As text.
    pub body: String,
}

/// An answer: status, further headers (each `name: value`), body.
pub type Answer = (u16, Vec<String>, String);

/// What S3 answers where it refuses.
pub fn refused(status: u16, code: &str, message: &str) -> Option<Answer> {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Some((status, vec![], body))
}

/// Starts one, and gives its URL. What `answer` leaves to it goes to moto. It ends with the process.
pub fn before_moto(answer: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // A client that goes away in the middle is no concern of the others.
            thread::spawn(move || serve(&stream, &*answer));
        }
    });
    url
}

fn serve(mut stream: &TcpStream, answer: &dyn Fn(&Request) -> Option<Answer>) -> std::io::Result<()> {
    let (head, body) = read(stream)?;
    let mut words = head.split_whitespace();
    let request = Request {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let Some((status, headers, text)) = answer(&request) else { return pass_on(stream, &head, &body) };
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    // An answer to HEAD has a length and no body.
    let shown = if request.method == "HEAD" { "" } else { &text };
    write!(
        stream,
        "HTTP/1.1 {status} x\r\n{headers}date: Thu, 12 Mar 2026 12:00:00 GMT\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{shown}",
        text.len()
    )
}

/// The head of a request, without what would keep the connection, and its body.
fn read(stream: &TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let (mut reader, mut head, mut length) = (BufReader::new(stream), String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((head, body))
}

fn pass_on(mut stream: &TcpStream, head: &str, body: &[u8]) -> std::io::Result<()> {
    let mut moto = TcpStream::connect(moto::url().trim_start_matches("http://").trim_end_matches('/'))?;
    write!(moto, "{head}connection: close\r\n\r\n")?;
    moto.write_all(body)?;
    let mut answer = Vec::new();
    moto.read_to_end(&mut answer)?;
    stream.write_all(&answer)
}
