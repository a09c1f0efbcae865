// Connects to a LanceDB in a folder, and prints the names of its tables.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/lancedb/lancedb-go/pkg/lancedb"
)

func main() {
	ctx := context.Background()
	db, err := lancedb.Connect(ctx, "vectors.lance", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	names, err := db.TableNames(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(names)
}
