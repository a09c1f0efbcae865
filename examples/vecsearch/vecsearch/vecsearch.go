// Package vecsearch finds the vectors that are nearest to a given one.
//
// It calls a native library, whose header and archive it does not name: Bazel gives them by
// cdeps = ["@vecsearch"], and for a plain go build they come from the environment that
// `bazel run @vecsearch//:cgo_env` or `cgo-prebuilt env` prints.
package vecsearch

// #include "vecsearch.h"
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

// ErrClosed is returned by the methods of an Index that was closed.
var ErrClosed = errors.New("vecsearch: index is closed")

// A Match is a vector that was found.
type Match struct {
	ID       uint64  // the first vector that was added is 0
	Distance float32 // Euclidean, from the query
}

// An Index holds vectors of one length. Its methods may be called from several goroutines.
// Its memory is not Go's: call Close when it is not needed any more.
type Index struct {
	dimensions int

	mu     sync.RWMutex // held for reading by a search, for writing by what changes the index
	handle *C.vecsearch_index
}

// Version returns the version of the native library.
func Version() string {
	return C.GoString(C.vecsearch_version())
}

// New makes an empty index for vectors of the given number of values.
func New(dimensions int) (*Index, error) {
	if dimensions < 1 {
		return nil, fmt.Errorf("vecsearch: an index of %d dimensions", dimensions)
	}
	x := &Index{dimensions: dimensions}
	if err := failure(C.vecsearch_index_create(C.size_t(dimensions), &x.handle)); err != nil {
		return nil, err
	}
	return x, nil
}

// Add adds vectors, given one behind another, and returns the ID of the first of them;
// the IDs of the others follow it.
func (x *Index) Add(vectors []float32) (first uint64, err error) {
	if len(vectors)%x.dimensions != 0 {
		return 0, fmt.Errorf("vecsearch: %d values are not a whole number of vectors of %d",
			len(vectors), x.dimensions)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.handle == nil {
		return 0, ErrClosed
	}
	var id C.uint64_t
	status := C.vecsearch_index_add(x.handle, (*C.float)(unsafe.SliceData(vectors)),
		C.size_t(len(vectors)/x.dimensions), &id)
	return uint64(id), failure(status)
}

// Len returns how many vectors there are; 0 for an index that was closed.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return int(C.vecsearch_index_size(x.handle))
}

// Search returns the k vectors that are nearest to the query, or all where there are fewer.
// The nearest comes first, and of two at the same distance the one with the lower ID.
func (x *Index) Search(query []float32, k int) ([]Match, error) {
	if len(query) != x.dimensions {
		return nil, fmt.Errorf("vecsearch: a query of %d values for vectors of %d",
			len(query), x.dimensions)
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.handle == nil {
		return nil, ErrClosed
	}
	k = max(0, min(k, int(C.vecsearch_index_size(x.handle))))
	found := C.size_t(0)
	nearest := make([]C.vecsearch_match, k)
	status := C.vecsearch_index_search(x.handle, (*C.float)(unsafe.SliceData(query)),
		C.size_t(k), unsafe.SliceData(nearest), &found)
	if err := failure(status); err != nil {
		return nil, err
	}
	matches := make([]Match, found)
	for i := range matches {
		matches[i] = Match{ID: uint64(nearest[i].id), Distance: float32(nearest[i].distance)}
	}
	return matches, nil
}

// Close frees the index. Closing it again does nothing.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	C.vecsearch_index_free(x.handle)
	x.handle = nil
	return nil
}

// failure turns a status into an error, or into nil without one.
func failure(status C.vecsearch_status) error {
	if status == C.VECSEARCH_OK {
		return nil
	}
	return fmt.Errorf("vecsearch: %s", C.GoString(C.vecsearch_status_text(status)))
}
