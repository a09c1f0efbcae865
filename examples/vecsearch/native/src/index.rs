//! The index: vectors one behind another in memory, searched from the first to the last.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fmt;

/// How many partial sums a distance is added up in. A fixed number of independent sums lets the
/// compiler use vector instructions, and gives the same answer on every machine.
const LANES: usize = 8;

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// An argument breaks a rule of the function that it was given to.
    InvalidArgument,
    /// There is not enough memory; the index is as it was before the call.
    OutOfMemory,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::InvalidArgument => "invalid argument",
            Error::OutOfMemory => "out of memory",
        })
    }
}

impl std::error::Error for Error {}

/// A vector that was found.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// The number of the vector: the first one that was added is 0.
    pub id: u64,
    /// Its Euclidean distance from the query.
    pub distance: f32,
}

/// Vectors of one length, to be searched by distance.
#[derive(Debug)]
pub struct Index {
    dimensions: usize,
    /// Every vector, one behind another: `len() * dimensions` values.
    values: Vec<f32>,
}

impl Index {
    /// Makes an empty index for vectors of `dimensions` values.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when `dimensions` is 0.
    pub fn new(dimensions: usize) -> Result<Self, Error> {
        if dimensions == 0 {
            return Err(Error::InvalidArgument);
        }
        Ok(Index { dimensions, values: Vec::new() })
    }

    /// How many values each vector has.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.dimensions
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds vectors, given one behind another, and returns the id of the first of them.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when the values are not a whole number of vectors, or one of
    /// them is NaN or infinite. [`Error::OutOfMemory`] when there is no room for them.
    pub fn add(&mut self, vectors: &[f32]) -> Result<u64, Error> {
        if vectors.len() % self.dimensions != 0 || !vectors.iter().all(|value| value.is_finite()) {
            return Err(Error::InvalidArgument);
        }
        let first = self.len() as u64;
        self.values.try_reserve(vectors.len()).map_err(|_| Error::OutOfMemory)?;
        self.values.extend_from_slice(vectors);
        Ok(first)
    }

    /// Returns the `k` vectors nearest to `query`, or all where there are fewer, nearest first.
    /// Of two at the same distance the one with the lower id comes first.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when `query` has another length than the vectors, or a value
    /// of it is NaN or infinite. [`Error::OutOfMemory`] when there is no room for the matches.
    pub fn search(&self, query: &[f32], k: usize) -> Result<Vec<Match>, Error> {
        if query.len() != self.dimensions || !query.iter().all(|value| value.is_finite()) {
            return Err(Error::InvalidArgument);
        }
        let wanted = k.min(self.len());
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let mut room = Vec::new();
        room.try_reserve_exact(wanted).map_err(|_| Error::OutOfMemory)?;
        // The worst of the best so far is on top, where a better one takes its place.
        let mut best = BinaryHeap::from(room);
        for (vector, id) in self.values.chunks_exact(self.dimensions).zip(0u64..) {
            let candidate = Candidate { squared: squared_distance(vector, query), id };
            if best.len() < wanted {
                best.push(candidate);
            } else if let Some(mut worst) = best.peek_mut() {
                if candidate < *worst {
                    *worst = candidate;
                }
            }
        }
        let nearest_first = best.into_sorted_vec();
        Ok(nearest_first
            .into_iter()
            .map(|c| Match { id: c.id, distance: c.squared.sqrt() })
            .collect())
    }
}

