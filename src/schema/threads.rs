//! The same work on many things at a time, on as many threads as there are processors; what comes out is in the order of what went in.
//! Never for work that waits: it is for parsing and printing.

use std::panic::resume_unwind;
use std::thread;

/// Items for which it pays to begin a thread.
const WORTH_IT: usize = 200;

/// Does `work` on each.
pub fn map<T: Send, U: Send>(items: Vec<T>, work: impl Fn(T) -> U + Sync) -> Vec<U> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(items.len() / WORTH_IT).max(1);
    if threads == 1 {
        return items.into_iter().map(work).collect();
    }
    let count = items.len();
    // Dealt out like cards: what is heavy stands together.
    let mut hands: Vec<Vec<T>> = (0..threads).map(|_| Vec::with_capacity(count.div_ceil(threads))).collect();
    for (at, item) in items.into_iter().enumerate() {
        if let Some(hand) = hands.get_mut(at % threads) {
            hand.push(item);
        }
    }
    let work = &work;
    thread::scope(|scope| {
        let workers: Vec<_> = hands.into_iter().map(|own| scope.spawn(move || own.into_iter().map(work).collect::<Vec<U>>())).collect();
        let done = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)).into_iter());
        let mut done: Vec<_> = done.collect();
        (0..count).filter_map(|at| done.get_mut(at % threads)?.next()).collect()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_of_it_is_done_in_order() {
        for count in [0, 1, 199, 400, 401, 5_000] {
            let doubled = super::map((0..count).collect(), |n: u32| n * 2);
            assert_eq!(doubled, (0..count).map(|n| n * 2).collect::<Vec<_>>());
        }
    }
}
