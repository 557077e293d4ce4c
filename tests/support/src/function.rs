//! The function in a process of its own, as Lambda runs it: it asks the runtime API for payloads,
//! which is served here.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// Between two looks whether the function asks, or has ended.
const LOOK: Duration = Duration::from_millis(1);

/// What the function is given for one invocation.
const TIME: Duration = Duration::from_secs(15 * 60);

/// The function (`program` is its path) with the environment that Lambda gives it, and nothing
/// else; `runtime` is host and port of the runtime API.
pub fn command(program: &str, runtime: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime)
        .env("AWS_LAMBDA_FUNCTION_NAME", "trailbell")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "trailbell")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "trailbell")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example");
    command
}

/// A function that waits for payloads. It ends when this is dropped.
pub struct Function {
    child: Child,
    runtime: TcpListener,
}

impl Function {
    /// Starts the function with these variables, and its log to `log`.
    pub fn start(program: &str, variables: &[(&str, String)], log: Stdio) -> Function {
        let runtime = TcpListener::bind("127.0.0.1:0").unwrap();
        runtime.set_nonblocking(true).unwrap();
        let mut command = command(program, &runtime.local_addr().unwrap().to_string());
        command
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log);
        Function { child: command.spawn().unwrap(), runtime }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Hands over a payload, and gives the function's answer: a value, or an error as Lambda would
    /// get it.
    pub fn invoke(&mut self, payload: &Value) -> Result<Value, Value> {
        self.invoke_text(&payload.to_string())
    }

    /// The same with a payload as text, which need not be JSON.
    pub fn invoke_text(&mut self, payload: &str) -> Result<Value, Value> {
        let (line, _, stream) = self.next_request();
        assert!(line.contains("/invocation/next"), "{line}");
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + TIME;
        let headers = format!(
            "Lambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: {}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:111122223333:function:trailbell\r\n",
            deadline.as_millis()
        );
        answer(&stream, "200 OK", &headers, payload);
        let (line, body, stream) = self.next_request();
        answer(&stream, "202 Accepted", "", "");
        let value = serde_json::from_str(&body).unwrap();
        if line.contains("/invocation/1/response") { Ok(value) } else { Err(value) }
    }

    /// First line, body, and where to answer.
    fn next_request(&mut self) -> (String, String, TcpStream) {
        loop {
            match self.runtime.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    let (line, body) = request(&stream);
                    return (line, body, stream);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(LOOK),
                Err(error) => panic!("the runtime API: {error}"),
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the function ended: {status}");
            }
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn request(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() <= 2 {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (first, String::from_utf8(body).unwrap())
}

fn answer(mut stream: &TcpStream, status: &str, headers: &str, body: &str) {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .unwrap();
}
