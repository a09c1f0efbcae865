// Says whether an empty BLS signature is valid, which takes the native library to know.
package main

import (
	"fmt"

	ffi "github.com/filecoin-project/filecoin-ffi"
)

func main() {
	fmt.Println(ffi.HashVerify(&ffi.Signature{}, nil, nil))
}
