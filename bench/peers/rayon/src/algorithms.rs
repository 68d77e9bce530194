// SPDX-License-Identifier: MIT

//! The workloads of parallel algorithms on rayon: parallel iterators and slices, in one `install`,
//! so that the caller is a worker. No scan and no pipeline: rayon has neither. Nor has it graphs;
//! one is made of a count a cell and a `spawn` for each that has all it needs.

use crate::kernels::*;
use crate::tasks::Run;

use rayon::prelude::*;
use rayon::{Scope, ThreadPool};
use std::os::raw::c_void;
use std::slice::{from_raw_parts, from_raw_parts_mut};
use std::sync::atomic::{AtomicU8, Ordering::AcqRel, Ordering::Relaxed};

pub fn find(workload: &str) -> Option<Run> {
    match workload {
        "for-empty" => Some(run_for_empty),
        "for-empty-outside" => Some(run_for_empty_outside),
        "for-1024" => Some(run_for_1024),
        "grain-1ns" | "grain-10ns" | "grain-100ns" | "grain-1us" | "grain-10us"
        | "grain-100us" | "grain-1ms" => Some(run_grain),
        "uneven" => Some(run_uneven),
        "reduce" => Some(run_reduce),
        "sort-random" | "sort-sorted" | "sort-equal" | "sort-few" => Some(run_sort),
        "sort-random-unstable" | "sort-sorted-unstable" | "sort-equal-unstable"
        | "sort-few-unstable" => Some(run_sort_unstable),
        "heat" => Some(run_heat),
        "graph" => Some(run_graph),
        _ => None,
    }
}

fn empty_loop() {
    (0..LOOP_EMPTY_LENGTH).into_par_iter().for_each(loop_nothing);
}

unsafe fn run_for_empty(pool: &ThreadPool, input: *mut c_void) {
    let loops = (*(input as *const Loop)).loops;
    pool.install(|| (0..loops).for_each(|_| empty_loop()));
}

unsafe fn run_for_empty_outside(pool: &ThreadPool, input: *mut c_void) {
    let loops = (*(input as *const Loop)).loops;
    (0..loops).for_each(|_| pool.install(empty_loop));
}

unsafe fn run_for_1024(pool: &ThreadPool, input: *mut c_void) {
    let input = &*(input as *const Loop);
    let (loops, marks) = (input.loops, from_raw_parts_mut(input.marks, LOOP_MARK_LENGTH));
    pool.install(|| (0..loops).for_each(|_| marks.par_iter_mut().for_each(loop_mark)));
}

unsafe fn run_grain(pool: &ThreadPool, input: *mut c_void) {
    let grain = &*(input as *const Grain);
    pool.install(|| (0..grain.count).into_par_iter().for_each(|i| grain_body(grain, i)));
}

unsafe fn run_uneven(pool: &ThreadPool, input: *mut c_void) {
    let uneven = &*(input as *const Uneven);
    pool.install(|| (0..uneven.count).into_par_iter().for_each(|i| uneven_map(uneven, i)));
}

unsafe fn run_reduce(pool: &ThreadPool, input: *mut c_void) {
    let vector = &mut *(input as *mut Vector);
    let numbers = from_raw_parts(vector.input, vector.count);
    vector.sum = pool.install(|| numbers.par_iter().sum());
}

unsafe fn keys<'a>(input: *mut c_void) -> &'a mut [i64] {
    let keys = &*(input as *const Keys);
    from_raw_parts_mut(keys.at, keys.count)
}

unsafe fn run_sort(pool: &ThreadPool, input: *mut c_void) {
    let keys = keys(input);
    pool.install(|| keys.par_sort());
}

unsafe fn run_sort_unstable(pool: &ThreadPool, input: *mut c_void) {
    let keys = keys(input);
    pool.install(|| keys.par_sort_unstable());
}

unsafe fn run_heat(pool: &ThreadPool, input: *mut c_void) {
    let heat = &mut *(input as *mut Heat);
    pool.install(|| {
        for _ in 0..HEAT_STEPS {
            let plate = &*heat;
            (1..plate.rows + 1).into_par_iter().for_each(|row| heat_row(plate, row));
            heat_swap(heat);
        }
    });
}

struct Cells<'a> {
    wavefront: &'a Wavefront,
    /// How many of those that a cell needs are still missing.
    missing: Vec<AtomicU8>,
}

impl Cells<'_> {
    fn compute<'scope>(&'scope self, scope: &Scope<'scope>, cell: usize) {
        let n = self.wavefront.n;
        unsafe { wavefront_cell(self.wavefront, cell) };
        if cell % n + 1 < n {
            self.count_down(scope, cell + 1);
        }
        if cell + n < n * n {
            self.count_down(scope, cell + n);
        }
    }

    fn count_down<'scope>(&'scope self, scope: &Scope<'scope>, cell: usize) {
        if self.missing[cell].fetch_sub(1, AcqRel) == 1 {
            scope.spawn(move |scope| self.compute(scope, cell));
        }
    }
}

unsafe fn run_graph(pool: &ThreadPool, input: *mut c_void) {
    let wavefront = &*(input as *const Wavefront);
    let n = wavefront.n;
    let cells = Cells { wavefront, missing: (0..n * n).map(|_| AtomicU8::new(0)).collect() };
    for cell in 0..n * n {
        let needs = u8::from(cell >= n) + u8::from(cell % n > 0);
        cells.missing[cell].store(needs, Relaxed);
    }
    pool.scope(|scope| cells.compute(scope, 0));
}
