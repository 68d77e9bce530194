// SPDX-License-Identifier: MIT

//! The kernels, inputs and fingerprints of bench/workloads, as Rust sees them: the structs and
//! functions of its headers. The object code is that of every peer written in C; only what
//! those headers define inline is written again here.

use std::arch::asm;
use std::os::raw::{c_char, c_int, c_long, c_void};
use std::ptr::{null_mut, read_volatile, write_volatile};
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

/// workload.h
#[repr(C)]
pub struct Workload {
    pub name: *const c_char,
    pub size: c_long,
    pub quick_size: c_long,
    pub create: unsafe extern "C" fn(size: c_long) -> *mut c_void,
    pub reset: Option<unsafe extern "C" fn(input: *mut c_void)>,
    pub result: unsafe extern "C" fn(input: *const c_void) -> u64,
    pub rest: Option<unsafe extern "C" fn(input: *mut c_void)>,
    pub destroy: unsafe extern "C" fn(input: *mut c_void),
}

/// fork.h
#[repr(C)]
pub struct Fork {
    pub n: c_long,
    pub result: c_long,
}

/// queens.h
pub const QUEENS_MAX: usize = 16;

#[repr(C)]
pub struct Queens {
    pub n: c_int,
    pub solutions: c_long,
}

/// The column of the queen in each row.
#[derive(Clone, Copy)]
pub struct Board {
    pub column: [i8; QUEENS_MAX],
}

impl Board {
    /// Is a queen in this row and column out of reach of those in the rows before?
    pub fn safe(&self, row: usize, column: c_int) -> bool {
        self.column[..row].iter().enumerate().all(|(i, &other)| {
            let (other, distance) = (c_int::from(other), (row - i) as c_int);
            other != column && other != column - distance && other != column + distance
        })
    }
}

/// skynet.h
pub const SKYNET_FAN: c_long = 10;

#[repr(C)]
pub struct Skynet {
    pub leaves: c_long,
    pub sum: c_long,
}

/// matrix.h
pub const MATRIX_LEAF: c_long = 32;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Matrix {
    pub at: *mut f64,
    pub stride: c_long,
}

// Tasks that run at once write to different parts, as the algorithms say.
unsafe impl Send for Matrix {}
unsafe impl Sync for Matrix {}

impl Matrix {
    /// A quarter of this matrix, `half` by `half`.
    pub fn quarter(&self, half: c_long, row: c_long, column: c_long) -> Matrix {
        let offset = row * half * self.stride + column * half;
        // The quarter lies within the matrix.
        let at = unsafe { self.at.offset(offset as isize) };
        Matrix { at, stride: self.stride }
    }
}

#[repr(C)]
pub struct Matrices {
    pub n: c_long,
    pub stride: c_long,
    pub a: *mut f64,
    pub b: *mut f64,
    pub c: *mut f64,
}

/// strassen.h
pub const STRASSEN_LEAF: c_long = 64;
pub const STRASSEN_PRODUCTS: usize = 7;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Product {
    pub n: c_long,
    pub a: Matrix,
    pub b: Matrix,
    pub c: Matrix,
    pub memory: *mut f64,
}

// As Matrix.
unsafe impl Send for Product {}
unsafe impl Sync for Product {}

impl Product {
    pub const NONE: Product = {
        let none = Matrix { at: null_mut(), stride: 0 };
        Product { n: 0, a: none, b: none, c: none, memory: null_mut() }
    };
}

/// uts.h
#[repr(C)]
pub struct UtsNode {
    state: [u32; 5],
    depth: i32,
}

#[repr(C)]
pub struct UtsTree {
    kind: c_int,
    seed: u32,
    branching: c_int,
    depth_limit: c_int,
    children: c_int,
    chance: f64,
}

#[repr(C)]
pub struct Uts {
    pub tree: UtsTree,
    pub nodes: u64,
}

/// cilksort.h
pub const CILKSORT_SORT_LEAF: usize = 2048;
pub const CILKSORT_MERGE_LEAF: usize = 2048;

