// SPDX-License-Identifier: MIT

//! Tasks from outside: the main thread, which is no worker, submits them.

use crate::{Answer, Work};

use rayon::ThreadPool;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub fn find(name: &str, size: usize) -> Option<Work> {
    match name {
        "submit" => Some(Box::new(move |pool| timed(|| submit(pool, size)))),
        "submit-future" => Some(Box::new(move |pool| timed(|| submit_future(pool, size)))),
        "round-trip" => Some(Box::new(move |pool| travel(pool, size, Duration::ZERO))),
        "wake" => Some(Box::new(move |pool| travel(pool, size, Duration::from_millis(1)))),
        _ => None,
    }
}

fn timed(run: impl FnOnce() -> u64) -> Answer {
    let begin = Instant::now();
    let result = run();
    Answer { seconds: begin.elapsed().as_secs_f64(), result, trips: None }
}

/// A worker's own, so that counting costs next to nothing.
#[derive(Default)]
#[repr(align(64))]
struct Tally(AtomicU64);

fn submit(pool: &ThreadPool, tasks: usize) -> u64 {
    let mut tallies = Vec::new();
    tallies.resize_with(pool.current_num_threads(), Tally::default);
    pool.in_place_scope(|scope| {
        for _ in 0..tasks {
            scope.spawn(|_| {
                let Tally(count) = &tallies[rayon::current_thread_index().unwrap()];
                count.store(count.load(Relaxed) + 1, Relaxed);
            });
        }
    });
    tallies.iter().map(|Tally(count)| count.load(Relaxed)).sum()
}

/// What rayon lacks, as small as safe Rust has it.
#[derive(Default)]
struct Future {
    result: Mutex<Option<u64>>,
    done: Condvar,
}

impl Future {
    fn set(&self, result: u64) {
        *self.result.lock().unwrap() = Some(result);
        self.done.notify_one();
    }

    fn get(&self) -> u64 {
        let result = self.result.lock().unwrap();
        self.done.wait_while(result, |result| result.is_none()).unwrap().unwrap()
    }
}

fn submit_future(pool: &ThreadPool, tasks: usize) -> u64 {
    let mut futures = Vec::with_capacity(tasks);
    for i in 0..tasks {
        let future = Arc::new(Future::default());
        futures.push(Arc::clone(&future));
        pool.spawn(move || future.set(i as u64));
    }
    futures.into_iter().map(|future| future.get()).sum()
}

/// A trip is an `install`, which waits for what its closure returns.
fn travel(pool: &ThreadPool, trips: usize, rest: Duration) -> Answer {
    let mut ns = Vec::with_capacity(trips);
    let mut answer = timed(|| {
        let mut sum = 0;
        for i in 0..trips as u64 {
            if !rest.is_zero() {
                sleep(rest);
            }
            let begin = Instant::now();
            sum += pool.install(|| i);
            ns.push(begin.elapsed().as_nanos() as u64);
        }
        sum
    });
    ns.sort_unstable();
    let median = (ns[(trips - 1) / 2] + ns[trips / 2]) / 2;
    answer.trips = Some((median, ns[(trips * 99 + 99) / 100 - 1]));
    answer
}
