// Command sumdb serves a checksum database of the lines of a go.sum file.
//
// It prints GOSUMDB's value, and ends when its input does.
//
// usage: sumdb GO.SUM
package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	log.SetFlags(0)
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	signer, verifier, err := note.GenerateKey(rand.Reader, "sumdb.acme.test")
	if err != nil {
		log.Fatal(err)
	}
	server := sumdb.NewServer(sumdb.NewTestServer(signer, lookup(string(text))))
	for _, path := range sumdb.ServerPaths {
		http.Handle(path, server)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(listener, nil)
	fmt.Printf("%s http://%s\n", verifier, listener.Addr())
	io.Copy(io.Discard, os.Stdin)
}

// lookup finds the two lines of a module version.
func lookup(text string) func(path, version string) ([]byte, error) {
	return func(path, version string) ([]byte, error) {
		var found strings.Builder
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, path+" "+version+" ") || strings.HasPrefix(line, path+" "+version+"/go.mod ") {
				found.WriteString(line)
			}
		}
		if found.Len() == 0 {
			return nil, os.ErrNotExist
		}
		return []byte(found.String()), nil
	}
}
