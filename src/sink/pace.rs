//! How fast alerts may go out.
//!
//! SNS suspends an e-mail subscription that gets more than 10 messages a second, and later deletes it. So all workers
//! together stay at or below 5 a second, and each gets its share: `5 / workers`. A share of 5 is five messages in any
//! one second; a share of 2.5 is two (a half message cannot be sent); a share of 0.5 is one in any two seconds.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Messages a second, of all workers together: half of what suspends a subscription.
const ALL_WORKERS: f64 = 5.0;

/// Lets at most `burst` messages pass in any `period`.
#[derive(Debug)]
pub struct Pace {
    burst: usize,
    period: Duration,
    /// When the last `burst` messages passed, oldest first.
    passed: Mutex<VecDeque<Instant>>,
}

impl Pace {
    /// The share of one of `workers` (at least 1) that publish at once.
    pub fn shared_by(workers: u32) -> Pace {
        let share = ALL_WORKERS / f64::from(workers.max(1));
        let burst = (share as usize).max(1);
        let period = Duration::from_secs_f64((1.0 / share).max(1.0));
        Pace { burst, period, passed: Mutex::new(VecDeque::with_capacity(burst)) }
    }

    /// The most messages that may go out together.
    pub fn burst(&self) -> usize {
        self.burst
    }

    /// Waits until `count` messages (at most [`Pace::burst`]) may pass, and counts them as passed.
    pub async fn pass(&self, count: usize) {
        let mut passed = self.passed.lock().await;
        for _ in 0..count {
            if passed.len() == self.burst
                && let Some(oldest) = passed.pop_front()
            {
                sleep_until(oldest + self.period).await;
            }
            passed.push_back(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most messages that passed within any second (or the period, where that is longer).
    async fn busiest(workers: u32) -> (usize, Duration) {
        let pace = Pace::shared_by(workers);
        let mut times = Vec::new();
        for _ in 0..40 {
            pace.pass(pace.burst()).await;
            times.extend(vec![Instant::now(); pace.burst()]);
        }
        let most = times
            .iter()
            .map(|start| times.iter().filter(|time| **time >= *start && **time < *start + pace.period).count());
        (most.max().unwrap_or(0), pace.period)
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_sees_more_than_the_share() {
        assert_eq!(busiest(1).await, (5, Duration::from_secs(1)));
        assert_eq!(busiest(2).await, (2, Duration::from_secs(1)));
        assert_eq!(busiest(5).await, (1, Duration::from_secs(1)));
        assert_eq!(busiest(10).await, (1, Duration::from_secs(2)));
    }
}
