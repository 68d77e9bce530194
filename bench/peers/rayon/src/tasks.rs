// SPDX-License-Identifier: MIT

//! The workloads of forks on rayon. What may run at once is a `join`, whose second closure is the one
//! that others can steal; more than two children are halved until each is one. A parallel
//! iterator would say the same in fewer words, but with few workers it makes one task of
//! several children, and a `spawn` for each in a `scope` takes memory from the heap every time.

use crate::kernels::*;

use rayon::{join, ThreadPool};
use std::ops::Add;
use std::os::raw::{c_int, c_long, c_void};

/// Does a workload's work. The pointer is what that workload's `create` has returned.
pub type Run = unsafe fn(pool: &ThreadPool, input: *mut c_void);

pub fn find(workload: &str) -> Option<Run> {
    match workload {
        "fork" => Some(run_fork),
        "queens" => Some(run_queens),
        "skynet" => Some(run_skynet),
        "matrix" => Some(run_matrix),
        "uts-t1" | "uts-t3" | "uts-t3l" => Some(run_uts),
        "cilksort" => Some(run_cilksort),
        "strassen" => Some(run_strassen),
        "knapsack" => Some(run_knapsack),
        _ => None,
    }
}

fn fib(n: c_long) -> c_long {
    if n < 2 {
        return n;
    }
    let (b, a) = join(|| fib(n - 2), || fib(n - 1));
    a + b
}

unsafe fn run_fork(pool: &ThreadPool, input: *mut c_void) {
    let fork = &mut *(input as *mut Fork);
    fork.result = pool.install(|| fib(fork.n));
}

/// The sum of what the children from `first` up to `end` return; there is one at least.
fn sum_of<T, F>(first: c_int, end: c_int, child: &F) -> T
where
    T: Add<Output = T> + Send,
    F: Fn(c_int) -> T + Sync,
{
    if end - first == 1 {
        return child(first);
    }
    let middle = first + (end - first) / 2;
    let (a, b) = join(|| sum_of(first, middle, child), || sum_of(middle, end, child));
    a + b
}

fn place(n: c_int, row: usize, board: Board) -> c_long {
    if row == n as usize {
        return 1;
    }
    let (mut columns, mut count) = ([0; QUEENS_MAX], 0);
    for column in 0..n {
        if board.safe(row, column) {
            columns[count] = column as i8;
            count += 1;
        }
    }
    if count == 0 {
        return 0;
    }
    sum_of(0, count as c_int, &|i| {
        let mut next = board;
        next.column[row] = columns[i as usize];
        place(n, row + 1, next)
    })
}

unsafe fn run_queens(pool: &ThreadPool, input: *mut c_void) {
    let queens = &mut *(input as *mut Queens);
    let empty = Board { column: [0; QUEENS_MAX] };
    queens.solutions = pool.install(|| place(queens.n, 0, empty));
}

fn sum(first: c_long, leaves: c_long) -> c_long {
    if leaves == 1 {
        return first;
    }
    let share = leaves / SKYNET_FAN;
    sum_of(0, SKYNET_FAN as c_int, &|i| sum(first + c_long::from(i) * share, share))
}

unsafe fn run_skynet(pool: &ThreadPool, input: *mut c_void) {
    let skynet = &mut *(input as *mut Skynet);
    skynet.sum = pool.install(|| sum(0, skynet.leaves));
}

fn multiply(n: c_long, c: Matrix, a: Matrix, b: Matrix) {
    if n == MATRIX_LEAF {
        unsafe { matrix_multiply_leaf(c, a, b) };
        return;
    }
    let half = n / 2;
    for k in 0..2 {
        let quarter = |row, column| {
            let (left, right) = (a.quarter(half, row, k), b.quarter(half, k, column));
            multiply(half, c.quarter(half, row, column), left, right)
        };
        join(
            || join(|| quarter(0, 0), || quarter(0, 1)),
            || join(|| quarter(1, 0), || quarter(1, 1)),
        );
    }
}

unsafe fn run_matrix(pool: &ThreadPool, input: *mut c_void) {
    let m = &*(input as *const Matrices);
    let [a, b, c] = [m.a, m.b, m.c].map(|at| Matrix { at, stride: m.stride });
    let n = m.n;
    pool.install(|| multiply(n, c, a, b));
}