/// A vector that may be among the nearest; ordered by distance, then by id.
#[derive(Clone, Copy)]
struct Candidate {
    squared: f32,
    id: u64,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.squared.total_cmp(&other.squared).then(self.id.cmp(&other.id))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// The square of the Euclidean distance between two vectors of one length.
fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_blocks.remainder(), b_blocks.remainder());
    for (a_block, b_block) in a_blocks.zip(b_blocks) {
        for (sum, (x, y)) in sums.iter_mut().zip(a_block.iter().zip(b_block)) {
            *sum += (x - y) * (x - y);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| (x - y) * (x - y)).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first() {
        let mut index = Index::new(2).unwrap();
        index.add(&[0.0, 0.0, 3.0, 4.0, 1.0, 0.0]).unwrap();
        let found = index.search(&[0.0, 0.0], 2).unwrap();
        assert_eq!(found, [Match { id: 0, distance: 0.0 }, Match { id: 2, distance: 1.0 }]);
    }

    #[test]
    fn equal_distances_are_ordered_by_id() {
        let mut index = Index::new(1).unwrap();
        index.add(&[1.0, -1.0, 1.0, -1.0]).unwrap();
        let ids: Vec<u64> = index.search(&[0.0], 3).unwrap().iter().map(|m| m.id).collect();
        assert_eq!(ids, [0, 1, 2]);
    }

    #[test]
    fn asking_for_more_than_there_are_gives_all() {
        let mut index = Index::new(1).unwrap();
        index.add(&[5.0, 6.0]).unwrap();
        assert_eq!(index.search(&[0.0], usize::MAX).unwrap().len(), 2);
    }

    #[test]
    fn an_empty_index_and_a_k_of_zero_find_nothing() {
        let mut index = Index::new(3).unwrap();
        assert!(index.is_empty());
        assert!(index.search(&[0.0; 3], 4).unwrap().is_empty());
        index.add(&[1.0; 3]).unwrap();
        assert!(index.search(&[0.0; 3], 0).unwrap().is_empty());
    }

    #[test]
    fn lengths_that_are_no_multiple_of_the_lanes_are_summed_whole() {
        for dimensions in 1..40 {
            let mut index = Index::new(dimensions).unwrap();
            index.add(&vec![1.0; dimensions]).unwrap();
            let found = index.search(&vec![0.0; dimensions], 1).unwrap();
            assert_eq!(found[0].distance, (dimensions as f32).sqrt());
        }
    }

    #[test]
    fn a_search_agrees_with_sorting_everything() {
        let mut seed = 1u64;
        let mut next = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 40) as f32
        };
        let vectors: Vec<f32> = (0..500 * 7).map(|_| next()).collect();
        let query: Vec<f32> = (0..7).map(|_| next()).collect();
        let mut index = Index::new(7).unwrap();
        index.add(&vectors).unwrap();
        let mut all: Vec<Candidate> = vectors
            .chunks(7)
            .zip(0u64..)
            .map(|(v, id)| Candidate { squared: squared_distance(v, &query), id })
            .collect();
        all.sort();
        let found: Vec<u64> = index.search(&query, 20).unwrap().iter().map(|m| m.id).collect();
        let expected: Vec<u64> = all[..20].iter().map(|c| c.id).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn ids_go_on_from_one_call_to_the_next() {
        let mut index = Index::new(2).unwrap();
        assert_eq!(index.add(&[0.0; 6]), Ok(0));
        assert_eq!(index.add(&[0.0; 2]), Ok(3));
        assert_eq!((index.len(), index.dimensions()), (4, 2));
    }

    #[test]
    fn bad_arguments_are_refused_and_change_nothing() {
        assert_eq!(Index::new(0).unwrap_err(), Error::InvalidArgument);
        let mut index = Index::new(2).unwrap();
        assert_eq!(index.add(&[1.0; 3]), Err(Error::InvalidArgument));
        assert_eq!(index.add(&[1.0, f32::NAN]), Err(Error::InvalidArgument));
        assert_eq!(index.add(&[1.0, f32::INFINITY]), Err(Error::InvalidArgument));
        assert_eq!(index.search(&[1.0], 1), Err(Error::InvalidArgument));
        assert_eq!(index.search(&[1.0, f32::NAN], 1), Err(Error::InvalidArgument));
        assert!(index.is_empty());
    }
}
