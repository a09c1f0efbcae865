// Creates a table of vectors in a LanceDB in a folder, and searches for the nearest ones.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/lancedb/lancedb-go/pkg/lancedb"
)

const dimensions = 4

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "vectors")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	db, err := lancedb.Connect(ctx, folder, nil)
	if err != nil {
		return err
	}
	defer db.Close()

	fields := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int32},
		{Name: "vector", Type: arrow.FixedSizeListOf(dimensions, arrow.PrimitiveTypes.Float32)},
	}, nil)
	schema, err := lancedb.NewSchema(fields)
	if err != nil {
		return err
	}
	table, err := db.CreateTable(ctx, "points", schema)
	if err != nil {
		return err
	}
	defer table.Close()
	points := rows(fields)
	defer points.Release()
	if err := table.Add(ctx, points, nil); err != nil {
		return err
	}

	nearest, err := table.VectorSearch(ctx, "vector", []float32{0, 0, 0.9, 0}, 2)
	if err != nil {
		return err
	}
	fmt.Println("the nearest of 4 points:", nearest[0]["id"])
	return nil
}

// rows has a point on each axis: 0 on the first one, 3 on the last one.
func rows(schema *arrow.Schema) arrow.Record {
	builder := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	defer builder.Release()
	ids := builder.Field(0).(*array.Int32Builder)
	vectors := builder.Field(1).(*array.FixedSizeListBuilder)
	values := vectors.ValueBuilder().(*array.Float32Builder)
	for id := range dimensions {
		point := make([]float32, dimensions)
		point[id] = 1
		ids.Append(int32(id))
		vectors.Append(true)
		values.AppendValues(point, nil)
	}
	return builder.NewRecord()
}
