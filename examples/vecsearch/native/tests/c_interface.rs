//! The C interface, called as C calls it.

use std::ffi::CStr;
use std::ptr::{null, null_mut};

use vecsearch::ffi::*;
use vecsearch::{Index, Match};

const NONE: Match = Match { id: u64::MAX, distance: -1.0 };

fn create(dimensions: usize) -> *mut Index {
    let mut index = null_mut();
    assert_eq!(unsafe { vecsearch_index_create(dimensions, &mut index) }, Status::Ok);
    assert!(!index.is_null());
    index
}

#[test]
fn an_index_lives_from_create_to_free() {
    let index = create(2);
    let (mut first, mut found, mut matches) = (u64::MAX, usize::MAX, [NONE; 3]);
    unsafe {
        assert_eq!(vecsearch_index_add(index, [9.0, 9.0].as_ptr(), 1, null_mut()), Status::Ok);
        let two = [3.0f32, 4.0, 0.0, 1.0];
        assert_eq!(vecsearch_index_add(index, two.as_ptr(), 2, &mut first), Status::Ok);
        assert_eq!((first, vecsearch_index_size(index)), (1, 3));
        let query = [0.0f32, 0.0];
        let status =
            vecsearch_index_search(index, query.as_ptr(), 2, matches.as_mut_ptr(), &mut found);
        assert_eq!((status, found), (Status::Ok, 2));
        vecsearch_index_free(index);
    }
    let nearest = [Match { id: 2, distance: 1.0 }, Match { id: 1, distance: 5.0 }, NONE];
    assert_eq!(matches, nearest);
}

#[test]
fn nothing_may_be_null_when_there_is_nothing() {
    let index = create(2);
    let mut found = usize::MAX;
    unsafe {
        assert_eq!(vecsearch_index_add(index, null(), 0, null_mut()), Status::Ok);
        let query = [0.0f32, 0.0];
        let status = vecsearch_index_search(index, query.as_ptr(), 0, null_mut(), &mut found);
        assert_eq!((status, found), (Status::Ok, 0));
        assert_eq!(vecsearch_index_size(null()), 0);
        vecsearch_index_free(index);
        vecsearch_index_free(null_mut());
    }
}

#[test]
fn null_where_something_must_be_is_refused() {
    let index = create(1);
    let (mut found, mut match_) = (0, NONE);
    let one = [1.0f32];
    let refused = Status::InvalidArgument;
    unsafe {
        assert_eq!(vecsearch_index_create(1, null_mut()), refused);
        assert_eq!(vecsearch_index_add(null_mut(), one.as_ptr(), 1, null_mut()), refused);
        assert_eq!(vecsearch_index_add(index, null(), 1, null_mut()), refused);
        let search =
            |index, query, matches, found| vecsearch_index_search(index, query, 1, matches, found);
        assert_eq!(search(null(), one.as_ptr(), &mut match_, &mut found), refused);
        assert_eq!(search(index, null(), &mut match_, &mut found), refused);
        assert_eq!(search(index, one.as_ptr(), null_mut(), &mut found), refused);
        assert_eq!(search(index, one.as_ptr(), &mut match_, null_mut()), refused);
        vecsearch_index_free(index);
    }
}

#[test]
fn numbers_that_cannot_be_are_refused() {
    let mut none = null_mut();
    assert_eq!(unsafe { vecsearch_index_create(0, &mut none) }, Status::InvalidArgument);
    assert!(none.is_null());
    let index = create(4);
    let vector = [0.0f32; 4];
    for count in [usize::MAX, usize::MAX / 4, usize::MAX / 16] {
        let status = unsafe { vecsearch_index_add(index, vector.as_ptr(), count, null_mut()) };
        assert_eq!(status, Status::InvalidArgument, "{count}");
    }
    unsafe { vecsearch_index_free(index) };
}

#[test]
fn the_version_is_the_crates() {
    let version = unsafe { CStr::from_ptr(vecsearch_version()) };
    assert_eq!(version.to_str(), Ok(env!("CARGO_PKG_VERSION")));
}
