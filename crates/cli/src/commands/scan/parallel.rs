//! Several threads work, one prints. The results are printed in the order of the items, and no
//! thread gets far ahead.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Events of one item that wait to be printed.
const MAX_PENDING: usize = 64;

pub type Sender<E> = SyncSender<E>;

/// Runs `work` on several items at once, and `print` on the label of each item and the events that
/// the work sends, in the order of the items. The events of an item end early if the work panics.
/// Stops after the first error of `print`.
pub fn run_in_order<I, L, E, F>(
    threads: NonZeroUsize,
    items: impl Iterator<Item = (L, I)> + Send,
    work: impl Fn(I, &Sender<E>) + Sync,
    mut print: impl FnMut(L, Receiver<E>) -> Result<(), F>,
) -> Result<(), F>
where
    L: Send,
    E: Send,
{
    // The bound is the number of finished items that may wait.
    let (announce, announced) = sync_channel(threads.get());
    let queue = Mutex::new(Some((items, announce)));
    thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(|| {
                while let Some((item, events)) = next_item(&queue) {
                    let _panic = catch_unwind(AssertUnwindSafe(|| work(item, &events)));
                }
            });
        }
        announced.into_iter().try_for_each(|(label, events)| print(label, events))
    })
}

/// The items, and where each is announced. `None` at the end.
type Queue<T, L, E> = Mutex<Option<(T, SyncSender<(L, Receiver<E>)>)>>;

/// Takes the next item. It is announced under the lock, so that the order is that of the items.
/// Returns `None` at the end, or if nobody prints any more.
fn next_item<I, L, E>(queue: &Queue<impl Iterator<Item = (L, I)>, L, E>) -> Option<(I, Sender<E>)> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let next = queue.as_mut().and_then(|(items, announce)| {
        let (label, item) = items.next()?;
        let (sender, receiver) = sync_channel(MAX_PENDING);
        announce.send((label, receiver)).ok()?;
        Some((item, sender))
    });
    if next.is_none() {
        *queue = None;
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `work` on the numbers below 100, and returns what was printed.
    fn run(threads: usize, work: impl Fn(u32, &Sender<u32>) + Sync) -> Vec<(u32, Vec<u32>)> {
        let threads = NonZeroUsize::new(threads).unwrap();
        let items = (0..100).map(|item| (item, item));
        let mut printed = Vec::new();
        let result: Result<(), ()> = run_in_order(threads, items, work, |label, events| {
            printed.push((label, events.iter().collect()));
            Ok(())
        });
        result.unwrap();
        printed
    }

    #[test]
    fn the_output_does_not_depend_on_the_number_of_threads() {
        let work =
            |item: u32, events: &Sender<u32>| (0..item * 3).for_each(|n| events.send(n).unwrap());
        let expected: Vec<_> = (0..100).map(|item| (item, (0..item * 3).collect())).collect();
        for threads in [1, 2, 7, 200] {
            assert_eq!(run(threads, work), expected, "{threads} threads");
        }
    }

    #[test]
    fn a_panic_loses_only_the_events_of_its_item() {
        let printed = run(2, |item, events| {
            assert_ne!(item, 50);
            events.send(item).unwrap();
        });
        let expected = |item| if item == 50 { vec![] } else { vec![item] };
        assert_eq!(printed, (0..100).map(|item| (item, expected(item))).collect::<Vec<_>>());
    }

    #[test]
    fn after_an_error_no_further_items_are_taken() {
        let taken = Mutex::new(0);
        let work = |_, _: &Sender<()>| *taken.lock().unwrap() += 1;
        let items = (0..10_000).map(|item| (item, item));
        let threads = NonZeroUsize::new(3).unwrap();
        assert_eq!(run_in_order(threads, items, work, |_, _| Err("closed")), Err("closed"));
        assert!(*taken.lock().unwrap() < 100);
    }
}
