// Command checksum prints the Fletcher-16 checksum of a text.
package main

// #include "fletcher.h"
import "C"

import (
	"fmt"
	"os"
)

func main() {
	text := "abcde"
	if len(os.Args) > 1 {
		text = os.Args[1]
	}
	bytes := []byte(text)
	var first *C.uint8_t
	if len(bytes) > 0 {
		first = (*C.uint8_t)(&bytes[0])
	}
	fmt.Printf("%s: %04x\n", text, uint16(C.fletcher16(first, C.size_t(len(bytes)))))
}
