use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Gives its number back after all `meet` tasks of its barrier run at once.
struct Numbered {
    number: usize,
    meet: Option<Arc<Barrier>>,
}

impl Task for Numbered {
    type Output = usize;

    fn run(self, _scratch: &mut Scratch) -> usize {
        if let Some(barrier) = self.meet {
            barrier.wait();
        }
        self.number
    }
}

fn results(pool: &EncoderPool, count: usize) -> Vec<usize> {
    let mut blocks = Ordered::new(pool);
    let mut results = Vec::new();
    for number in 0..count {
        while blocks.is_full() {
            results.extend(blocks.next());
        }
        blocks.submit(Numbered { number, meet: None });
        results.extend(blocks.poll());
    }
    results.extend(std::iter::from_fn(|| blocks.next()));
    results
}

#[test]
fn results_come_in_order_whatever_the_threads() {
    for threads in [0, 1, 3, 20] {
        let pool = EncoderPool::start(threads).unwrap();
        assert_eq!(results(&pool, 1000), (0..1000).collect::<Vec<_>>(), "{threads} threads");
    }
}

#[test]
fn many_exports_share_the_threads() {
    let pool = EncoderPool::start(2).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(results(&pool, 300), (0..300).collect::<Vec<_>>()));
        }
    });
}

#[test]
fn the_exports_own_thread_encodes_while_it_waits() {
    let pool = EncoderPool::start(1).unwrap();
    let mut blocks = Ordered::new(&pool);
    // The first two must run at once: one in the pool's thread, one here.
    let barrier = Arc::new(Barrier::new(2));
    for number in 0..2 {
        blocks.submit(Numbered { number, meet: Some(Arc::clone(&barrier)) });
    }
    assert_eq!([blocks.next(), blocks.next(), blocks.next()], [Some(0), Some(1), None]);
}

#[test]
fn blocks_outlive_their_pool() {
    let pool = EncoderPool::start(1).unwrap();
    let (mut blocks, shared) = (Ordered::new(&pool), Arc::clone(&pool.shared));
    drop(pool);
    blocks.submit(Numbered { number: 7, meet: None });
    assert_eq!(blocks.next(), Some(7));
    assert!(locked(&shared.queue).jobs.is_empty(), "nobody would take them");
}

#[test]
fn an_export_has_a_bounded_number_of_blocks_under_way() {
    for (threads, most) in [(0, 1), (1, 3), (3, 7), (64, ordered::MAX_UNDER_WAY)] {
        // The limit is told by the number of threads alone; none need run.
        let shared = Arc::new(Shared { threads, ..Shared::default() });
        let pool = EncoderPool { shared, threads: Vec::new() };
        let mut blocks = Ordered::new(&pool);
        let mut count = 0;
        while !blocks.is_full() {
            blocks.submit(Numbered { number: count, meet: None });
            count += 1;
        }
        assert_eq!(count, most);
    }
}

struct Panicking(Arc<AtomicUsize>);

impl Task for Panicking {
    type Output = ();

    fn run(self, _scratch: &mut Scratch) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("a defect");
    }
}

#[test]
fn a_panic_reaches_its_export_and_spares_the_thread() {
    let pool = EncoderPool::start(1).unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    for _ in 0..3 {
        let mut blocks = Ordered::new(&pool);
        blocks.submit(Panicking(Arc::clone(&runs)));
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| blocks.next()));
        assert!(caught.is_err());
    }
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    assert_eq!(results(&pool, 10).len(), 10);
}
