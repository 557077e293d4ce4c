//! Measuring times.

use std::time::{Duration, Instant};

/// Something to be measured on each object, which is given by its index.
pub struct Task<'a> {
    pub name: &'static str,
    pub run: Box<dyn FnMut(usize) + 'a>,
}

impl<'a> Task<'a> {
    pub fn new(name: &'static str, run: impl FnMut(usize) + 'a) -> Task<'a> {
        Task { name, run: Box::new(run) }
    }
}

/// The best times of a task, summed over all objects.
pub struct Measurement {
    name: &'static str,
    best: Duration,
}

/// Runs all tasks on one object after the other, in one round of warm-up and then `rounds` rounds.
pub fn measure(rounds: usize, objects: usize, tasks: &mut [Task<'_>]) -> Vec<Measurement> {
    let mut best = vec![vec![Duration::MAX; objects]; tasks.len()];
    for round in 0..=rounds {
        for object in 0..objects {
            for (task, best) in tasks.iter_mut().zip(&mut best) {
                // Not measured: it brings the object into the processor's caches.
                (task.run)(object);
                let start = Instant::now();
                (task.run)(object);
                if round > 0 {
                    best[object] = best[object].min(start.elapsed());
                }
            }
        }
    }
    let measurements = tasks.iter().zip(best);
    measurements
        .map(|(task, best)| Measurement { name: task.name, best: best.iter().sum() })
        .collect()
}

impl Measurement {
    /// Prints the speed over `bytes`.
    pub fn print_speed(&self, bytes: usize) {
        println!("{:46} {:8.0} MB/s", self.name, bytes as f64 / 1e6 / self.best.as_secs_f64());
    }

    /// Prints how fast `other` is, relative to this.
    pub fn print_ratio(&self, other: &Measurement, expected: &str) {
        let ratio = self.best.as_secs_f64() / other.best.as_secs_f64();
        println!("{} / {}: {ratio:.3} (expected: {expected})", other.name, self.name);
    }
}
