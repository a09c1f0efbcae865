// Signs two messages with BLS keys, aggregates the signatures, and verifies the aggregate.
package main

import (
	"fmt"
	"log"

	ffi "github.com/filecoin-project/filecoin-ffi"
)

func main() {
	messages := []ffi.Message{[]byte("first message"), []byte("second message")}
	var signatures []ffi.Signature
	var keys []ffi.PublicKey
	for _, message := range messages {
		private := ffi.PrivateKeyGenerate()
		signature, public := ffi.PrivateKeySign(private, message), ffi.PrivateKeyPublicKey(private)
		if signature == nil || public == nil {
			log.Fatal("the library refuses a key that it made")
		}
		signatures = append(signatures, *signature)
		keys = append(keys, *public)
	}
	aggregate := ffi.Aggregate(signatures)
	if aggregate == nil {
		log.Fatal("the library refuses to aggregate its signatures")
	}
	fmt.Println("verified:", ffi.HashVerify(aggregate, messages, keys))

	messages[1] = []byte("another message")
	fmt.Println("with another message:", ffi.HashVerify(aggregate, messages, keys))
}
