//! The deployed stack: a bucket of log objects, its queue, a sweep every ten minutes, copies of the
//! function, a ledger and a topic.
//!
//! Time moves by itself only while copies work. When all of them wait, the clock is moved to what
//! comes next: a message that becomes visible, or a sweep.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout_at};

use super::corpus::LogObject;
use super::faults::Faults;
use super::fleet::{CopyEvent, FleetEvent, FunctionCopy, Launch};
use super::journal::What;
use super::ledger;
use super::queue::{self, Message, Queue};
use super::s3::{Metadata, S3};
use super::serve::{RunningServer, Shared, serve};
use super::settings::{Counts, Settings};
use super::sns::Sns;
use crate::random::Random;

/// The bucket of log objects.
pub const LOGS: &str = "trail-logs";

/// The bucket of exceptions.
pub const CONFIG: &str = "trail-config";

/// As the template has it.
const VISIBILITY_TIMEOUT: SignedDuration = SignedDuration::from_secs(720);
const MAX_RECEIVE_COUNT: u32 = 5;
const BATCH_SIZE: usize = 10;
const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_mins(10);

/// Between two looks at the memory of the copies.
const TICK: Duration = Duration::from_millis(20);

/// A copy that dies so often before it asks for an invocation cannot start at all.
const MAX_FAILED_STARTS: usize = 5;

/// A deployment.
pub struct Deployment {
    pub settings: Settings,
    pub shared: Arc<Shared>,
    pub s3: Arc<S3>,
    pub sns: Arc<Sns>,
    pub queue: Queue,
    pub counts: Counts,
    /// By this machine's clock.
    pub first_delivery: Option<std::time::Instant>,
    launch: Launch,
    copies: BTreeMap<String, Running>,
    events: UnboundedReceiver<FleetEvent>,
    sender: UnboundedSender<FleetEvent>,
    random: Random,
    started: usize,
    failed_starts: usize,
    next_sweep: Timestamp,
    _servers: [RunningServer; 2],
}

/// A copy, and what it is doing.
struct Running {
    copy: FunctionCopy,
    work: Work,
    /// When it is killed, and whether that is because it is out of time.
    kill_at: Option<(Instant, bool)>,
    was_ready: bool,
}

enum Work {
    Starting,
    Ready,
    Messages(Vec<Message>),
    Sweep,
}

impl Deployment {
    pub async fn new(settings: Settings) -> Deployment {
        let faults = Faults::new(settings.seed, settings.weather, settings.rules.clone());
        let shared = Shared::new(faults);
        let s3 = Arc::new(S3::new(Arc::clone(&shared)));
        s3.create_bucket(LOGS, true);
        s3.create_bucket(ledger::BUCKET, false);
        s3.create_bucket(CONFIG, false);
        for (key, text) in &settings.files {
            s3.put(CONFIG, key, text.as_bytes().to_vec());
        }
        let sns = Sns::new(Arc::clone(&shared), settings.seed, settings.entry_failures);
        let sns = Arc::new(sns);
        let s3_server = serve(Arc::clone(&s3) as _, Arc::clone(&shared)).await;
        let sns_server = serve(Arc::clone(&sns) as _, Arc::clone(&shared)).await;
        let launch = settings.launch(&sns.topic_arn, &s3_server.url, &sns_server.url);
        let (sender, events) = unbounded_channel();
        Deployment {
            queue: Queue::new(VISIBILITY_TIMEOUT, MAX_RECEIVE_COUNT),
            counts: Counts::default(),
            first_delivery: None,
            copies: BTreeMap::new(),
            random: Random::new(settings.seed),
            started: 0,
            failed_starts: 0,
            next_sweep: shared.clock.now().checked_add(SWEEP_INTERVAL).unwrap(),
            launch,
            settings,
            shared,
            s3,
            sns,
            events,
            sender,
            _servers: [s3_server, sns_server],
        }
    }

    /// Puts a log object, and announces it as often as it says.
    pub fn deliver(&mut self, object: &LogObject) {
        self.deliver_with(object, Metadata::new());
    }

    /// The same for an object with metadata: a digest.
    pub fn deliver_with(&mut self, object: &LogObject, metadata: Metadata) {
        let now = self.shared.clock.now();
        self.first_delivery.get_or_insert_with(std::time::Instant::now);
        let put = self.s3.put_with(LOGS, &object.key, object.body.clone(), metadata);
        for _ in 0..object.announcements {
            let event = object.event(LOGS, &put);
            self.queue.send(now, event.to_string());
        }
    }

    /// Works until the queue is empty and the ledger has no unfinished work, or until there were
    /// enough sweeps.
    pub async fn run(&mut self) {
        loop {
            self.start_copies().await;
            self.dispatch();
            if !self.is_idle() {
                self.wait_for_event().await;
            } else if !self.move_clock() {
                return;
            }
        }
    }

    fn is_idle(&self) -> bool {
        let mut copies = self.copies.values();
        copies.all(|running| matches!(running.work, Work::Ready)) && self.shared.is_quiet()
    }

    /// Ends all faults and kills.
    pub fn clear_faults(&mut self) {
        self.shared.faults.clear();
        self.sns.clear_failures();
        self.settings.random_kills.0 = 0;
    }

    /// Allows so many more sweeps.
    pub fn allow_sweeps(&mut self, least: usize, most: usize) {
        self.settings.sweeps = (self.counts.sweeps + least, self.counts.sweeps + most);
    }

