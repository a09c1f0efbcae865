package vecsearch

import (
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
)

func newIndex(t *testing.T, dimensions int, vectors ...float32) *Index {
	t.Helper()
	index, err := New(dimensions)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { index.Close() })
	if _, err := index.Add(vectors); err != nil {
		t.Fatal(err)
	}
	return index
}

func TestSearchReturnsTheNearestFirst(t *testing.T) {
	index := newIndex(t, 2, 9, 9, 3, 4, 0, 1)
	got, err := index.Search([]float32{0, 0}, 2)
	want := []Match{{ID: 2, Distance: 1}, {ID: 1, Distance: 5}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Search = %v, %v; want %v", got, err, want)
	}
}

func TestSearchReturnsAllWhereThereAreFewer(t *testing.T) {
	index := newIndex(t, 1, 1, 2)
	for k, want := range map[int]int{-1: 0, 0: 0, 2: 2, math.MaxInt: 2} {
		if got, err := index.Search([]float32{0}, k); err != nil || len(got) != want {
			t.Errorf("Search for %d = %v, %v; want %d matches", k, got, err, want)
		}
	}
}

func TestIDsGoOnFromOneCallToTheNext(t *testing.T) {
	index := newIndex(t, 2, 1, 1, 2, 2)
	if first, err := index.Add([]float32{3, 3}); first != 2 || err != nil {
		t.Errorf("Add = %d, %v; want 2", first, err)
	}
	if got := index.Len(); got != 3 {
		t.Errorf("Len = %d; want 3", got)
	}
}

func TestBadArgumentsAreRefused(t *testing.T) {
	if _, err := New(0); err == nil {
		t.Error("New(0) succeeded")
	}
	index := newIndex(t, 2)
	nan := float32(math.NaN())
	for _, vectors := range [][]float32{{1}, {1, 2, 3}, {1, nan}} {
		if _, err := index.Add(vectors); err == nil {
			t.Errorf("Add(%v) succeeded", vectors)
		}
	}
	for _, query := range [][]float32{nil, {1}, {1, nan}} {
		if _, err := index.Search(query, 1); err == nil {
			t.Errorf("Search(%v) succeeded", query)
		}
	}
}

func TestAClosedIndexSaysSo(t *testing.T) {
	index := newIndex(t, 1, 1)
	for range 2 {
		if err := index.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := index.Add([]float32{1}); !errors.Is(err, ErrClosed) {
		t.Errorf("Add = %v; want ErrClosed", err)
	}
	if _, err := index.Search([]float32{1}, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("Search = %v; want ErrClosed", err)
	}
	if got := index.Len(); got != 0 {
		t.Errorf("Len = %d; want 0", got)
	}
}

func TestGoroutinesMayShareAnIndex(t *testing.T) {
	index := newIndex(t, 1, 0)
	var wait sync.WaitGroup
	for range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range 100 {
				_, addErr := index.Add([]float32{1})
				_, searchErr := index.Search([]float32{0}, 3)
				if err := errors.Join(addErr, searchErr); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wait.Wait()
	if got := index.Len(); got != 801 {
		t.Errorf("Len = %d; want 801", got)
	}
}

func TestVersionIsThatOfTheLibrary(t *testing.T) {
	if got := Version(); got != "0.3.0" {
		t.Errorf("Version = %q; want 0.3.0", got)
	}
}
