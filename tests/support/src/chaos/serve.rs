//! One server on loopback: reads requests, lets faults happen, records everything.

use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::clock::{VirtualClock, http_date};
use super::faults::{Act, Faults, Rule, Weather};
use super::fleet::KillSwitches;
use super::http::{Connection, Request, Response};
use super::journal::{Journal, RequestNote, What};
use super::{ledger, signature};

/// The window that the embedded rules count in.
const WINDOW_SECONDS: i64 = 600;

/// A service of AWS.
pub trait Service: Send + Sync + 'static {
    /// Its name in a credential scope, e.g. `s3`.
    fn name(&self) -> &'static str;

    /// What a request is about, for the journal: bucket and key, or the action.
    fn resource(&self, request: &Request) -> String;

    /// Answers a request.
    fn answer(&self, call: &ServiceCall<'_>) -> Response;

    /// An error as the service writes it.
    fn error(&self, status: u16, code: &str, message: &str) -> Response;
}

/// A request that reached the service.
pub struct ServiceCall<'a> {
    pub request: &'a Request,
    /// The copy of the function that sent it: its access key.
    pub copy: &'a str,
    /// Its place in the journal.
    pub place: usize,
    /// False if it is to be answered without its effect.
    pub has_effect: bool,
}

/// What all servers of a deployment share.
pub struct Shared {
    pub clock: VirtualClock,
    pub journal: Journal,
    pub faults: Faults,
    pub kill_switches: KillSwitches,
    /// Requests that were read and are not yet done with.
    in_flight: AtomicUsize,
}

impl Shared {
    /// What servers share where nothing goes wrong but these rules.
    pub fn with_rules(rules: Vec<Rule>) -> Arc<Shared> {
        Shared::new(Faults::new(1, Weather::default(), rules))
    }

    pub fn new(faults: Faults) -> Arc<Shared> {
        Arc::new(Shared {
            clock: VirtualClock::at_window_start(WINDOW_SECONDS),
            journal: Journal::default(),
            faults,
            kill_switches: KillSwitches::default(),
            in_flight: AtomicUsize::new(0),
        })
    }

    /// Returns true if no request is in flight, of a copy that died either.
    pub fn is_quiet(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) == 0
    }
}

/// A server. It ends when this is dropped, its connections when their clients close them.
pub struct RunningServer {
    pub url: String,
    task: JoinHandle<()>,
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a server.
pub async fn serve(service: Arc<dyn Service>, shared: Arc<Shared>) -> RunningServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // An answer is not to wait for the acknowledgement of its head.
            stream.set_nodelay(true).unwrap();
            let server = Server {
                connection: Connection::new(stream),
                service: Arc::clone(&service),
                shared: Arc::clone(&shared),
            };
            tokio::spawn(server.run());
        }
    });
    RunningServer { url, task }
}

struct Server {
    connection: Connection,
    service: Arc<dyn Service>,
    shared: Arc<Shared>,
}

impl Server {
    async fn run(mut self) {
        // A client that goes away in the middle ends its connection only.
        while let Ok(Some(request)) = self.connection.read_request().await {
            self.shared.in_flight.fetch_add(1, Ordering::Relaxed);
            let is_open = self.handle(&request).await.unwrap_or(false);
            self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
            if !is_open {
                return;
            }
        }
    }

    /// Handles a request. Returns true if the connection stays open.
    async fn handle(&mut self, request: &Request) -> Result<bool> {
        let fate = self.shared.faults.decide(request);
        tokio::time::sleep(fate.latency).await;
        let signed = signature::access_key(request, self.service.name());
        let copy = signed.as_deref().unwrap_or_default();
        let place = self.note(request, copy, fate.act);
        if let Err(problem) = &signed {
            let refusal = self.refuse(request, place, (403, "AccessDenied"), problem);
            self.shared.journal.breach(format!("{}: {problem}", self.service.resource(request)));
            return self.connection.write(&refusal).await.map(|()| true);
        }
        match fate.act {
            None => self.answer(request, copy, place, true).await.map(|()| true),
            Some(Act::Pretend) => self.answer(request, copy, place, false).await.map(|()| true),
            Some(Act::Refuse(status, code)) => {
                let refusal = self.refuse(request, place, (status, code), "a fault of the test");
                self.connection.write(&refusal).await.map(|()| true)
            }
            Some(act) => self.fail(act, request, copy, place).await.map(|()| false),
        }
    }

    fn note(&self, request: &Request, copy: &str, fault: Option<Act>) -> usize {
        let note = RequestNote {
            method: request.method.clone(),
            resource: self.service.resource(request),
            state: ledger::entry_state(request),
            status: 0,
            fault,
            answered: false,
        };
        self.shared.journal.add(copy, What::Request(note))
    }

    fn refuse(
        &self,
        request: &Request,
        place: usize,
        (status, code): (u16, &str),
        message: &str,
    ) -> Response {
        self.shared.journal.update(place, |note| (note.status, note.answered) = (status, true));
        self.complete(request, self.service.error(status, code, message))
    }

    fn take_effect(
        &self,
        request: &Request,
        copy: &str,
        place: usize,
        has_effect: bool,
    ) -> Response {
        let answer = self.service.answer(&ServiceCall { request, copy, place, has_effect });
        self.shared.journal.update(place, |note| note.status = answer.status);
        self.complete(request, answer)
    }

    async fn answer(
        &mut self,
        request: &Request,
        copy: &str,
        place: usize,
        has_effect: bool,
    ) -> Result<()> {
        let answer = self.take_effect(request, copy, place, has_effect);
        self.connection.write(&answer).await?;
        self.shared.journal.update(place, |note| note.answered = true);
        Ok(())
    }

    /// Lets a fault happen after which the connection is closed.
    async fn fail(&mut self, act: Act, request: &Request, copy: &str, place: usize) -> Result<()> {
        let answer = act.has_effect().then(|| self.take_effect(request, copy, place, true));
        match (act, answer) {
            (Act::CutAnswer, Some(answer)) => self.connection.write_half(&answer).await?,
            (Act::Hang | Act::HangAfter, _) => self.connection.wait_closed().await,
            (Act::KillBefore | Act::KillAfter, _) => {
                self.shared.kill_switches.kill(copy);
                self.connection.wait_closed().await;
            }
            _ => {}
        }
        Ok(())
    }

    fn complete(&self, request: &Request, answer: Response) -> Response {
        let mut answer =
            answer.header("date", http_date(self.shared.clock.now())).header("server", "stand-in");
        if request.method == "HEAD" {
            answer.head_length = answer.head_length.or(Some(answer.body.len()));
            answer.body.clear();
        }
        answer
    }
}
