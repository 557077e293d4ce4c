//! How fast alerts may be sent.
//!
//! SNS suspends an e-mail subscription that gets more than 10 messages a second, and deletes it
//! later. So all workers together send at most 5 a second, and each has a share: `5 / workers`. A
//! share of 5 is five messages in any second, a share of 2.5 is two, a share of 0.5 is one in any
//! two seconds.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Messages a second, of all workers together: half of what suspends a subscription.
const TOTAL_RATE: f64 = 5.0;

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
        let share = TOTAL_RATE / f64::from(workers.max(1));
        let burst = (share as usize).max(1);
        let period = Duration::from_secs_f64((1.0 / share).max(1.0));
        Pace { burst, period, passed: Mutex::new(VecDeque::with_capacity(burst)) }
    }

    /// The most messages that may pass together.
    pub fn burst(&self) -> usize {
        self.burst
    }

    /// Waits until `count` messages (at most [`Pace::burst`]) may pass, and counts them as passed.
    /// Returns false, and counts none, if they may not pass before `latest`.
    pub async fn pass(&self, count: usize, latest: Option<Instant>) -> bool {
        let Some(mut passed) = self.lock(latest).await else { return false };
        let start = self.earliest(&passed, Instant::now(), count);
        if latest.is_some_and(|latest| start > latest) {
            return false;
        }
        sleep_until(start).await;
        self.record(&mut passed, start.max(Instant::now()), count);
        true
    }

    /// Waits for its turn, which the one before holds while it waits to pass.
    async fn lock(&self, latest: Option<Instant>) -> Option<MutexGuard<'_, VecDeque<Instant>>> {
        match latest {
            Some(latest) => timeout_at(latest, self.passed.lock()).await.ok(),
            None => Some(self.passed.lock().await),
        }
    }

    /// When `count` more messages may pass together, not before `now`.
    fn earliest(&self, passed: &VecDeque<Instant>, now: Instant, count: usize) -> Instant {
        let Some(surplus) = (passed.len() + count).checked_sub(self.burst + 1) else { return now };
        let last_in_the_way = passed.get(surplus.min(passed.len().saturating_sub(1)));
        last_in_the_way.map_or(now, |time| now.max(*time + self.period))
    }

    fn record(&self, passed: &mut VecDeque<Instant>, time: Instant, count: usize) {
        passed.extend(std::iter::repeat_n(time, count));
        let surplus = passed.len().saturating_sub(self.burst);
        passed.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most messages that pass in any period if 60 are sent as fast as possible, `together` at
    /// a time.
    fn busiest(workers: u32, together: usize) -> (usize, Duration) {
        let pace = Pace::shared_by(workers);
        let mut now = Instant::now();
        let mut passed = VecDeque::new();
        let mut all = Vec::new();
        while all.len() < 60 {
            now = pace.earliest(&passed, now, together);
            pace.record(&mut passed, now, together);
            all.extend(vec![now; together]);
        }
        let within = |start: &Instant| {
            all.iter().filter(|time| *time >= start && **time < *start + pace.period).count()
        };
        (all.iter().map(within).max().unwrap_or(0), pace.period)
    }

    #[test]
    fn no_period_has_more_than_the_share() {
        let second = Duration::from_secs(1);
        for together in 1..=5 {
            assert_eq!(busiest(1, together).0, 5 / together * together, "{together} together");
        }
        assert_eq!((busiest(2, 1), busiest(2, 2)), ((2, second), (2, second)));
        assert_eq!(busiest(5, 1), (1, second));
        assert_eq!(busiest(10, 1), (1, 2 * second));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_messages_do_not_wait() {
        let pace = Pace::shared_by(1);
        let start = Instant::now();
        assert!(pace.pass(3, None).await);
        assert!(pace.pass(2, Some(start)).await);
        assert_eq!(Instant::now(), start);
        assert!(pace.earliest(&*pace.passed.lock().await, start, 1) > start);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_waits_for_a_time_that_is_too_late() {
        let pace = Pace::shared_by(20);
        let start = Instant::now();
        assert!(pace.pass(1, Some(start)).await);
        assert!(!pace.pass(1, Some(start + Duration::from_secs(3))).await);
        assert_eq!(Instant::now(), start, "it says so at once");
        assert!(pace.pass(1, Some(start + Duration::from_secs(4))).await);
        assert_eq!(Instant::now(), start + Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_behind_others_ends_in_time() {
        let pace = Pace::shared_by(20);
        let start = Instant::now();
        assert!(pace.pass(1, None).await);
        let second = pace.pass(1, None);
        let third = pace.pass(1, Some(start + Duration::from_secs(2)));
        assert_eq!(tokio::join!(second, third), (true, false));
        assert_eq!(Instant::now(), start + Duration::from_secs(4));
    }
}
