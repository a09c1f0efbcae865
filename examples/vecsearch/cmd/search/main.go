// Search finds the nearest of a thousand vectors, through the Go package beside it.
package main

import (
	"fmt"
	"log"

	"example.com/vecsearch/vecsearch"
)

const (
	dimensions = 16
	vectors    = 1000
	nearest    = 3
)

// values gives values from 0 to 1 that look random and are the same on every machine and in the
// C++ program (a linear congruential generator; its upper 24 bits fit a float32).
type values uint64

func (v *values) next(count int) []float32 {
	out := make([]float32, count)
	for i := range out {
		*v = *v*6364136223846793005 + 1442695040888963407
		out[i] = float32(*v>>40) / (1 << 24)
	}
	return out
}

func run() error {
	index, err := vecsearch.New(dimensions)
	if err != nil {
		return err
	}
	defer index.Close()

	random := values(42)
	if _, err := index.Add(random.next(vectors * dimensions)); err != nil {
		return err
	}
	matches, err := index.Search(random.next(dimensions), nearest)
	if err != nil {
		return err
	}

	fmt.Printf("vecsearch %s: the %d nearest of %d vectors\n",
		vecsearch.Version(), len(matches), index.Len())
	for _, match := range matches {
		fmt.Printf("  vector %3d at distance %.6f\n", match.ID, match.Distance)
	}
	return nil
}

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