#[repr(C)]
pub struct Cilksort {
    pub count: usize,
    pub numbers: *mut u32,
    pub spare: *mut u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Merge {
    pub a: *const u32,
    pub b: *const u32,
    pub a_count: usize,
    pub b_count: usize,
    pub to: *mut u32,
}

// As Matrix.
unsafe impl Send for Merge {}
unsafe impl Sync for Merge {}

impl Merge {
    pub const NONE: Merge =
        Merge { a: null_mut(), b: null_mut(), a_count: 0, b_count: 0, to: null_mut() };
}

/// knapsack.h
pub const KNAPSACK_MAX: usize = 64;

#[repr(C)]
pub struct Item {
    pub weight: c_int,
    pub value: c_int,
}

#[repr(C)]
pub struct Knapsack {
    pub count: c_int,
    pub capacity: c_int,
    pub items: [Item; KNAPSACK_MAX],
    best: AtomicI32,
}

impl Knapsack {
    /// Can the items from `next` on, with so much room left, still bring more than the best?
    pub fn hopeful(&self, next: usize, room: c_int, value: c_int) -> bool {
        if room < 0 {
            return false;
        }
        // Relaxed: an old best only lets in what a newer one would have kept out.
        let best = self.best.load(Relaxed);
        if next == self.count as usize {
            return value > best;
        }
        let item = &self.items[next];
        let (weight, worth) = (i64::from(item.weight), i64::from(item.value));
        i64::from(value) * weight + i64::from(room) * worth > i64::from(best) * weight
    }

    /// A full knapsack of this value was found.
    pub fn found(&self, value: c_int) {
        self.best.fetch_max(value, Relaxed);
    }
}

/// loop.h
pub const LOOP_EMPTY_LENGTH: usize = 2;
pub const LOOP_MARK_LENGTH: usize = 1024;

#[repr(C)]
pub struct Loop {
    pub loops: usize,
    pub marks: *mut u32,
}

pub fn loop_nothing(i: usize) {
    // Nothing, in no registers.
    unsafe { asm!("/* {0} */", in(reg) i, options(nomem, nostack, preserves_flags)) };
}

pub fn loop_mark(mark: &mut u32) {
    // A mark at a time, as in C.
    unsafe { write_volatile(mark, read_volatile(mark) + 1) };
}

/// grain.h
#[repr(C)]
pub struct Grain {
    pub count: usize,
    steps: c_long,
    marks: *mut u8,
}

#[repr(C)]
pub struct Uneven {
    pub count: usize,
    results: *mut u64,
}

/// vector.h
#[repr(C)]
pub struct Vector {
    pub count: usize,
    pub input: *mut f64,
    pub output: *mut f64,
    pub sum: f64,
}

/// keys.h
#[repr(C)]
pub struct Keys {
    pub count: usize,
    order: c_int,
    pub at: *mut i64,
}

/// heat.h
pub const HEAT_STEPS: usize = 100;

#[repr(C)]
pub struct Heat {
    pub rows: usize,
    stride: usize,
    from: *mut f64,
    to: *mut f64,
}

/// wavefront.h
#[repr(C)]
pub struct Wavefront {
    pub n: usize,
    cells: *mut u64,
}

// As Matrix: each body writes to its own part.
unsafe impl Sync for Grain {}
unsafe impl Sync for Uneven {}
unsafe impl Send for Heat {}
unsafe impl Sync for Heat {}
unsafe impl Sync for Wavefront {}

extern "C" {
    /// As many as workload_count() says.
    pub static workloads: [Workload; 0];
    pub fn workload_count() -> usize;

    pub fn matrix_multiply_leaf(c: Matrix, a: Matrix, b: Matrix);

    pub fn strassen_split(whole: *const Product, parts: *mut Product) -> bool;
    pub fn strassen_factors(whole: *const Product, part: *mut Product, number: c_int);
    pub fn strassen_combine(whole: *const Product, parts: *mut Product);
    pub fn strassen_whole(matrices: *const Matrices) -> Product;
    pub fn strassen_leaf(product: *const Product);

    pub fn uts_root(tree: *const UtsTree) -> UtsNode;
    pub fn uts_children(tree: *const UtsTree, node: *const UtsNode) -> c_int;
    pub fn uts_child(parent: *const UtsNode, number: c_int) -> UtsNode;

    pub fn cilksort_sort_leaf(numbers: *mut u32, count: usize);
    pub fn cilksort_merge_leaf(merge: *const Merge);
    pub fn cilksort_merge_split(merge: *const Merge, halves: *mut Merge);

    pub fn grain_body(grain: *const Grain, i: usize);
    pub fn uneven_map(uneven: *const Uneven, i: usize);
    pub fn heat_row(heat: *const Heat, row: usize);
    pub fn heat_swap(heat: *mut Heat);
    pub fn wavefront_cell(wavefront: *const Wavefront, cell: usize);
}
