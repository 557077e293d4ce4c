//! Several threads read, one prints: what each file gave comes in the order of the files, and no
//! thread gets far ahead.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How much of one file waits to be printed.
const WAITING: usize = 64;

/// What a thread sends while it works on one item.
pub type Sender<N> = SyncSender<N>;

/// Does `work` on every item, several at once, and gives each item's label and what the work sends
/// to `print`, in the order of the items. Items are taken as threads get free. The news of an item
/// end early where its work panics.
pub fn in_order<I, L, N, E>(
    threads: NonZeroUsize,
    items: impl Iterator<Item = (L, I)> + Send,
    work: impl Fn(I, &Sender<N>) + Sync,
    mut print: impl FnMut(L, Receiver<N>) -> Result<(), E>,
) -> Result<(), E>
where
    L: Send,
    N: Send,
{
    // As many as there are threads may be done and wait.
    let (announce, announced) = sync_channel(threads.get());
    let source = Mutex::new(Some((items, announce)));
    thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(|| {
                while let Some((item, news)) = take(&source) {
                    let _panicked = catch_unwind(AssertUnwindSafe(|| work(item, &news)));
                }
            });
        }
        announced.into_iter().try_for_each(|(label, news)| print(label, news))
    })
}

/// What items come from, and where each is announced.
type Source<T, L, N> = Mutex<Option<(T, SyncSender<(L, Receiver<N>)>)>>;

/// The next item, announced under the lock: in the order in which items are taken. None at the end,
/// and where nobody listens any more.
fn take<I, L, N>(source: &Source<impl Iterator<Item = (L, I)>, L, N>) -> Option<(I, Sender<N>)> {
    let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = source.as_mut().and_then(|(items, announce)| {
        let (label, item) = items.next()?;
        let (news, printed) = sync_channel(WAITING);
        announce.send((label, printed)).ok()?;
        Some((item, news))
    });
    if taken.is_none() {
        *source = None;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parallel(
        threads: usize,
        work: impl Fn(usize, &Sender<usize>) + Sync,
    ) -> Vec<(usize, Vec<usize>)> {
        let mut printed = Vec::new();
        let items = (0..100).map(|item| (item, item));
        let ended: Result<(), ()> =
            in_order(NonZeroUsize::new(threads).unwrap(), items, work, |label, news| {
                printed.push((label, news.iter().collect()));
                Ok(())
            });
        ended.unwrap();
        printed
    }

    #[test]
    fn any_number_of_threads_gives_the_same() {
        let work =
            |item: usize, news: &Sender<usize>| (0..item * 3).for_each(|n| news.send(n).unwrap());
        let expected: Vec<_> =
            (0..100).map(|item| (item, (0..item * 3).collect::<Vec<_>>())).collect();
        for threads in [1, 2, 7, 200] {
            assert_eq!(parallel(threads, work), expected, "{threads} threads");
        }
    }

    #[test]
    fn an_item_that_panics_fails_alone() {
        let printed = parallel(2, |item, news| {
            assert_ne!(item, 50);
            news.send(item).unwrap();
        });
        assert_eq!(printed.len(), 100);
        assert!(
            printed
                .iter()
                .all(|(item, news)| *news == if *item == 50 { vec![] } else { vec![*item] })
        );
    }

    #[test]
    fn after_an_error_nothing_more_is_taken() {
        let taken = Mutex::new(0);
        let work = |_, _: &Sender<()>| *taken.lock().unwrap() += 1;
        let items = (0..10_000).map(|item| (item, item));
        assert_eq!(
            in_order(NonZeroUsize::new(3).unwrap(), items, work, |_, _| Err("closed")),
            Err("closed")
        );
        assert!(*taken.lock().unwrap() < 100);
    }
}