fn search(tree: &UtsTree, node: &UtsNode) -> u64 {
    let children = unsafe { uts_children(tree, node) };
    if children == 0 {
        return 1;
    }
    1 + sum_of(0, children, &|i| search(tree, &unsafe { uts_child(node, i) }))
}

unsafe fn run_uts(pool: &ThreadPool, input: *mut c_void) {
    let uts = &mut *(input as *mut Uts);
    let root = uts_root(&uts.tree);
    uts.nodes = pool.install(|| search(&uts.tree, &root));
}

fn merge(m: Merge) {
    if m.a_count + m.b_count <= CILKSORT_MERGE_LEAF {
        unsafe { cilksort_merge_leaf(&m) };
        return;
    }
    let mut halves = [Merge::NONE; 2];
    unsafe { cilksort_merge_split(&m, halves.as_mut_ptr()) };
    let [low, high] = halves;
    join(|| merge(low), || merge(high));
}

/// Sorts `numbers` in place; `spare` is as long.
fn sort(numbers: &mut [u32], spare: &mut [u32]) {
    let count = numbers.len();
    if count <= CILKSORT_SORT_LEAF {
        unsafe { cilksort_sort_leaf(numbers.as_mut_ptr(), count) };
        return;
    }
    let (quarter, half) = (count / 4, count / 4 * 2);
    let (n12, n34) = numbers.split_at_mut(half);
    let (s12, s34) = spare.split_at_mut(half);
    {
        let ((n1, n2), (n3, n4)) = (n12.split_at_mut(quarter), n34.split_at_mut(quarter));
        let ((s1, s2), (s3, s4)) = (s12.split_at_mut(quarter), s34.split_at_mut(quarter));
        join(
            || join(|| sort(n1, s1), || sort(n2, s2)),
            || join(|| sort(n3, s3), || sort(n4, s4)),
        );
    }
    let both = |from: &[u32], middle: usize, to: &mut [u32]| {
        let (a, b) = from.split_at(middle);
        merge(Merge {
            a: a.as_ptr(),
            b: b.as_ptr(),
            a_count: a.len(),
            b_count: b.len(),
            to: to.as_mut_ptr(),
        })
    };
    join(|| both(n12, quarter, s12), || both(n34, quarter, s34));
    both(spare, half, numbers);
}

unsafe fn run_cilksort(pool: &ThreadPool, input: *mut c_void) {
    let s = &*(input as *const Cilksort);
    let numbers = std::slice::from_raw_parts_mut(s.numbers, s.count);
    let spare = std::slice::from_raw_parts_mut(s.spare, s.count);
    pool.install(|| sort(numbers, spare));
}

/// The parts of `whole` from number `first` on.
fn products(whole: &Product, first: usize, parts: &mut [Product]) {
    if let [part] = parts {
        unsafe { strassen_factors(whole, part, first as c_int) };
        return product(part);
    }
    let middle = parts.len() / 2;
    let (low, high) = parts.split_at_mut(middle);
    join(|| products(whole, first, low), || products(whole, first + middle, high));
}

fn product(whole: &Product) {
    let mut parts = [Product::NONE; STRASSEN_PRODUCTS];
    // Without memory for the parts: the plain product.
    if whole.n <= STRASSEN_LEAF || !unsafe { strassen_split(whole, parts.as_mut_ptr()) } {
        unsafe { strassen_leaf(whole) };
        return;
    }
    products(whole, 0, &mut parts);
    unsafe { strassen_combine(whole, parts.as_mut_ptr()) };
}

unsafe fn run_strassen(pool: &ThreadPool, input: *mut c_void) {
    let whole = strassen_whole(input as *const Matrices);
    pool.install(|| product(&whole));
}

fn pack(k: &Knapsack, next: usize, room: c_int, value: c_int) {
    if !k.hopeful(next, room, value) {
        return;
    }
    if next == k.count as usize {
        k.found(value);
        return;
    }
    let item = &k.items[next];
    join(
        || pack(k, next + 1, room - item.weight, value + item.value),
        || pack(k, next + 1, room, value),
    );
}

unsafe fn run_knapsack(pool: &ThreadPool, input: *mut c_void) {
    let k = &*(input as *const Knapsack);
    pool.install(|| pack(k, 0, k.capacity, 0));
}