    async fn start_copies(&mut self) {
        assert!(self.failed_starts < MAX_FAILED_STARTS, "the function does not start");
        while self.copies.len() < self.settings.copies {
            self.started += 1;
            let name = format!("COPY{:012}", self.started);
            let copy = FunctionCopy::start(
                &name,
                &self.launch,
                &self.shared.kill_switches,
                self.sender.clone(),
            );
            let copy = copy.await;
            self.shared.journal.add(&name, What::Started);
            let running = Running { copy, work: Work::Starting, kill_at: None, was_ready: false };
            self.copies.insert(name, running);
        }
    }

    /// Gives work to copies that wait for it.
    fn dispatch(&mut self) {
        let is_ready = |running: &Running| matches!(running.work, Work::Ready);
        let ready: Vec<String> = self
            .copies
            .iter()
            .filter(|(_, running)| is_ready(running))
            .map(|(name, _)| name.clone())
            .collect();
        for name in ready {
            let now = self.shared.clock.now();
            if self.may_sweep() && self.next_sweep <= now {
                self.next_sweep = now.checked_add(SWEEP_INTERVAL).unwrap();
                self.counts.sweeps += 1;
                self.invoke(&name, json!({"trailbell": "sweep"}), Work::Sweep);
                continue;
            }
            let messages = self.queue.receive(now, BATCH_SIZE);
            if !messages.is_empty() {
                self.invoke(&name, queue::event(&messages), Work::Messages(messages));
            }
        }
    }

    fn invoke(&mut self, name: &str, payload: Value, work: Work) {
        self.counts.invocations += 1;
        let request_id = format!("request-{}", self.counts.invocations);
        let now = Instant::now();
        let (share, latest) = self.settings.random_kills;
        let latest_ms = usize::try_from(latest.as_millis()).unwrap();
        let kill_at = match self.random.below(100) < share {
            true => {
                let ms = self.random.below(latest_ms.max(1)) as u64;
                (now + Duration::from_millis(ms), false)
            }
            false => (now + self.settings.timeout, true),
        };
        self.shared.journal.add(name, What::Invoked);
        let Some(running) = self.copies.get_mut(name) else { return };
        running.copy.invoke(&request_id, payload, self.settings.timeout);
        running.work = work;
        running.kill_at = Some(kill_at);
    }

    fn may_sweep(&self) -> bool {
        self.counts.sweeps < self.settings.sweeps.1
    }

    /// Moves the clock to what comes next. Returns false if nothing does.
    fn move_clock(&mut self) -> bool {
        let is_sweep_needed = self.queue.next_visible().is_some()
            || self.counts.sweeps < self.settings.sweeps.0
            || self.has_unfinished_work();
        let sweep = (self.may_sweep() && is_sweep_needed).then_some(self.next_sweep);
        let Some(next) = [self.queue.next_visible(), sweep].into_iter().flatten().min() else {
            return false;
        };
        self.shared.clock.advance_to(next);
        true
    }

    fn has_unfinished_work(&self) -> bool {
        let objects = self.s3.objects(ledger::BUCKET, "");
        objects.iter().any(|(key, _)| ledger::is_unfinished(key))
    }

    /// Waits for what a copy does next, and kills copies whose time is over.
    async fn wait_for_event(&mut self) {
        self.measure_memory();
        let now = Instant::now();
        for (name, running) in &mut self.copies {
            if let Some((time, is_timeout)) = running.kill_at
                && time <= now
            {
                self.shared.kill_switches.kill(name);
                self.counts.timeouts += usize::from(is_timeout);
                running.kill_at = None;
            }
        }
        if let Ok(Some((name, event))) = timeout_at(now + TICK, self.events.recv()).await {
            self.handle(&name, event);
        }
    }

    fn measure_memory(&mut self) {
        let peaks = self.copies.values().filter_map(|running| running.copy.peak_memory_mb());
        self.counts.peak_memory_mb = peaks.fold(self.counts.peak_memory_mb, f64::max);
    }

    fn handle(&mut self, name: &str, event: CopyEvent) {
        self.measure_memory();
        match event {
            CopyEvent::Ready => {
                let Some(running) = self.copies.get_mut(name) else { return };
                (running.work, running.was_ready) = (Work::Ready, true);
                if self.counts.invocations == 0 {
                    self.counts.first_memory_mb = self.counts.peak_memory_mb;
                }
            }
            CopyEvent::Replied(reply) => self.settle(name, reply),
            CopyEvent::Died(status) => self.bury(name, status),
        }
    }

    fn settle(&mut self, name: &str, reply: Result<Value, Value>) {
        let Some(running) = self.copies.get_mut(name) else { return };
        running.kill_at = None;
        let work = std::mem::replace(&mut running.work, Work::Starting);
        match (work, reply) {
            (Work::Messages(messages), Ok(reply)) => self.queue.settle(&messages, &reply),
            (_, Err(error)) => self.counts.errors.push(error.to_string()),
            _ => {}
        }
    }

    fn bury(&mut self, name: &str, status: std::process::ExitStatus) {
        let Some(running) = self.copies.remove(name) else { return };
        self.shared.journal.add(name, What::Died);
        let is_killed = std::os::unix::process::ExitStatusExt::signal(&status) == Some(9);
        self.counts.kills += usize::from(is_killed);
        self.counts.crashes += usize::from(!is_killed);
        self.failed_starts = if running.was_ready { 0 } else { self.failed_starts + 1 };
        if let Work::Messages(messages) = &running.work {
            self.queue.note_death(messages);
        }
    }
}
