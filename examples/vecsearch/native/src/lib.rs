//! Exact nearest-neighbor search over `f32` vectors.
//!
//! [`Index`] is the library; [`ffi`] is the same for C, and `include/vecsearch.h` is its header.

pub mod ffi;
mod index;

pub use index::{Error, Index, Match};
