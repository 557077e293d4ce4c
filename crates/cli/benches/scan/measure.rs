//! Taking the time.

use std::time::{Duration, Instant};

/// Something to be measured: the same for each object, by its index.
pub struct Task<'a> {
    pub name: &'static str,
    pub run: Box<dyn FnMut(usize) + 'a>,
}

/// The best times of a task, all objects together.
pub struct Measured {
    name: &'static str,
    best: Duration,
}

/// Does all tasks in turn with one object after the other, so many rounds after one that does not
/// count.
pub fn in_turn(rounds: usize, objects: usize, tasks: &mut [Task<'_>]) -> Vec<Measured> {
    let mut best = vec![vec![Duration::MAX; objects]; tasks.len()];
    for round in 0..=rounds {
        for object in 0..objects {
            for (task, best) in tasks.iter_mut().zip(&mut best) {
                // Once before: all find the object equally near in the processor's caches.
                (task.run)(object);
                let start = Instant::now();
                (task.run)(object);
                if round > 0 {
                    best[object] = best[object].min(start.elapsed());
                }
            }
        }
    }
    tasks
        .iter()
        .zip(best)
        .map(|(task, best)| Measured { name: task.name, best: best.iter().sum() })
        .collect()
}

impl Measured {
    pub fn tell(&self, bytes: usize) {
        println!("{:46} {:8.0} MB/s", self.name, bytes as f64 / 1e6 / self.best.as_secs_f64());
    }

    /// Tells how fast `other` is, where this is 1.
    pub fn compare(&self, other: &Measured, wanted: &str) {
        let ratio = self.best.as_secs_f64() / other.best.as_secs_f64();
        println!("{} / {}: {ratio:.3} (wanted: {wanted})", other.name, self.name);
    }
}
