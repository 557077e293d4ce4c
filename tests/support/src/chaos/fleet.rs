//! Copies of the function, each a process with a runtime API of its own, as Lambda runs them.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::BTreeMap;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::http::{Connection, Request, Response};
use crate::function;

/// Sets the limits of a process. Part of util-linux.
const PRLIMIT: &str = "/usr/bin/prlimit";

const RUNTIME: &str = "/2018-06-01/runtime/";

const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:111122223333:function:trailbell";

/// How a copy is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The path of the function's program.
    pub program: String,
    /// A limit on the memory that the copy can write to, in MiB: `RLIMIT_DATA`, which counts what
    /// is reserved, so a little more than what Lambda counts.
    pub memory_mb: Option<u64>,
    pub variables: Vec<(String, String)>,
    /// A folder for the logs of all copies.
    pub logs: Option<std::path::PathBuf>,
}

/// What a copy did.
#[derive(Debug)]
pub enum CopyEvent {
    /// It asks for an invocation.
    Ready,
    /// It answered the invocation: a value, or an error.
    Replied(Result<Value, Value>),
    Died(ExitStatus),
}

/// A copy's event, and the copy's name.
pub type FleetEvent = (String, CopyEvent);

/// A copy of the function. It dies when this is dropped.
pub struct FunctionCopy {
    pub pid: u32,
    invocations: UnboundedSender<Invocation>,
    kill: UnboundedSender<()>,
}

impl Drop for FunctionCopy {
    fn drop(&mut self) {
        // It may have died before.
        let _ = self.kill.send(());
    }
}

struct Invocation {
    request_id: String,
    payload: Value,
    timeout: Duration,
}

/// What kills copies by name. Shared with the stand-ins, whose faults do.
#[derive(Debug, Default)]
pub struct KillSwitches {
    // A std mutex: nothing awaits under it.
    senders: Mutex<BTreeMap<String, UnboundedSender<()>>>,
}

impl KillSwitches {
    /// Sends SIGKILL to a copy that this fleet started, if it is alive.
    pub fn kill(&self, copy: &str) {
        let senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = senders.get(copy) {
            // A copy that died by itself does not listen any more.
            let _ = sender.send(());
        }
    }

    fn add(&self, copy: &str, sender: UnboundedSender<()>) {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        senders.insert(copy.to_owned(), sender);
    }
}

impl FunctionCopy {
    /// Starts a copy whose events go to `events`. Its name is the access key that it signs with.
    pub async fn start(
        name: &str,
        launch: &Launch,
        kill_switches: &KillSwitches,
        events: UnboundedSender<FleetEvent>,
    ) -> FunctionCopy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let child = launch.spawn(name, &host);
        let pid = child.id().unwrap();
        let (invocations, receiver) = unbounded_channel();
        let runtime = Arc::new(Runtime {
            name: name.to_owned(),
            invocations: tokio::sync::Mutex::new(receiver),
            current: Mutex::default(),
            events: events.clone(),
        });
        let serving = tokio::spawn(serve_runtime(listener, runtime));
        let (kill, kills) = unbounded_channel();
        kill_switches.add(name, kill.clone());
        let name = name.to_owned();
        tokio::spawn(async move {
            let status = watch(child, kills).await;
            serving.abort();
            // Nobody listens after the end of a test.
            let _ = events.send((name, CopyEvent::Died(status)));
        });
        FunctionCopy { pid, invocations, kill }
    }

    /// Hands over a payload. The copy must be ready.
    pub fn invoke(&self, request_id: &str, payload: Value, timeout: Duration) {
        let invocation = Invocation { request_id: request_id.to_owned(), payload, timeout };
        // A copy that died meanwhile says so itself.
        let _ = self.invocations.send(invocation);
    }

    /// The peak of its resident memory, in MiB. Returns `None` if it has died.
    pub fn peak_memory_mb(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kb: f64 = peak.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kb / 1024.0)
    }
}

impl Launch {
    fn spawn(&self, name: &str, runtime: &str) -> Child {
        let mut command = match self.memory_mb {
            None => function::command(&self.program, runtime),
            Some(megabytes) => {
                let mut command = function::command(PRLIMIT, runtime);
                command.arg(format!("--data={}", megabytes << 20)).arg(&self.program);
                command
            }
        };
        let memory = self.memory_mb.unwrap_or(256).to_string();
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)
            .env("AWS_ACCESS_KEY_ID", name)
            .stdin(Stdio::null())
            .stdout(self.log(name))
            .stderr(self.log(name));
        Command::from(command).kill_on_drop(true).spawn().unwrap()
    }

    fn log(&self, name: &str) -> Stdio {
        let Some(folder) = &self.logs else { return Stdio::null() };
        let path = folder.join(name).with_extension("log");
        std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap().into()
    }
}

/// Waits for the end of a process, and brings it about if asked to.
async fn watch(mut child: Child, mut kills: UnboundedReceiver<()>) -> ExitStatus {
    tokio::select! {
        status = child.wait() => status.unwrap(),
        Some(()) = kills.recv() => {
            // It may have ended by itself.
            let _ = child.start_kill();
            child.wait().await.unwrap()
        }
    }
}

/// The runtime API of one copy.
struct Runtime {
    name: String,
    invocations: tokio::sync::Mutex<UnboundedReceiver<Invocation>>,
    /// The request id of the invocation that the copy works on.
    current: Mutex<Option<String>>,
    events: UnboundedSender<FleetEvent>,
}

async fn serve_runtime(listener: TcpListener, runtime: Arc<Runtime>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(Arc::clone(&runtime).serve(stream));
    }
}

impl Runtime {
    async fn serve(self: Arc<Runtime>, stream: TcpStream) {
        let mut connection = Connection::new(stream);
        while let Ok(Some(request)) = connection.read_request().await {
            let Some(answer) = self.answer(&request).await else { return };
            if connection.write(&answer).await.is_err() {
                return;
            }
        }
    }

    /// Returns `None` at the end of a test.
    async fn answer(&self, request: &Request) -> Option<Response> {
        let action = request.path.strip_prefix(RUNTIME).unwrap_or_default();
        if action == "invocation/next" {
            return self.next().await;
        }
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).take();
        let answered = |end: &str| {
            current.as_ref().is_some_and(|id| action == format!("invocation/{id}/{end}"))
        };
        let value = serde_json::from_slice(&request.body).unwrap_or_default();
        let reply = match () {
            () if answered("response") => Ok(value),
            () if answered("error") || action == "init/error" => Err(value),
            () => return Some(Response::empty(400)),
        };
        self.events.send((self.name.clone(), CopyEvent::Replied(reply))).ok()?;
        Some(Response::empty(202))
    }

    async fn next(&self) -> Option<Response> {
        self.events.send((self.name.clone(), CopyEvent::Ready)).ok()?;
        let invocation = self.invocations.lock().await.recv().await?;
        let current = Some(invocation.request_id.clone());
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = current;
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).ok()? + invocation.timeout;
        let body = invocation.payload.to_string();
        Some(
            Response::with_body(200, "application/json", body)
                .header("lambda-runtime-aws-request-id", invocation.request_id)
                .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
                .header("lambda-runtime-invoked-function-arn", FUNCTION_ARN),
        )
    }
}
