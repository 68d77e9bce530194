// SPDX-License-Identifier: MIT

//! Links libworkloads.a, whose path is in FILCH_WORKLOADS: the kernels of bench/workloads.

use std::path::PathBuf;

fn main() {
    let library = std::env::var_os("FILCH_WORKLOADS").expect("FILCH_WORKLOADS is not set");
    let library = PathBuf::from(library);
    println!("cargo:rerun-if-env-changed=FILCH_WORKLOADS");
    println!("cargo:rerun-if-changed={}", library.display());
    println!("cargo:rustc-link-search=native={}", library.parent().unwrap().display());
    println!("cargo:rustc-link-lib=static=workloads");
    println!("cargo:rustc-link-lib=m");
}
