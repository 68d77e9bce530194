// SPDX-License-Identifier: MIT

//! The peer rayon: reads orders, has the pool do the work, answers. bench/peers/README.md has
//! the contract, kernels.rs what the leaves compute, tasks.rs what may run in parallel.

mod kernels;
mod tasks;

use std::ffi::CStr;
use std::io::{self, BufRead, Write};
use std::os::raw::c_long;
use std::process::exit;
use std::time::Instant;

const EXIT_USAGE: i32 = 2;
const EXIT_NO_VERSION: i32 = 77;

/// A worker's stack, in bytes; only what is used of it takes memory. T3L is 17,844 levels deep,
/// a level is several frames, and who waits for a stolen child goes down another branch
/// meanwhile, on the same stack.
const STACK_SIZE: usize = 1 << 30;

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

fn find(name: &str) -> Option<(&'static kernels::Workload, tasks::Run)> {
    let all = unsafe { &kernels::workloads };
    let workload =
        all.iter().find(|w| unsafe { CStr::from_ptr(w.name) }.to_bytes() == name.as_bytes())?;
    Some((workload, tasks::find(name)?))
}

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let (name, size, workers) = arguments(&args).unwrap_or_else(|| {
        eprintln!("usage: {} WORKLOAD SIZE WORKERS", args[0]);
        exit(EXIT_USAGE)
    });
    let (workload, run) = find(name).unwrap_or_else(|| exit(EXIT_NO_VERSION));
    let input = unsafe { (workload.create)(size) };
    if input.is_null() {
        eprintln!("{}: out of memory", args[0]);
        exit(1);
    }
    let builder = rayon::ThreadPoolBuilder::new().num_threads(workers);
    let pool = builder.stack_size(STACK_SIZE).build().expect("no threads");

    let mut answers = io::stdout();
    for order in io::stdin().lock().lines() {
        order?;
        if let Some(reset) = workload.reset {
            unsafe { reset(input) };
        }
        let begin = Instant::now();
        unsafe { run(&pool, input) };
        let seconds = begin.elapsed().as_secs_f64();
        let result = unsafe { (workload.result)(input) };
        writeln!(answers, "{{\"seconds\": {seconds:.9}, \"result\": \"{result}\"}}")?;
        answers.flush()?;
    }
    unsafe { (workload.destroy)(input) };
    Ok(())
}
