// Program finds the vectors nearest to the origin. It does not mention a native library.
package main

import (
	"fmt"
	"log"

	vecsearch "go.acme.dev/vecsearch-prebuilt"
)

func main() {
	index, err := vecsearch.New(2)
	if err != nil {
		log.Fatal(err)
	}
	defer index.Close()
	if _, err := index.Add([]float32{9, 9, 3, 4, 0, 1}); err != nil {
		log.Fatal(err)
	}
	matches, err := index.Search([]float32{0, 0}, 2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("vecsearch", vecsearch.Version())
	for _, match := range matches {
		fmt.Printf("vector %d at distance %g\n", match.ID, match.Distance)
	}
}
