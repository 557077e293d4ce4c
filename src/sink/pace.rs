//! How fast alerts may go out.
//!
//! SNS suspends an e-mail subscription that gets more than 10 messages a second, and later deletes
//! it. So all workers together stay at or below 5 a second, and each gets its share: `5 / workers`.
//! A share of 5 is five messages in any one second; a share of 2.5 is two (a half message cannot be
//! sent); a share of 0.5 is one in any two seconds.

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
        let start = self.earliest(&passed, Instant::now(), count);
        sleep_until(start).await;
        self.note(&mut passed, start.max(Instant::now()), count);
    }

    /// When `count` more messages may pass together, not before `now`.
    fn earliest(&self, passed: &VecDeque<Instant>, now: Instant, count: usize) -> Instant {
        let crowded = (passed.len() + count).checked_sub(self.burst + 1);
        let last_in_the_way =
            crowded.and_then(|index| passed.get(index.min(passed.len().saturating_sub(1))));
        last_in_the_way.map_or(now, |time| now.max(*time + self.period))
    }

    fn note(&self, passed: &mut VecDeque<Instant>, time: Instant, count: usize) {
        passed.extend(std::iter::repeat_n(time, count));
        let surplus = passed.len().saturating_sub(self.burst);
        passed.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends 60 messages as fast as may be, `together` at a time: the most that passed in any
    /// period.
    fn busiest(workers: u32, together: usize) -> (usize, Duration) {
        let pace = Pace::shared_by(workers);
        let (mut now, mut passed, mut all) = (Instant::now(), VecDeque::new(), Vec::new());
        while all.len() < 60 {
            now = pace.earliest(&passed, now, together);
            pace.note(&mut passed, now, together);
            all.extend(vec![now; together]);
        }
        let within = |start: &Instant| {
            all.iter().filter(|time| *time >= start && **time < *start + pace.period).count()
        };
        (all.iter().map(within).max().unwrap_or(0), pace.period)
    }

    #[test]
    fn no_second_sees_more_than_the_share() {
        let second = Duration::from_secs(1);
        for together in 1..=5 {
            assert_eq!(busiest(1, together).0, 5 / together * together, "{together} together");
        }
        assert_eq!((busiest(2, 1), busiest(2, 2)), ((2, second), (2, second)));
        assert_eq!(busiest(5, 1), (1, second));
        assert_eq!(busiest(10, 1), (1, 2 * second));
    }

    #[tokio::test]
    async fn the_first_ones_do_not_wait() {
        let pace = Pace::shared_by(1);
        let start = Instant::now();
        pace.pass(3).await;
        pace.pass(2).await;
        assert!(pace.earliest(&*pace.passed.lock().await, start, 1) > start);
    }
}
