package main

/*
#include "large.h"
int seen(uintptr_t handle, uint64_t key, float distance);
*/
import "C"

import (
	"fmt"
	"runtime/cgo"
	"unsafe"
)

// seen is called from Rust, for each neighbour.
//
//export seen
func seen(handle C.uintptr_t, key C.uint64_t, distance C.float) C.int {
	keys := cgo.Handle(handle).Value().(*[]uint64)
	*keys = append(*keys, uint64(key))
	return 0
}

func main() {
	var keys []uint64
	handle := cgo.NewHandle(&keys)
	defer handle.Delete()
	visited := C.large_search(41.9, 3, C.large_visit(C.seen), C.uintptr_t(handle))
	fmt.Println(visited, keys)

	var message [1024]C.uint8_t
	size := C.large_describe(&message[0], C.size_t(len(message)))
	fmt.Printf("%q\n", C.GoBytes(unsafe.Pointer(&message[0]), C.int(size)))
}
