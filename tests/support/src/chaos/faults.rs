//! What happens to requests on a bad day: to chosen ones by rule, to any by seeded chance.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::http::Request;
use crate::random::Random;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It has no effect and gets this status and error code.
    Refuse(u16, &'static str),
    /// It has no effect, and the connection is closed.
    LoseRequest,
    /// It has its effect, and the connection is closed instead of an answer.
    LoseAnswer,
    /// It has its effect, and the connection is closed after half of the answer's body.
    CutAnswer,
    /// It has no effect and never gets an answer.
    Hang,
    /// It has its effect and never gets an answer.
    HangAfter,
    /// The copy that sent it is killed before it has an effect.
    KillBefore,
    /// The copy that sent it is killed after its effect and before the answer.
    KillAfter,
    /// It has no effect and is answered as if it had: a stand-in that lies.
    Pretend,
}

impl Act {
    /// Returns true if the request has its effect.
    pub fn has_effect(self) -> bool {
        matches!(self, Act::LoseAnswer | Act::CutAnswer | Act::HangAfter | Act::KillAfter)
    }
}

/// What happens to some of the requests that a test chose.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub which: fn(&Request) -> bool,
    /// How many of those pass first.
    pub after: usize,
    /// How many of those are hit then.
    pub times: usize,
    pub act: Act,
}

impl Rule {
    /// Hits the first of the chosen requests.
    pub fn once(which: fn(&Request) -> bool, act: Act) -> Rule {
        Rule { which, after: 0, times: 1, act }
    }

    /// Hits every chosen request.
    pub fn always(which: fn(&Request) -> bool, act: Act) -> Rule {
        Rule { which, after: 0, times: usize::MAX, act }
    }
}

/// How likely each fault is for any request, in 1 of 10,000, and how long answers take.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// The shortest and the longest time before an answer, in milliseconds.
    pub latency_ms: (u64, u64),
    pub internal_errors: usize,
    pub throttles: usize,
    pub lost_requests: usize,
    pub lost_answers: usize,
    pub cut_answers: usize,
    pub hangs: usize,
    pub kills_before: usize,
    pub kills_after: usize,
    /// Conditional writes that are answered with 409, which S3 does while another write is going
    /// on.
    pub conflicts: usize,
}

/// What is to happen to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    pub latency: Duration,
    pub act: Option<Act>,
}

/// Decides what happens to requests. The same seed gives the same decisions for the same requests
/// in the same order.
pub struct Faults {
    state: Mutex<FaultState>,
}

struct FaultState {
    random: Random,
    rules: Vec<Rule>,
    weather: Weather,
}

impl Faults {
    pub fn new(seed: u64, weather: Weather, rules: Vec<Rule>) -> Faults {
        Faults { state: Mutex::new(FaultState { random: Random::new(seed), rules, weather }) }
    }

    /// Ends all faults.
    pub fn clear(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.rules.clear();
        state.weather = Weather::default();
    }

    /// Decides what happens to a request. Rules come before chance.
    pub fn decide(&self, request: &Request) -> Fate {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let latency = state.latency();
        let act = state.by_rule(request).or_else(|| state.by_chance(request));
        Fate { latency, act }
    }
}

impl FaultState {
    fn latency(&mut self) -> Duration {
        let (least, most) = self.weather.latency_ms;
        let spread = usize::try_from(most.saturating_sub(least)).unwrap_or(0);
        Duration::from_millis(least + self.random.below(spread + 1) as u64)
    }

    fn by_rule(&mut self, request: &Request) -> Option<Act> {
        for rule in self.rules.iter_mut().filter(|rule| (rule.which)(request)) {
            if rule.after > 0 {
                rule.after -= 1;
            } else if rule.times > 0 {
                rule.times -= 1;
                return Some(rule.act);
            }
        }
        None
    }

    fn by_chance(&mut self, request: &Request) -> Option<Act> {
        let weather = self.weather;
        let is_conditional =
            request.header("if-match").or(request.header("if-none-match")).is_some();
        let conflicts = if is_conditional { weather.conflicts } else { 0 };
        let throttle = match request.method.as_str() {
            "POST" => Act::Refuse(429, "Throttled"),
            _ => Act::Refuse(503, "SlowDown"),
        };
        let mut draw = self.random.below(10_000);
        for (share, act) in [
            (weather.internal_errors, Act::Refuse(500, "InternalError")),
            (weather.throttles, throttle),
            (weather.lost_requests, Act::LoseRequest),
            (weather.lost_answers, Act::LoseAnswer),
            (weather.cut_answers, Act::CutAnswer),
            (weather.hangs, Act::Hang),
            (weather.kills_before, Act::KillBefore),
            (weather.kills_after, Act::KillAfter),
            (conflicts, Act::Refuse(409, "ConditionalRequestConflict")),
        ] {
            match draw.checked_sub(share) {
                Some(rest) => draw = rest,
                None => return Some(act),
            }
        }
        None
    }
}
