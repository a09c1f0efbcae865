//! The C interface; `include/vecsearch.h` says the same to a C compiler.
//!
//! A panic never crosses into C: it becomes [`Status::Internal`]. Every pointer is checked for
//! NULL; that the others point to what the header asks for is the caller's part.

use std::ffi::c_char;
use std::mem::size_of;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::slice;

use crate::index::{Error, Index, Match};

/// What a call came to; `vecsearch_status` in C.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was done.
    Ok = 0,
    /// An argument breaks a rule of the function.
    InvalidArgument = 1,
    /// There is not enough memory.
    OutOfMemory = 2,
    /// The library has a bug.
    Internal = 3,
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidArgument => Status::InvalidArgument,
            Error::OutOfMemory => Status::OutOfMemory,
        }
    }
}

/// Runs a call's body, and turns its error or its panic into a status.
fn status_of(body: impl FnOnce() -> Result<(), Error>) -> Status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => Status::Ok,
        Ok(Err(error)) => error.into(),
        Err(_) => Status::Internal,
    }
}

/// Reads `count` values that C gave by pointer; none may be given as NULL.
///
/// # Safety
/// `values` is NULL or points to `count` values that nobody changes for as long as `'a`.
unsafe fn values_at<'a>(values: *const f32, count: usize) -> Result<&'a [f32], Error> {
    if count == 0 {
        return Ok(&[]);
    }
    // More bytes than isize::MAX cannot be in one piece of memory: the count is wrong.
    let fits = count.checked_mul(size_of::<f32>()).is_some_and(|size| size <= isize::MAX as usize);
    if values.is_null() || !fits {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: not NULL, and of a possible size; the rest is this function's own condition.
    Ok(unsafe { slice::from_raw_parts(values, count) })
}

/// Returns the library's version, such as `0.3.0`.
#[no_mangle]
pub extern "C" fn vecsearch_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Returns a status in words. Takes a number, since C can give one that is no [`Status`].
#[no_mangle]
pub extern "C" fn vecsearch_status_text(status: i32) -> *const c_char {
    const TEXTS: [&[u8]; 4] =
        [b"ok\0", b"invalid argument\0", b"out of memory\0", b"internal error\0"];
    let text = usize::try_from(status).ok().and_then(|i| TEXTS.get(i));
    text.copied().unwrap_or(b"unknown status\0").as_ptr().cast()
}

/// Makes an empty index and stores it in `index`.
///
/// # Safety
/// `index` is NULL or can be written to.
#[no_mangle]
pub unsafe extern "C" fn vecsearch_index_create(
    dimensions: usize,
    index: *mut *mut Index,
) -> Status {
    status_of(|| {
        if index.is_null() {
            return Err(Error::InvalidArgument);
        }
        let made = Box::into_raw(Box::new(Index::new(dimensions)?));
        // SAFETY: not NULL, so it can be written to.
        unsafe { *index = made };
        Ok(())
    })
}

/// Adds `count` vectors and stores the id of the first in `first_id`, unless that is NULL.
///
/// # Safety
/// `index` is NULL or an index that no other thread uses meanwhile; `vectors` points to
/// `count` times as many values as the index has dimensions; `first_id` is NULL or can be written to.
#[no_mangle]
pub unsafe extern "C" fn vecsearch_index_add(
    index: *mut Index,
    vectors: *const f32,
    count: usize,
    first_id: *mut u64,
) -> Status {
    status_of(|| {
        // SAFETY: NULL or an index that only this call uses.
        let index = unsafe { index.as_mut() }.ok_or(Error::InvalidArgument)?;
        let values = count.checked_mul(index.dimensions()).ok_or(Error::InvalidArgument)?;
        // SAFETY: the caller gives that many.
        let first = index.add(unsafe { values_at(vectors, values) }?)?;
        // SAFETY: NULL or can be written to.
        if let Some(first_id) = unsafe { first_id.as_mut() } {
            *first_id = first;
        }
        Ok(())
    })
}

/// Returns how many vectors the index has; none when it is NULL.
///
/// # Safety
/// `index` is NULL or an index that no other thread adds to meanwhile.
#[no_mangle]
pub unsafe extern "C" fn vecsearch_index_size(index: *const Index) -> usize {
    // SAFETY: NULL or an index that nobody changes.
    unsafe { index.as_ref() }.map_or(0, Index::len)
}

/// Stores the `k` nearest vectors in `matches`, and how many there are in `found`.
///
/// # Safety
/// `index` is NULL or an index that no other thread adds to meanwhile; `query` points to as many
/// values as it has dimensions; `matches` has room for `k`; `found` can be written to.
#[no_mangle]
pub unsafe extern "C" fn vecsearch_index_search(
    index: *const Index,
    query: *const f32,
    k: usize,
    matches: *mut Match,
    found: *mut usize,
) -> Status {
    status_of(|| {
        // SAFETY: NULL or an index that nobody changes.
        let index = unsafe { index.as_ref() }.ok_or(Error::InvalidArgument)?;
        if found.is_null() || (matches.is_null() && k > 0) {
            return Err(Error::InvalidArgument);
        }
        // SAFETY: the caller gives that many.
        let nearest = index.search(unsafe { values_at(query, index.dimensions()) }?, k)?;
        // SAFETY: at most k are found, and there is room for k; where none is, NULL is not copied to.
        unsafe {
            if !nearest.is_empty() {
                matches.copy_from_nonoverlapping(nearest.as_ptr(), nearest.len());
            }
            *found = nearest.len();
        }
        Ok(())
    })
}

/// Frees an index; does nothing with NULL.
///
/// # Safety
/// `index` is NULL, or came from [`vecsearch_index_create`] and is not used again.
#[no_mangle]
pub unsafe extern "C" fn vecsearch_index_free(index: *mut Index) {
    if !index.is_null() {
        // SAFETY: made by Box::into_raw, and given back once.
        drop(unsafe { Box::from_raw(index) });
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn a_panic_becomes_a_status() {
        assert_eq!(status_of(|| panic!("a bug, on purpose")), Status::Internal);
    }

    #[test]
    fn every_status_has_a_text() {
        let text = |status| {
            // SAFETY: the texts are static and end with NUL.
            unsafe { CStr::from_ptr(vecsearch_status_text(status)) }.to_str().unwrap()
        };
        assert_eq!(text(Status::Ok as i32), "ok");
        assert_eq!(text(Status::Internal as i32), "internal error");
        assert_eq!((text(4), text(-1)), ("unknown status", "unknown status"));
    }
}
