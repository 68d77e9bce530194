// SPDX-License-Identifier: MIT

//! The peer rayon: reads orders, has the pool do the work, answers. bench/peers/README.md has
//! the contract, kernels.rs what the leaves compute, tasks.rs and algorithms.rs what may run in
//! parallel, outside.rs the tasks that a thread submits that is no worker.

mod algorithms;
mod kernels;
mod outside;
mod tasks;

use rayon::ThreadPool;
use std::ffi::CStr;
use std::io::{self, BufRead, Write};
use std::os::raw::{c_long, c_void};
use std::process::exit;
use std::slice::from_raw_parts;
use std::time::Instant;

const EXIT_USAGE: i32 = 2;
const EXIT_NO_VERSION: i32 = 77;

/// A worker's stack, in bytes; only what is used of it takes memory. T3L is 17,844 levels deep,
/// a level is several frames, and who waits for a stolen child goes down another branch
/// meanwhile, on the same stack.
const STACK_SIZE: usize = 1 << 30;

/// What a run came to.
pub struct Answer {
    seconds: f64,
    result: u64,
    /// Median and 99th percentile in nanoseconds, where trips were timed one by one.
    trips: Option<(u64, u64)>,
}

/// Does the work once.
pub type Work = Box<dyn FnMut(&ThreadPool) -> Answer>;

fn number(text: &str, max: c_long) -> Option<c_long> {
    text.parse().ok().filter(|value| (1..=max).contains(value))
}

/// The workload, its size and the number of workers.
fn arguments(args: &[String]) -> Option<(&str, c_long, usize)> {
    match args {
        [_, workload, size, workers] => {
            Some((workload, number(size, 1_000_000_000)?, number(workers, 1024)? as usize))
        }
        _ => None,
    }
}

/// The input of a workload.
struct Input {
    workload: &'static kernels::Workload,
    data: *mut c_void,
}

impl Drop for Input {
    fn drop(&mut self) {
        unsafe { (self.workload.destroy)(self.data) };
    }
}

fn workload(name: &str, size: c_long) -> Option<Work> {
    let all = unsafe { from_raw_parts(kernels::workloads.as_ptr(), kernels::workload_count()) };
    let workload =
        all.iter().find(|w| unsafe { CStr::from_ptr(w.name) }.to_bytes() == name.as_bytes())?;
    let run = tasks::find(name).or_else(|| algorithms::find(name))?;
    let data = unsafe { (workload.create)(size) };
    assert!(!data.is_null(), "out of memory");
    let input = Input { workload, data };
    Some(Box::new(move |pool| {
        let Input { workload, data } = &input;
        if let Some(reset) = workload.reset {
            unsafe { reset(*data) };
        }
        let begin = Instant::now();
        unsafe { run(pool, *data) };
        let seconds = begin.elapsed().as_secs_f64();
        let result = unsafe { (workload.result)(*data) };
        if let Some(rest) = workload.rest {
            unsafe { rest(*data) };
        }
        Answer { seconds, result, trips: None }
    }))
}

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let (name, size, workers) = arguments(&args).unwrap_or_else(|| {
        eprintln!("usage: {} WORKLOAD SIZE WORKERS", args[0]);
        exit(EXIT_USAGE)
    });
    let work = workload(name, size).or_else(|| outside::find(name, size as usize));
    let mut work = work.unwrap_or_else(|| exit(EXIT_NO_VERSION));
    let builder = rayon::ThreadPoolBuilder::new().num_threads(workers);
    let pool = builder.stack_size(STACK_SIZE).build().expect("no threads");

    let mut answers = io::stdout();
    for order in io::stdin().lock().lines() {
        order?;
        let Answer { seconds, result, trips } = work(&pool);
        write!(answers, "{{\"seconds\": {seconds:.9}, \"result\": \"{result}\"")?;
        if let Some((median, p99)) = trips {
            write!(answers, ", \"median_ns\": {median}, \"p99_ns\": {p99}")?;
        }
        writeln!(answers, "}}")?;
        answers.flush()?;
    }
    Ok(())
}
