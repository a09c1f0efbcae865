// Command checkzip reads module zips as the go command does, and prints their hashes.
//
// usage: checkzip MODULE VERSION ZIP ...
package main

import (
	"fmt"
	"log"
	"os"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

func main() {
	log.SetFlags(0)
	for args := os.Args[1:]; len(args) >= 3; args = args[3:] {
		hash, err := check(module.Version{Path: args[0], Version: args[1]}, args[2])
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(hash)
	}
}

// check accepts a zip, unpacks it, and returns the hash of the zip, which is that of its files.
func check(m module.Version, file string) (string, error) {
	if _, err := zip.CheckZip(m, file); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "checkzip")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := zip.Unzip(dir+"/m", m, file); err != nil {
		return "", err
	}
	hash, err := dirhash.HashZip(file, dirhash.Hash1)
	if err != nil {
		return "", err
	}
	unpacked, err := dirhash.HashDir(dir+"/m", m.String(), dirhash.Hash1)
	if err == nil && unpacked != hash {
		err = fmt.Errorf("%s: the zip has %s, its files have %s", m, hash, unpacked)
	}
	return hash, err
}
