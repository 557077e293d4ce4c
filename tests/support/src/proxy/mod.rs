//! A proxy on loopback, between the AWS clients and moto, that makes of chosen requests what
//! networks and services make of them on a bad day.

mod act;
mod http;
mod serve;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

pub use act::Act;
pub use http::{Answer, Request};

/// What befalls some requests.
#[derive(Clone)]
pub struct Fault {
    /// Those meant.
    pub which: fn(&Request) -> bool,
    /// How many of those are let through first.
    pub after: usize,
    /// How many it befalls then.
    pub times: usize,
    pub act: Act,
}

impl Fault {
    /// It befalls the first of those meant.
    pub fn once(which: fn(&Request) -> bool, act: Act) -> Fault {
        Fault { which, after: 0, times: 1, act }
    }

    /// It befalls all of those meant.
    pub fn always(which: fn(&Request) -> bool, act: Act) -> Fault {
        Fault { which, after: 0, times: usize::MAX, act }
    }
}

/// Answers that are not the server's; none where it is to be asked.
type Own = dyn Fn(&Request) -> Option<Answer> + Send + Sync;

/// A proxy. It serves until the process ends.
pub struct Proxy {
    /// Its URL.
    pub url: String,
    shared: Arc<Shared>,
}

/// What the connections share.
pub(super) struct Shared {
    /// Host and port of the server behind.
    upstream: String,
    state: Mutex<State>,
    own: Box<Own>,
    /// How many requests a fault has befallen, and had its effect on, since the proxy was armed.
    befallen: watch::Sender<usize>,
    /// How many connections there are.
    connections: watch::Sender<usize>,
    /// S3's conditional writes are atomic; moto's are not, where two come at once.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    faults: Vec<Fault>,
    asked: Vec<Request>,
    /// Seconds that the server's clock seems to be ahead.
    ahead: i64,
}

impl Proxy {
    /// A proxy for the server at this URL, on a thread of its own.
    pub fn new(upstream: &str) -> Proxy {
        Proxy::answering(upstream, |_| None)
    }

    /// The same, but what `own` has an answer to goes no further.
    pub fn answering(
        upstream: &str,
        own: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Proxy {
        let shared = Arc::new(Shared {
            upstream: upstream.trim_start_matches("http://").trim_end_matches('/').to_owned(),
            state: Mutex::default(),
            own: Box::new(own),
            befallen: watch::Sender::new(0),
            connections: watch::Sender::new(0),
            writing: tokio::sync::Mutex::default(),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve::serve(listener, serving));
        });
        Proxy { url, shared }
    }

    /// From now on these faults befall requests, and no others. Forgets what was asked before.
    pub fn arm(&self, faults: Vec<Fault>) {
        let mut state = self.shared.state();
        (state.faults, state.asked) = (faults, Vec::new());
        self.shared.befallen.send_replace(0);
    }

    /// The server's clock seems to go forward: `Date` is so many seconds later from now on, while
    /// `Last-Modified` stays what it is. So everything that was written has grown older.
    pub fn wait(&self, seconds: i64) {
        self.shared.state().ahead += seconds;
    }

    /// Every request since the proxy was armed, in the order of arrival.
    pub fn asked(&self) -> Vec<Request> {
        self.shared.state().asked.clone()
    }

    /// Waits until a fault has befallen a request.
    pub async fn befallen(&self) {
        self.shared.befallen.subscribe().wait_for(|count| *count > 0).await.unwrap();
    }

    /// Waits until no request is on its way.
    pub async fn quiet(&self) {
        self.shared.connections.subscribe().wait_for(|count| *count == 0).await.unwrap();
    }
}

impl Shared {
    // A std mutex: nothing awaits under it.
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request, and says what is to befall it.
    fn judge(&self, request: &Request) -> Option<Act> {
        let mut state = self.state();
        state.asked.push(request.clone());
        for fault in state.faults.iter_mut().filter(|fault| (fault.which)(request)) {
            if fault.after > 0 {
                fault.after -= 1;
            } else if fault.times > 0 {
                fault.times -= 1;
                return Some(fault.act);
            }
        }
        None
    }
}
